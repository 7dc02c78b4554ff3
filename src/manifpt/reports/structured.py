"""What fingerprints have to do with design choices, in plain words, tables and figures."""

from __future__ import annotations

from collections.abc import Iterator

from manifpt.reports import pictures
from manifpt.reports.origins import limits, origins
from manifpt.reports.runs import RunFolder, Structured
from manifpt.reports.sections import NONE, Cell, Column, Picture, Section, Table, number
from manifpt.reports.structure_tables import probability
from manifpt.reports.study import file_name
from manifpt.studies.effects import Effect
from manifpt.studies.grouping import FOUND, LEVELS, NOT_FOUND, UNDECIDED, Grouping

CLUSTERING = "k-means"
MANY = 30  # generators, above which a correlation with designs rests on more than a few


def verdict(run: RunFolder) -> tuple[str, ...]:
    """Return the result of each method in plain words."""
    return tuple(sentence for found in run.structures for sentence in _verdict(found))


def sections(run: RunFolder) -> tuple[Section, ...]:
    """Return what follows the verdict."""
    parts = [_section(run, found) for found in run.structures]
    return (*parts, origins(run.provenance, _terms(run)), limits(*_limits(run)))


def _verdict(found: Structured) -> Iterator[str]:
    rows = _rows(found)
    told = {what: [row.choice for row in rows if row.verdict == what] for what in (FOUND, NOT_FOUND, UNDECIDED)}
    groups = f"group by {_listed(told[FOUND])}" if told[FOUND] else "group by none of the choices"
    yield f"{found.method}: fingerprints of {found.generators} generators {groups}, beyond what shuffled labels reach."
    if told[NOT_FOUND]:
        yield f"Not found: {_listed(told[NOT_FOUND])}."
    if told[UNDECIDED]:
        yield (
            f"Cannot be decided with so few generators, or so few values: {_listed(told[UNDECIDED])}. Even groups that "
            "fit perfectly would not have been significant."
        )


def _listed(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _rows(found: Structured) -> list[Grouping]:
    """Return one grouping for each choice: by k-means where that was asked for, with as many groups as levels."""
    first: dict[str, Grouping] = {}
    for row in sorted(found.groupings, key=lambda row: (row.clustering != CLUSTERING, row.rule != LEVELS)):
        first.setdefault(row.choice, row)
    return list(first.values())


def _section(run: RunFolder, found: Structured) -> Section:
    text = [
        f"{found.generators} generators, {found.images_each} images of each, {found.distance} distance; p by "
        f"{found.permutations} shuffles{_within(found)}, corrected for the number of choices (Holm).",
        _mantel(found),
    ]
    return Section(
        found.method,
        text=tuple(text),
        tables=(_groups(found), _spread(found)),
        figures=tuple(_figures(run, found)),
    )


def _within(found: Structured) -> str:
    return f" within {' and '.join(found.within)}" if found.within else " among all generators"


def _mantel(found: Structured) -> str:
    if found.mantel is None:
        return (
            f"Whether designs that differ more have fingerprints further apart was not tested: {found.mantel_reason}."
        )
    correlation, p_value = found.mantel
    return (
        f"Designs that differ in more choices have fingerprints further apart: r {number(correlation, digits=2)}, "
        f"p {probability(p_value)} (Mantel)."
    )


def _groups(found: Structured) -> Table:
    columns = (
        Column("choice", numeric=False), Column("known"), Column("values"), Column("NMI"), Column("AMI"),
        Column("p"), Column("p (Holm)"), Column("finding", numeric=False, prose=True),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(row.choice), Cell(str(row.generators), row.generators), Cell(str(row.levels), row.levels),
            _number(row.nmi), _number(row.ami), _p(row.p_value), _p(row.corrected),
            Cell(f"{row.verdict}: {row.reason}" if row.reason else row.verdict),
        )
        for row in _rows(found)
    )  # fmt: skip
    return Table(
        "Groups of fingerprints against each choice, and of how many generators it is known. NMI is high by chance "
        "where generators are few; AMI is 0 by chance and 1 where groups and choice agree.",
        columns,
        rows,
    )


def _spread(found: Structured) -> Table:
    columns = (
        Column("choice", numeric=False), Column("share alone"), Column("p (Holm)"), Column("share beyond the others"),
        Column("p (Holm)"),
    )  # fmt: skip
    effects: dict[str, dict[bool, Effect]] = {}
    for one in found.effects:
        effects.setdefault(one.choice, {})[one.marginal] = one
    rows = tuple(
        (Cell(choice), *(cell for marginal in (False, True) for cell in _share(both.get(marginal))))
        for choice, both in effects.items()
    )
    return Table("Share of the spread of fingerprints that goes with each choice (R², PERMANOVA)", columns, rows)


def _share(one: Effect | None) -> tuple[Cell, Cell]:
    return (Cell(NONE), Cell(NONE)) if one is None else (_number(one.share), _p(one.corrected))


def _number(value: float | None) -> Cell:
    return Cell(NONE) if value is None else Cell(number(value, digits=2), value)


def _p(value: float | None) -> Cell:
    return Cell(NONE) if value is None else Cell(probability(value), value)


def _figures(run: RunFolder, found: Structured) -> Iterator[Picture]:
    name = file_name(found.method)
    for place, alt, caption in (
        (
            f"dendrogram-{name}.png",
            f"A tree of {found.generators} generators by their fingerprints, with a strip for each choice",
            "Generators whose fingerprints are alike stand near each other; strips show their choices.",
        ),
        (
            f"map-{name}.png",
            f"Maps of the fingerprints of {found.generators} generators, a panel for each choice",
            "Each point is a generator; near ones have fingerprints alike.",
        ),
    ):
        figure = pictures.figure(run.folder / place, alt=alt, caption=caption)
        if figure:
            yield figure


def _terms(run: RunFolder) -> tuple[str, ...]:
    return (
        "A fingerprint is the mean of a generator's features; nothing was trained for this. Every generator counts "
        "with as many images as the smallest has, and reals are left out.",
    ) if run.structures else ()  # fmt: skip


def _limits(run: RunFolder) -> list[str]:
    told = [
        "All of this is correlation. Choices come together in published models: what goes with one may be the work of "
        "another, or of who wrote the code.",
    ]
    if any(found.generators < MANY for found in run.structures):
        told.append("With few generators, what is not found may still be there.")
    if len(run.structures) > 1:
        told.append("p-values are corrected for the choices of one method, not for looking at several methods.")
    return told
