"""Studies of the structure of fingerprints as Markdown, LaTeX, CSV and JSON: the same results give the same bytes.

No choice is left out: one that could not be tested has a row that says why.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from manifpt.metrics.mantel import Mantel
from manifpt.reports.text import cell, code, latex, markdown
from manifpt.studies.effects import Effect
from manifpt.studies.grouping import Grouping
from manifpt.studies.structure import Structure

NONE, MINUS = "–", "−"

HEADINGS = (
    "generators", "levels", "left out", "NMI", "AMI", "ARI", "p", "p (Holm)", "least p", "R²", "p (Holm)",
    "R² beyond", "p (Holm)",
)  # fmt: skip
FIELDS = (
    "choice", "clustering", "rule", "generators", "levels", "left_out", "clusters", "nmi", "ami", "ari", "share",
    "statistic", "degrees", "residual", "p_value", "corrected", "least_p", "verdict", "reason",
)  # fmt: skip


def figures(found: Structure, choice: str, *, clustering: str, rule: str) -> list[str]:
    """Return the numbers of a choice as they are printed, in the order of the headings; p-values of R² are Holm's.

    Args:
        found: The study.
        choice: A name of its choices.
        clustering: How fingerprints were grouped.
        rule: What gave the number of groups.
    """
    row = found.grouping(choice, clustering=clustering, rule=rule)
    alone, beyond = found.effect(choice), found.effect(choice, marginal=True)
    return [
        *(str(many) for many in (row.generators, row.levels, row.left_out)),
        *(_share(value) for value in (row.nmi, row.ami, row.ari)),
        *(probability(value) for value in (row.p_value, row.corrected, row.least_p)),
        *(text for one in (alone, beyond) for text in _effect(one)),
    ]


def notes(found: Structure, choice: str, *, clustering: str, rule: str) -> str:
    """Return what is to be said of a choice: why something is missing; nothing where all is there."""
    row = found.grouping(choice, clustering=clustering, rule=rule)
    beyond = found.effect(choice, marginal=True)
    told = [row.reason, f"beyond the others: {beyond.reason}" if beyond and beyond.reason else ""]
    return "; ".join(text for text in told if text)


def caption(found: Structure, *, clustering: str, rule: str) -> str:
    """Return what is said about all numbers of a study."""
    groups = "as many as the choice has levels" if rule == "levels" else "chosen by silhouette"
    within = f" within {' and '.join(found.within)}" if found.within else ""
    generators = found.distances.generators
    return (
        f"{len(generators)} generators, {found.distances.images} images of each; {found.distances.kind} distance; "
        f"groups by {clustering}, {groups}; p by {found.permutations} shuffles of the choice among generators{within}, "
        "corrected for the number of choices (Holm); R² by PERMANOVA, alone and beyond the others of "
        f"{', '.join(found.terms)}"
    )


def mantel_line(found: Structure) -> str:
    """Return the Mantel test in words."""
    test = found.mantel
    if not isinstance(test, Mantel):
        return f"distance of designs and of fingerprints: not tested, for {test}"
    return (
        f"distance of designs and of fingerprints: r {_share(test.correlation)}, p {probability(test.p_value)} "
        f"(Mantel, {test.items} generators, share of {', '.join(found.terms)} that differ)"
    )


def as_markdown(studies: Sequence[Structure], *, clustering: str = "k-means", rule: str = "levels") -> str:
    """Return a section with two tables for each study: one grouping in full, and the AMI of all groupings."""
    parts = [line for found in studies for line in _section(found, clustering, rule)]
    return "".join(f"{line}\n" for line in parts)


def as_latex(studies: Sequence[Structure], *, clustering: str = "k-means", rule: str = "levels") -> str:
    """Return one ``tabular`` for booktabs, with a part for each study."""
    lines = [
        r"% needs \usepackage{booktabs} and \usepackage[T1]{fontenc}",
        rf"\begin{{tabular}}{{l{'r' * len(HEADINGS)}l}}",
        r"\toprule",
        rf"{' & '.join(_typeset(head) for head in ('choice', *HEADINGS, 'note'))} \\",
    ]
    asked = {"clustering": clustering, "rule": rule}
    for found in studies:
        told = f"{caption(found, **asked)}; {mantel_line(found)}"
        lines += [
            r"\midrule",
            rf"\multicolumn{{{len(HEADINGS) + 2}}}{{l}}{{\texttt{{{latex(found.method)}}}: {_typeset(told)}}} \\",
            r"\midrule",
        ]
        for choice in found.choices.names:
            texts = (
                latex(choice),
                *(_typeset(text) for text in figures(found, choice, **asked)),
                _typeset(notes(found, choice, **asked)),
            )
            lines.append(rf"{' & '.join(texts)} \\")
    return "".join(f"{line}\n" for line in [*lines, r"\bottomrule", r"\end{tabular}"])


def as_csv(studies: Sequence[Structure]) -> str:
    """Return a row for each analysis, numbers in full; names are `cell`, empty where there is no number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["method", "distance", "images_each", "within", "permutations", "seed", "analysis", *FIELDS])
    for found in studies:
        head = [
            cell(found.method), found.distances.kind, found.distances.images, cell(" ".join(found.within)),
            found.permutations, found.seed,
        ]  # fmt: skip
        for analysis, row in _analyses(found):
            values = (row.get(field) for field in FIELDS)
            writer.writerow([*head, analysis, *(cell(one) if isinstance(one, str) else one for one in values)])
    return text.getvalue()


