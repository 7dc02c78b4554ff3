"""What benchmarks found, kept as JSON in ``benchmarks/figures``, from which docs/performance.md is written."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

FOLDER = Path(__file__).parent / "figures"
Row = dict[str, Any]


class Found(Protocol):
    """What a row of a benchmark found."""

    def line(self, name: str) -> str:
        """Return the row in words."""
        ...

    def row(self) -> Row:
        """Return the row for JSON."""
        ...


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every benchmark."""
    parser.add_argument("--json", action="store_true", help="print one object: row → ratio and what it rests on")
    parser.add_argument(
        "--keep", action="store_true", help="replace the rows in benchmarks/figures, and leave those not run"
    )


def report(benchmark: str, rows: Iterable[tuple[str, Found]], given: argparse.Namespace) -> None:
    """Print the rows: in words as soon as each is found, or all as one object; and keep them where that is asked for.

    Args:
        benchmark: Its name, that of the file.
        rows: Names and what was found, measured one after the other.
        given: The options.
    """
    found: dict[str, Row] = {}
    for name, one in rows:
        found[name] = one.row()
        if given.keep:
            keep(benchmark, {name: found[name]})
        if not given.json:
            print(one.line(name), flush=True)
    if given.json:
        print(json.dumps({"cores": len(os.sched_getaffinity(0)), **found}))


def keep(benchmark: str, rows: dict[str, Row], folder: Path = FOLDER) -> None:
    """Merge rows into the file of a benchmark, with the machine that they were measured on."""
    folder.mkdir(exist_ok=True)
    merged = {**stored(benchmark, folder), **{name: {**row, "machine": machine()} for name, row in rows.items()}}
    text = json.dumps(merged, indent=1, ensure_ascii=False)
    (folder / f"{benchmark}.json").write_text(text + "\n", encoding="utf-8")


def stored(benchmark: str, folder: Path = FOLDER) -> dict[str, Row]:
    """Return the rows that are kept of a benchmark; none where it was never run."""
    path = folder / f"{benchmark}.json"
    found: dict[str, Row] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def machine() -> str:
    """Return how many processors there are for this process, and which."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(os.sched_getaffinity(0))} cores, {names[0] if names else 'unknown processor'}"
