"""How the time and memory of the exact search grow with the references, beside FAISS's exact search.

    python benchmarks/scaling.py [--counts N …] [--queries 500] [--repetitions 7] [--json] [--keep]

References are CIFAR-10 training reals (8,336), then their flips, then both shifted by up to 4 pixels each way with what
leaves one side coming in at the other (81 × 2 × 8,336 = 1,350,432); queries are CIFAR-10 test reals and their flips. No
query has a relative among the references, though references have: to reach 10⁶ images, each is there up to 120 times.
They lie on disk (`References`), 3 GB of them, and each count takes the first so many. Each count has a process of its
own, whose anonymous memory is watched while the index is built and searched: the peak beyond the imports and queries.
FAISS holds float32, 12 GB of 10⁶, and is therefore left out beyond ``--faiss-most``. The exponents are fitted by least
squares of log time on log references; their intervals are bootstrapped over the repetitions (95 %), and so tell of the
clock's noise, not of other images. ``exact`` is true where the neighbours of 5 queries are those of explicit float64
differences to every reference, and no neighbour that FAISS returns is nearer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from anonymous import peak
from exponents import exponents
from figures import Row, add_options, report, stored
from numpy.typing import NDArray
from projection_data import embedded, held_out, reals

from manifpt.embeddings.embedding import Points
from manifpt.manifolds import nearest
from manifpt.manifolds.nearest import Nearest
from manifpt.manifolds.references import References
from manifpt.manifolds.settling import settled_all, squared
from manifpt.manifolds.threads import threads

COUNTS = (1_000, 3_162, 10_000, 31_623, 100_000, 316_228, 1_000_000)
FAISS_MOST = 320_000
FARTHEST = 4  # pixels of a shift
CHECKED = 5
EXPONENTS = "exponents"


@dataclass
class Told:
    """A row, as it is told."""

    found: Row

    def row(self) -> Row:
        """Return the row for JSON."""
        return self.found

    def line(self, name: str) -> str:
        """Return the row in words."""
        return f"{name}: " + ", ".join(f"{key} {value}" for key, value in self.found.items() if key[:5] != "times")


def variants() -> Iterator[Points]:
    """Yield the reals, their flips, and the shifts of both, the shortest first."""
    own = reals(1 << 20, shifts=((0, 0),))
    steps = range(-FARTHEST, FARTHEST + 1)
    shifts = sorted(((down, right) for down in steps for right in steps), key=lambda shift: (np.hypot(*shift), shift))
    for shift in shifts:
        yield embedded("rgb", np.roll(own, shift, (1, 2)))


def first(folder: Path, count: int) -> list[Points]:
    """Return the first references of a folder, mapped."""
    found, left = [], count
    for shard in References(folder).shards:
        some = shard.points.values[:left]
        found.append(Points(some, shard.points.scale))
        left -= len(some)
        if not left:
            break
    return found


def searched(folder: Path, count: int, repetitions: int, faiss_most: int) -> Row:
    """Return what one count finds."""
    queries = Points(np.load(folder / "queries.npy"), 1 / 255)
    blocks, few = first(folder / "references", count), Points(queries.values[:4], 1 / 255)
    nearest.WORK = 0  # An index for the first query already, as for many.
    Nearest().fit([few]).search(few)  # Machine code is loaded as imports are.
    manifold = Nearest()
    started = time.perf_counter()

    def built() -> float:
        manifold.fit(blocks).search(few)
        took = time.perf_counter() - started
        manifold.search(queries)
        return took

    took: list[float] = []
    memory = peak(lambda: took.append(built()))
    numbers = manifold.search(queries).numbers[:, 0]
    row: Row = {"references": count, "queries": len(queries), "threads": threads(), "built": round(took[0], 2)}
    row |= {"memory": round(memory), "exact": _exact(blocks, queries, numbers)}
    flat = _flat(blocks) if count <= faiss_most else None
    times: dict[str, list[float]] = {"times": []} | ({"times_faiss": []} if flat else {})
    if flat:
        theirs = flat.search(_floats(queries.values), 1)[1][:, 0]
        row["exact"] &= bool((_apart(blocks, queries, numbers) <= _apart(blocks, queries, theirs)).all())
    for _ in range(repetitions):
        for kind, seconds in times.items():
            begun = time.perf_counter()
            if kind == "times":
                manifold.search(queries)
            else:
                flat.search(_floats(queries.values), 1)
            seconds.append((time.perf_counter() - begun) / len(queries))
    medians = {kind.replace("times", "seconds"): float(f"{np.median(each):.4g}") for kind, each in times.items()}
    return {**row, **medians, **{kind: [float(f"{one:.4g}") for one in each] for kind, each in times.items()}}


def _floats(values: NDArray[Any]) -> NDArray[np.float32]:
    return values.reshape(len(values), -1).astype(np.float32)


def _flat(blocks: list[Points]) -> Any:
    import faiss

    faiss.omp_set_num_threads(threads())
    index = faiss.IndexFlatL2(int(np.prod(blocks[0].values.shape[1:])))
    for block in blocks:
        for start in range(0, len(block), 1000):
            index.add(_floats(block.values[start : start + 1000]))
    return index


def _exact(blocks: list[Points], queries: Points, numbers: NDArray[np.int64]) -> bool:
    one = queries.values.reshape(len(queries), -1)
    squares, found, place = np.full((len(one), 1), np.inf), np.full((len(one), 1), -1), 0
    for block in blocks:
        other = np.ascontiguousarray(block.values.reshape(len(block), -1)).view(np.ndarray)
        settled_all(one, np.arange(CHECKED), other, place, squares, found)
        place += len(block)
    return bool((found[:CHECKED, 0] == numbers[:CHECKED]).all())


def _apart(blocks: list[Points], queries: Points, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    starts = np.cumsum([0, *map(len, blocks)])
    found = []
    for query, number in zip(queries.values, numbers.tolist(), strict=True):
        part = int(np.searchsorted(starts, number, "right")) - 1
        other = np.asarray(blocks[part].values[number - starts[part]])
        found.append(squared(query.ravel(), other.ravel()))
    return np.array(found)


def rows(given: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Told]]:
    """Yield a row for each count, and the exponents."""
    np.save(folder / "queries.npy", embedded("rgb", held_out(given.queries)).values)
    references = References(folder / "references", {"space": "rgb", "images": "CIFAR-10 with flips and shifts"})
    made = variants()
    while len(references) < max(given.counts):
        references.append([next(made)])
    found = []
    for count in sorted(given.counts):
        words = [sys.executable, __file__, "--searching", str(folder), "--counts", str(count)]
        words += ["--repetitions", str(given.repetitions), "--faiss-most", str(given.faiss_most)]
        run = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
        found.append(json.loads(run.stdout))
        yield f"{count:,}", Told(found[-1])
    kept = {name: row for name, row in stored("scaling").items() if name != EXPONENTS} if given.keep else {}
    yield EXPONENTS, Told(exponents([*({**kept, **{f"{row['references']:,}": row for row in found}}).values()]))


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--counts", nargs="+", type=int, default=list(COUNTS))
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--faiss-most", type=int, default=FAISS_MOST, help="references of FAISS's, at most")
    parser.add_argument("--searching", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.searching:
        print(json.dumps(searched(given.searching, given.counts[0], given.repetitions, given.faiss_most)))
        return
    with tempfile.TemporaryDirectory() as place:
        report("scaling", rows(given, Path(place)), given)


if __name__ == "__main__":
    main()
