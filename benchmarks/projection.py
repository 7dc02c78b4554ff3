"""The exact nearest reference against other searches, in turn, on the same data and threads.

    python benchmarks/projection.py [--only ROW …] [--peers PEER …] [--pairs 5] [--json] [--keep]

Each row says how many times faster `Nearest.search` is than each peer: the median over pairs run in turn. Conversion of
the queries is timed on both sides; building is not, and printed. ``exact`` is true where the neighbours of some queries
are those of explicit float64 differences to every reference, and no neighbour that any peer returns is nearer. Peers
are FAISS's exact search (`faiss`), its graph HNSW of 32 links, which looks farther until 99.9 % of its neighbours are
nearest or efSearch is 4,096 (`hnsw`), scikit-learn's brute force (`sklearn`) and a product of PyTorch's with topk
(`torch`). One that takes more than 20 s a go runs in fewer pairs. ``memory`` is the peak of anonymous memory in MiB of
a fresh process that builds and searches, beyond the imports and the queries, with the references in a file; it is not
measured of HNSW, which would have to be built again.

`faiss` alone takes some minutes for all rows, the others several times as long.

Reals are looked for in ``MANIFPT_DATA``, else in ``../shared/data`` beside the repository.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from anonymous import peak
from figures import Row, add_options, report
from interleaved import PAIRS, Measured, measured
from numpy.typing import NDArray
from peers import PEERS, floats, tuned
from projection_data import Pair, crops, embedded, generated, held_out, noise, reals

from manifpt.embeddings.embedding import Points
from manifpt.manifolds import nearest
from manifpt.manifolds.nearest import Nearest
from manifpt.manifolds.settling import settled_all, squared
from manifpt.manifolds.threads import threads

REFERENCES, QUERIES = 50_000, 2_000
CHECKED = 20  # queries whose distance to every reference is computed
SLOW, FEWER = 20.0, 2  # seconds of a go, from which on there are so few pairs
OURS = "manifpt"


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


@dataclass
class Compared:
    """A row.

    Args:
        about: Sizes, seconds and memory of manifpt, and whether its answers are exact.
        peers: Name → what was measured beside it.
    """

    about: Row
    peers: dict[str, Measured]

    def row(self) -> Row:
        """Return the row for JSON."""
        found = {name: one.row() for name, one in self.peers.items()}
        ratios = {name: one.pop("ratio") for name, one in found.items()}
        return {"ratios": ratios, **self.about, "peers": found}

    def line(self, name: str) -> str:
        """Return the row in words."""
        about = ", ".join(f"{key} {value}" for key, value in self.about.items())
        return "\n".join([f"{name}: {about}", *(f"    {one.line(peer)}" for peer, one in self.peers.items())])


def row(name: str, asked: list[str], *, pairs: int, memory: bool) -> Compared:
    """Return what one row finds."""
    references, queries = rows()[name]()
    nearest.WORK = 0  # An index for the first query already, as for many.
    started = time.perf_counter()
    manifold = Nearest().fit([references])
    manifold.search(Points(queries.values[:1], queries.scale))
    built = time.perf_counter() - started
    found = manifold.search(queries).numbers[:, 0]
    compare = Comparison(references, queries, found)
    timed, repeated = (queries, 1) if name != "single" else (Points(queries.values[:1], queries.scale), 20)

    def ours() -> None:
        for _ in range(repeated):
            manifold.search(timed)

    exact, beside = compare.exact(), {}
    for peer in asked:
        beside[peer], right = _beside(peer, compare, timed, repeated=repeated, ours=ours, pairs=pairs)
        exact &= right
    seconds = next(iter(beside.values())).seconds / repeated
    about: Row = {
        "references": len(references),
        "queries": len(timed),
        "coordinates": int(np.prod(references.values.shape[1:])),
        "threads": threads(),
        "seconds": float(f"{seconds:.4g}"),
        "built": round(built, 2),
        "exact": exact,
    }
    if memory:
        peaks = peak_of_each(references, queries, [OURS, *(peer for peer in asked if peer != "hnsw")])
        about["memory"] = peaks.pop(OURS)
        for peer, most in peaks.items():
            beside[peer].about["memory"] = most
    return Compared(about, beside)


def _beside(
    peer: str, compare: Comparison, timed: Points, *, repeated: int, ours: Callable[[], None], pairs: int
) -> tuple[Measured, bool]:
    """Measure one peer, and return also whether none of its neighbours is nearer than ours."""
    title, build = PEERS[peer]
    theirs = build(compare.references.values)
    converted = floats(compare.queries.values)
    if peer == "hnsw":
        theirs = tuned(theirs, converted, compare.recall)
    started = time.perf_counter()
    right = compare.none_nearer(theirs.search(converted))
    took = (time.perf_counter() - started) * len(timed) * repeated / len(converted)
    fewer = min(pairs, FEWER if took > SLOW else pairs)

    def peers() -> None:
        for _ in range(repeated):
            theirs.search(floats(timed.values))

    about = {"repeated": repeated, "built": round(theirs.built, 2), **theirs.about}
    return measured(ours, peers, peer=title, pairs=fewer, **about), right


class Comparison:
    """Neighbours that were found, beside those of others.

    Args:
        references: Points.
        queries: Points.
        found: The number of the nearest reference of each query.
    """

    def __init__(self, references: Points, queries: Points, found: NDArray[np.int64]) -> None:
        self.references, self.queries, self.found = references, queries, found
        self._one, self._other = (_rows(points) for points in (queries, references))
        self._squares = self._apart(found)

    def exact(self) -> bool:
        """Return whether the first neighbours are those of explicit differences to every reference."""
        squares, numbers = np.full((len(self._one), 1), np.inf), np.full((len(self._one), 1), -1)
        few = min(CHECKED, len(self._one))
        settled_all(self._one, np.arange(few), self._other, 0, squares, numbers)
        return bool((numbers[:few, 0] == self.found[:few]).all())

    def none_nearer(self, theirs: NDArray[np.int64]) -> bool:
        """Return whether none of others' neighbours is nearer."""
        return bool((self._squares <= self._apart(theirs)).all())

    def recall(self, theirs: NDArray[np.int64]) -> float:
        """Return the share of others' neighbours that are as near."""
        return float((self._apart(theirs) <= self._squares).mean())

    def _apart(self, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        # A graph that finds none says -1.
        pairs = enumerate(numbers.tolist())
        return np.array([squared(self._one[row], self._other[place]) if place >= 0 else np.inf for row, place in pairs])


def _rows(points: Points) -> NDArray[Any]:
    return np.asarray(points.values).reshape(len(points), -1)


def peak_of_each(references: Points, queries: Points, names: list[str]) -> dict[str, int]:
    """Return the peak of anonymous memory of processes that search, in MiB beyond imports and queries."""
    with tempfile.TemporaryDirectory() as folder:
        for file, points in (("references", references), ("queries", queries)):
            np.save(Path(folder) / file, points.values)
        words = [sys.executable, __file__, "--searching", folder, "--by"]
        runs = {name: subprocess.run([*words, name], check=True, capture_output=True, text=True) for name in names}
    return {name: round(float(run.stdout)) for name, run in runs.items()}


def searching(folder: Path, name: str) -> None:
    """Search in a folder's files, and print the peak of anonymous memory."""
    queries = np.load(folder / "queries.npy")
    references = np.load(folder / "references.npy", mmap_mode="r")
    nearest.WORK = 0

    def searched(references: NDArray[Any], queries: NDArray[Any]) -> object:
        if name == OURS:
            return Nearest().fit([Points(references)]).search(Points(queries))
        peer = PEERS[name][1](references)
        return peer, peer.search(floats(queries))

    searched(queries[:4], queries[:4])  # Machine code is loaded as imports are.
    print(peak(lambda: searched(references, queries)))


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--only", nargs="+", choices=list(rows()), default=list(rows()))
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=["faiss"])
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--no-memory", action="store_true", help="leave out the processes that measure memory")
    parser.add_argument("--searching", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--by", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.searching:
        searching(given.searching, given.by)
        return

    def found() -> Iterator[tuple[str, Compared]]:
        for name in given.only:
            yield name, row(name, given.peers, pairs=given.pairs, memory=not given.no_memory)

    report("projection", found(), given)


if __name__ == "__main__":
    main()
