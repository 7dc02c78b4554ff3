"""The paper's recipes are shown, and sets are built from collected images, whole or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

from manifpt.cli import recipes
from manifpt.errors import DataError, ManifptError, UnknownNameError
from manifpt.images import ImageSet
from manifpt.zoo.published import PaperSet, paper_set, paper_sets


def fill(place: Path, first: int, count: int, side: int = 32) -> None:
    place.mkdir(parents=True)
    for index in range(count):
        pixels = np.random.default_rng(first + index).integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(pixels).save(place / f"{index:03d}.png")


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """Six images of each model of GM-CIFAR10, references and reals."""
    for place, one in enumerate(paper_set("GM-CIFAR10").models):
        fill(tmp_path / "collected" / one.folder, 1000 * place, 6)
    fill(tmp_path / "reference", 50_000, 12)
    fill(tmp_path / "real", 60_000, 9)
    return tmp_path


def build(places: Path, name: str = "GM-CIFAR10", **settings: object) -> Path:
    given = {"reference": [str(places / "reference")], "real": [str(places / "real")], **settings}
    recipes.paper_set(name, places / "collected", places / "out", **given)  # type: ignore[arg-type]
    return places / "out"


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    application = typer.Typer()
    application.command()(recipes.recipes)
    application(list(words), standalone_mode=False)
    return capsys.readouterr().out


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.usefixtures("narrow")
def test_recipes_without_a_set_count_what_is_published(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {line.split()[0]: line.split() for line in shown(capsys).splitlines()}
    assert rows["GM-CIFAR10"] == ["GM-CIFAR10", "CIFAR-10", "32²", "12", "10", "1"]
    assert rows["GM-CHQ"][2:4] == ["256²", "17"]
    assert len(rows) == 5


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("chosen", paper_sets(), ids=lambda one: one.name)
def test_a_recipe_names_family_place_licence_and_commands_at_80_columns(
    capsys: pytest.CaptureFixture[str], chosen: PaperSet
) -> None:
    text = shown(capsys, chosen.name.lower())
    table, _, rest = text.partition("\n\n")
    lines = table.splitlines()
    assert max(map(len, lines)) <= 80
    for one in chosen.models:
        (row,) = [line for line in lines if line.startswith(f"{one.model} ")]
        assert f" {one.family} " in row
        assert "code: " in row
    for one in chosen.models:
        # Whole, not wrapped, so that they can be pasted.
        for command in one.commands:
            assert command in rest.splitlines()
    assert "…" not in table


def test_a_recipe_is_json_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = json.loads(shown(capsys, "GM-FFHQ", "--json"))
    assert [one["model"] for one in found["models"]] == [one.model for one in paper_set("GM-FFHQ").models]
    assert all(one["licence"] and one["sources"] and one["commands"] for one in found["models"])
    assert len(json.loads(shown(capsys, "--json"))) == 4


def test_an_unknown_set_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnknownNameError, match="did you mean GM-CelebA"):
        shown(capsys, "GM-Celeb")


def test_a_set_is_built_from_the_release_layout_with_roles(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = build(places)
    told = capsys.readouterr()
    assert told.out.strip().endswith("93 images, 12 of the 12 models of GM-CIFAR10")
    assert told.err == ""
    images = ImageSet.open(out)
    names = [one.name for one in paper_set("GM-CIFAR10").models]
    assert sorted(images.classes) == sorted([*names, "real"])
    pairs = list(zip(images.generators.tolist(), images.roles.tolist(), strict=True))
    for name in names:
        assert (pairs.count((name, "train")), pairs.count((name, "test"))) == (4, 2)
    assert pairs.count(("real", "reference")) == 12
    assert pairs.count(("real", "train")) + pairs.count(("real", "test")) == 9
    families = dict(zip(images.generators.tolist(), images.families.tolist(), strict=True))
    assert (families["ddgan"], families["nvae"], families["glow"], families["rve"]) == ("gan", "vae", "flow", "score")
    first = np.asarray(Image.open(places / "collected" / "score-rve" / "000.png"))
    np.testing.assert_array_equal(np.asarray(Image.open(out / "rve" / "000000.png")), first)


def test_the_same_images_make_the_same_set(places: Path) -> None:
    one = {path.name: path.read_bytes() for path in build(places).rglob("*.png")}
    manifest = (places / "out" / "manifest.csv").read_bytes()
    shutil.move(places / "out", places / "before")
    assert (build(places) / "manifest.csv").read_bytes() == manifest
    assert {path.name: path.read_bytes() for path in (places / "out").rglob("*.png")} == one


def test_a_partial_set_says_what_is_left_out(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(places / "collected" / "flow-macow")
    shutil.rmtree(places / "collected" / "vae-vae-bm")
    build(places, partial=True)
    told = capsys.readouterr()
    assert "note: 2 models are left out: VAE-BM, MaCow" in told.err
    assert "10 of the 12 models" in told.out
    assert "macow" not in ImageSet.open(places / "out").classes


@pytest.mark.parametrize(
    ("harm", "text"),
    [
        ("missing", "lacks 1 of the 12 models of GM-CIFAR10: MaCow; "),
        ("unknown", "stands for none of the models of GM-CIFAR10; "),
        ("size", "NVAE: images of 24 × 24 pixels"),
        ("reals", "the reals: images of 40 × 40 pixels"),
        ("shared", "is a reference too; "),
        ("stolen", "have the same pixels"),
        ("late", "other pixels than when it was first read"),
    ],
)
def test_a_mistake_leaves_nothing_half_written(
    places: Path, monkeypatch: pytest.MonkeyPatch, harm: str, text: str
) -> None:
    if harm == "missing":
        shutil.rmtree(places / "collected" / "flow-macow")
    elif harm == "unknown":
        (places / "collected" / "gan-progan").mkdir()
    elif harm == "size":
        shutil.rmtree(places / "collected" / "vae-nvae")
        fill(places / "collected" / "vae-nvae", 70_000, 6, side=24)
    elif harm == "reals":
        shutil.rmtree(places / "real")
        fill(places / "real", 80_000, 6, side=40)
    elif harm == "shared":
        shutil.copy(places / "reference" / "000.png", places / "real" / "again.png")
    elif harm == "stolen":
        shutil.copy(places / "collected" / "score-rve" / "000.png", places / "real" / "again.png")
    else:
        # The last image of the last model changes between the first reading and the writing.
        from manifpt.zoo import collected

        whole = collected.arranged

        def changed(*given: object, **settings: object) -> object:
            last = places / "collected" / "score-lsgm" / "005.png"
            Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(last)
            return whole(*given, **settings)  # type: ignore[arg-type]

        monkeypatch.setattr(collected, "arranged", changed)
    before = sorted(path.name for path in places.iterdir())
    with pytest.raises(ManifptError) as told:
        build(places)
    assert text in str(told.value)
    assert "\n" not in str(told.value)
    assert sorted(path.name for path in places.iterdir()) == before


def test_a_place_inside_the_collected_images_is_refused(places: Path) -> None:
    with pytest.raises(DataError, match="lies in"):
        recipes.paper_set(
            "GM-CIFAR10",
            places / "collected",
            places / "collected" / "out",
            reference=[str(places / "reference")],
            real=[str(places / "real")],
        )


def test_sizes_are_changed_on_the_users_word(places: Path) -> None:
    shutil.rmtree(places / "real")
    fill(places / "real", 80_000, 6, side=40)
    build(places, crop=32)
    images = ImageSet.open(places / "out")
    assert (images.height, images.width) == (32, 32)
