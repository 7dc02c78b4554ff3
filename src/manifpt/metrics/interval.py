"""Percentile bootstrap intervals of any statistic, clustered and stratified."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.errors import NumbersError
from manifpt.metrics.resampling import multiplicities


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the bounds between which it lies at a level of confidence.

    Args:
        value: The statistic on all the data.
        low: Lower bound.
        high: Upper bound.
        level: Confidence, between 0 and 1.

    Example:
        >>> print(Interval(0.7249, 0.69, 0.751, 0.95))
        0.725 [0.690, 0.751]
    """

    value: float
    low: float
    high: float
    level: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    @classmethod
    def restored(cls, record: Mapping[str, Any]) -> Interval:
        """Return the interval of which ``dataclasses.asdict`` made a record.

        Raises:
            KeyError, TypeError, ValueError: It is no such record.
        """
        return cls(*(float(record[name]) for name in ("value", "low", "high", "level")))


def bootstrap(
    statistic: Callable[..., float],
    *arrays: ArrayLike,
    clusters: ArrayLike | None = None,
    stratify: ArrayLike | None = None,
    runs: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return the percentile bootstrap interval of ``statistic(*arrays)``.

    A class whose rows all lie in one cluster adds no spread; give it more images before trusting the
    interval.

    Args:
        statistic: Takes the arrays, resampled alike along their first axis, and returns one finite number.
        arrays: Each (n, …), the same n.
        clusters: (n,) what is drawn together: the image, or the group of near-duplicates. Each row alone if
            None.
        stratify: (n,) classes, none of which may vanish from a resample.
        runs: (n,) training runs, drawn as well if given, which adds the variance of retraining.
        level: Confidence, between 0 and 1.
        resamples: How many times to draw.
        seed: Decides the draw.

    Raises:
        NumbersError: Lengths differ, the level is not between 0 and 1, or the statistic is not finite.

    Example:
        >>> bootstrap(np.mean, [0.0, 1.0, 2.0, 3.0], seed=1).value
        1.5
    """
    given = [np.asarray(array) for array in arrays]
    rows = {len(array) if array.ndim else 0 for array in given}
    if len(rows) != 1 or rows == {0}:
        raise NumbersError(
            f"the arrays have {', '.join(map(str, sorted(rows))) or 'no'} rows",
            expected="the same number in each, 1 or more",
            remedy="pass one row per answer",
        )
    count = rows.pop()
    blocks = multiplicities(count, clusters=clusters, stratify=stratify, runs=runs, resamples=resamples, seed=seed)
    return percentile(statistic(*given), (_draws(statistic, given, block) for block in blocks), level=level)


def percentile(value: float, draws: Iterable[NDArray[np.float64]], *, level: float) -> Interval:
    """Return the interval between the percentiles of the draws, given in blocks of any length.

    Raises:
        NumbersError: The level is not between 0 and 1, there is no draw, or one is not finite.
    """
    if not 0 < level < 1:
        raise NumbersError(f"the level is {level}", expected="a number between 0 and 1", remedy="leave it at 0.95")
    drawn = np.concatenate(list(draws))
    if not (np.isfinite(value) and len(drawn) and np.isfinite(drawn).all()):
        raise NumbersError(
            "the statistic is not finite on the data or on a resample of it",
            expected="a number from every resample",
            remedy="pass stratify= so that no class vanishes",
        )
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(value), float(low), float(high), level)


def _draws(
    statistic: Callable[..., float], arrays: list[NDArray[Any]], block: NDArray[np.int64]
) -> NDArray[np.float64]:
    picked = (np.repeat(np.arange(block.shape[1]), weights) for weights in block)
    return np.array([statistic(*(array[rows] for array in arrays)) for rows in picked], dtype=np.float64)
