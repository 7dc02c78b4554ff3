"""What all references of a folder have in common, and how many of them one file holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.errors import NumbersError
from manifpt.manifolds.shards import BLOCK_ROWS, TYPES

SHARD_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Form:
    """What points of one space at one image size have in common.

    Args:
        kind: The type of a coordinate, uint8 or float32.
        shape: The shape of a point.
        scale: What one unit is worth.
    """

    kind: np.dtype[Any]
    shape: tuple[int, ...]
    scale: float

    @classmethod
    def of(cls, points: Points) -> Self:
        """Return the form of some points.

        Raises:
            NumbersError: Such points cannot be kept.
        """
        form = cls(points.values.dtype, points.values.shape[1:], float(points.scale))
        usable = form.kind in map(np.dtype, TYPES.values()) and math.prod(form.shape) > 0
        if not usable or not (math.isfinite(form.scale) and form.scale > 0):
            raise NumbersError(
                f"references of {form}",
                expected="at least one coordinate, uint8 or float32, and a finite scale above 0",
                remedy="give the points that a space returns",
            )
        return form

    @property
    def rows(self) -> int:
        """How many points a full shard holds: whole blocks, unless not even one fits."""
        fitting = SHARD_BYTES // (math.prod(self.shape) * self.kind.itemsize)
        return max(1, fitting - fitting % BLOCK_ROWS if fitting > BLOCK_ROWS else fitting)

    def __str__(self) -> str:
        return f"shape {self.shape}, type {self.kind} and scale {self.scale:.6g}"


def accepted(blocks: Iterable[Points], form: Form, *, first: int, place: str) -> Iterator[NDArray[Any]]:
    """Yield the values of blocks of points.

    Args:
        blocks: The points.
        form: What they have to be.
        first: The index of the first as a reference.
        place: Where they are kept, for errors.

    Raises:
        NumbersError: Points are of another form, or a coordinate is NaN or infinite.
    """
    for points in blocks:
        if not len(points):
            continue
        if Form.of(points) != form:
            raise NumbersError(
                f"references of {Form.of(points)} for {place}",
                expected=f"{form}, as the others have",
                remedy="embed all with the same space at the same image size",
            )
        # In parts, so that of one block that is a large map no table as large is made.
        for start in range(0, len(points), form.rows):
            part = points.values[start : start + form.rows]
            _refuse_non_finite(part, first, place)
            yield part
            first += len(part)


def _refuse_non_finite(values: NDArray[Any], first: int, place: str) -> None:
    if values.dtype == np.uint8:
        return
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if not finite.all():
        raise NumbersError(
            f"reference {first + int(np.argmin(finite))} for {place} holds NaN or infinity",
            expected="finite coordinates",
            remedy="leave the image out, or check the space's weights",
        )


def filled(blocks: Iterable[NDArray[Any]], form: Form) -> Iterator[NDArray[Any]]:
    """Yield the rows of blocks in the numbers that shards hold; each array is overwritten by the next."""
    shard, rows = np.empty((form.rows, *form.shape), form.kind), 0
    for values in blocks:
        for part in np.split(values, range(form.rows - rows, len(values), form.rows)):
            shard[rows : rows + len(part)] = part
            rows += len(part)
            if rows == form.rows:
                yield shard
                rows = 0
    if rows:
        yield shard[:rows]
