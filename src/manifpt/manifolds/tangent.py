"""The affine hull of the nearest references, which stands for the manifold's tangent plane."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.errors import NumbersError
from manifpt.manifolds.combining import Counterparts, each_part, parts
from manifpt.manifolds.counts import amount, whole
from manifpt.manifolds.hulls import projected
from manifpt.manifolds.manifold import Projection
from manifpt.manifolds.nearest import Nearest
from manifpt.manifolds.patches import Patches

MAP = 3  # axes: channels, height, width


class Tangent:
    """Projects each point onto the affine hull of its k nearest references (Vincent and Bengio 2001).

    Whole points: the k nearest are found exactly, and the point is projected orthogonally onto their hull, in float64;
    ``hulls.projected`` has the formula. So a reference is its own counterpart, one neighbour is the manifold
    ``nearest``, and copies among the neighbours only leave the hull fewer directions.

    Patches: the same for each square patch of a map, with the k nearest reference patches at the same place, or shifted
    by a few pixels; ``patches.Patches`` says how they are found. Where patches overlap, their mean is taken. The
    neighbours that are returned are those of the whole points. A patch of a reference is its own counterpart too.

    Args:
        neighbors: How many references span a hull (k), and how many to return.
        rank: How many directions of the hull to keep, those along which the neighbours vary most; None for all.
        ridge: Draws the projection towards the neighbours' mean: least squares are penalised by ``ridge`` times the
            mean squared distance of the neighbours to their mean. 0 for none.
        patch: Side of a patch in pixels; None for whole points.
        stride: Pixels from one patch to the next; None for half of the side.
        shift: How many pixels, in rows and in columns, a reference patch may lie from the place of the point's.

    Raises:
        NumbersError: A number is out of its range or not whole.

    Example:
        >>> references = Points(np.array([[0.0, 0.0], [4.0, 0.0], [9.0, 9.0]], np.float32))
        >>> found = Tangent(neighbors=2).fit([references]).project(Points(np.array([[1.0, 3.0]], np.float32)))
        >>> found.points.values.tolist(), found.distances
        ([[1.0, 0.0]], array([3.]))
    """

    def __init__(
        self,
        *,
        neighbors: int = 20,
        rank: int | None = None,
        ridge: float = 0.0,
        patch: int | None = None,
        stride: int | None = None,
        shift: int = 1,
    ) -> None:
        self.neighbors = whole("neighbors", neighbors, least=1)
        self.rank = None if rank is None else whole("rank", rank, least=1, most=max(1, self.neighbors - 1))
        self.ridge = amount("ridge", ridge, zero=True)
        self.patch = None if patch is None else whole("patch", patch, least=1)
        most = {} if self.patch is None else {"most": self.patch}
        self.stride = None if stride is None else whole("stride", stride, least=1, **most)
        self.shift = whole("shift", shift, least=0)

    def settings(self) -> dict[str, Any]:
        """Return the name and what decides the hulls; what concerns patches only where there are some."""
        named = ("neighbors", "rank", "ridge", "patch", *(("stride", "shift") if self.patch else ()))
        return {"name": "tangent", **{name: getattr(self, name) for name in named}}

    def fit(self, blocks: Iterable[Points]) -> Self:
        """Store the reference points; blocks that lie in files stay there.

        Raises:
            DataError: There are fewer references than neighbours asked for.
            NumbersError: A coordinate is NaN or infinite, or the points have no such patches.
        """
        self.nearest_ = Nearest(neighbors=self.neighbors).fit(blocks)
        if self.patch is not None:
            stored = self.nearest_.stored_
            shape = stored.blocks[0].values.shape[1:]
            if len(shape) != MAP or min(shape[1:]) < self.patch:
                raise NumbersError(
                    f"points of shape {shape} for patches of {self.patch} × {self.patch}",
                    expected=f"maps (channels, height, width) of {self.patch} × {self.patch} or more",
                    remedy="take another space or a smaller patch, or leave patch out",
                )
            stride = self.stride or max(1, self.patch // 2)
            self._patches = Patches(stored, shape, side=self.patch, stride=stride, shift=self.shift)
        return self

    def project(self, points: Points) -> Projection:
        """Return the projection of each point onto the hulls, float32 also where the points are uint8.

        Args:
            points: Points of the same shape, type and scale as the references.

        Raises:
            NumbersError: The shape or type differs from the references', or a coordinate is NaN or infinite.
        """
        numbers, stored = self.nearest_.search(points).numbers, self.nearest_.stored_
        queries = stored.comparable(points)
        made = Counterparts(queries, stored)
        if self.patch is None:

            def some(part: slice) -> None:
                made.put(part, self._onto(queries[part], stored.corners(numbers[part])))

            each_part(len(queries), numbers.shape[1] * queries.shape[1], some)
        else:
            for part in parts(0, len(queries), queries.shape[1]):
                made.put(part, self._by_patches(queries[part]))
        return made.projection(numbers)

    @property
    def references(self) -> int:
        """How many references are stored."""
        return self.nearest_.references

    def reference_points(self, numbers: NDArray[np.int64]) -> Points:
        """Return some references, by their indices (m,)."""
        return self.nearest_.reference_points(numbers)

    def _onto(self, points: NDArray[Any], corners: NDArray[Any]) -> NDArray[np.float64]:
        return projected(points, corners, rank=self.rank, ridge=self.ridge)

    def _by_patches(self, queries: NDArray[Any]) -> NDArray[np.float64]:
        patches = self._patches
        maps = queries.reshape(len(queries), *patches.shape)
        total = np.zeros(maps.shape)
        for place in patches.places:
            own, there = place.of(maps), place.of(total)
            proposed = patches.proposed(maps, place, self.neighbors)

            def some(part: slice, own: Any = own, there: Any = there, place: Any = place, near: Any = proposed) -> None:
                corners = patches.settled(own[part], place, near[part], self.neighbors)
                flat = own[part].reshape(len(corners), -1)
                there[part] += self._onto(flat, corners).reshape(there[part].shape)

            each_part(len(maps), proposed.shape[1] * own[:1].size, some)
        return (total / patches.covered).reshape(queries.shape)
