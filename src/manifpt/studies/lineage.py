"""Which known generator made a new set of images, by their features: the nearest one, or none of the known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from manifpt.errors import DataError, NumbersError
from manifpt.metrics.relabelling import p_value

LEVEL = 0.05
FEWEST = 2


@dataclass(frozen=True, slots=True)
class Kinship:
    """How a new set of images lies to a known generator.

    Args:
        generator: The known one.
        distance: Energy distance of both sets without its bias of small sets (pairs of an image with itself are left
            out), in the unit of the features; 0 where they lie no further apart than halves of one set would.
        p_value: Of "the new images are drawn from that generator", by shuffling both sets together.
        images: How many images of the known generator there are.
    """

    generator: str
    distance: float
    p_value: float
    images: int


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a new set of images comes from.

    Args:
        kinships: The known generators, the nearest first.
        level: The p-value up to which a generator is ruled out.
        images: How many new images there are.
    """

    kinships: tuple[Kinship, ...]
    level: float
    images: int

    @property
    def generator(self) -> str | None:
        """The nearest generator that is not ruled out; None for none of the known.

        If the images are of a known generator, it is ruled out with probability ``level`` at most, however many others
        there are: no correction is needed.
        """
        return next((one.generator for one in self.kinships if one.p_value > self.level), None)


def lineage(
    features: ArrayLike,
    known: Mapping[str, ArrayLike],
    *,
    permutations: int = 999,
    level: float = LEVEL,
    seed: int = 0,
) -> Lineage:
    """Return which known generator a new set of images is nearest to, and which can be ruled out.

    The energy test of two samples (Székely and Rizzo 2013). Few images rule out little: a generator that is not ruled
    out need not have made the images.

    Args:
        features: Of the new images, (n, …), flattened.
        known: Features of each known generator, (m, …).
        permutations: How many shuffles are drawn for each.
        level: The p-value up to which a generator is ruled out.
        seed: Of the shuffles.

    Raises:
        DataError: No generator is known.
        NumbersError: A set has fewer than 2 images, another dimension, or features that are not finite; or level and
            permutations cannot rule anything out.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> known = {"a": rng.normal(size=(40, 3)), "b": rng.normal(2, 1, (40, 3))}
        >>> lineage(rng.normal(2, 1, (30, 3)), known).generator
        'b'
        >>> print(lineage(rng.normal(9, 1, (30, 3)), known).generator)
        None
    """
    if not known:
        raise DataError("no generator is known", expected="features of one or more", remedy="give some to compare with")
    if permutations < 1 or not 1 / (1 + permutations) <= level < 1:
        raise NumbersError(
            f"{permutations} permutations at the level {level}",
            expected="a level from 1 / (1 + permutations) to 1",
            remedy="draw more permutations",
        )
    new = _flat(features, "the new set")
    rng = np.random.default_rng(seed)
    found = [
        replace(_kinship(new, _flat(points, name), permutations, rng), generator=name)
        for name, points in sorted(known.items())
    ]
    return Lineage(tuple(sorted(found, key=lambda one: (one.distance, -one.p_value))), level, len(new))


def _flat(features: ArrayLike, name: str) -> NDArray[np.float64]:
    points = np.asarray(features, np.float64)
    if len(points) < FEWEST or not np.isfinite(points).all():
        raise NumbersError(
            f"{name} has features of shape {points.shape}, or some are not finite",
            expected=f"finite features of {FEWEST} or more images",
            remedy="leave it out, or look for broken features",
        )
    return points.reshape(len(points), -1)


def _kinship(
    new: NDArray[np.float64], old: NDArray[np.float64], permutations: int, rng: np.random.Generator
) -> Kinship:
    if new.shape[1] != old.shape[1]:
        raise NumbersError(
            f"features of {new.shape[1]} and {old.shape[1]} dimensions",
            expected="one feature space",
            remedy="take both with one method",
        )
    together = np.concatenate([new, old])
    apart = cdist(together, together)
    orders = rng.permuted(np.tile(np.arange(len(together)), (permutations, 1)), axis=1)
    inside = np.zeros((permutations + 1, len(together)))
    inside[0, : len(new)] = 1
    np.put_along_axis(inside[1:], orders[:, : len(new)], 1.0, axis=1)
    squares = _squared_energy(apart, inside)
    return Kinship("", float(np.sqrt(max(squares[0], 0.0))), p_value(float(squares[0]), squares[1:]), len(old))


def _squared_energy(apart: NDArray[np.float64], inside: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 2 E‖x − y‖ − E‖x − x′‖ − E‖y − y′‖ over pairs of different images, for each row of members of x."""
    outside = 1 - inside
    reached = inside @ apart
    ones, others = inside.sum(axis=1), outside.sum(axis=1)
    between = (reached * outside).sum(axis=1) / (ones * others)
    within = (reached * inside).sum(axis=1) / (ones * (ones - 1))
    beyond = ((outside @ apart) * outside).sum(axis=1) / (others * (others - 1))
    return np.asarray(2 * between - within - beyond)
