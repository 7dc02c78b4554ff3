"""How long it takes to project onto hulls and means of several references, beside the nearest one.

    python benchmarks/hulls.py [--references 7000] [--queries 200] [--neighbors 20] [--only NAME …]

References are CIFAR-10 training reals, queries images of the published generators of ``gm-cifar10-wild``, both as
pixels. Each manifold projects all queries in one call, after one call that compiles; the length of an artifact is the
mean distance in units of [0, 1].

Images are looked for in ``MANIFPT_DATA``, else in ``../shared/data`` beside the repository.
"""

from __future__ import annotations

import argparse
import time

from projection_data import DATA, embedded, generated, reals

from manifpt.embeddings.embedding import Points
from manifpt.manifolds.barycentre import Barycentre
from manifpt.manifolds.manifold import Manifold
from manifpt.manifolds.nearest import Nearest
from manifpt.manifolds.tangent import Tangent


def main() -> None:
    """Print a row for each manifold."""
    names = ("nearest", "tangent", "barycentre", "patches")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--references", type=int, default=7000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--neighbors", type=int, default=20)
    parser.add_argument("--patch", type=int, default=8)
    parser.add_argument("--shift", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=names, choices=names)
    given = parser.parse_args()
    if not DATA.is_dir():
        parser.error(f"{DATA} is no folder; set MANIFPT_DATA")
    manifolds: dict[str, Manifold] = {
        "nearest": Nearest(neighbors=given.neighbors),
        "tangent": Tangent(neighbors=given.neighbors),
        "barycentre": Barycentre(neighbors=given.neighbors),
        "patches": Tangent(neighbors=given.neighbors, patch=given.patch, shift=given.shift),
    }
    references, queries = embedded("rgb", reals(given.references)), embedded("rgb", generated(given.queries))
    print("| manifold | seconds | processor seconds | length of the artifact |\n|---|---:|---:|---:|", flush=True)
    for name in given.only:
        few = Points(references.values[: 2 * given.neighbors], references.scale)
        manifolds[name].fit([few]).project(few)
        manifold = manifolds[name].fit([references])
        started, used = time.perf_counter(), time.process_time()
        distances = manifold.project(queries).distances
        seconds, taken = time.perf_counter() - started, time.process_time() - used
        print(f"| {name} | {seconds:.1f} | {taken:.1f} | {distances.mean():.3f} |", flush=True)


if __name__ == "__main__":
    main()
