"""Main effects of crossed choices on the fingerprint, measured by what another seed of the same design changes.

In published generators choices come together. Where they are crossed and every design has twins that differ in the
seed alone, each choice has a share of its own, and the seed is the yardstick: an effect of 1 is no more than chance in
training makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from manifpt.errors import DataError, NumbersError
from manifpt.metrics.interval import Interval

LEVEL = 0.95
TINY = np.finfo(float).tiny
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MainEffect:
    """What a choice does to fingerprints.

    Args:
        choice: Its name.
        levels: How many values it has.
        ratio: Mean square of the choice, beyond all other choices, over the mean square between seeds of one design;
            with its interval over groups of images.
        share: Its share of the spread of the designs' fingerprints that all choices explain.
    """

    choice: str
    levels: int
    ratio: Interval
    share: float


def main_effects(
    features: ArrayLike,
    generators: ArrayLike,
    choices: Mapping[str, Mapping[str, str]],
    groups: ArrayLike,
) -> list[MainEffect]:
    """Return the main effect of each choice, by least squares on the generators' mean features.

    Intervals are by the jackknife of the ratio's logarithm (Efron and Stein 1981): a bootstrap would draw images twice,
    and so add to what lies between seeds.

    Args:
        features: (n, …), flattened.
        generators: Name of each, (n,).
        choices: Choice → generator → its level; generators that agree in all choices are seeds of one design.
        groups: What is left out together for the interval, (n,), such as the real that an image reconstructs; of each
            generator there are images of two groups or more.

    Raises:
        DataError: No design has two seeds, or a choice cannot be told from the others.
        NumbersError: The features are not finite, or the lengths differ.
    """
    points, names = np.asarray(features, np.float64), np.asarray(generators)
    points = points.reshape(len(points), -1)
    if len(names) != len(points) or not np.isfinite(points).all():
        raise NumbersError(
            f"{len(names)} generators of features of shape {points.shape}, or some are not finite",
            expected="finite features, and the generator of each",
            remedy="look for broken features",
        )
    classes, owners = np.unique(names, return_inverse=True)
    columns = {choice: _coded([levels[name] for name in classes.tolist()]) for choice, levels in choices.items()}
    model = _Model(columns)
    ratios, shares = model.measured(_means(points, owners, np.ones(len(points))))
    blocks, places = np.unique(np.asarray(groups), return_inverse=True)
    left = [model.measured(_means(points, owners, 1.0 * (places != block)))[0] for block in range(len(blocks))]
    logs = np.log(np.maximum(left, TINY))
    deviations = np.sqrt((len(blocks) - 1) * logs.var(axis=0))
    reach = np.exp(norm.ppf((1 + LEVEL) / 2) * deviations)
    return [
        MainEffect(
            choice,
            columns[choice].shape[1] + 1,
            Interval(float(ratio), float(ratio / factor), float(ratio * factor), LEVEL),
            float(share),
        )
        for choice, ratio, factor, share in zip(columns, ratios, reach, shares, strict=True)
    ]


class _Model:
    """Least squares on the choices, and the spread between seeds, as quadratic forms of the fingerprints."""

    def __init__(self, columns: Mapping[str, Matrix]) -> None:
        count = len(next(iter(columns.values())))
        ones = np.ones((count, 1))
        full = np.hstack([ones, *columns.values()])
        _, designs = np.unique(full, axis=0, return_inverse=True)
        self.seeds = np.eye(count) - _onto(np.eye(designs.max() + 1)[designs.reshape(-1)])
        self.twins = count - int(designs.max()) - 1
        if not self.twins:
            raise DataError(
                "every design has one seed",
                expected="two generators or more of some design, which differ in nothing",
                remedy="train another seed",
            )
        self.explained = _onto(full) - _onto(ones)
        self.forms, self.degrees = [], []
        for choice, column in columns.items():
            without = np.hstack([ones, *(other for name, other in columns.items() if name != choice)])
            degrees = np.linalg.matrix_rank(full) - np.linalg.matrix_rank(without)
            if not column.shape[1] or degrees < column.shape[1]:
                raise DataError(
                    f"{choice} cannot be told from the other choices",
                    expected="two levels or more, crossed with the other choices",
                    remedy="leave it out, or add designs",
                )
            self.forms.append(_onto(full) - _onto(without))
            self.degrees.append(column.shape[1])

    def measured(self, fingerprints: Matrix) -> tuple[Matrix, Matrix]:
        """Return for each choice its mean square over that of seeds, and its share of what all choices explain."""
        products = fingerprints @ fingerprints.T
        between = np.sum(self.seeds * products) / self.twins
        squares = np.array([np.sum(form * products) for form in self.forms])
        ratios = squares / self.degrees / max(between, TINY)
        return ratios, squares / max(np.sum(self.explained * products), TINY)


def _means(points: Matrix, owners: NDArray[np.int64], counts: NDArray[np.generic]) -> Matrix:
    weights = np.zeros((int(owners.max()) + 1, len(points)))
    weights[owners, np.arange(len(points))] = counts
    return np.asarray((weights / np.maximum(weights.sum(axis=1, keepdims=True), 1)) @ points)


def _coded(levels: list[str]) -> Matrix:
    """Return a column for each level but the first, (generators, levels − 1)."""
    return np.eye(len(set(levels)))[np.unique(levels, return_inverse=True)[1]][:, 1:]


def _onto(columns: Matrix) -> Matrix:
    """Return the projection onto what columns span."""
    return np.asarray(columns @ np.linalg.pinv(columns))
