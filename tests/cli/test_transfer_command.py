"""``manifpt transfer``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from manifpt.cli.many_methods import ROWS
from manifpt.studies.rows import Rows

Command = Callable[..., Any]
QUICK = ("--methods", "ricker22,durall20", "--against", "ricker22", "--no-cache")
FAST = ("--methods", "ricker22", "--against", "ricker22", "--no-cache")
STRIPES = 90 * (np.arange(16) % 8 == 0)
# Each class has a pattern that both code bases share; the third is of one set alone.
PATTERNS = {"dcgan": STRIPES[:, None, None], "wgan": STRIPES[None, :, None], "lsgan": 90, "real": 0}


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals are no matter here, and most of the time."""
    monkeypatch.setattr("manifpt.studies.comparison.RESAMPLES", 20)


def written(root: Path, seed: int, *names: str, each: int = 24, side: int = 16, suffix: str = "png") -> Path:
    """Write noise with the pattern of each name's class."""
    rng = np.random.default_rng(seed)
    for name in names:
        (root / name).mkdir(parents=True)
        pattern = PATTERNS[name.partition("-")[0].partition("_")[0].replace("wgangp", "wgan")]
        for index in range(each):
            pixels = rng.integers(60, 150, (16, 16, 3)) + pattern
            Image.fromarray(pixels.astype(np.uint8)).resize((side, side)).save(root / name / f"{index:03d}.{suffix}")
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sets with generators of other code bases, both in one, and reals apart."""
    folder = tmp_path_factory.mktemp("transfer")
    written(folder / "first", 0, "dcgan-one", "wgan_gp-one", "lsgan-one", "real")
    written(folder / "second", 1, "dcgan-two", "wgangp_res-two", "wgangp_cnn-two", "real")
    written(folder / "both", 2, "dcgan-one", "wgan_gp-one", "dcgan-two", "wgan_gp-two", "real")
    written(folder / "apart", 3, "real")
    written(folder / "again", 4, "dcgan-one", "wgan_gp-one", "real")
    return folder


@pytest.fixture
def sets(root: Path) -> tuple[Any, ...]:
    return root / "first", root / "second", "--reference", root / "apart", "--match", "model"


def test_classes_of_both_sets_are_told_and_then_what_transfers(command: Command, sets: tuple[Any, ...]) -> None:
    ended = command("transfer", *sets, *QUICK)
    assert ended.status == 0
    told = ended.err.splitlines()
    place = told.index("3 classes in both by model (class <- in the source | in the target):")
    assert told[place + 1 : place + 4] == [
        "dcgan <- dcgan-one | dcgan-two",
        "real <- real | real",
        "wgangp <- wgan_gp-one | wgangp_cnn-two, wgangp_res-two",
    ]
    lines = ended.out.splitlines()
    heads = [lines.index(f"first to second by model, with the {whose}'s references:") for whose in ("target", "source")]
    assert heads[0] < heads[1]
    for head in heads:
        assert (
            " ".join(lines[head + 1].split()) == "method balanced accuracy % less ricker22's p (Holm) AUC of real s/run"
        )
        by_name = {line.split()[0]: float(line.split()[1]) for line in lines[head + 2 : head + 4]}
        # Radial means cannot tell rows from columns, which the spectrum itself can.
        assert by_name["ricker22"] > 80
        assert by_name["durall20"] < by_name["ricker22"]
    assert ended.out.count("chance 33.3; 1 fitted attributor each") == 2


def test_results_are_kept_and_what_is_there_is_not_run_again(
    command: Command, sets: tuple[Any, ...], tmp_path: Path
) -> None:
    out = tmp_path / "study"
    first = json.loads(command("transfer", *sets, *FAST, "--out", out, "--json", "--name", "there").out)
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    assert {f"table.{kind}" for kind in ("md", "tex", "csv", "json")} <= {path.name for path in out.iterdir()}
    assert {run.key.data for run in Rows(out / ROWS).runs()} == {"there", "there (source's references)"}
    second = json.loads(command("transfer", *sets, *QUICK, "--out", out, "--json", "--name", "there").out)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(list(out.rglob("*.parquet"))) == 4
    assert [line for line in second["lines"] if line["method"] == "ricker22"] == first["lines"]
    assert first["matched"] == {
        "dcgan": {"source": ["dcgan-one"], "target": ["dcgan-two"]},
        "real": {"source": ["real"], "target": ["real"]},
        "wgangp": {"source": ["wgan_gp-one"], "target": ["wgangp_cnn-two", "wgangp_res-two"]},
    }
    assert first["left_out"] == []
    # A class of 24 images in the target, and one of 48.
    assert [line["images"] for line in first["lines"]] == [4 * 24, 4 * 24]


def test_a_budget_of_nothing_runs_nothing_and_says_so(command: Command, sets: tuple[Any, ...]) -> None:
    ended = command("transfer", *sets, *QUICK, "--budget", 0, "--references", "source")
    assert ended.status == 0
    assert ended.out.count("left out: durall20 (1 run): the budget was spent") == 1
    record = json.loads(command("transfer", *sets, *FAST, "--budget", 0, "--json", "--name", "n").out)
    assert record["lines"] == []
    left = {"method": "ricker22", "runs": 1, "reason": "the budget was spent"}
    assert record["left_out"] == [{"data": "n", **left}, {"data": "n (source's references)", **left}]


def test_repeats_are_trainings_with_seeds_of_their_own(command: Command, sets: tuple[Any, ...]) -> None:
    words = ("--repeats", 2, "--references", "target", "--json")
    (line,) = json.loads(command("transfer", *sets, *FAST, *words).out)["lines"]
    assert (line["runs"], line["repeats"], line["images"]) == (2, 2, 4 * 24)


def test_code_bases_of_one_set_are_asked_about_each_other(command: Command, root: Path) -> None:
    words = ("--codes", "two,one", "--reference", root / "apart", "--references", "target")
    ended = command("transfer", root / "both", *words, *FAST)
    assert ended.status == 0
    assert "dcgan <- dcgan-two | dcgan-one" in ended.err.splitlines()
    assert "both two to one by model, with the target's references:" in ended.out


def test_generators_are_chosen_in_each_set(command: Command, root: Path) -> None:
    words = (root / "first", root / "again", "--reference", root / "apart", "--references", "target", "--json")
    chosen = ("--generators", "*-one", "--target-generators", "dcgan*", "--target-generators", "wgan*")
    record = json.loads(command("transfer", *words, *chosen, *FAST).out)
    assert sorted(record["matched"]) == ["dcgan-one", "wgan_gp-one"]
    (line,) = record["lines"]
    assert (line["data"], line["images"]) == ("first to again by generator", 2 * 24)


def test_references_of_the_target_are_those_of_the_source_unless_it_has_its_own(command: Command, root: Path) -> None:
    words = ("transfer", root / "first", root / "again", "--reference", root / "apart", *FAST, "--budget", 0)
    told = [line for line in command(*words).err.splitlines() if line.startswith("reference: ")]
    assert told == ["reference: 24 reals"] * 2
    own = written(root / "own", 5, "real", each=7)
    told = [
        line for line in command(*words, "--target-reference", own).err.splitlines() if line.startswith("reference: ")
    ]
    assert told == ["reference: 24 reals", "reference: 7 reals"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            "{first} {second} --match generator",
            "real is in both sets (the source has dcgan-one, lsgan-one, real, wgan_gp-one; the target dcgan-two, real, "
            "wgangp_cnn-two, wgangp_res-two); expected at least 2 classes in both, `real` among them or not; match "
            "them by model or by family, or take other sets",
        ),
        ("{first} {second} --match family", "nothing says of which family dcgan-one is; expected one of "),
        (
            "{first} {second} --match design",
            "Invalid value for '--match': 'design' is not one of 'generator', 'model', 'family'; expected what",
        ),
        (
            "{first} {large} --target-reference {wide}",
            "the source's images are 16 × 16 pixels and the target's 24 × 24; expected one size; open both with "
            "--resize 16 (resize=16 in Python), which changes the trace",
        ),
        (
            "{first} {copy}",
            "(4 such images); expected sets that share no image but references of both; leave the images out of "
            "one set",
        ),
        (
            "{first}",
            "{first} was given, and no TARGET that is asked about; expected `manifpt transfer SOURCE TARGET`, or "
            "`manifpt transfer SOURCE --codes CODE,CODE`; give a second set, or two code bases of this one",
        ),
        (
            "{first} {first}",
            "{first} is SOURCE and TARGET; expected two sets that share no image but references; give another TARGET, "
            "or --codes for two code bases of one set",
        ),
        (
            "{both} --codes one,three",
            "'three' is no code base of the set; expected two of one, two; name others",
        ),
        ("{both} --codes one,one", "'one' is given twice; expected two of one, two; name others"),
        (
            "{both} --codes one",
            "--codes is 'one'; expected two code bases with a comma between them, the one that trains first; "
            "write --codes CODE,CODE",
        ),
        (
            "{both} {second} --codes one,two --target-real {apart}",
            "TARGET and --target-real was given with --codes; expected SOURCE alone: both code bases are in it; "
            "leave it out, or leave --codes out to ask about another set",
        ),
        ("{first} {absent}", "{absent}"),
        ("{first} {second} --name a/b", "'a/b' cannot be the name of a data set; expected one line"),
        ("{first} {second} {both}", "Got unexpected extra argument"),
        ("{first} {second} --references none", "Invalid value for '--references': 'none' is not one of"),
        (
            "{first} {second} --out {apart}",
            "{apart} exists and holds no results of a study; expected a new folder, or one that `manifpt evaluate "
            "--methods` or `manifpt transfer` wrote; choose another --out",
        ),
    ],
)
def test_mistakes_end_with_one_line(
    command: Command, root: Path, places: dict[str, Path], words: str, text: str
) -> None:
    given = [word.format(**places) for word in words.split()]
    ended = command("transfer", *given, "--reference", root / "apart", *FAST)
    assert (ended.status, ended.out) == (2, "")
    *notes, line = ended.err.splitlines()
    assert line.startswith("manifpt: error: ")
    assert text.format(**places) in line
    assert not any("error" in note for note in notes)


@pytest.fixture(scope="module")
def places(root: Path) -> dict[str, Path]:
    """Sets by name, with one of another size and one that shares images."""
    written(root / "large", 6, "dcgan-one", "wgan_gp-one", "real", side=24, each=3)
    written(root / "wide", 9, "real", side=24, each=3)
    for name in ("dcgan-one", "wgan_gp-one"):
        (root / "copy" / name).mkdir(parents=True)
        for index in range(2):
            Image.open(root / "first" / name / f"{index:03d}.png").save(root / "copy" / name / f"{index}.png")
    return {
        name: root / name for name in ("first", "second", "both", "apart", "large", "wide", "copy", "absent")
    }  # fmt: skip


def test_methods_are_needed_and_known(command: Command, root: Path) -> None:
    ended = command("transfer", root / "first", root / "second")
    assert ended.status == 2
    assert "Missing option '--methods'" in ended.err
    ended = command("transfer", root / "first", root / "second", "--methods", "durall21")
    assert ended.status == 2
    assert "'durall21' is not one of the methods" in ended.err


def test_files_that_give_the_class_away_are_refused_unless_allowed(
    command: Command, root: Path, tmp_path: Path
) -> None:
    written(tmp_path / "mixed", 7, "real", "dcgan-one", each=30)
    written(tmp_path / "mixed", 8, "wgan_gp-one", each=30, suffix="jpg")
    words = ("transfer", root / "first", tmp_path / "mixed", "--reference", root / "apart", *FAST)
    refused = command(*words)
    assert (refused.status, refused.out) == (2, "")
    assert "in the target, file format gives the generator away" in refused.err
    allowed = command(*words, "--allow-shortcuts", "--budget", 0)
    assert allowed.status == 0
    assert "note: in the target, file format gives the generator away" in allowed.err
