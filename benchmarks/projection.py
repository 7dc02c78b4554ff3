"""The exact nearest reference against FAISS's exact search, in turn, on the same data and threads.

    python benchmarks/projection.py [--only ROW …] [--pairs 5] [--json]

Each row says how many times faster `Nearest.search` is than `faiss.IndexFlatL2.search`: the median over pairs run in
turn. Conversion of the queries is timed on both sides; building is not, and printed. ``exact`` is true where the
neighbours of some queries are those of explicit float64 differences to every reference, and no neighbour that FAISS
returns is nearer. ``memory`` is the peak of anonymous memory of a fresh process that searches, beyond the imports and
the queries, with the references in a file.

Reals are looked for in ``MANIFPT_DATA``, else in ``../shared/data`` beside the repository.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from interleaved import PAIRS, Measured, measured, report
from projection_data import Pair, crops, embedded, generated, held_out, noise, reals

from manifpt.embeddings.embedding import Points
from manifpt.manifolds import nearest
from manifpt.manifolds.nearest import Nearest
from manifpt.manifolds.settling import settled_all, squared

REFERENCES, QUERIES = 50_000, 2_000
CHECKED = 20  # queries whose distance to every reference is computed


def rows() -> dict[str, Callable[[], Pair]]:
    """Return the rows: name → references and queries."""

    def pair(space: str, **options: object) -> Pair:
        return embedded(space, reals(REFERENCES), **options), embedded(space, held_out(QUERIES), **options)

    return {
        "rgb": lambda: pair("rgb"),
        "rgb-generated": lambda: (embedded("rgb", reals(REFERENCES)), embedded("rgb", generated(QUERIES))),
        "rgb-256": lambda: (crops("references", 10_000), crops("queries", 500)),
        "freq": lambda: pair("freq"),
        "network": lambda: pair("sl-cifar", layer=3),
        "single": lambda: (embedded("rgb", reals(REFERENCES)), embedded("rgb", held_out(QUERIES))),
        "noise": lambda: (noise(REFERENCES, 0), noise(QUERIES, 1)),
    }


def row(name: str, references: Points, queries: Points, *, pairs: int) -> Measured:
    """Return what one row finds."""
    import faiss

    nearest.WORK = 0  # An index for the first query already, as for many.
    started = time.perf_counter()
    manifold = Nearest().fit([references])
    manifold.search(Points(queries.values[:1], queries.scale))
    built = time.perf_counter() - started
    faiss.omp_set_num_threads(len(os.sched_getaffinity(0)))
    flat = faiss.IndexFlatL2(int(np.prod(references.values.shape[1:])))
    for start in range(0, len(references), 1000):
        flat.add(_floats(references.values[start : start + 1000]))
    found = manifold.search(queries).numbers[:, 0]
    exact = _exact(references, queries, found, flat.search(_floats(queries.values), 1)[1][:, 0])
    timed, repeated = (queries, 1) if name != "single" else (Points(queries.values[:1], queries.scale), 20)

    def ours() -> None:
        for _ in range(repeated):
            manifold.search(timed)

    def peers() -> None:
        for _ in range(repeated):
            flat.search(_floats(timed.values), 1)

    about = {"references": len(references), "queries": len(timed), "coordinates": flat.d, "repeated": repeated}
    return measured(ours, peers, peer="FAISS Flat", pairs=pairs, **about, exact=exact, built=round(built, 2))


def _floats(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1).astype(np.float32)


def _exact(references: Points, queries: Points, found: np.ndarray, theirs: np.ndarray) -> bool:
    one, other = (np.asarray(points.values).reshape(len(points), -1) for points in (queries, references))
    squares, numbers = np.full((len(one), 1), np.inf), np.full((len(one), 1), -1)
    settled_all(one, np.arange(min(CHECKED, len(one))), other, 0, squares, numbers)
    same = bool((numbers[:CHECKED, 0] == found[:CHECKED]).all())
    nearer = [squared(one[row], other[found[row]]) <= squared(one[row], other[theirs[row]]) for row in range(len(one))]
    return same and all(nearer)


def peak(name: str) -> float:
    """Return the peak of anonymous memory of a process that searches, in MiB beyond imports and queries."""
    references, queries = rows()[name]()
    with tempfile.TemporaryDirectory() as folder:
        for file, points in (("references", references), ("queries", queries)):
            np.save(Path(folder) / file, points.values)
        words = [sys.executable, __file__, "--searching", folder]
        return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def searching(folder: Path) -> None:
    """Search in a folder's files, and print the peak of anonymous memory."""
    queries = np.load(folder / "queries.npy")
    references = np.load(folder / "references.npy", mmap_mode="r")
    nearest.WORK = 0
    warm = Points(queries[:4])
    Nearest().fit([warm]).search(warm)  # Machine code is loaded as imports are.
    before, highest, over = _anonymous(), [0], threading.Event()

    def watched() -> None:
        while not over.wait(0.005):
            highest[0] = max(highest[0], _anonymous())

    watcher = threading.Thread(target=watched)
    watcher.start()
    Nearest().fit([Points(references)]).search(Points(queries))
    over.set()
    watcher.join()
    print((highest[0] - before) / 2**20)


def _anonymous() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(rows()), default=list(rows()))
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--searching", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.searching:
        searching(given.searching)
        return
    found = {}
    for name in given.only:
        found[name] = row(name, *rows()[name](), pairs=given.pairs)
        found[name].about["memory"] = round(peak(name)) if name == "rgb-256" else None
        if not given.json:
            print(found[name].line(name), flush=True)
    if given.json:
        report(found, as_json=True)


if __name__ == "__main__":
    main()
