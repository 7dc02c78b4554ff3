"""The work of ``manifpt transfer``: what is the same in two sets, many methods, and the tables of their results."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from manifpt.cli.given import GivenImages
from manifpt.cli.many_methods import MINUTE, chosen, kept, refuse_shortcuts, refuse_unusable_store, show
from manifpt.cli.ran import command
from manifpt.cli.text import plain, tell

if TYPE_CHECKING:
    from manifpt.images import ImageSet
    from manifpt.studies.attribution import LeftOut
    from manifpt.studies.matching import Matching
    from manifpt.studies.rows import Rows
    from manifpt.studies.transfer import Pair, References


class Match(StrEnum):
    """What makes two generators one class."""

    GENERATOR = "generator"
    MODEL = "model"
    FAMILY = "family"


class Whose(StrEnum):
    """Whose references the target's images are projected onto."""

    TARGET = "target"
    SOURCE = "source"
    BOTH = "both"

    @property
    def each(self) -> tuple[References, ...]:
        """Each of them alone."""
        if self is Whose.BOTH:
            return "target", "source"
        return ("target",) if self is Whose.TARGET else ("source",)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a transfer was asked for.

    Args:
        methods: Names, or ``all``.
        match: What makes two generators one class.
        references: Whose references the target's images are projected onto.
        repeats: Trainings of each.
        budget: Minutes after which nothing new begins; None for no limit.
        control: What each method is tested against.
        seed: Of everything random.
        cached: Whether projections and costly points are kept.
        shortcuts: Whether files may give the class away.
    """

    methods: Sequence[str]
    match: Match
    references: Whose
    repeats: int
    budget: float | None
    control: str
    seed: int
    cached: bool
    shortcuts: bool


def ask(
    given: GivenImages,
    other: GivenImages | tuple[str, str],
    wanted: Wanted,
    *,
    name: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Run what is missing of a transfer, then print everything from the rows.

    Args:
        given: The set that trains.
        other: The set that is asked about; or two code bases of the only set, of which the first trains.
        wanted: Which methods, and how often.
        name: How the rows call the transfer; made of file names when None.
        out: Folder whose ``rows`` keep the results; None forgets them.
        as_json: Whether to print JSON.

    Raises:
        UnknownNameError: A method is in no table.
        DataError: The name cannot be that of a folder, OUT holds something else, fewer than two classes are in both
            sets, or files give their class away.
        ImageError: The sets differ in size.
        LeakError: An image is in both sets and not a reference of both.
    """
    from manifpt.cache import Cache  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.studies import provenance  # noqa: PLC0415
    from manifpt.studies.comparison import compared  # noqa: PLC0415
    from manifpt.studies.rows import Key  # noqa: PLC0415
    from manifpt.studies.transfers import TransferStudy  # noqa: PLC0415

    started = time.monotonic()
    names = chosen(wanted.methods, wanted.control)
    if out:
        refuse_unusable_store(out)
    called = name or _called(given, other, wanted.match)
    Key(called, wanted.control, 0, 0)  # a name that cannot be kept is refused before any image is read
    source, target = _opened(given, other, wanted.seed)
    matched = _matching(wanted.match, source, target)
    cache = Cache() if wanted.cached else None
    with kept(out) as rows:
        study = TransferStudy(called, source, target, matched, rows, seed=wanted.seed, cache=cache)
        tell(_matched(study.pair, wanted.match))
        found = [
            refuse_shortcuts(images, allowed=wanted.shortcuts, seed=wanted.seed, where=where)
            for where, images in (("in the source, ", source), ("in the target, ", target))
        ]
        deadline = None if wanted.budget is None else started + wanted.budget * MINUTE
        turns = [
            (whose, study.run(names, repeats=wanted.repeats, references=[whose], deadline=deadline))
            for whose in wanted.references.each
        ]
        tables = [
            (whose, compared(rows, study.called(whose), names, control=wanted.control, seed=wanted.seed), left)
            for whose, left in turns
        ]
        if out:
            provenance.written(
                provenance.provenance(command(), seed=wanted.seed, data={"trained on": source, "asked about": target}),
                out,
            )
            _write(
                rows, {study.called(whose): left for whose, left in turns}, out, wanted, "; ".join(filter(None, found))
            )
    if as_json:
        record = {
            "matched": {one: {"source": ours, "target": theirs} for one, (ours, theirs) in study.pair.members.items()},
            "lines": [line.record() for _, lines, _ in tables for line in lines],
            "left_out": [{"data": study.called(whose), **asdict(one)} for whose, _, left in tables for one in left],
        }
        sys.stdout.write(json.dumps(record, allow_nan=False) + "\n")
        return
    for whose, lines, left in tables:
        typer.echo(f"{plain(called)}, with the {whose}'s references:")
        show(lines, left, wanted.control)
    if out:
        typer.echo(f"wrote {plain(str(out))}: table.md, table.tex, table.csv, table.json, run.json, and figures")
        typer.echo(f"next: manifpt report {plain(str(out))}")


def _write(rows: Rows, left: dict[str, list[LeftOut]], out: Path, wanted: Wanted, warning: str) -> None:
    """Write all tables and figures of the references that were asked for."""
    from manifpt.reports.study import written  # noqa: PLC0415  (commands load what they need when they run)

    written(
        rows,
        list(left),
        chosen(wanted.methods, wanted.control),
        left,
        out,
        control=wanted.control,
        seed=wanted.seed,
        warnings=dict.fromkeys(left, warning),
    )


def _opened(given: GivenImages, other: GivenImages | tuple[str, str], seed: int) -> tuple[ImageSet, ImageSet]:
    """Return the images that train and those that are asked about."""
    from manifpt.studies.matching import code_bases  # noqa: PLC0415  (commands load what they need when they run)

    images = given.opened()
    if isinstance(other, GivenImages):
        return images, other.opened()
    return code_bases(images, source=other[0], target=other[1], seed=seed)


def _called(given: GivenImages, other: GivenImages | tuple[str, str], match: Match) -> str:
    """Return what the rows call a transfer that the user gave no name."""
    source = Path(given.data).resolve().name
    if isinstance(other, GivenImages):
        return f"{source} to {Path(other.data).resolve().name} by {match}"
    return f"{source} {other[0]} to {other[1]} by {match}"


def _matching(match: Match, source: ImageSet, target: ImageSet) -> Matching:
    from manifpt.studies.matching import by_family, by_generator, by_model  # noqa: PLC0415

    rules = {Match.GENERATOR: by_generator, Match.MODEL: by_model, Match.FAMILY: by_family}
    return rules[match](source, target)


def _matched(pair: Pair, match: Match) -> str:
    """Return which classes take part, a line for each."""
    told = [f"{plain(name)} <- {_listed(ours)} | {_listed(theirs)}" for name, (ours, theirs) in pair.members.items()]
    return "\n".join([f"{len(told)} classes in both by {match} (class <- in the source | in the target):", *told])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(plain, names))
