"""What went wrong when somebody attacked the zoo: each is one line now, and nothing is written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from manifpt.zoo import training


def photographs(folder: Path, count: int, seed: int) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for index in range(count):
        coarse = rng.integers(0, 256, (4, 4, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((32, 32), Image.Resampling.BILINEAR)
        picture.save(folder / f"{index}-{'cat' if index % 2 else 'dog'}.png")
    return folder


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places")
    photographs(folder / "reals", 40, 0)
    photographs(folder / "unseen", 40, 1)
    return folder


@pytest.fixture
def weights(command: Any, places: Path, tmp_path: Path) -> Path:
    ended = command("zoo", "train", "dcgan", "--data", places / "reals", "--steps", 2, "--out", tmp_path / "zoo")
    assert ended.status == 0, ended.err
    return tmp_path / "zoo"


def build(
    command: Any, places: Path, weights: Path, *words: object, reference: str = "reals", real: str = "unseen"
) -> Any:
    return command(
        "zoo", "build", "gm-cifar10-zoo", "--reference", places / reference, "--real", places / real,
        "--weights", weights, "--out", weights.parent / "set", *words,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["../../evil", "/evil", "real", "reference", "other", 5, None])
def test_a_record_that_names_another_generator_is_refused(
    command: Any, places: Path, weights: Path, name: object
) -> None:
    sidecar = json.loads((weights / "dcgan.json").read_text())
    sidecar["design"]["name"] = name
    (weights / "dcgan.json").write_text(json.dumps(sidecar))
    before = sorted(weights.parent.rglob("*"))
    for ended in (
        build(command, places, weights),
        command("zoo", "sample", "dcgan", "--weights", weights, "-n", 2, "--out", weights.parent / "set"),
    ):
        assert ended.status == 2
        assert "cannot be used (their record is that of" in ended.err
    assert sorted(weights.parent.rglob("*")) == before


@pytest.mark.parametrize("name", ["../zoo/dcgan", "real-1", "a b", ".hidden", ""])
def test_a_name_that_is_none_of_a_design_finds_no_file(command: Any, weights: Path, name: str, places: Path) -> None:
    for kind in ("json", "safetensors"):
        shutil.copy(weights / f"dcgan.{kind}", weights / f"real-1.{kind}")
    ended = command("zoo", "card", name, "--weights", weights, "--data", places / "reals", "--real", places / "unseen")
    assert ended.status == 2
    assert "holds no trained generator" in ended.err


def test_a_generator_that_is_named_twice_is_there_once(command: Any, places: Path, weights: Path) -> None:
    ended = build(command, places, weights, "--design", "dcgan", "--design", "dcgan")
    assert ended.status == 0, ended.err
    rows = (weights.parent / "set" / "manifest.csv").read_text().splitlines()[1:]
    assert len(rows) == len({row.split(",")[0] for row in rows}) == 40 + 40 + 1500


def test_reals_that_a_generator_was_trained_on_are_not_unseen(command: Any, places: Path, weights: Path) -> None:
    said = "dcgan was trained on the 40 reals that are said to be unseen"
    assert said in build(command, places, weights, reference="unseen", real="reals").err
    judged = ("zoo", "card", "dcgan", "--weights", weights)
    assert said in command(*judged, "--data", places / "unseen", "--real", places / "reals").err
    assert said in command(*judged, "--data", places / "reals", "--real", places / "reals").err


def test_the_same_image_seen_and_unseen_is_refused_by_the_card(
    command: Any, places: Path, weights: Path, tmp_path: Path
) -> None:
    some = photographs(tmp_path / "some", 10, 5)
    shutil.copy(places / "reals" / "0-dog.png", some / "copied-cat.png")
    ended = command("zoo", "card", "dcgan", "--weights", weights, "--data", places / "reals", "--real", some)
    assert ended.status == 2
    assert "copied-cat.png is a reference too" in ended.err


def test_other_training_reals_than_the_records_are_noted(
    command: Any, places: Path, weights: Path, tmp_path: Path
) -> None:
    other = photographs(tmp_path / "other", 12, 7)
    ended = command(
        "zoo", "card", "dcgan", "--weights", weights, "--data", other, "--real", places / "unseen", "-n", 12
    )
    assert ended.status == 0
    assert "note: dcgan was trained on other reals than --data names" in ended.err


def test_a_table_of_samples_takes_no_others_place(command: Any, places: Path, weights: Path, tmp_path: Path) -> None:
    first = tmp_path / "a.parquet"
    sampled = ("zoo", "sample", "dcgan", "--weights", weights, "-n", 5, "--out")
    assert command(*sampled, first).status == 0
    content = first.read_bytes()
    again = command(*sampled, first)
    assert (again.status, first.read_bytes()) == (2, content)
    assert "a.parquet exists; expected a new file" in again.err
    inside = command("zoo", "sample", f"folder:{places / 'reals'}", "--out", places / "reals" / "x.parquet")
    assert inside.status == 2
    assert "where it would be read as data" in inside.err
    assert not (places / "reals" / "x.parquet").exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("train dcgan --data {reals} --minutes nan", "expected one of them, above 0"),
        ("train dcgan --data {reals} --minutes inf", "expected one of them, above 0"),
        ("train dcgan@4294967296 --data {reals} --steps 2", "at most 9 digits"),
        ("train dcgan beta-vae --data {reals} --classes --steps 2", "beta-vae cannot be told the classes"),
        ("sample dcgan --start 99999999999999999999 --out x.parquet", "--start"),
    ],
)
def test_numbers_and_wishes_that_cannot_be_are_refused_before_anything_is_done(
    command: Any, places: Path, tmp_path: Path, words: str, text: str
) -> None:
    given = words.format(reals=places / "reals").split()
    ended = command("zoo", *given, *(["--out", tmp_path / "zoo"] if given[0] == "train" else []))
    assert ended.status == 2
    last = ended.err.splitlines()[-1]
    assert last.startswith("manifpt: error: ")
    assert text in last
    assert not (tmp_path / "zoo").exists()


def test_a_design_that_is_trained_already_is_left_alone(
    command: Any, places: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*arguments: object) -> None:
        raise AssertionError("trained again")

    content = (weights / "dcgan.safetensors").read_bytes()
    monkeypatch.setattr(training, "_stepped", never)
    again = ("zoo", "train", "dcgan", "--data", places / "reals", "--out", weights, "--steps")
    ended = command(*again, 2)
    assert ended.status == 0
    assert "note: dcgan is trained already" in ended.err
    assert (weights / "dcgan.safetensors").read_bytes() == content
    with pytest.raises(AssertionError):
        command(*again, 3)


def test_a_decoder_is_no_part_of_a_set_of_samples(command: Any, places: Path, weights: Path) -> None:
    decoder = "decoder-nearest-relu-batch-none-l2-0"
    trained = command("zoo", "train", decoder, "--data", places / "reals", "--steps", 2, "--out", weights)
    assert trained.status == 0, trained.err
    ended = build(command, places, weights, "--design", "dcgan", "--design", decoder)
    assert ended.status == 2
    assert f"{decoder} is a decoder; expected no decoder in gm-cifar10-zoo" in ended.err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("gm-cifar10-zoo --samples x", "--samples or --partial for gm-cifar10-zoo"),
        ("GM-CIFAR10", "none are named; expected --samples FOLDER"),
        ("GM-CIFAR10 --samples x --design dcgan", "--design for GM-CIFAR10, which has the paper's models"),
    ],
)
def test_options_of_the_other_kind_of_set_are_refused(
    command: Any, places: Path, tmp_path: Path, words: str, text: str
) -> None:
    given = [*words.split(), "--reference", places / "reals", "--real", places / "unseen", "--out", tmp_path / "out"]
    ended = command("zoo", "build", *given)
    assert ended.status == 2
    assert text in ended.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("--family", "a\nb", "the family is 'a\\nb'; expected a family of generators"),
        ("--family", "real", "the family is 'real'"),
        ("--name", "manifest.csv", "'manifest.csv' cannot name a generator"),
        ("--name", "a/b", "'a/b' cannot name a generator"),
    ],
)
def test_a_label_that_would_spoil_the_manifest_or_the_folder_is_refused(
    command: Any, weights: Path, tmp_path: Path, option: str, value: str, text: str
) -> None:
    out = tmp_path / "samples"
    ended = command("zoo", "sample", "dcgan", "--weights", weights, "-n", 2, "--out", out, option, value)
    assert ended.status == 2
    assert text in ended.err
    assert not out.exists()
