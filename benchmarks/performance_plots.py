"""The plots of docs/performance.md."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import performance_words as words
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from manifpt.reports import style

Rows = dict[str, Any]
COLOURS = {"manifpt": "#0072b2", "faiss": "#d55e00", "hnsw": "#009e73", "sklearn": "#cc79a7", "torch": "#e69f00"}
MARKERS = {"manifpt": "o", "faiss": "s", "hnsw": "D", "sklearn": "^", "torch": "v"}
TRANSFORMS = {
    "haar": ("Haar", "#009e73", "^"),
    "dct": ("DCT", "#d55e00", "s"),
    "pca": ("principal components, as the search has", "#0072b2", "o"),
    "pca-whole": ("principal components of all pixels", "#cc79a7", "D"),
}


def projection(rows: Rows) -> Figure:
    """Return how many times faster the search is than each peer, a row each."""
    shown = [name for name in words.ROWS if name in rows][::-1]
    figure = _figure(7.2, 1.3 + 0.38 * len(shown))
    axes = figure.add_subplot()
    for place, name in enumerate(shown):
        for peer, ratio in rows[name]["ratios"].items():
            axes.plot(ratio, place, MARKERS[peer], color=COLOURS[peer], markersize=6, alpha=0.85)
        axes.plot([words.AIMS[name]] * 2, [place - 0.3, place + 0.3], color=style.QUIET, linewidth=1.2)
    for peer, title in words.PEERS.items():
        if any(peer in rows[name]["ratios"] for name in shown):
            axes.plot([], [], MARKERS[peer], color=COLOURS[peer], label=title)
    axes.plot([], [], color=style.QUIET, linewidth=1.2, label="aim × FAISS Flat")
    axes.axvline(1, color=style.INK, linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_yticks(range(len(shown)), shown)
    _ticks(axes.xaxis)
    _named(axes, "times as fast as (logarithmic)", None)
    _legend_above(figure)
    return figure


def scaling(rows: Rows) -> Figure:
    """Return time per query and memory over the number of references, both logarithmic."""
    figure = _figure(8.6, 3.6)
    time, memory = figure.subplots(1, 2)
    counted = [row for row in rows.values() if "references" in row]
    for kind, title, key in (("seconds", "manifpt", "manifpt"), ("seconds_faiss", "FAISS Flat", "faiss")):
        some = [row for row in counted if kind in row]
        if some:
            label = f"{title}: power {rows['exponents'][title]['value']:.2f}" if title in rows["exponents"] else title
            points = [row["references"] for row in some], [1e3 * row[kind] for row in some]
            time.plot(*points, f"-{MARKERS[key]}", color=COLOURS[key], markersize=4, linewidth=1.3, label=label)
    counts = [row["references"] for row in counted]
    memory.plot(
        counts, [row["memory"] for row in counted], "-o", color=COLOURS["manifpt"], markersize=4, label="manifpt"
    )
    sizes = [4 * rows_ * 3072 / 2**20 for rows_ in counts]
    memory.plot(counts, sizes, ":", color=COLOURS["faiss"], label="the references in float32 (FAISS Flat)")
    for axes, title in ((time, "milliseconds per query"), (memory, "MiB of anonymous memory")):
        axes.set_xscale("log")
        axes.set_yscale("log")
        _ticks(axes.xaxis, short=True)
        _ticks(axes.yaxis)
        _named(axes, "references", title)
        _legend(axes)
    return figure


def transforms(rows: Rows) -> Figure:
    """Return the share of pairs that is left over the number of coordinates, both logarithmic."""
    figure = _figure(8.6, 3.4)
    for axes, (name, row) in zip(
        figure.subplots(1, len(rows), sharey=True, squeeze=False)[0], rows.items(), strict=True
    ):
        for kind, one in row["transforms"].items():
            (title, colour, marker), left = TRANSFORMS[kind], one["left"]
            points = list(map(int, left)), [100 * share for share in left.values()]
            axes.plot(*points, f"-{marker}", color=colour, markersize=4, linewidth=1.3, label=title)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_title(name, **style.font(style.LABEL))
        _ticks(axes.xaxis)
        _ticks(axes.yaxis)
        _named(axes, "coordinates", "% of pairs left" if name == next(iter(rows)) else None)
    _legend_above(figure)
    return figure


PLOTS: dict[str, Callable[[Rows], Figure]] = {"projection": projection, "scaling": scaling, "transforms": transforms}


def digest(rows: Rows) -> str:
    """Return what tells the rows from others; a plot carries it."""
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def drawn(name: str, rows: Rows) -> str:
    """Return a plot as SVG, the same for the same rows."""
    with mpl.rc_context({"svg.hashsalt": "manifpt", "svg.fonttype": "path"}):
        text = io.StringIO()
        figure = PLOTS[name](rows)
        figure.savefig(text, format="svg", metadata={"Date": None, "Description": digest(rows)}, facecolor=style.PAPER)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def write(name: str, rows: Rows, folder: Path) -> None:
    """Write a plot, unless it is of these rows already."""
    path = folder / f"{name}.svg"
    if not (path.is_file() and digest(rows) in path.read_text(encoding="utf-8")):
        folder.mkdir(exist_ok=True)
        path.write_text(drawn(name, rows), encoding="utf-8")


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout="constrained", facecolor=style.PAPER)


def _named(axes: Axes, across: str, up: str | None) -> None:
    axes.set_xlabel(across, **style.font(style.LABEL))
    if up:
        axes.set_ylabel(up, **style.font(style.LABEL))
    for each in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        each.set(fontfamily="DejaVu Sans", fontsize=style.SMALL, color=style.INK)
    axes.grid(which="major", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(axes: Axes) -> None:
    axes.legend(prop={"family": "DejaVu Sans", "size": style.SMALL}, frameon=False)


def _legend_above(figure: Figure) -> None:
    handles, titles = figure.axes[0].get_legend_handles_labels()
    prop = {"family": "DejaVu Sans", "size": style.SMALL}
    figure.legend(handles, titles, loc="outside upper center", ncols=len(titles), prop=prop, frameon=False)


def _ticks(axis: Any, *, short: bool = False) -> None:
    """Write plain numbers instead of powers."""

    def number(value: float, _place: int) -> str:
        if short and value >= 1000:
            return f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k"
        return f"{value:,.10g}"

    axis.set_major_formatter(FuncFormatter(number))
    axis.set_minor_formatter(NullFormatter())
