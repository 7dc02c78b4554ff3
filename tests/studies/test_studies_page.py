"""docs/studies.md says what there is, and its example runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from manifpt.methods.presets import FAULTS, PRESETS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_method_is_named(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_faults_are_named_by_what_they_end_in() -> None:
    assert {name.split("-", 1)[1] for name in FAULTS} == {
        *("reals-in-reference", "clipped", "all-faults", "neighbors-in-rgb"),
    }
    for ending in ("reals-in-reference", "clipped", "all-faults", "neighbors-in-rgb"):
        assert ending in PAGE


def test_the_example_runs_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    found: dict[str, Any] = {}
    exec(example, found)  # what the page shows is what is run
    assert found["left_out"] == []
    assert [line.method for line in found["lines"]] == ["ricker22", "durall20"]
    assert found["lines"][1].difference is not None
