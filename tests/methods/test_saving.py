"""A saved model answers as it did, or says in one line why it cannot: never another answer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manifpt.errors import ManifptError, ModelError
from manifpt.methods.description import SCHEMA
from manifpt.methods.manifpt import ManiFPT
from manifpt.methods.method import Method
from manifpt.methods.pickles import is_pickle

from .conftest import planted
from .forgeries import pickles
from .mutations import ARRAYS, DESCRIPTION, described, resealed
from .outcomes import KINDS, MODELS, NAMES, made, outcomes, tiny


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("models")
    return {name: made(name).fit(tiny(0)).save(place / name) for name in NAMES}


# Every mutation of the plainest model; of the others a share, which `benchmarks/mutated_models.py` completes.
CASES = [("linear", kind, 7 if kind == "fields" else 1) for kind in KINDS]
CASES += [
    (model, kind, 11 if kind == "bytes" else 23)
    for model in NAMES
    if model != "linear"
    for kind in ("bytes", "resealed fields", "arrays")
]


@pytest.mark.parametrize(("model", "kind", "step"), CASES)
def test_a_changed_model_is_refused_or_answers_as_before(
    folders: dict[str, Path], model: str, kind: str, step: int, tmp_path: Path
) -> None:
    mutations = islice(KINDS[kind](folders[model], tmp_path), 0, None, step)
    counts, wrong = outcomes(folders[model], mutations, tmp_path)
    assert not wrong, "\n".join([f"{len(wrong)} of {counts.total()}", *wrong])
    assert not (tmp_path / "sentinel").exists()
    assert counts.total() > 5


def test_a_folder_of_an_older_schema_says_what_to_do(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(folders["linear"], tmp_path / "model")
    old = {key: value for key, value in described(folder).items() if key not in ("digest", "training")}
    (folder / DESCRIPTION).write_text(json.dumps(old | {"schema": 1}))
    with pytest.raises(ModelError) as caught:
        Method.load(folder)
    assert str(caught.value) == (
        f"{folder} has schema 1; expected schema {SCHEMA}; fit the model again with this version of manifpt"
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda d: d.update(files={ARRAYS[:5]: "0" * 64}), "lists no model.safetensors"),
        (lambda d: d.update(classes=["a", "b", "c", "real"]), "the classes differ"),
        (lambda d: d["reference"].update(digest="0" * 64), "the reference set's content differs"),
        (lambda d: d["reference"].update(paths=[]), r"the array reference.pixels is uint8 \(10, 8, 8, 3\) and differs"),
        (lambda d: d.pop("preparation"), "lacks 'preparation'"),
        (lambda d: d.update(ours=1), "holds 'ours': 1"),
        (lambda d: d["extractor"].update(name="nothing"), "'nothing' is not one of the extractors"),
        (lambda d: d["extractor"]["manifold"].update(neighbors=0), "the setting 'neighbors' is 0"),
        (lambda d: d["extractor"]["space"].update(weights="/etc"), r"does not fit its arrays \(TypeError: "),
        (lambda d: d["extractor"].update(cache="/etc"), "the space's settings or weights differ in 'cache'"),
        (lambda d: d["attributor"].pop("seed"), "the attributor's settings differ in 'seed'"),
        (lambda d: d["preparation"].update(crop=3), "images of 8 × 8 pixels, prepared to 3"),
        (lambda d: d["attributor"].update(seed=10**30), "the setting 'seed' is 1000000"),
        (lambda d: d["training"].update(images=3), r"the array training.digests is uint8 \(14, 32\) and differs"),
    ],
)
def test_a_description_that_contradicts_the_arrays_says_where(
    folders: dict[str, Path], tmp_path: Path, change: Callable[[dict[str, Any]], object], text: str
) -> None:
    folder = shutil.copytree(folders["linear"], tmp_path / "model")
    description = described(folder)
    change(description)
    resealed(folder, description)
    with pytest.raises(ManifptError, match=text) as caught:
        Method.load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", ["height", "written", "classes", "versions", "attributor", "reference"])
def test_a_description_changed_by_hand_is_found_by_its_digest(
    folders: dict[str, Path], tmp_path: Path, field: str
) -> None:
    folder = shutil.copytree(folders["linear"], tmp_path / "model")
    content = described(folder)
    content[field] = json.loads(json.dumps(content[field]).replace("8", "9").replace("e", "a").replace("2", "3"))
    (folder / DESCRIPTION).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"model\.json is damaged \(its content does not have the digest"):
        Method.load(folder)


def test_every_form_of_pickle_is_recognised_and_none_is_opened(tmp_path: Path) -> None:
    for name, content in pickles(tmp_path / "sentinel").items():
        path = tmp_path / Path(name).name
        path.write_bytes(content)
        assert is_pickle(path), name
    assert not (tmp_path / "sentinel").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x80", b"text", b"N.", b"2.5\n", b"contents\nintroduction\n", b"{}", b"PK\x03\x04", b"x\x9c", b"\x1f\x8b",
     b"\x80\x02\0\0\0\0\0\0{" + b" " * 600, b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', }"],
)  # fmt: skip
def test_what_is_no_pickle_is_not_taken_for_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.txt").write_bytes(content)
    assert not is_pickle(tmp_path / "x.txt")


def test_no_file_of_a_saved_model_is_a_pickle(folders: dict[str, Path]) -> None:
    for folder in folders.values():
        assert not [path for path in folder.rglob("*") if path.is_file() and is_pickle(path)]


def test_unusual_but_sound_settings_come_back(tmp_path: Path) -> None:
    for attributor in ("linear", "mlp"):
        options: dict[str, Any] = {**MODELS[attributor], "seed": 2**40}
        model = ManiFPT(**options).fit(tiny(0))
        loaded = Method.load(model.save(tmp_path / attributor))
        assert loaded.attributor.settings() == model.attributor.settings()


def test_a_network_of_another_width_is_refused_before_it_takes_memory(folders: dict[str, Path], tmp_path: Path) -> None:
    for model, change in {
        "mlp": {"width": 2**40},
        "raw": {"width": 2**30},
        "resnet50": {"sizes": {"hidden_sizes": [2**16] * 8, "embedding_size": 2**16, "depths": [100] * 8}},
    }.items():
        folder = shutil.copytree(folders[model], tmp_path / model)
        description = described(folder)
        description["attributor"].update(change)
        resealed(folder, description)
        with pytest.raises(ModelError, match=r"do not fit the settings|does not fit its arrays"):
            Method.load(folder)


def test_a_model_saved_through_a_link_replaces_what_the_link_names(folders: dict[str, Path], tmp_path: Path) -> None:
    real = shutil.copytree(folders["linear"], tmp_path / "real")
    (tmp_path / "link").symlink_to(real)
    ManiFPT(**MODELS["linear"], seed=1).fit(tiny(2)).save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert described(real) != described(folders["linear"])


def test_a_model_that_is_replaced_while_it_is_read_is_one_or_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from manifpt.methods import integrity

    one, other = (ManiFPT("rgb", attributor="linear", seed=seed).fit(planted(seed)) for seed in (0, 1))
    one.save(tmp_path / "m")
    digests, swaps = integrity.sound_content, 0

    def swapped(*arguments: Any, **options: Any) -> bytes:
        # Between the description and the arrays.
        nonlocal swaps
        swaps += 1
        if swaps <= 2:
            (other if swaps == 1 else one).save(tmp_path / "m")
        return digests(*arguments, **options)

    monkeypatch.setattr(integrity, "sound_content", swapped)
    loaded = Method.load(tmp_path / "m")
    assert swaps == 3
    assert loaded.training_.digests == one.training_.digests
    np.testing.assert_array_equal(loaded.attributor.state()["weights"], one.attributor.state()["weights"])
