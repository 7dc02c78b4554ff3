"""Which references are copies of each other, and of which a point is a copy, by digests of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.settling import compiled, settled


@dataclass(frozen=True, slots=True)
class Copies:
    """Points in groups of equal content; the order of the groups depends on their contents alone.

    Args:
        digests: (g,) uint64, ascending: the content of each group.
        members: (m,) int64, the points' indices, group by group, ascending within each.
        starts: (g + 1,) int64, where each group begins in ``members``.
    """

    digests: NDArray[np.uint64]
    members: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, pieces: Iterable[NDArray[Any]]) -> Self:
        """Return the groups of points, (n, d) each piece.

        Example:
            >>> Copies.of([np.array([[1], [2], [1]], np.uint8)]).groups
            2
        """
        digests = np.concatenate([_digests(piece) for piece in pieces])
        different, counts = np.unique(digests, return_counts=True)
        starts = np.concatenate([[0], np.cumsum(counts)])
        return cls(different, np.argsort(digests, kind="stable").astype(np.int64), starts.astype(np.int64))

    @property
    def groups(self) -> int:
        """How many different contents there are."""
        return len(self.digests)

    @property
    def firsts(self) -> NDArray[np.int64]:
        """The lowest index of each group."""
        return self.members[self.starts[:-1]]

    def found(self, points: NDArray[Any]) -> NDArray[np.int64]:
        """Return the group of which each point (n, d) is a copy, −1 where there is none."""
        digests = _digests(points)
        place = np.minimum(np.searchsorted(self.digests, digests), self.groups - 1)
        return np.where(self.digests[place] == digests, place, -1).astype(np.int64)


def _digests(flat: NDArray[Any]) -> NDArray[np.uint64]:
    # Adding 0 makes the two float zeros one.
    rows = (hashlib.blake2b(row + row.dtype.type(0), digest_size=8).digest() for row in flat)
    return np.frombuffer(b"".join(rows), np.uint64)


@compiled()
def settled_groups(  # noqa: PLR0917  (machine code takes its arguments by place)
    queries: NDArray[Any],
    groups: NDArray[np.int64],
    members: NDArray[np.int64],
    starts: NDArray[np.int64],
    references: NDArray[Any],
    first: int,
    squares: NDArray[np.float64],
    nearest: NDArray[np.int64],
) -> None:
    """Take the nearest of some groups' references among the k nearest of each query.

    Args:
        queries: (n, d), uint8 or float32.
        groups: (n, c), groups to look at for each query; −1 for none.
        members: As ``Copies`` has them.
        starts: Likewise.
        references: (m, d), a block of the references; others are passed over.
        first: The index of the block's first reference.
        squares: (n, k), the squared distances of the nearest so far, ascending.
        nearest: (n, k), their indices.
    """
    neighbors = squares.shape[1]
    for query in range(groups.shape[0]):
        for place in range(groups.shape[1]):
            group = groups[query, place]
            if group < 0:
                continue
            # Ties go to the lower index, so that no more than k copies of one content can be among the k nearest.
            for slot in range(starts[group], min(starts[group + 1], starts[group] + neighbors)):
                row = members[slot] - first
                if 0 <= row < references.shape[0]:
                    settled(queries, query, references, row, members[slot], squares, nearest)
