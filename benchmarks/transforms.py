"""A fixed multi-resolution transform against principal components: what each leaves to be settled.

    python benchmarks/transforms.py [--only ROW …] [--json] [--keep]

A transform gives a point its first p coordinates and the length of the remainder; the distance of two such rows
bounds that of the points from below. What counts is the share of pairs of query and reference that a bound leaves:
those it puts no farther than the query's nearest reference. `haar` are the coarsest coefficients of a Haar pyramid of
each channel (the first 4ⁿ of a channel are its pixels pooled), `dct` the lowest frequencies of its cosine transform:
neither is fitted. `pca` are the principal components that the exact search uses, of the folded spectrum or of pooled
pixels; of small images also `pca-whole`, without pooling. Seconds are those of fitting and of transforming all
references to the most coordinates, one run each. Pairs are counted in float32, without the search's allowance for
rounding.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from figures import Row, add_options, report
from numpy.typing import NDArray
from projection_data import Pair, crops, embedded, held_out, reals
from scipy.fft import dct

from manifpt.manifolds.nearest import Nearest
from manifpt.manifolds.prefix import fitted
from manifpt.manifolds.threads import threads

WIDTHS = (64, 128, 256, 512, 1024)
FEW = 4096  # pixels of which the components are found without pooling
ROWS = 512  # points transformed together
KEPT = 32  # functions along a side, of which the first p products are among
Floats = NDArray[np.float64]


def rows(references: int, queries: int) -> dict[str, Callable[[], Pair]]:
    """Return the rows: name → references and queries."""

    def pair(space: str) -> Pair:
        return embedded(space, reals(references)), embedded(space, held_out(queries))

    small = max(1, references // 5), max(1, queries // 4)
    return {
        "rgb": lambda: pair("rgb"),
        "freq": lambda: pair("freq"),
        "rgb-256": lambda: (crops("references", small[0]), crops("queries", small[1])),
    }


def haar(side: int) -> tuple[Floats, Floats]:
    """Return the orthonormal Haar functions along a side, coarsest first, and the level of each."""
    functions, levels = [np.full(side, side**-0.5)], [0]
    length = side
    while length > 1:
        for start in range(0, side, length):
            one = np.zeros(side)
            one[start : start + length // 2], one[start + length // 2 : start + length] = 1, -1
            functions.append(one / np.sqrt(length))
            levels.append(levels[-1] if start else levels[-1] + 1)
        length //= 2
    return np.stack(functions), np.array(levels, float)


def cosines(side: int) -> tuple[Floats, Floats]:
    """Return the orthonormal cosines along a side, and the frequency of each."""
    return dct(np.eye(side), norm="ortho", axis=0), np.arange(side, dtype=float)


class Fixed:
    """The coarsest products of functions along both sides of an image.

    Args:
        shape: (channels, side, side) of a point.
        functions: Along a side, and how fine each is.
        most: Coordinates.
    """

    def __init__(self, shape: tuple[int, ...], functions: tuple[Floats, Floats], most: int) -> None:
        matrix, fine = (each[: min(KEPT, shape[1])] for each in functions)
        self._matrix = matrix.astype(np.float32)
        both = [np.maximum(fine[:, None], fine), np.hypot(fine[:, None], fine)]
        order = np.lexsort([both[1].ravel(), both[0].ravel()])
        # A coordinate of each channel in turn, so that each has as many.
        places = order[:, None] + np.arange(shape[0]) * order.size
        self._places, self._shape = places.ravel()[:most], shape

    def rows(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the coordinates (n, most) of points (n, d)."""
        images = points.reshape(len(points), *self._shape)
        found = self._matrix @ images @ self._matrix.T
        return found.reshape(len(points), -1)[:, self._places]


@dataclass
class Left:
    """A row.

    Args:
        found: Transform → seconds, and the share of pairs left by number of coordinates.
        about: What it rests on.
    """

    found: dict[str, Row]
    about: Row

    def row(self) -> Row:
        """Return the row for JSON."""
        return {**self.about, "transforms": self.found}

    def line(self, name: str) -> str:
        """Return the row in words."""
        shares = [
            f"    {name:<5} {one['seconds']:7.2f} s "
            + " ".join(f"{p}: {100 * s:.4f} %" for p, s in one["left"].items())
            for name, one in self.found.items()
        ]
        return "\n".join([f"{name}: " + ", ".join(f"{key} {value}" for key, value in self.about.items()), *shares])


