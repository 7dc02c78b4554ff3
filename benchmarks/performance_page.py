"""Write docs/performance.md and its plots from what the benchmarks kept; a test holds the page to it.

    python benchmarks/performance_page.py [--measure]

With ``--measure`` every benchmark is run first, with all peers, and its rows replaced in ``benchmarks/figures``. A row
alone is replaced by its own command with ``--keep``; a section whose benchmark was never run is left out.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import performance_plots as plots
import performance_words as words
from exponents import GREATEST
from figures import FOLDER, stored

ROOT = Path(__file__).parents[1]
PAGE, PICTURES = ROOT / "docs" / "performance.md", ROOT / "docs" / "figures"
# Rows at 256 pixels have no HNSW, of which each distance reads 64 times as much.
SMALL = ("rgb", "rgb-generated", "single", "freq", "network", "noise")
COMMANDS = (
    ("fdr",),
    ("embedding",),
    ("training",),
    ("transforms",),
    ("end_to_end",),
    ("projection", "--peers", "faiss", "sklearn", "torch", "--only", "rgb-256"),
    ("projection", "--peers", "faiss", "hnsw", "sklearn", "torch", "--only", *SMALL),
    ("scaling",),
)
Rows = dict[str, Any]
WIDTH = 120


def page(folder: Path = FOLDER) -> str:
    """Return the page of the figures in a folder."""
    parts = []
    for name, section in SECTIONS.items():
        if rows := stored(name, folder):
            parts.append(section(rows))
    machines = {row["machine"] for name in SECTIONS for row in stored(name, folder).values() if "machine" in row}
    whole = "".join([words.HEAD.format(machines="; ".join(sorted(machines))), *parts])
    return "\n\n".join(map(_wrapped, re.sub(r"\n{3,}", "\n\n", whole).strip().split("\n\n"))) + "\n"


def projection(rows: Rows) -> str:
    """Return the section on the search."""
    shown = [name for name in words.ROWS if name in rows]
    wrong = [f"`{name}`" for name in shown if not rows[name]["exact"]]
    exact = words.NOT_EXACT.format(rows=", ".join(wrong)) if wrong else words.EXACT
    peers = [peer for peer in words.PEERS if any(peer in rows[name]["ratios"] for name in shown)]
    titles = ["row", "references × queries × coordinates", "aim", *(words.PEERS[peer] for peer in peers)]
    lines = [[*_projection_cells(name, rows[name], peers)] for name in shown]
    table = _table([*titles, "manifpt", "building", "MiB (FAISS Flat)"], "ll" + "r" * (len(peers) + 4), lines)
    parts = [words.PROJECTION.format(exact=exact), table, "", _picture("projection", "Times as fast, by row and peer")]
    parts += [words.MEMORY, *_graphs({name: rows[name] for name in shown}), *_short(rows, shown), words.HALVES]
    return "\n".join(parts)


def _projection_cells(name: str, row: Rows, peers: list[str]) -> list[str]:
    sizes = f"{row['references']:,} × {row['queries']:,} × {row['coordinates']:,}"
    flat = row["peers"].get("faiss", {}).get("memory")
    memory = f"{row['memory']:,}" if "memory" in row else "–"
    ratios = [_times(row["ratios"].get(peer)) for peer in peers]
    beside = f" ({flat:,})" if flat is not None else ""
    return [
        words.ROWS[name],
        sizes,
        f"{words.AIMS[name]:g}",
        *ratios,
        _time(row["seconds"]),
        _time(row["built"]),
        memory + beside,
    ]


def _graphs(rows: Rows) -> list[str]:
    """Return the table of HNSW's widths and recalls, and what ran in fewer pairs."""
    some = {name: row["peers"]["hnsw"] for name, row in rows.items() if "hnsw" in row["peers"]}
    cells = [
        [words.ROWS[name], f"{one['efSearch']:,}", f"{100 * one['recall']:.2f} %", _time(one["built"])]
        for name, one in some.items()
    ]
    parts = [_table(["HNSW", "efSearch", "recall", "building"], "lrrr", cells)] if cells else []
    pairs = {(name, peer): one["pairs"] for name, row in rows.items() for peer, one in row["peers"].items()}
    most = max(pairs.values(), default=0)
    fewer = [f"`{name}` beside {words.PEERS[peer]} {count}" for (name, peer), count in pairs.items() if count < most]
    told = f"\nPairs: {most}" + (f"; fewer where a go takes more than 20 s ({', '.join(fewer)})." if fewer else ".")
    return [*parts, told + "\n"]


