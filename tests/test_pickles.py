"""A pickle is refused wherever it is given, and never opened: opening one can run any code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from manifpt.attributors import resnet50
from manifpt.embeddings.checkpoints import tensors
from manifpt.embeddings.embedding import Embedding
from manifpt.embeddings.network import HuggingFace, SelfSupervised, Supervised
from manifpt.embeddings.small import SelfSupervisedCIFAR, SupervisedCIFAR
from manifpt.errors import ImageError, ManifptError, WeightsError
from manifpt.images import ImageSet
from manifpt.methods.fingerprint import Fingerprint
from manifpt.methods.manifpt import ManiFPT

from .methods.forgeries import pickles

DATA = (".pkl", ".pt", ".npz", ".npy", ".parquet", ".csv", ".png", ".joblib", "")


@pytest.fixture
def sentinel(tmp_path: Path) -> Path:
    """What a payload makes where it is run."""
    return tmp_path / "sentinel"


@pytest.fixture
def payloads(sentinel: Path) -> dict[str, bytes]:
    return pickles(sentinel)


def test_the_payload_would_run_if_it_were_opened(sentinel: Path, payloads: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(payloads["torch.pt"])
    torch.load(tmp_path / "x.pt", weights_only=False)
    assert sentinel.is_dir()


@pytest.mark.parametrize("suffix", DATA)
def test_a_pickle_is_no_set_of_images(sentinel: Path, payloads: dict[str, bytes], tmp_path: Path, suffix: str) -> None:
    for name, content in payloads.items():
        path = tmp_path / f"{name.replace('/', '-')}{suffix}"
        path.write_bytes(content)
        path.with_suffix(".labels.npy").write_bytes(content)
        with pytest.raises(ManifptError):
            ImageSet.open(path, reference_needed=False)
    assert not sentinel.exists()


def test_labels_and_columns_that_are_pickled_are_refused(
    sentinel: Path, payloads: dict[str, bytes], tmp_path: Path
) -> None:
    images, names, objects = np.zeros((2, 8, 8, 3), np.uint8), np.array(["a", "b"]), np.array(["a", "b"], object)
    for columns in (
        {"images": images, "generators": objects},
        {"images": images.astype(object), "generators": names},
        {"images": images, "generators": names, "latent": objects},
    ):
        np.savez(tmp_path / "x.npz", **columns)
        with pytest.raises(ManifptError, match="cannot be read without pickle"):
            ImageSet.open(tmp_path / "x.npz", reference_needed=False)
    np.save(tmp_path / "y.npy", images)
    (tmp_path / "y.labels.npy").write_bytes(payloads["objects.npy"])
    with pytest.raises(ManifptError, match="cannot be read without pickle"):
        ImageSet.open(tmp_path / "y.npy", reference_needed=False)
    assert not sentinel.exists()


def test_pickles_among_images_are_left_out(sentinel: Path, payloads: dict[str, bytes], tmp_path: Path) -> None:
    for generator in ("gan", "vae"):
        (tmp_path / "set" / generator).mkdir(parents=True)
        pixels = np.random.default_rng(len(generator)).integers(0, 256, (8, 8, 3)).astype(np.uint8)
        Image.fromarray(pixels + np.uint8(generator == "gan")).save(tmp_path / "set" / generator / "0.png")
        for name, content in payloads.items():
            (tmp_path / "set" / generator / f"{name.replace('/', '-')}.png").write_bytes(content)
    images = ImageSet.open(tmp_path / "set", reference_needed=False)
    assert [Path(path).name for path in images.paths] == ["0.png", "0.png"]
    assert not sentinel.exists()


def test_a_saved_data_set_whose_tables_are_pickles_is_refused(
    sentinel: Path, payloads: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "dataset_info.json").write_text("{}")
    files = [{"filename": "data-00000-of-00001.arrow"}]
    (tmp_path / "state.json").write_text(json.dumps({"_data_files": files, "_fingerprint": "x", "_split": None}))
    for content in payloads.values():
        (tmp_path / "data-00000-of-00001.arrow").write_bytes(content)
        with pytest.raises(ManifptError):
            ImageSet.open(tmp_path, reference_needed=False)
    assert not sentinel.exists()


def test_a_pickled_type_of_a_parquet_column_is_not_made(
    sentinel: Path, payloads: dict[str, bytes], tmp_path: Path
) -> None:
    # Old releases of Arrow kept Python's types as pickles in the schema.
    told = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": payloads["x.pkl"]}
    field = pa.field("generator", pa.string(), metadata=told)
    schema = pa.schema([("path", pa.string()), field])
    table = pa.Table.from_arrays([pa.array(["a.png"]), pa.array(["gan"])], schema=schema)
    pq.write_table(table, tmp_path / "manifest.parquet")
    with pytest.raises(ManifptError):
        ImageSet.open(tmp_path / "manifest.parquet", reference_needed=False)
    assert not sentinel.exists()


def test_a_pickle_is_no_image_to_attribute(sentinel: Path, payloads: dict[str, bytes], tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3)).astype(np.uint8)
    images = ImageSet.from_arrays(pixels, ["real"] * 8 + ["gan"] * 4, roles=["reference"] * 4 + [""] * 8)
    model = ManiFPT("rgb", attributor="linear", calibration_folds=0).fit(images)
    for name, content in payloads.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
        for given in (tmp_path / name, content):
            with pytest.raises(ImageError):
                model.attribute(given)
    assert not sentinel.exists()


def test_weights_in_the_format_of_torch_are_read_as_tensors_alone(
    sentinel: Path, payloads: dict[str, bytes], tmp_path: Path
) -> None:
    # The published Barlow Twins and CIFAR checkpoints have no other format.
    for content in payloads.values():
        for name in ("resnet50.pth", "resnet20-12fca82f.th", "ssl-cifar.safetensors"):
            (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError, match="cannot be read as tensors"):
            tensors(tmp_path / "resnet50.pth")
        spaces: list[Embedding] = [kind(weights=tmp_path) for kind in (SelfSupervised, SupervisedCIFAR)]
        spaces.append(SelfSupervisedCIFAR(weights=tmp_path))
        for space in spaces:
            with pytest.raises(WeightsError):
                space(np.zeros((1, 32, 32, 3), np.uint8))
    assert not sentinel.exists()


def test_a_payload_below_a_state_dict_is_refused_with_the_tensors_beside_it(sentinel: Path, tmp_path: Path) -> None:
    from .methods.forgeries import Payload

    for content in ({"state_dict": {"w": torch.zeros(2)}, "extra": Payload(sentinel)}, [Payload(sentinel)]):
        for zipped in (True, False):
            torch.save(content, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
            with pytest.raises(WeightsError, match="expected a PyTorch state dict without other objects"):
                tensors(tmp_path / "x.pth")
    assert not sentinel.exists()


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    from transformers import ResNetConfig, ResNetModel

    sizes: dict[str, Any] = {"embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1], "layer_type": "basic"}
    ResNetModel(ResNetConfig(**sizes)).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("kept", ["none", "damaged", "other name"])
def test_pickled_weights_of_transformers_are_never_taken(
    sentinel: Path, payloads: dict[str, bytes], model_folder: Path, kept: str
) -> None:
    weights = model_folder / "model.safetensors"
    if kept == "none":
        weights.unlink()
    elif kept == "damaged":
        weights.write_bytes(payloads["x.pkl"])
    else:
        weights.rename(model_folder / "model-other.safetensors")
    (model_folder / "pytorch_model.bin").write_bytes(payloads["torch.pt"])
    for space in (HuggingFace(str(model_folder)), Supervised(weights=model_folder)):
        with pytest.raises(WeightsError):
            space(np.zeros((1, 32, 32, 3), np.uint8))
    assert not sentinel.exists()


def test_sound_weights_are_taken_and_the_pickle_beside_them_is_not(
    sentinel: Path, payloads: dict[str, bytes], model_folder: Path
) -> None:
    (model_folder / "pytorch_model.bin").write_bytes(payloads["torch.pt"])
    assert len(HuggingFace(str(model_folder))(np.zeros((1, 32, 32, 3), np.uint8))) == 1
    assert not sentinel.exists()


@pytest.mark.parametrize("name", ["x.pkl", "torch.pt", "legacy.dat"])
def test_an_attributor_never_starts_from_pickled_weights(
    sentinel: Path, payloads: dict[str, bytes], model_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    place = model_folder.parent / "weights" / "sl"
    shutil.copytree(model_folder, place)
    (place / "model.safetensors").unlink()
    (place / "pytorch_model.bin").write_bytes(payloads[name])
    monkeypatch.setenv("MANIFPT_WEIGHTS", str(place.parent))
    network = resnet50.resnet50((3, 8, 8), 2, sizes={"embedding_size": 4, "hidden_sizes": [4], "depths": [1]})
    assert not resnet50.imagenet_initialised(network)
    with pytest.raises(ManifptError, match="cannot be read"):
        resnet50.read(place)
    assert not sentinel.exists()


def test_a_pickle_is_no_fingerprint(sentinel: Path, payloads: dict[str, bytes], tmp_path: Path) -> None:
    for name, content in payloads.items():
        path = tmp_path / Path(name).name
        path.write_bytes(content)
        with pytest.raises(ManifptError):
            Fingerprint.load(path)
    assert not sentinel.exists()
