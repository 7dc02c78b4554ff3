"""A comparison of methods as Markdown, LaTeX, CSV and JSON: the same rows give the same bytes.

No table hides a method: one that was left out has a row that says why.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from types import MappingProxyType

from manifpt.metrics.interval import Interval
from manifpt.reports.comparisons import Comparison, Entry
from manifpt.reports.text import cell, code, latex, markdown
from manifpt.studies.comparison import Line

NONE, MINUS = "–", "−"
LEAST = 0.001  # p-values below are not told apart
QUICK = 10  # seconds, below which tenths count

HEADINGS = (
    "accuracy %", "balanced accuracy %", "macro-F1", "log-loss", "ECE", "AUC real", "FDR", "difference", "p", "runs",
    "s/run",
)  # fmt: skip
INTERVALS = ("accuracy", "balanced_accuracy", "detection_auc", "fdr", "difference")
SINGLE = (
    "macro_f1", "log_loss", "calibration_error", "p_value", "runs", "repeats", "images", "chance", "seconds", "threads",
    "trials",
)  # fmt: skip


def as_markdown(comparisons: Sequence[Comparison]) -> str:
    """Return a section with a table for each data set."""
    return "\n".join("".join(f"{line}\n" for line in _section(one)) for one in comparisons)


def as_latex(comparisons: Sequence[Comparison]) -> str:
    """Return one ``tabular`` for booktabs, with a part for each data set."""
    whole = 2 + len(HEADINGS) + 1
    lines = [
        r"% needs \usepackage{booktabs} and \usepackage[T1]{fontenc}",
        rf"\begin{{tabular}}{{ll{'r' * len(HEADINGS)}l}}",
        r"\toprule",
        rf"{' & '.join(map(latex, ('method', 'about', *HEADINGS, 'left out')))} \\",
    ]
    for one in comparisons:
        lines += [
            r"\midrule",
            rf"\multicolumn{{{whole}}}{{l}}{{\texttt{{{latex(one.data)}}}: {latex(one.caption)}}} \\",
            r"\midrule",
        ]
        for entry in one.entries:
            figures = (_typeset(figure) for figure in _figures(entry, one.control))
            texts = rf"\texttt{{{latex(entry.method)}}}", latex(entry.about), *figures, latex(entry.reason)
            lines.append(rf"{' & '.join(texts)} \\")
    return "".join(f"{line}\n" for line in [*lines, r"\bottomrule", r"\end{tabular}"])


def as_csv(comparisons: Sequence[Comparison]) -> str:
    """Return a row for each data set and method, numbers in full; names are `cell`, empty where there is no number."""
    text = io.StringIO()
    bounds = [f"{name}{end}" for name in INTERVALS for end in ("", "_low", "_high")]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([
        "data", "method", "about", "control", *bounds, *SINGLE, "fdr_reason", "left_out_runs", "left_out"
    ])  # fmt: skip
    for one in comparisons:
        for entry in one.entries:
            names = (one.data, entry.method, entry.about, one.control)
            left = sum(missing.runs for missing in entry.left_out)
            reason = (entry.line.fdr_reason if entry.line else None) or ""
            writer.writerow([*map(cell, names), *_numbers(entry.line), cell(reason), left, cell(entry.reason)])
    return text.getvalue()


def as_json(comparisons: Sequence[Comparison]) -> str:
    """Return the data sets as JSON: every number in full, every name exact."""
    record = [
        {
            "data": one.data,
            "control": one.control,
            "warning": one.warning or None,
            "methods": [
                {
                    "method": entry.method,
                    "about": entry.about,
                    "results": entry.line.record() if entry.line else None,
                    "left_out": [asdict(missing) for missing in entry.left_out],
                    "reason": entry.reason or None,
                }
                for entry in one.entries
            ],
        }
        for one in comparisons
    ]
    return json.dumps({"data_sets": record}, indent=1, allow_nan=False) + "\n"


FORMATS: MappingProxyType[str, Callable[[Sequence[Comparison]], str]] = MappingProxyType(
    {"md": as_markdown, "tex": as_latex, "csv": as_csv, "json": as_json}
)


def _section(one: Comparison) -> Iterator[str]:
    yield f"## {code(one.data)}"
    yield ""
    yield f"{markdown(one.caption)}."
    yield ""
    yield f"| {' | '.join(('method', 'about', *HEADINGS, 'left out'))} |"
    yield f"|---|---|{'---:|' * len(HEADINGS)}---|"
    for entry in one.entries:
        cells = code(entry.method), markdown(entry.about), *_figures(entry, one.control), markdown(entry.reason)
        yield f"| {' | '.join(cells)} |"


def _figures(entry: Entry, control: str) -> list[str]:
    """Return the numbers as they are printed, in the order of the headings."""
    line = entry.line
    if line is None:
        return [NONE] * len(HEADINGS)
    return [
        f"{100 * line.accuracy.value:.1f}",
        _shown(line.balanced_accuracy),
        f"{line.macro_f1:.3f}",
        f"{line.log_loss:.3f}",
        f"{line.calibration_error:.3f}",
        NONE if line.detection_auc is None else f"{line.detection_auc.value:.3f}",
        NONE if line.fdr is None else f"{line.fdr.value:.1f}",
        "control" if line.method == control else _shown(line.difference, sign="+"),
        NONE if line.p_value is None else f"< {LEAST}" if line.p_value < LEAST else f"{line.p_value:.3f}",
        str(line.runs),
        f"{line.seconds:.1f}" if line.seconds < QUICK else f"{line.seconds:.0f}",
    ]


def _shown(interval: Interval | None, sign: str = "") -> str:
    if interval is None:
        return NONE
    value, low, high = (f"{100 * bound:{sign}.1f}".replace("-", MINUS) for bound in _bounds(interval))
    return f"{value} [{low}, {high}]"


def _typeset(figure: str) -> str:
    return figure.replace(NONE, "--").replace("<", r"$<$").replace(MINUS, "$-$")


def _bounds(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high


def _numbers(line: Line | None) -> list[float | None]:
    """Return the columns of a CSV file: the intervals with their bounds, then what has none."""
    if line is None:
        return [None] * (3 * len(INTERVALS) + len(SINGLE))
    intervals: list[Interval | None] = [getattr(line, name) for name in INTERVALS]
    bounds = [(None, None, None) if one is None else _bounds(one) for one in intervals]
    return [*(bound for three in bounds for bound in three), *(getattr(line, name) for name in SINGLE)]
