"""What approximate neighbours miss, against the exact ones, what that does to artifacts, and what it saves.

    python benchmarks/approximate.py [--spaces rgb freq] [--indices hnsw ivf-pq] [--outliers 10] [--json]

References are CIFAR-10 training reals with flips and shifts, queries CIFAR-10 test reals with flips and images of
published generators; no reference shows what a query shows. Each line has the recall of the nearest and of the k
nearest references, the share of artifacts that change, the relative error of the artifact, ‖a′ − a‖ / ‖a‖, and that of
its length. The time of the exact search is divided by that of the approximate one: the median over pairs run in turn,
for one neighbour, on as many threads, with both indices built before. Building is timed once. Outliers are white noise
of ``--far`` standard deviations in the place of the first references; points of 8 bits cannot have them.

Images are looked for in ``MANIFPT_DATA``, else in ``../shared/data`` beside the repository.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
from interleaved import PAIRS, measured
from projection_data import DATA, embedded, generated, held_out, reals

from manifpt.embeddings.embedding import Points
from manifpt.manifolds import nearest
from manifpt.manifolds.approximate import INDICES, Approximate
from manifpt.manifolds.missed import missed
from manifpt.manifolds.nearest import Nearest

SPACES = ("rgb", "freq")
REFERENCES, QUERIES, NEIGHBORS = 50_000, 2_000, 10
SHOWN = ("recall_first", "recall", "changed", "error_mean", "error_95", "longer_mean", "longer_95")
TIMES = ("ratio", "seconds", "peer_seconds", "build_seconds")


def rows(space: str, manifolds: list[Approximate], given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield a row for each manifold and set of queries in one space."""
    references = disturbed(embedded(space, reals(given.references)), given.outliers, given.far)
    queries = {
        "reals": embedded(space, held_out(given.queries)),
        "generated": embedded(space, generated(given.queries)),
    }
    nearest.WORK = 0  # An index for the first query already, as for many.
    exact = Nearest(neighbors=given.neighbors).fit([references])
    true = {name: exact.project(points) for name, points in queries.items()}
    exact.neighbors = 1  # as a method searches, here and below
    for manifold in manifolds:
        started = time.perf_counter()
        manifold.fit([references])
        built = time.perf_counter() - started
        lost = {name: missed(manifold.project(points), true[name]) for name, points in queries.items()}
        manifold.neighbors = 1
        for name, points in queries.items():
            times = measured(
                lambda manifold=manifold, points=points: manifold.search(points),
                lambda points=points: exact.search(points),
                peer="nearest",
                pairs=given.pairs,
                build_seconds=round(built, 1),
                neighbors=given.neighbors,
                references=len(references),
                outliers=given.outliers,
                far=given.far,
            )
            numbers = {key: float(f"{value:.4g}") for key, value in asdict(lost[name]).items()}
            counted = {"queries": len(points)}
            yield {"space": space, "queries_of": name, **manifold.settings(), **numbers, **counted, **times.row()}


def disturbed(references: Points, outliers: int, far: float) -> Points:
    """Return references of which the first are far from all others."""
    if outliers:
        shape = (outliers, *references.values.shape[1:])
        spread = far * np.std(references.values[:1000], dtype=np.float64)
        references.values[:outliers] = np.random.default_rng(0).normal(scale=spread, size=shape)
    return references


def line(row: dict[str, Any]) -> str:
    """Return the cells of one row, with bars between them."""
    what = (row["space"], row["queries_of"], row["index"], f"{row['references']:,} × {row['queries']:,}")
    cells = [*what, *(f"{row[name]:.3f}" for name in SHOWN), *(f"{row[name]:.3g}" for name in TIMES)]
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
    parser.add_argument("--outliers", type=int, default=0, help="references that are far from all others")
    parser.add_argument("--far", type=float, default=1e8, help="how far, in standard deviations")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="timed")
    parser.add_argument("--json", action="store_true", help="print one list of objects")
    given = parser.parse_args()
    if not DATA.is_dir():
        parser.error(f"{DATA} is no folder; set MANIFPT_DATA")
    if given.outliers and "rgb" in given.spaces:
        parser.error("points of 8 bits have no outliers; leave rgb out of --spaces")
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
