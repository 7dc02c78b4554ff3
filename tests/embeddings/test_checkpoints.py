"""Where weights are looked for, and what a user reads when they are nowhere."""

from __future__ import annotations

import json
import pickle
import time
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import torch
from huggingface_hub import constants
from transformers import ResNetConfig, ResNetModel

from manifpt.embeddings.checkpoints import FOLDER, tensors
from manifpt.errors import WeightsError
from manifpt.registry import built

IMAGES = np.zeros((1, 32, 32, 3), np.uint8)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def message(name: str, **settings: Any) -> str:
    began = time.monotonic()
    with pytest.raises(WeightsError) as caught:
        built("embeddings", name, **settings)(IMAGES)
    assert time.monotonic() - began < 5, "offline must be told at once"
    return str(caught.value)


def test_absent_weights_name_model_file_and_offline_recipe() -> None:
    assert message("sl") == (
        "sl: microsoft/resnet-50 is no folder, not in the Hugging Face cache, and the hub is out of reach or lacks "
        "it; expected config.json and model.safetensors; run `hf download microsoft/resnet-50 --local-dir sl` on a "
        "networked machine, and copy sl into $MANIFPT_WEIGHTS"
    )
    assert message("ssl") == (
        "ssl: the weights of the Barlow Twins ResNet-50 are absent (MANIFPT_WEIGHTS is not set); expected "
        "resnet50.pth; download https://dl.fbaipublicfiles.com/barlowtwins/ljng/resnet50.pth into "
        "$MANIFPT_WEIGHTS/ssl"
    )
    assert message("sl-cifar", depth=56) == (
        "sl-cifar: the weights of the CIFAR-10 ResNet-56 are absent (MANIFPT_WEIGHTS is not set); expected "
        "resnet56-4bfd9763.th; download https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/"
        "pretrained_models/resnet56-4bfd9763.th into $MANIFPT_WEIGHTS"
    )
    assert message("hf:facebook/dinov2-base@6") == (
        "hf:facebook/dinov2-base@6: facebook/dinov2-base is no folder, not in the Hugging Face cache, and the hub is "
        "out of reach or lacks it; expected config.json and model.safetensors; run `hf download "
        "facebook/dinov2-base --local-dir FOLDER` on a networked machine, and name hf:FOLDER"
    )


@pytest.mark.parametrize("name", ["sl", "hf:microsoft/resnet-50"])
def test_the_hugging_face_cache_serves_without_a_network(name: str, tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "models--microsoft--resnet-50"
    ResNetModel(ResNetConfig()).save_pretrained(repository / "snapshots" / "0123abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123abc")
    assert built("embeddings", name)(IMAGES).values.shape == (1, 2048)


def test_sl_prefers_the_user_s_folder_to_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sl").mkdir()
    monkeypatch.setenv(FOLDER, str(tmp_path))
    assert message("sl").startswith(f"sl: {tmp_path / 'sl'} has no config.json; expected a model folder")
    assert message("sl", weights="other/sl").startswith(f"sl: there is no folder {Path('other/sl').absolute()}")


def test_an_absent_folder_is_never_asked_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: pytest.fail("asked the hub"))
    assert message("hf:./absent").startswith("hf:./absent: there is no folder ./absent; expected a model folder")


def test_settings_and_shape_ask_for_the_weights_too() -> None:
    embedding = built("embeddings", "sl-cifar")
    with pytest.raises(WeightsError):
        embedding.settings()
    with pytest.raises(WeightsError):
        embedding.shape(32, 32)


def test_the_environment_names_where_a_given_folder_lacks_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    assert f"(MANIFPT_WEIGHTS is {tmp_path})" in message("sl-cifar")
    assert f"are absent in {tmp_path / 'other'}" in message("sl-cifar", weights=tmp_path / "other")


@pytest.mark.parametrize("place", ["sl-cifar", "."])
def test_the_space_s_own_folder_is_searched_then_the_shared_one(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / place).mkdir(exist_ok=True)
    path = tmp_path / place / "resnet20-12fca82f.th"
    path.write_bytes(b"weights")
    monkeypatch.setenv(FOLDER, str(tmp_path))
    assert built("embeddings", "sl-cifar").files()[0].samefile(path)


def test_pickled_models_are_refused_unopened(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit"}))
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    assert message(f"hf:{tmp_path}") == (
        f"hf:{tmp_path}: {tmp_path} holds only pytorch_model.bin; expected model.safetensors (pickled weights can "
        "run code, so manifpt never opens them); save the model with save_pretrained, which writes safetensors"
    )


def test_a_model_with_code_of_its_own_is_refused(tmp_path: Path) -> None:
    config = {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "own.py").write_text("raise SystemExit('ran')")
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert "transformers cannot load" in message(f"hf:{tmp_path}")


class Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("ran code from a checkpoint",))


def test_a_checkpoint_that_holds_code_is_refused_unrun(tmp_path: Path) -> None:
    path = tmp_path / "resnet20-12fca82f.th"
    for write in (lambda: path.write_bytes(pickle.dumps(Payload())), lambda: torch.save(Payload(), path)):
        write()
        assert message("sl-cifar", weights=path) == (
            f"{path} cannot be read as tensors; expected a PyTorch state dict without other objects; fetch the file "
            "again from its publisher"
        )


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"state_dict": {"module.conv1.weight": torch.zeros(16, 3, 5, 5)}}, path)
    assert message("sl-cifar", weights=path).startswith(f"{path} does not fit: 97 parameters differ (bn1.bias, …)")
    assert f"{path} does not fit: " in message("ssl", weights=path)


@pytest.mark.parametrize("nesting", [(), ("state_dict",), ("model",)])
def test_a_state_dict_may_lie_below_a_key(nesting: tuple[str, ...], tmp_path: Path) -> None:
    content: Any = {"weight": torch.ones(2)}
    for key in nesting:
        content = {key: content, "epoch": 3}
    torch.save(content, tmp_path / "file.pth")
    assert list(tensors(tmp_path / "file.pth")) == ["weight"]
