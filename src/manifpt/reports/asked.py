"""Images whose generator was asked for, in plain words and tables."""

from __future__ import annotations

from collections import Counter
from typing import Any

from manifpt.reports.exhibited import evidence
from manifpt.reports.origins import limits, origins
from manifpt.reports.runs import RunFolder
from manifpt.reports.sections import NONE, Cell, Column, Section, Table, number, percent, without_places
from manifpt.studies.inputs import below

SURE, UNSURE = 0.9, 0.5
SHOWN = 16  # hexadecimal digits of a digest


def verdict(run: RunFolder) -> tuple[str, ...]:
    """Return the answers in plain words."""
    sound = [one for one in run.attributions if "error" not in one]
    failed = len(run.attributions) - len(sound)
    told = [_one(sound[0])] if len(sound) == 1 else _many(sound)
    if failed:
        told.append(
            f"{failed:,} input{'s' if failed > 1 else ''} could not be read or used; the table below tells why."
        )
    if sound:
        classes = ", ".join(sound[0]["probabilities"])
        told.append(f"Only these could be named: {classes}.")
    return tuple(told)


def sections(run: RunFolder, *, references: bool) -> tuple[Section, ...]:
    """Return what follows the verdict."""
    return (
        _answers(run),
        evidence(run.exhibits, references=references),
        origins(run.provenance),
        limits(
            "How often this model is right is not measured here: `manifpt evaluate` does that, on "
            "images whose generator is "
            "known. A probability is right on average only for images like those."
        ),
    )


def _one(answer: dict[str, Any]) -> str:
    share = answer["probability"]
    how = "almost surely" if share >= SURE else "probably" if share >= UNSURE else "perhaps"
    second = ""
    if answer["runner_up"] is not None:
        second = (
            f"; the second guess is {answer['runner_up']} ({percent(answer['probabilities'][answer['runner_up']])})"
        )
    name = without_places(answer["path"]).removeprefix("…/")
    return (
        f"Among the generators that the model knows, {name} was {how} made by {answer['generator']} "
        f"({percent(share)}){second}."
    )


def _many(answers: list[dict[str, Any]]) -> list[str]:
    if not answers:
        return ["No image could be attributed."]
    counts = Counter(one["generator"] for one in answers)
    named = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])))
    unsure = sum(one["probability"] < UNSURE for one in answers)
    told = [f"{len(answers):,} images were attributed: {named}."]
    if unsure:
        told.append(
            f"{unsure:,} of these answers have a probability below {percent(UNSURE, digits=0)}: take them as open."
        )
    return told


def _answers(run: RunFolder) -> Section:
    names = below([one["path"] for one in run.attributions]) if run.attributions else ()
    rows, failures = [], []
    for name, one in zip(names, run.attributions, strict=True):
        if "error" in one:
            failures.append((Cell(str(name)), Cell(without_places(one["error"]))))
            continue
        second, percentile = one["runner_up"], one["real_percentile"]
        guess = NONE if second is None else f"{second}, {percent(one['probabilities'][second])}"
        rows.append((
            Cell(str(name)),
            Cell(one["generator"]),
            Cell(percent(one["probability"]), one["probability"]),
            Cell(guess),
            Cell(number(one["distance"], digits=2), one["distance"]),
            Cell(NONE) if percentile is None else Cell(f"{percentile:.0f}\xa0%", percentile),
            Cell("; ".join(one["warnings"]) or NONE),
            Cell((one["sha256"] or NONE)[:SHOWN]),
        ))  # fmt: skip
    columns = (
        Column("image", numeric=False), Column("answer", numeric=False), Column("probability"),
        Column("runner-up", numeric=False), Column("distance"), Column("reals that lie closer"),
        Column("notes", numeric=False, prose=True), Column("SHA-256 begins", numeric=False),
    )  # fmt: skip
    tables = [Table("What was answered about each image", columns, tuple(rows))] if rows else []
    if failures:
        headings = (Column("input", numeric=False), Column("why there is no answer", numeric=False, prose=True))
        tables.append(Table("Inputs without an answer", headings, tuple(failures)))
    return Section("Answers", tables=tuple(tables))