def _short(rows: Rows, shown: list[str]) -> list[str]:
    """Return what falls short of the aims."""
    missed = [name for name in shown if rows[name]["ratios"].get("faiss", words.AIMS[name]) < words.AIMS[name]]
    absent = [f"`{name}`" for name in words.ROWS if name not in shown]
    untold = [f"Not measured for this page: {', '.join(absent)}."] if absent else []
    if not missed:
        return [*untold, f"Every {'other ' if absent else ''}row reaches its aim."]
    told = [
        f"`{name}` is {_times(rows[name]['ratios']['faiss'])} times as fast, not {words.AIMS[name]:g}"
        for name in missed
    ]
    parts = [*untold, f"What falls short: {'; '.join(told)}."]
    parts += [words.SHORT[name] for name in missed if name in words.SHORT]
    if "rgb-256" in missed and words.PROFILE:
        parts.append(words.PROFILE)
    return parts


def scaling(rows: Rows) -> str:
    """Return the section on growth."""
    powers = rows["exponents"]
    counted = [row for row in rows.values() if "references" in row]
    own = powers["manifpt"]
    flat = powers.get("FAISS Flat")
    measured = [row["references"] for row in counted if "seconds_faiss" in row]
    others = f"; FAISS Flat's with {flat['value']:.2f}, up to {max(measured):,} references" if flat else ""
    about = words.GROWTH.format(
        queries=counted[0]["queries"],
        repetitions=len(counted[0]["times"]),
        low=f"{counted[0]['references']:,}",
        high=f"{counted[-1]['references']:,}",
        value=f"{own['value']:.2f}",
        interval=f"{own['low']:.2f} to {own['high']:.2f}",
        others=others,
        greatest=_greatest(powers, counted),
        exact=words.GROWTH_EXACT if all(row["exact"] for row in counted) else "**Not every row is exact.**",
    )
    lines = [
        [
            f"{row['references']:,}",
            _time(row["seconds"]),
            _time(row["seconds_faiss"]) if "seconds_faiss" in row else "–",
            _time(row["built"]),
            f"{row['memory']:,}",
        ]
        for row in counted
    ]
    table = _table(["references", "a query", "FAISS Flat", "building", "MiB"], "rrrrr", lines)
    return "\n".join([about, table, "", _picture("scaling", "Time per query and memory over the number of references")])


def _greatest(powers: Rows, counted: list[Rows]) -> str:
    power = powers.get("manifpt, greatest")
    if power is None:
        return ""
    low = f"{counted[-GREATEST]['references']:,}"
    interval = f"{power['low']:.2f} to {power['high']:.2f}"
    return words.GREATEST.format(low=low, value=f"{power['value']:.2f}", interval=interval)


def transforms(rows: Rows) -> str:
    """Return the section on transforms."""
    widths = sorted(
        {int(width) for row in rows.values() for one in row["transforms"].values() for width in one["left"]}
    )
    lines = []
    for name, row in rows.items():
        sizes = f"`{name}`, {row['references']:,} × {row['queries']:,}"
        for kind, one in row["transforms"].items():
            shares = [f"{100 * one['left'][str(width)]:.3g}" if str(width) in one["left"] else "–" for width in widths]
            lines.append([sizes, plots.TRANSFORMS[kind][0], *shares, _time(one["seconds"])])
    titles = ["row", "transform", *(f"{width:,}" for width in widths), "building"]
    table = _table(titles, "ll" + "r" * (len(widths) + 1), lines)
    note = "Percent of pairs. –: no more coordinates are kept of pooled pixels."
    return "\n".join(
        [words.TRANSFORMS, table, "\n" + note, "", _picture("transforms", "Share of pairs left, by transform")]
    )


