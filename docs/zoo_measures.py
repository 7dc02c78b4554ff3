"""The sections of docs/zoo.md on decoders, and how tables are written; ``zoo_page.py`` writes the page."""

from __future__ import annotations

from typing import Any

import zoo_words as words

from manifpt.zoo.decoders import LEVELS, runs

Record = dict[str, Any]


def decoders(stored: Record) -> str:
    """Return the decoders' section."""
    found = list(stored["decoders"].values())
    rows = [row for row in map(lambda run: _run(run, found), runs()) if row]
    table = [line([*words.CHOICES.values(), "seeds", "RMSE", "SSIM", "seconds"]), rule("lllllrrrr"), *rows]
    levels = [line(["choice", "RMSE, SSIM"]), rule("ll")]
    levels += [line([title, _levels(field, found)]) for field, title in words.CHOICES.items()]
    sizes = [one["parameters"] for one in found]
    about = words.DECODERS.format(
        count=len(found),
        runs=len(rows),
        reals=f"{found[0]['reals']:,}",
        parameters=f"{min(sizes):,} to {max(sizes):,}",
    )
    picture = "![Reals and their reconstructions, a row for each run](images/zoo/decoders.png)"
    return "\n".join([about, *table, "", words.LEVELS, "", *levels, "", picture, ""])


def _run(run: dict[str, str], found: list[Record]) -> str:
    """Return the row of a run; nothing where it was not trained."""
    seeds = [one for one in found if run.items() <= one["design"].items()]
    if not seeds:
        return ""
    means = [_mean(seeds, key) for key in ("rmse", "ssim", "training_seconds")]
    cells = [str(len(seeds)), f"{means[0]:.1f}", f"{means[1]:.3f}", f"{means[2]:.0f}"]
    return line([*(run[field] for field in LEVELS), *cells])


def _levels(field: str, found: list[Record]) -> str:
    """Return the mean errors of each level of a choice; a run counts once, however many seeds it has."""
    texts = []
    for level in LEVELS[field]:
        parts = [
            [one for one in found if run.items() <= one["design"].items()] for run in runs() if run[field] == level
        ]
        parts = [part for part in parts if part]
        if parts:
            means = [sum(_mean(part, key) for part in parts) / len(parts) for key in ("rmse", "ssim")]
            texts.append(f"{level} {means[0]:.1f}, {means[1]:.3f}")
    return "; ".join(texts)


def displacement(stored: Record) -> str:
    """Return the section of the errors against the known displacement."""
    rows = [{**row["bands"], "all": row["all"]} for row in stored["rows"]]
    columns = list(rows[0])
    best = {name: min(row[name][0] for row in rows) for name in columns}
    table = [line(["estimate", *columns]), rule("l" + "l" * len(columns))]
    for row, told in zip(rows, stored["rows"], strict=True):
        table.append(line([told["estimate"], *(_interval(row[name], row[name][0] == best[name]) for name in columns)]))
    about = {key: f"{stored[key]:,}" for key in ("decoders", "reals", "fitted_on", "reference", "resamplings")}
    return "\n".join([words.DISPLACEMENT.format(**about), *table, ""])


def _interval(values: list[float], best: bool) -> str:
    mean, low, high = (f"{value:.3f}" for value in values)
    return f"{f'**{mean}**' if best else mean} [{low}, {high}]"


def _mean(found: list[Record], key: str) -> float:
    return float(sum(one[key] for one in found) / len(found))


def line(cells: list[str]) -> str:
    """Return a row of a table."""
    return "| " + " | ".join(cells) + " |"


def rule(sides: str) -> str:
    """Return what follows a table's titles, with ``r`` for each column of numbers and ``l`` for others."""
    return "|" + "|".join("---:" if side == "r" else "---" for side in sides) + "|"
