"""Scores on the terminal and as files."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manifpt.cli.text import cell, console, plain

if TYPE_CHECKING:
    from rich.table import Table

    from manifpt.metrics.interval import Interval
    from manifpt.studies.answers import Answers, Scores
    from manifpt.studies.exhibits import Exhibits

# Wider confusion matrices are unreadable on a terminal; the figure shows them.
MOST_COLUMNS = 10
SCORES, ANSWERS, CONFUSION = "scores.json", "answers.csv", "confusion.png"
# And a report, which `manifpt report` may have put beside them.
FILES = (SCORES, ANSWERS, CONFUSION, "run.json", "exhibits.safetensors", "report.html")


@dataclass(frozen=True, slots=True)
class Evaluated:
    """All that an evaluation leaves behind.

    Args:
        answers: About each image.
        scores: How good they are.
        exhibits: Images that are shown as evidence.
        provenance: What was asked for and used.
    """

    answers: Answers
    scores: Scores
    exhibits: Exhibits
    provenance: dict[str, Any]


def show(scores: Scores) -> None:
    """Print the figures of merit, the classes and, where it fits, the confusion matrix."""
    terminal = console()
    terminal.print(_figures(scores))
    terminal.print()
    terminal.print(_classes(scores))
    if len(scores.classes) <= MOST_COLUMNS:
        terminal.print()
        terminal.print(_confusion(scores))


def written(result: Evaluated, folder: Path) -> None:
    """Write all files of an evaluation as a folder that is whole or not there."""
    from manifpt.writing import replaced  # noqa: PLC0415

    with replaced(folder) as beside:
        added(result, beside)


def added(result: Evaluated, folder: Path) -> None:
    """Write all files of an evaluation into a folder that is there.

    They are ``scores.json``, ``answers.csv`` (a row per answer), ``confusion.png``, ``run.json`` (what was asked
    for and used) and ``exhibits.safetensors`` (images that are shown as evidence).
    """
    from manifpt.reports.confusion import confusion_figure  # noqa: PLC0415
    from manifpt.reports.style import saved  # noqa: PLC0415
    from manifpt.studies import exhibits, provenance  # noqa: PLC0415
    from manifpt.writing import replaced_file  # noqa: PLC0415

    answers, scores = result.answers, result.scores
    provenance.written(result.provenance, folder)
    result.exhibits.save(folder / exhibits.FILE)
    with replaced_file(folder / SCORES) as path:
        path.write_text(json.dumps(scores.record(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    with replaced_file(folder / ANSWERS) as path, path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "truth", "answer", "run", *(cell(f"p({name})") for name in scores.classes)])
        for row in zip(
            answers.paths, answers.truth, answers.answered, answers.runs, answers.probabilities, strict=True
        ):
            writer.writerow([*(cell(str(name)) for name in row[:3]), int(row[3]), *(f"{p:.6f}" for p in row[4])])
    title = f"balanced accuracy {_shown(scores.balanced_accuracy)}"
    saved(confusion_figure(scores.confusion, scores.classes, title=title), folder / CONFUSION)


def _figures(scores: Scores) -> Table:
    from rich.table import Table  # noqa: PLC0415  (rich loads only where something is drawn)

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    table.add_column(style="dim")
    table.add_row("balanced accuracy", _shown(scores.balanced_accuracy), f"chance {scores.chance:.1%}")
    table.add_row("accuracy", _shown(scores.accuracy), "95% intervals, by bootstrap")
    if scores.detection_auc:
        table.add_row("real against generated", _shown(scores.detection_auc, percent=False), "AUC")
    else:
        table.add_row("real against generated", "–", plain(scores.detection_reason or ""))
    table.add_row("log-loss", f"{scores.log_loss:.3f}", f"calibration error {scores.calibration_error:.3f}")
    if scores.fdr:
        table.add_row("FDR", f"{scores.fdr.interval}", f"{scores.fdr.dimensions} principal components")
    else:
        table.add_row("FDR", "–", plain(scores.fdr_reason or ""))
    rows = f"{scores.images} images, {len(scores.classes)} classes"
    table.add_row("time", f"{scores.seconds:.1f} s", f"{rows}, {scores.runs} attributors fitted")
    return table


def _classes(scores: Scores) -> Table:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("generator", overflow="fold")
    for name in ("precision", "recall", "images"):
        table.add_column(name, justify="right")
    for row in scores.per_class:
        table.add_row(plain(row.name), _share(row.precision), _share(row.recall), str(row.support))
    return table


def _confusion(scores: Scores) -> Table:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    matrix = scores.confusion.tolist()
    table = Table(
        box=None, header_style="bold", pad_edge=False, title="answers in columns, truth in rows", title_style="dim"
    )
    table.add_column("", overflow="fold")
    for name in scores.classes:
        table.add_column(plain(name), justify="right", overflow="fold")
    for index, name in enumerate(scores.classes):
        counts = [Text(str(count), "bold" if place == index else "") for place, count in enumerate(matrix[index])]
        table.add_row(plain(name), *counts)
    return table


def _shown(interval: Interval, *, percent: bool = True) -> str:
    if percent:
        return f"{interval.value:.1%} [{interval.low:.1%}, {interval.high:.1%}]"
    return str(interval)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