def fdr(rows: Rows) -> str:
    """Return the section on the Fréchet distance."""
    apart = max(row.get("difference_of_traces", row.get("difference", 0)) for row in rows.values())
    return "\n".join([words.FRECHET.format(apart=f"{apart:.1g}"), *_compared(rows)])


def embedding(rows: Rows) -> str:
    """Return the section on spaces and decoding."""
    return "\n".join([words.EMBEDDING, *_compared(rows)])


def training(rows: Rows) -> str:
    """Return the section on training."""
    return "\n".join([words.TRAINING, *_compared(rows)])


def end_to_end(rows: Rows) -> str:
    """Return the section on whole runs."""
    stages = list(dict.fromkeys(stage for row in rows.values() for stage in row["stages"]))
    lines = [
        [name, *(f"{100 * row['stages'].get(stage, {'share': 0})['share']:.0f} %" for stage in stages)]
        for name, row in rows.items()
    ]
    shares = _table(["row", *stages], "l" + "r" * len(stages), lines)
    some = next(iter(rows.values()))
    about = f"\n{some['references']:,} references, {some['images']:,} images.\n"
    return "\n".join([words.WHOLE, shares, about, *_compared(rows)])


SECTIONS = {
    "projection": projection,
    "scaling": scaling,
    "transforms": transforms,
    "fdr": fdr,
    "embedding": embedding,
    "training": training,
    "end_to_end": end_to_end,
}


def _compared(rows: Rows) -> list[str]:
    """Return a table of rows with one peer each, and which of them are slower."""
    rate = any("images_per_second" in row for row in rows.values())
    lines = [
        [
            name,
            row["peer"],
            _times(row["ratio"]),
            _time(row["seconds"]),
            _time(row["peer_seconds"]),
            *([f"{row['images_per_second']:,}" if "images_per_second" in row else "–"] if rate else []),
        ]
        for name, row in rows.items()
    ]
    titles = ["row", "peer", "times as fast", "manifpt", "peer", *(["images a second"] if rate else [])]
    slower = [name for name, row in rows.items() if row["ratio"] < 1]
    told = "\n" + words.SLOWER.format(rows="; ".join(slower)) + "\n" if slower else ""
    return [_table(titles, "ll" + "r" * (len(titles) - 2), lines) + told]


def _wrapped(part: str) -> str:
    """Return a paragraph in lines of one length; what else there is stays."""
    if part.startswith(("#", "|", "!", "```")):
        return part
    return textwrap.fill(" ".join(part.split()), WIDTH, break_long_words=False, break_on_hyphens=False)


def _table(titles: list[str], sides: str, lines: list[list[str]]) -> str:
    rule = ["---:" if side == "r" else "---" for side in sides]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [titles, rule, *lines])


def _picture(name: str, caption: str) -> str:
    return f"![{caption}](figures/{name}.svg)\n"


def _times(ratio: float | None) -> str:
    if ratio is None:
        return "–"
    text = f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 2 else f"{ratio:.2f}"
    return f"**{text}**" if ratio < 1 else text


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        value = seconds * scale
        if value >= 1 or unit == "µs":
            return f"{value:,.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    raise AssertionError


def main() -> None:
    """Write the page and the plots."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true", help="run every benchmark first")
    if parser.parse_args().measure:
        for name, *options in COMMANDS:
            subprocess.run([sys.executable, str(Path(__file__).parent / f"{name}.py"), *options, "--keep"], check=True)
    PAGE.write_text(page(), encoding="utf-8")
    for name in plots.PLOTS:
        if rows := stored(name):
            plots.write(name, rows, PICTURES)


if __name__ == "__main__":
    main()
