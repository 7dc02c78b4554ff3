"""The page of results is what its rows say."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from manifpt.methods.presets import FAULTS, presets
from manifpt.metrics.accuracy import balanced_accuracy
from manifpt.studies.comparison import answering
from manifpt.studies.rows import Rows, Run

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
ROWS = Rows(ROOT / "benchmarks" / "rows")
DATA = sorted(path.name for path in ROWS.folder.iterdir())


@pytest.fixture
def sets(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return __import__("results_sets")


def section(name: str) -> str:
    """Return the part of the page that is about a data set."""
    found = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^#|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"run python benchmarks/results.py: {name} is not on the page"
    return found[1]


def value(runs: list[Run]) -> str:
    truth, answers = (np.concatenate([getattr(run, name) for run in runs]) for name in ("truth", "answers"))
    return f"{100 * balanced_accuracy(truth=truth, answers=answers):.1f}"


@pytest.mark.parametrize("name", DATA)
def test_every_row_is_on_the_page_with_its_balanced_accuracy(name: str) -> None:
    source = name.endswith(" (source's references)")
    lines = {line.split("`")[1]: line for line in section(name.removesuffix(" (source's references)")).splitlines()
             if line.startswith("| `")}  # fmt: skip
    for method in sorted({run.key.method for run in ROWS.runs(data=name) if not run.notes.get("map")} - set(FAULTS)):
        runs = answering(ROWS, name, method)
        same = source and "the same" in lines[method]
        assert same or f"{value(runs)} [" in lines[method], f"{method}: run python benchmarks/results.py"
        assert f"| {len(runs)} |" in lines[method]


def test_every_set_and_direction_is_on_the_page(sets: ModuleType) -> None:
    for one in (*sets.SETS, *sets.DIRECTIONS):
        assert section(one.name)
    known = {one.name for one in (*sets.SETS, *sets.DIRECTIONS)}
    assert {name.removesuffix(" (source's references)") for name in DATA} <= known


def test_every_method_is_on_the_page_of_every_set_also_where_it_was_not_run(sets: ModuleType) -> None:
    for one in sets.SETS:
        assert set(re.findall(r"^\| `([^`]+)`", section(one.name), re.MULTILINE)) == set(presets())


def test_rows_tell_of_no_machine_and_of_equal_trials() -> None:
    for run in ROWS.runs():
        assert not any(path.startswith("/") for path in run.paths)
        if run.notes.get("map") or "fusion" in run.notes:
            continue
        assert len(run.notes["trials"]) == (1 if run.key.method == "marra19" else 3), run.key
