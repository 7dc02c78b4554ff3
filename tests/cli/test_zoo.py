"""Generators are trained and sampled by name, and mistakes are told in one line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from manifpt.images import ImageSet


@pytest.fixture(scope="module")
def reals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reals")
    rng = np.random.default_rng(0)
    for index in range(40):
        coarse = rng.integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(coarse).resize((32, 32), Image.Resampling.BILINEAR).save(folder / f"{index}.png")
    return folder


@pytest.fixture
def weights(command: Any, reals: Path, tmp_path: Path) -> Path:
    ended = command("zoo", "train", "dcgan@1", "--data", reals, "--steps", 3, "--out", tmp_path / "zoo")
    assert ended.status == 0, ended.err
    assert "wrote" in ended.out
    assert "dcgan@1.safetensors: 3 steps" in ended.out
    return tmp_path / "zoo"


def test_list_shows_the_designs_and_how_often_each_was_trained(command: Any, weights: Path) -> None:
    ended = command("zoo", "list", "--weights", weights)
    rows = {line.split()[0]: line.split() for line in ended.out.splitlines() if line.strip()}
    assert rows["dcgan"] == ["dcgan", "transposed", "relu", "batch", "strided", "none", "bce", "1"]
    assert rows["stylegan2"][-1] == "r1"
    assert {"gan", "vae", "flow", "score"} <= rows.keys()


def test_train_writes_half_precision_weights_a_record_and_a_grid_and_nothing_else(weights: Path, reals: Path) -> None:
    assert sorted(path.name for path in weights.iterdir()) == [
        "dcgan@1.json", "dcgan@1.png", "dcgan@1.safetensors",
    ]  # fmt: skip
    record = json.loads((weights / "dcgan@1.json").read_text())
    assert (record["steps"], record["reals"], record["design"]["seed"]) == (3, 40, 1)
    assert (weights / "dcgan@1.safetensors").stat().st_size < 2.2 * record["parameters"]
    with Image.open(weights / "dcgan@1.png") as grid:
        assert grid.size == (8 * 34 + 2, 8 * 34 + 2)


@pytest.mark.parametrize("name", ["samples", "samples.parquet"])
def test_samples_open_as_a_set_with_generator_and_latent(
    command: Any, weights: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / name
    ended = command("zoo", "sample", "dcgan@1", "--weights", weights, "-n", 12, "--start", 45, "--out", out)
    assert (ended.status, ended.err) == (0, "")
    assert "12 images of 1 generators" in ended.out
    images = ImageSet.open(out, reference_needed=False)
    assert len(images) == 12
    assert set(images.generators.tolist()) == {"dcgan@1"}
    assert len(set(images.groups.tolist())) == 12
    if out.is_dir():
        with (out / "manifest.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [row["index"] for row in rows] == [str(index) for index in range(45, 57)]
        assert len({row["weights"] for row in rows}) == 1


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("train dcgn --data {reals} --steps 2", "'dcgn' is not one of the designs; "),
        ("train dcgan --data {reals}", "neither or both of --steps and --minutes were given; expected one of them"),
        ("train dcgan --data {reals} --steps 2 --minutes 1", "neither or both"),
        ("train dcgan --data {reals} --minutes 0", "expected one of them, above 0"),
        ("train dcgan --data {empty} --steps 2", "holds no image"),
        ("train dcgan --data nowhere --steps 2", "nowhere does not exist"),
        ("train dcgan --data {reals} --size 64 --steps 2", "expected reals of 64 × 64 pixels, which dcgan-64 learns"),
        ("train dcgan --data {reals} --size 48 --steps 2", "'48' is no size of a generator"),
        ("sample dcgan --weights {weights} --out o", "holds no trained generator 'dcgan'"),
        ("sample dcgan --weights {empty} --out o", "train it with `manifpt zoo train dcgan`"),
        ("sample dcgan@1 --weights {damaged} --out o", "cannot be used (their SHA-256 is "),
        ("sample dcgan@1 --weights {weights} --out {reals}", "which is no part of a set of samples"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    command: Any, reals: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, text: str
) -> None:
    (tmp_path / "empty").mkdir()
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for file in weights.iterdir():
        (damaged / file.name).write_bytes(file.read_bytes())
    content = bytearray((damaged / "dcgan@1.safetensors").read_bytes())
    content[-1] ^= 1
    (damaged / "dcgan@1.safetensors").write_bytes(content)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    places = {"reals": reals, "weights": weights, "empty": tmp_path / "empty", "damaged": damaged}
    more = ["--out", "z"] if words.startswith("train") else []
    ended = command("zoo", *words.format(**places).split(), *more)
    assert (ended.status, ended.out) == (2, "")
    assert text in ended.err.splitlines()[-1]
    assert list((tmp_path / "here").iterdir()) == []


def test_a_card_says_what_is_wrong_with_a_generator_of_three_steps(
    command: Any, weights: Path, reals: Path, unseen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MANIFPT_WEIGHTS", raising=False)
    words = ["zoo", "card", "dcgan@1", "--weights", weights, "--data", reals, "--real", unseen, "-n", 20]
    shown = command(*words)
    assert shown.status == 0
    assert "verdict" in shown.out
    assert "ssl-cifar" in shown.out
    ended = command(*words, "--json", "--strict")
    assert ended.status == 3
    found = json.loads(ended.out)
    assert (found["design"], found["images"], found["space"], found["classes"]) == ("dcgan@1", 20, "ssl-cifar", None)
    assert any("coverage" in failure for failure in found["failures"])


@pytest.fixture(scope="module")
def unseen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unseen")
    rng = np.random.default_rng(1)
    for index in range(30):
        coarse = rng.integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(coarse).resize((32, 32), Image.Resampling.BILINEAR).save(folder / f"{index}.png")
    return folder


def test_a_built_set_has_roles_by_place_and_is_the_same_each_time(
    command: Any, weights: Path, reals: Path, unseen: Path, tmp_path: Path
) -> None:
    words = ["zoo", "build", "gm-cifar10-zoo", "--reference", reals, "--real", unseen, "--weights", weights]
    for out in ("one", "other"):
        ended = command(*words, "--out", tmp_path / out)
        assert ended.status == 0, ended.err
    assert "1570 images, 1 generators" in ended.out
    one, other = (tmp_path / name for name in ("one", "other"))
    assert (one / "manifest.csv").read_bytes() == (other / "manifest.csv").read_bytes()
    images = ImageSet.open(one)
    counts = {(str(name), str(role)): 0 for name, role in zip(images.generators, images.roles, strict=True)}
    for name, role in zip(images.generators, images.roles, strict=True):
        counts[str(name), str(role)] += 1
    assert counts["dcgan@1", "train"] == 1000
    assert counts["dcgan@1", "test"] == 500
    assert counts["real", "reference"] == 40
    assert counts["real", "train"] + counts["real", "test"] == 30
    assert counts["real", "test"] > 0


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("gm-cifar-zoo --real {unseen}", "'gm-cifar-zoo' is not one of the sets; "),
        ("gm-decoders-zoo --real {unseen}", "no trained generator for gm-decoders-zoo"),
        ("gm-catsdogs-zoo --real {unseen}", "at least one in the folder of weights, below it in catsdogs;"),
        ("gm-cifar10-zoo --real {reals}", "was trained on the 40 reals that are said to be unseen"),
        (
            "gm-cifar10-zoo --real {unseen} --resize 16",
            "images of several sizes: dcgan@1 32 × 32, the reference 16 × 16",
        ),
    ],
)
def test_a_set_that_cannot_be_built_is_one_line_and_leaves_nothing(
    command: Any, weights: Path, reals: Path, unseen: Path, tmp_path: Path, words: str, text: str
) -> None:
    out = tmp_path / "set"
    line = words.format(unseen=unseen, reals=reals)
    ended = command("zoo", "build", *line.split(), "--reference", reals, "--weights", weights, "--out", out)
    assert (ended.status, ended.out) == (2, "")
    assert text in ended.err.splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "cache") == ["zoo"]