def as_json(studies: Sequence[Structure]) -> str:
    """Return the studies as JSON: every number in full, every name exact."""
    return json.dumps({"studies": [found.record() for found in studies]}, indent=1, allow_nan=False) + "\n"


def distances_csv(found: Structure) -> str:
    """Return the distances between fingerprints, a row and a column for each generator; names are `cell`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [cell(name) for name in found.distances.generators]
    writer.writerow(["generator", *names])
    writer.writerows([name, *row] for name, row in zip(names, found.distances.matrix.tolist(), strict=True))
    return text.getvalue()


FORMATS: MappingProxyType[str, Callable[[Sequence[Structure]], str]] = MappingProxyType(
    {"md": as_markdown, "tex": as_latex, "csv": as_csv, "json": as_json}
)


def probability(value: float | None) -> str:
    """Return a p-value as it is printed.

    Example:
        >>> probability(0.0123), probability(None)
        ('0.012', '–')
    """
    return NONE if value is None else f"{value:.3f}" if value >= 0.001 else f"{value:.1g}"  # noqa: PLR2004


def _share(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}".replace("-", MINUS)


def _effect(one: Effect | None) -> tuple[str, str]:
    return (NONE, NONE) if one is None else (_share(one.share), probability(one.corrected))


def _section(found: Structure, clustering: str, rule: str) -> Iterator[str]:
    yield f"## {code(found.method)}"
    yield ""
    yield f"{markdown(caption(found, clustering=clustering, rule=rule))}."
    yield ""
    yield f"| {' | '.join(('choice', *HEADINGS, 'note'))} |"
    yield f"|---|{'---:|' * len(HEADINGS)}---|"
    for choice in found.choices.names:
        told = notes(found, choice, clustering=clustering, rule=rule)
        row = figures(found, choice, clustering=clustering, rule=rule)
        yield f"| {' | '.join((code(choice), *row, markdown(told)))} |"
    yield ""
    yield f"{markdown(mantel_line(found))}."
    yield ""
    ways = list(dict.fromkeys((one.clustering, one.rule) for one in found.groupings))
    yield "AMI, and p (not corrected), of all groupings, as many as the choice has levels or chosen by silhouette:"
    yield ""
    yield f"| choice | {' | '.join(f'{way}, {rule}' for way, rule in ways)} |"
    yield f"|---|{'---:|' * len(ways)}"
    for choice in found.choices.names:
        rows = (found.grouping(choice, clustering=way, rule=by) for way, by in ways)
        yield f"| {code(choice)} | {' | '.join(f'{_share(one.ami)} ({probability(one.p_value)})' for one in rows)} |"
    yield ""


def _analyses(found: Structure) -> Iterator[tuple[str, dict[str, Any]]]:
    rows: list[tuple[str, Grouping | Effect]] = [("groups", one) for one in found.groupings]
    rows += [("beyond the others" if one.marginal else "alone", one) for one in found.effects]
    for analysis, one in rows:
        yield analysis, asdict(one) | {"verdict": one.verdict}
    test = found.mantel
    yield (
        "mantel",
        (
            {"generators": test.items, "statistic": test.correlation, "p_value": test.p_value}
            if isinstance(test, Mantel)
            else {"reason": test}
        ),
    )


def _typeset(text: str) -> str:
    kept = text.replace("R²", "\0").replace(NONE, "\1").replace(MINUS, "\2")
    shown = "".join(
        {"\0": "$R^2$", "\1": "--", "\2": "$-$"}.get(part, latex(part)) for part in _split(kept)
    )  # fmt: skip
    return shown


def _split(text: str) -> Iterator[str]:
    part = ""
    for letter in text:
        if letter in "\0\1\2":
            yield from (part, letter)
            part = ""
        else:
            part += letter
    yield part
