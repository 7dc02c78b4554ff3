"""What approximate neighbours miss, against the exact ones, and what that does to artifacts.

    python benchmarks/approximate.py [--spaces rgb freq] [--indices hnsw ivf-pq] [--json]

References are CIFAR-10 training reals with flips and shifts, queries CIFAR-10 test reals with flips and images of
published generators; no reference shows what a query shows. Each line has the recall of the nearest and of the k
nearest references, the share of artifacts that change, and the relative error of the artifact, ‖a′ − a‖ / ‖a‖, and of
its length. Seconds are of one run each and depend on what else the machine does; the others do not.

Images are looked for in ``MANIFPT_DATA``, else in ``../shared/data`` beside the repository.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from projection_data import DATA, embedded, generated, held_out, reals

from manifpt.manifolds.approximate import INDICES, Approximate
from manifpt.manifolds.manifold import Projection
from manifpt.manifolds.missed import missed
from manifpt.manifolds.nearest import Nearest

SPACES = ("rgb", "freq")
REFERENCES, QUERIES, NEIGHBORS = 50_000, 2_000, 10
SHOWN = ("recall_first", "recall", "changed", "error_mean", "error_95", "longer_mean", "longer_95")
TIMES = ("build_seconds", "seconds", "exact_seconds")


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what some work gives, and how many seconds it took."""
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def rows(space: str, manifolds: list[Approximate], given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield a row for each manifold and set of queries in one space."""
    references = embedded(space, reals(given.references))
    queries = {
        "reals": embedded(space, held_out(given.queries)),
        "generated": embedded(space, generated(given.queries)),
    }
    exact = Nearest(neighbors=given.neighbors).fit([references])
    exact.project(queries["reals"])  # builds the index of the exact search, which no row counts
    true: dict[str, tuple[Projection, float]] = {
        name: timed(lambda points=points: exact.project(points)) for name, points in queries.items()
    }
    for manifold in manifolds:
        _, build = timed(lambda manifold=manifold: manifold.fit([references]))
        for name, points in queries.items():
            found, seconds = timed(lambda manifold=manifold, points=points: manifold.project(points))
            numbers = {key: float(f"{value:.4g}") for key, value in asdict(missed(found, true[name][0])).items()}
            times = dict(zip(TIMES, (round(each, 2) for each in (build, seconds, true[name][1])), strict=True))
            counts = {"references": len(references), "queries": len(points)}
            yield {"space": space, "queries_of": name, **numbers, **counts, **times, **manifold.settings()}


def line(row: dict[str, Any]) -> str:
    """Return the cells of one row, with bars between them."""
    what = (row["space"], row["queries_of"], row["index"], f"{row['references']:,} × {row['queries']:,}")
    cells = [*what, *(f"{row[name]:.3f}" for name in SHOWN), *(f"{row[name]:.2f}" for name in TIMES)]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spaces", nargs="+", default=SPACES, choices=SPACES)
    parser.add_argument("--indices", nargs="+", default=tuple(INDICES), choices=tuple(INDICES))
    parser.add_argument("--references", type=int, default=REFERENCES)
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--neighbors", type=int, default=NEIGHBORS)
    parser.add_argument("--candidates", type=int, default=64)
    parser.add_argument("--breadth", type=int, default=64, help="of hnsw")
    parser.add_argument("--probes", type=int, default=32, help="of ivf-pq")
    parser.add_argument("--json", action="store_true", help="print one list of objects")
    given = parser.parse_args()
    if not DATA.is_dir():
        parser.error(f"{DATA} is no folder; set MANIFPT_DATA")
    options = {name: getattr(given, name) for name in ("neighbors", "candidates", "breadth", "probes")}
    found = []
    if not given.json:
        headings = ("space", "queries of", "index", "references × queries", *SHOWN, *TIMES)
        print(f"| {' | '.join(headings)} |\n|{'---|' * len(headings)}", flush=True)
    for space in given.spaces:
        for row in rows(space, [Approximate(index=index, **options) for index in given.indices], given):
            found.append(row)
            if not given.json:
                print(line(row), flush=True)
    if given.json:
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
