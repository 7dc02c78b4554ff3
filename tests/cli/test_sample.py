"""Images of others' generators are sampled by one command, whole or not at all."""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from manifpt.images import ImageSet

from ..zoo.tiny_pipelines import written

MODULE = """
import numpy as np

def draw(count, seed, start):
    return np.stack([np.random.default_rng([seed, start + i]).random((8, 8, 3)) for i in range(count)])

def late(count, seed, start):
    if start:
        raise OSError("the weights are gone")
    return draw(count, seed, start)

def tensor(count, seed, start):
    import torch
    return torch.randn(count, 3, 8, 8)
"""


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pipelines")
    for kind in ("ddpm", "text", "grey"):
        written(kind, root / kind)
    return root


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a module and with published images."""
    place = tmp_path / "here"
    (place / "published").mkdir(parents=True)
    (place / "mine_sampled.py").write_text(MODULE)
    for index in range(9):
        pixels = np.random.default_rng(index).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(place / "published" / f"{index}.png")
    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "mine_sampled", raising=False)
    return place


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_pipeline_is_sampled_under_its_folder_s_name(command: Any, pipelines: Path, tmp_path: Path) -> None:
    words = ["zoo", "sample", f"diffusers:{pipelines / 'ddpm'}", "--steps", 2, "-n", 5, "--device", "cpu"]
    ended = command(*words, "--start", 3, "--seed", 7, "--out", tmp_path / "out")
    assert (ended.status, ended.err) == (0, "")
    assert "5 images of 1 generators" in ended.out
    found = rows(tmp_path / "out")
    assert [row["path"] for row in found] == [f"ddpm/{index:06d}.png" for index in range(3, 8)]
    assert {(row["generator"], row["family"], row["seed"]) for row in found} == {("ddpm", "unknown", "7")}
    assert len(found[0]["weights"]) == 64
    again = command(*words, "--start", 5, "--seed", 7, "--out", tmp_path / "again", "--name", "x", "--family", "score")
    assert again.status == 0
    first, second = (ImageSet.open(tmp_path / name, reference_needed=False) for name in ("out", "again"))
    np.testing.assert_array_equal(first.pixels()[2:], second.pixels()[:3])
    assert (set(second.generators.tolist()), set(second.families.tolist())) == ({"x"}, {"score"})


def test_a_text_pipeline_takes_prompts_in_turn(command: Any, pipelines: Path, tmp_path: Path) -> None:
    words = ["zoo", "sample", f"diffusers:{pipelines / 'text'}", "--steps", 1, "-n", 2, "--prompt", "a cat"]
    one = command(*words, "--out", tmp_path / "one")
    two = command(*words, "--prompt", "a dog", "--out", tmp_path / "two")
    assert (one.status, two.status) == (0, 0), two.err
    first, second = (ImageSet.open(tmp_path / name, reference_needed=False).pixels() for name in ("one", "two"))
    np.testing.assert_array_equal(first[0], second[0])
    assert not np.array_equal(first[1], second[1])


@pytest.mark.parametrize("out", ["out", "out.parquet"])
def test_functions_and_folders_are_sampled_together(command: Any, here: Path, out: str) -> None:
    ended = command("zoo", "sample", "python:mine_sampled:draw", "folder:published", "-n", 9, "--out", out)
    assert (ended.status, ended.err) == (0, "")
    assert "18 images of 2 generators" in ended.out
    images = ImageSet.open(here / out, reference_needed=False)
    assert images.generators.tolist() == ["draw"] * 9 + ["published"] * 9
    expected = np.random.default_rng(8).integers(0, 256, (8, 8, 3), np.uint8)
    np.testing.assert_array_equal(images[17], expected)


def test_the_current_folder_names_its_images(command: Any, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here / "published")
    ended = command("zoo", "sample", "folder:.", "-n", 2, "--crop", 4, "--out", here / "out")
    assert ended.status == 0, ended.err
    images = ImageSet.open(here / "out", reference_needed=False)
    assert (set(images.generators.tolist()), images.height) == ({"published"}, 4)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            "diffusers:{pipelines}/grey --steps 1",
            "grey returned values of shape (8, 8, 8, 1); expected shape (8, height",
        ),
        ("diffusers:{pipelines}/nan --steps 1", "nan returned 1536 values that are NaN or infinite; expected finite"),
        ("diffusers:{pipelines}/text --steps 1", "makes images from text; expected at least one text; give --prompt"),
        ("diffusers:{pipelines}/ddpm --prompt a", "is a DDPMPipeline, which takes no --prompt"),
        ("diffusers:{pipelines}/ddpm --steps 0", "zoo sample --help` shows"),
        ("diffusers:{pipelines}/ddpm --steps 99", "ddpm stopped with ValueError"),
        ("diffusers:{pipelines}", "has no model_index.json"),
        ("diffusers:./nowhere", "there is no folder ./nowhere"),
        ("diffusers:nobody/nothing", "nobody/nothing is no folder, and neither the Hugging Face cache nor the hub"),
        ("diffusers:", "'diffusers:' ends where a source should follow"),
        ("diffuser:x", "'diffuser:x' is no source; "),
        ("python:mine_sampled:late -n 60", "mine_sampled:late stopped with OSError: the weights are gone"),
        ("python:mine_sampled:tensor -n 2", "mine_sampled:tensor returned values of shape (2, 3, 8, 8)"),
        ("python:mine_sampled:drew", "mine_sampled has no drew"),
        ("python:no_such_module:draw", "the module no_such_module cannot be imported"),
        ("folder:published -n 10", "published holds 9 images, and 10 from 0 on were asked for"),
        ("folder:published -n 2 --seed 1", "published was asked for seed 1"),
        ("folder:nowhere", "nowhere does not exist"),
        ("folder:published -n 2 --steps 3", "--steps was given, and no source takes it; expected it beside diffusers:"),
        ("python:mine_sampled:draw --resize 4", "--resize was given, and no source takes it; expected it beside fold"),
        ("folder:published python:mine_sampled:draw --name x", "--name or --family was given for 2 sources"),
        ("folder:published python:mine_sampled:draw --family gan", "--name or --family was given for 2 sources"),
        ("folder:published folder:./published -n 2", "2 sources are named 'published'"),
        ("folder:published -n 2 --name a/b", "'a/b' cannot name a generator"),
        ("folder:published -n 2 --name ..", "'..' cannot name a generator"),
        ("folder:published -n 2 --name Real", "generated images would be labelled 'Real'"),
        ("folder:published -n 2 --family real", "the family is 'real'; expected a family of generators"),
        ("folder:published -n 2 --out published/inside", "lies in published, where it would be read as data"),
        ("dcgan", "holds no trained generator 'dcgan'"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    command: Any, request: pytest.FixtureRequest, here: Path, monkeypatch: pytest.MonkeyPatch, words: str, text: str
) -> None:
    from huggingface_hub import constants

    # What needs no diffusers is tested without it as well.
    pipelines = request.getfixturevalue("pipelines") if words.startswith("diffusers:") else here

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    if "/nan" in words:
        emptied(pipelines)
    before = sorted(here.rglob("*"))
    given = words.format(pipelines=pipelines).split()
    for out in [[]] if "--out" in words else [["--out", "out"], ["--out", "out.parquet"]]:
        ended = command("zoo", "sample", *given, *out)
        assert (ended.status, ended.out) == (2, "")
        (line,) = ended.err.splitlines()
        assert line.startswith("manifpt: error: ")
        assert text in line
        assert sorted(here.rglob("*")) == before


def test_a_generator_trained_here_keeps_its_family_under_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from manifpt.zoo import foreign, sampling, trained
    from manifpt.zoo.source import Source

    made = Source("dcgan", "gan", "ab", lambda count, /, *, seed=0, start=0: iter(()))
    monkeypatch.setattr(trained, "generator", lambda name, place: (name, place))
    monkeypatch.setattr(sampling, "source", lambda found: made if found == ("dcgan", Path("w")) else None)
    (found,) = foreign.sources(["dcgan"], foreign.Wishes(weights=Path("w"), name="mine"))
    assert (found.name, found.family, found.digest) == ("mine", "gan", "ab")
    assert foreign.source("dcgan", foreign.Wishes(weights=Path("w"))) == made


def emptied(root: Path) -> None:
    """Make a pipeline all of whose weights are NaN."""
    import torch
    from safetensors.torch import load_file, save_file

    if (root / "nan").exists():
        return
    shutil.copytree(root / "ddpm", root / "nan")
    path = root / "nan" / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({name: torch.full_like(value, torch.nan) for name, value in load_file(path).items()}, path)


def test_a_file_cannot_take_the_place_of_a_folder(command: Any, here: Path) -> None:
    (here / "out.parquet").mkdir()
    ended = command("zoo", "sample", "folder:published", "-n", 2, "--out", "out.parquet")
    assert ended.status == 2
    assert "out.parquet exists; expected a new file" in ended.err