def row(references: Any, queries: Any) -> Left:
    """Return what one row finds."""
    shape = references.values.shape[1:]
    flat, asked = (each.values.reshape(len(each), -1) for each in (references, queries))
    nearest = np.sqrt(Nearest().fit([references]).search(queries).squares[:, 0])
    center = np.zeros(flat.shape[1])
    for start in range(0, len(flat), ROWS):
        center += flat[start : start + ROWS].sum(0, dtype=np.float64)
    center = (center / len(flat)).astype(np.float32)
    found = {}
    for name, functions in (("haar", haar), ("dct", cosines)):
        started = time.perf_counter()
        fixed = Fixed(shape, functions(shape[1]), max(WIDTHS))
        rows, lengths = _transformed(flat, center, fixed)
        took = time.perf_counter() - started
        found[name] = _left(rows, lengths, *_transformed(asked, center, fixed), nearest, took)
    for name, own in _principal(flat, shape).items():
        started = time.perf_counter()
        prefix = fitted(flat, own, most=max(WIDTHS))
        values = prefix.rows(flat).values
        took = time.perf_counter() - started
        others = prefix.rows(asked).values
        totals = [np.einsum("ij,ij->i", each, each, dtype=np.float64) for each in (values, others)]
        found[name] = _left(values[:, 1:], totals[0], others[:, 1:], totals[1], nearest * prefix.factor, took)
    about = {"references": len(flat), "queries": len(asked), "coordinates": flat.shape[1], "threads": threads()}
    return Left(found, about)


def _principal(flat: NDArray[Any], shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Return the shapes by which principal components are fitted: points without one are not pooled."""
    whole = flat.dtype == np.uint8 and flat.shape[1] <= FEW
    return {"pca": shape, **({"pca-whole": flat.shape[1:]} if whole else {})}


def _transformed(points: NDArray[Any], center: NDArray[np.float32], fixed: Fixed) -> tuple[NDArray[np.float32], Floats]:
    """Return the coordinates of points, and the squared lengths of the points."""
    rows, lengths = [], []
    for start in range(0, len(points), ROWS):
        some = points[start : start + ROWS] - center
        rows.append(fixed.rows(some))
        lengths.append(np.einsum("ij,ij->i", some, some, dtype=np.float64))
    return np.concatenate(rows), np.concatenate(lengths)


def _left(  # noqa: PLR0917  (two pairs)
    rows: NDArray[np.float32],
    lengths: Floats,
    asked: NDArray[np.float32],
    asked_lengths: Floats,
    nearest: Floats,
    seconds: float,
) -> Row:
    left = {}
    for width in (width for width in WIDTHS if width <= rows.shape[1]):
        one, other = asked[:, :width], rows[:, :width]
        squares = [np.einsum("ij,ij->i", each, each, dtype=np.float64) for each in (one, other)]
        remains = [np.sqrt(np.maximum(of - own, 0)) for of, own in zip((asked_lengths, lengths), squares, strict=True)]
        kept = 0
        for start in range(0, len(one), ROWS):
            some = slice(start, start + ROWS)
            bound = squares[0][some, None] + squares[1] - 2 * (one[some] @ other.T)
            bound += (remains[0][some, None] - remains[1]) ** 2
            kept += int((bound <= nearest[some, None] ** 2).sum())
        left[str(width)] = float(f"{kept / len(one) / len(other):.3g}")
    return {"seconds": round(seconds, 2), "left": left}


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(rows(1, 1))
    add_options(parser)
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--references", type=int, default=50_000, help="a fifth as many at 256 pixels")
    parser.add_argument("--queries", type=int, default=2_000, help="a quarter as many at 256 pixels")
    given = parser.parse_args()

    def found() -> Iterator[tuple[str, Left]]:
        for name in given.only:
            yield name, row(*rows(given.references, given.queries)[name]())

    report("transforms", found(), given)


if __name__ == "__main__":
    main()
