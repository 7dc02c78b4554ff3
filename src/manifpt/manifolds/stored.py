"""Reference points as they were given, and the points that may be compared with them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.errors import DataError, NumbersError
from manifpt.storage import streamed

ROWS = 4096  # looked at together for what is not finite


@dataclass(frozen=True, slots=True)
class Stored:
    """References in the blocks in which they lie.

    Args:
        blocks: At least one, none of them empty.
        flat: The same values, (m, d) each, uint8 or float32.
        firsts: Index of the first reference of each block.
    """

    blocks: tuple[Points, ...]
    flat: tuple[NDArray[Any], ...]
    firsts: tuple[int, ...]

    @classmethod
    def of(cls, blocks: Iterable[Points], *, least: int) -> Self:
        """Return the references of some blocks; those that lie in files stay there.

        Args:
            blocks: Points of one shape, type and scale.
            least: How many there must be.

        Raises:
            DataError: There are fewer.
            NumbersError: A coordinate is NaN or infinite.
        """
        given = (block for block in blocks if len(block))
        kept: list[Points] = []
        for block in given:
            if not isinstance(block.values, np.memmap):
                values = streamed(each.values for each in chain(kept, [block], given))
                kept = [Points(values, block.scale)]
                break
            kept.append(block)
        count = sum(map(len, kept))
        if count < least:
            raise DataError(
                f"{count} reference images",
                expected=f"at least {least}",
                remedy="give a folder of real images as the reference",
            )
        flat = tuple(_flat(block) for block in kept)
        refuse_non_finite(flat, "reference points")
        return cls(tuple(kept), flat, (0, *accumulate(map(len, kept[:-1]))))

    def __len__(self) -> int:
        """Return how many references there are."""
        return sum(map(len, self.blocks))

    @property
    def scale(self) -> float:
        """What one unit of a coordinate is worth."""
        return self.blocks[0].scale

    def comparable(self, points: Points) -> NDArray[Any]:
        """Return the values of points that may be compared with the references, (n, d).

        Raises:
            NumbersError: The shape or type differs from the references', or a coordinate is NaN or infinite.
        """
        stored = self.blocks[0].values
        if points.values.shape[1:] != stored.shape[1:] or points.values.dtype != stored.dtype:
            raise NumbersError(
                f"points of shape {points.values.shape[1:]} and type {points.values.dtype}",
                expected=f"{stored.shape[1:]} and {stored.dtype}, as the references have",
                remedy="embed both with the same space at the same image size",
            )
        flat = _flat(points)
        refuse_non_finite((flat,), "points")
        return flat

    def rows(self, wanted: NDArray[np.int64]) -> NDArray[Any]:
        """Return the values of some references, (n, d)."""
        found = np.empty((len(wanted), self.flat[0].shape[1]), self.flat[0].dtype)
        for first, part in zip(self.firsts, self.flat, strict=True):
            own = np.flatnonzero((wanted >= first) & (wanted < first + len(part)))
            found[own] = part[wanted[own] - first]
        return found

    def corners(self, wanted: NDArray[np.int64]) -> NDArray[Any]:
        """Return the values of several references for each of n points, (n, k, d), by their indices (n, k)."""
        return self.rows(wanted.ravel()).reshape(*wanted.shape, self.flat[0].shape[1])

    def points(self, wanted: NDArray[np.int64]) -> Points:
        """Return some references in their own shape."""
        return Points(self.rows(wanted).reshape(len(wanted), *self.blocks[0].values.shape[1:]), self.scale)

    def pieces(self) -> Iterator[NDArray[Any]]:
        """Yield the values of all references in their order, a few at a time."""
        return _pieces(self.flat)


def _flat(points: Points) -> NDArray[Any]:
    flat = points.values.reshape(len(points), math.prod(points.values.shape[1:]))
    # Machine code knows plain arrays only.
    return np.ascontiguousarray(flat).view(np.ndarray)


def refuse_non_finite(parts: tuple[NDArray[Any], ...], what: str) -> None:
    """Refuse values (m, d) of which some are not finite.

    Args:
        parts: Of one type.
        what: What they are, for the error.

    Raises:
        NumbersError: A value is NaN or infinite.
    """
    if parts[0].dtype == np.uint8:
        return
    finite = np.concatenate([np.isfinite(rows).all(axis=1) for rows in _pieces(parts)] or [np.ones(0, bool)])
    if not finite.all():
        raise NumbersError(
            f"{int((~finite).sum())} of the {what} hold NaN or infinity (first: index {int(np.argmin(finite))})",
            expected="finite coordinates",
            remedy="check the embedding's output for these images",
        )


def _pieces(parts: tuple[NDArray[Any], ...]) -> Iterator[NDArray[Any]]:
    for part in parts:
        yield from (part[start : start + ROWS] for start in range(0, len(part), ROWS))
