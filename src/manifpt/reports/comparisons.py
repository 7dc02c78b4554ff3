"""What a table or figure of compared methods is made of: no method is hidden, also where it has no results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from manifpt.errors import UnknownNameError
from manifpt.methods.presets import preset
from manifpt.studies.attribution import LeftOut
from manifpt.studies.comparison import Line, compared
from manifpt.studies.rows import Rows


@dataclass(frozen=True, slots=True)
class Entry:
    """One method on one data set, whether or not there are results.

    Args:
        data: Name of the data set.
        method: Name of the method.
        line: Its figures of merit; None where it has no rows.
        left_out: What of it was not run.
    """

    data: str
    method: str
    line: Line | None
    left_out: tuple[LeftOut, ...] = ()

    @property
    def about(self) -> str:
        """What the method is, in a few words; nothing where no table knows it."""
        return _about(self.method)

    @property
    def reason(self) -> str:
        """Why there are no or fewer results; nothing where there are all."""
        if self.line is None:
            return "; ".join(one.reason for one in self.left_out) or "not run"
        return "; ".join(f"{one.runs} more runs: {one.reason}" for one in self.left_out)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Methods on one data set.

    Args:
        data: Its name.
        control: What each method was tested against.
        entries: The methods, in the order of the table.
        warning: What a reader must know of the data before any number; empty for nothing.
    """

    data: str
    control: str
    entries: tuple[Entry, ...]
    warning: str = ""

    @property
    def lines(self) -> list[Line]:
        """The figures of merit of the methods that have any."""
        return [entry.line for entry in self.entries if entry.line]

    @property
    def caption(self) -> str:
        """What is said about all of its numbers."""
        if not self.lines:
            return "no results"
        images, chance = max(line.images for line in self.lines), self.lines[0].chance
        warning = f"{self.warning}. " if self.warning else ""
        return (
            f"{warning}{images} images, {round(1 / chance)} classes, chance {chance:.1%}; intervals of 95%, by "
            "bootstrap over groups of images and, if several, runs; difference of the balanced accuracy to "
            f"{self.control}'s in points, p corrected (Holm)"
        )


def comparison(
    rows: Rows,
    data: str,
    methods: Sequence[str],
    *,
    left_out: Iterable[LeftOut] = (),
    control: str = "raw",
    seed: int = 0,
    warning: str = "",
) -> Comparison:
    """Return the methods on one data set: those asked for in their order, then others of which runs were left out.

    Args:
        rows: The results.
        data: Name of the data set.
        methods: Names.
        left_out: What the study did not run.
        control: What each method is tested against.
        seed: Of the bootstrap.
        warning: What a reader must know of the data before any number.
    """
    lines = compared(rows, data, methods, control=control, seed=seed)
    return replace(gathered(data, methods, lines, left_out, control=control), warning=warning)


def gathered(
    data: str, methods: Sequence[str], lines: Iterable[Line], left_out: Iterable[LeftOut] = (), *, control: str = "raw"
) -> Comparison:
    """Return lines, and what was left out, as the entries of a table; no name that occurs in either is missing."""
    found = {line.method: line for line in lines}
    lacking: dict[str, list[LeftOut]] = {}
    for one in left_out:
        lacking.setdefault(one.method, []).append(one)
    names = dict.fromkeys([*methods, *found, *lacking])
    entries = (Entry(data, name, found.get(name), tuple(lacking.get(name, ()))) for name in names)
    return Comparison(data, control, tuple(entries))


@cache
def _about(method: str) -> str:
    try:
        return preset(method).about
    except UnknownNameError:
        return ""
