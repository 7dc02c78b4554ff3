"""The tables of the page about structure are what was measured."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from manifpt.studies.grouping import verdict

ROOT = Path(__file__).parents[1]


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return __import__("structure_tables")


def test_the_page_holds_the_tables_of_what_was_measured(tables: Any) -> None:
    page = (ROOT / "docs" / "structure.md").read_text(encoding="utf-8")
    written = page.partition(tables.BEGIN)[2].partition(tables.END)[0]
    assert written == tables.section(tables.stored()), "run python benchmarks/structure_tables.py"


def test_every_set_was_looked_at_by_every_method_and_verdicts_follow_from_the_numbers(tables: Any) -> None:
    found = tables.stored()
    assert set(found) == {f"{one.name}/{method}" for one in tables.LOOKED for method in tables.METHODS}
    for measured in found.values():
        for row in (*measured["groups"].values(), *measured["spread"].values()):
            assert row["verdict"] == verdict(row["corrected"], least_p=row["least_p"])


def test_a_claim_holds_where_every_space_finds_it(tables: Any) -> None:
    assert tables._whole(["found", "found (spread: not found)"]) == "holds"
    assert tables._whole(["found", "not found"]) == "holds in 1 of 2"
    assert tables._whole(["not found", "cannot be decided"]) == "fails"
    assert tables._whole(["cannot be decided"] * 2) == "cannot be decided"
