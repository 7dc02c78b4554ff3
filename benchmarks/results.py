"""The studies behind docs/results.md as rows, and the page of them: tables 1 and 2, and the released code's faults.

    python benchmarks/results.py --run --budget 60     # runs what benchmarks/rows lacks, for an hour
    python benchmarks/results.py                       # writes docs/results.md and its figures from the rows

``--only`` takes globs of ``set/method``; ``--one-fold`` runs the first fold alone. The published images are looked for
in ``MANIFPT_DATA`` (default: ``../shared/data`` beside the repository); the zoo's sets are built below ``--zoo``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from fnmatch import fnmatchcase
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from results_page import PAGE, write
from results_sets import DIRECTIONS, SETS, Direction, Places, Set

from manifpt.methods.presets import FAULTS, presets
from manifpt.studies.attribution import LeftOut, Study
from manifpt.studies.rows import Rows
from manifpt.studies.transfers import TransferStudy

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("MANIFPT_DATA", ROOT.parent / "shared" / "data"))
ROWS = ROOT / "benchmarks" / "rows"
MINUTE = 60
WITH_FAULTS = "gm-cifar10-wild"


def main() -> None:
    """Run what is missing where that is asked for, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="store_true", help="run what the rows lack")
    parser.add_argument("--only", nargs="*", default=["*"], help="globs of set/method")
    parser.add_argument("--one-fold", action="store_true", help="the first fold of each repetition alone")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--budget", type=float, help="begin nothing new after so many minutes")
    parser.add_argument("--rows", type=Path, default=ROWS)
    parser.add_argument("--zoo", type=Path, default=ROOT / "build" / "zoo")
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    rows = Rows(given.rows)
    if given.run:
        os.environ.setdefault("MANIFPT_WEIGHTS", str(DATA / "weights"))
        places = Places(DATA, given.zoo)
        deadline = None if given.budget is None else time.monotonic() + MINUTE * given.budget
        for one in SETS:
            attributed(one, places, rows, given, deadline)
        for direction in DIRECTIONS:
            transferred(direction, places, rows, given, deadline)
    write(rows, given.page)


def attributed(one: Set, places: Places, rows: Rows, given: argparse.Namespace, deadline: float | None) -> None:
    """Run the methods of a set that are asked for."""
    from manifpt import Cache
    from manifpt.errors import WeightsError
    from manifpt.studies.maps import mapped_space

    methods = [*presets(), *(FAULTS if one.name == WITH_FAULTS else ())]
    asked = _asked(one.name, methods, given.only)
    if not asked:
        return
    build(places, one.name)
    study = Study(one.name, one.opened(places), rows, cache=Cache())
    for space in ("rgb", "sl-cifar"):
        try:
            mapped_space(rows, one.name, study.scored, study.folds(0)[0], space)
        except WeightsError as error:
            print(one.name, space, error.happened)
    _say(one.name, study.run(asked, repeats=given.repeats, one_fold=given.one_fold, deadline=deadline))


def transferred(
    direction: Direction, places: Places, rows: Rows, given: argparse.Namespace, deadline: float | None
) -> None:
    """Run the methods of a transfer that are asked for."""
    from manifpt import Cache

    asked = _asked(direction.name, presets(), given.only)
    if not asked:
        return
    for name in ("gm-cifar10-zoo", "gm-catsdogs-zoo"):
        if name in direction.name:
            build(places, name)
    source, target, matched = direction.opened(places)
    study = TransferStudy(direction.name, source, target, matched, rows, cache=Cache())
    print(direction.name, "matches", ", ".join(matched.shared))
    _say(direction.name, study.run(asked, repeats=given.repeats, deadline=deadline))


def build(places: Places, name: str) -> None:
    """Build a set of the zoo where it is absent."""
    out = places.zoo / name
    if not name.endswith("-zoo") or out.exists():
        return
    reals = (DATA / "reals" / "cifar10-train", DATA / "reals" / "cifar10-test")
    if name == "gm-catsdogs-zoo":
        divided = places.zoo / "catsdogs"
        if not divided.exists():
            subprocess.run([sys.executable, ROOT / "benchmarks" / "catsdogs_division.py", divided], check=True)
        reals = (divided / "train", divided / "held-out")
    command = ["manifpt", "zoo", "build", name, "--reference", reals[0], "--real", reals[1], "--out", out]
    subprocess.run([*map(str, command), "--weights", str(ROOT / "zoo" / "weights")], check=True)


def _asked(name: str, methods: tuple[str, ...] | list[str], globs: list[str]) -> list[str]:
    return [method for method in methods if any(fnmatchcase(f"{name}/{method}", glob) for glob in globs)]


def _say(name: str, left: list[LeftOut]) -> None:
    print(name, "is done", *(f"\n  left out: {one.method} ({one.runs} runs): {one.reason}" for one in left), flush=True)


if __name__ == "__main__":
    main()
