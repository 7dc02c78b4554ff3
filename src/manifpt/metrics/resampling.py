"""How often each row counts in each bootstrap resample.

Clusters of rows (all answers about one image, or about a group of near-duplicates) are drawn with
replacement, so that what depends on each other stays together. Efron & Tibshirani, An Introduction to the
Bootstrap, 1993, chapter 8; crossed factors after Owen, The pigeonhole bootstrap, Annals of Applied Statistics
1(2), 2007.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.errors import NumbersError
from manifpt.metrics.labels import labels

BLOCK_ELEMENTS = 2**21  # 16 MiB of weights at a time


def multiplicities(
    rows: int,
    *,
    clusters: ArrayLike | None = None,
    stratify: ArrayLike | None = None,
    runs: ArrayLike | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Iterator[NDArray[np.int64]]:
    """Yield how often each row counts, in blocks (some resamples, rows) that add up to ``resamples``.

    With ``stratify``, clusters are drawn only among those that hold the same set of classes: each resample
    then holds each class, and as many clusters of it as the data.

    Args:
        rows: How many rows there are.
        clusters: (rows,) the image or the group of near-duplicates that each row belongs to; each row alone
            if None.
        stratify: (rows,) the class of each row.
        runs: (rows,) the training run that gave each row; if given, runs are drawn with replacement as well,
            which adds the variance of retraining.
        resamples: How many times to draw.
        seed: Decides the draw. Given ``clusters``, the order of the rows does not matter.

    Raises:
        NumbersError: A label array is not as long as the data, or ``resamples`` is below 1.
    """
    if resamples < 1:
        raise NumbersError(f"resamples is {resamples}", expected="1 or more", remedy="leave it at 1000")
    cluster_of = np.arange(rows) if clusters is None else _codes(clusters, rows, "clusters")
    class_of = np.zeros(rows, np.intp) if stratify is None else _codes(stratify, rows, "strata")
    run_of = np.zeros(rows, np.intp) if runs is None else _codes(runs, rows, "runs")
    strata = _strata(cluster_of, class_of)
    *generators, generator_of_runs = np.random.default_rng(seed).spawn(len(strata) + 1)
    width, run_count = int(cluster_of.max()) + 1, int(run_of.max()) + 1
    block = max(1, BLOCK_ELEMENTS // rows)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        weights = np.empty((size, width), np.int64)
        for members, generator in zip(strata, generators, strict=True):
            weights[:, members] = _drawn(generator, size, len(members))
        weights = weights[:, cluster_of]
        yield weights if runs is None else weights * _drawn(generator_of_runs, size, run_count)[:, run_of]


def _codes(values: ArrayLike, rows: int, name: str) -> NDArray[np.intp]:
    array = labels(values, name=name)
    if len(array) != rows:
        raise NumbersError(
            f"there are {len(array)} {name} for {rows} rows",
            expected="one per row",
            remedy="pass both in the same order",
        )
    return np.unique(array, return_inverse=True)[1]


def _strata(cluster_of: NDArray[np.intp], class_of: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    holds = np.zeros((int(cluster_of.max()) + 1, int(class_of.max()) + 1), bool)
    holds[cluster_of, class_of] = True
    stratum_of = np.unique(holds, axis=0, return_inverse=True)[1].reshape(-1)
    return [np.flatnonzero(stratum_of == stratum) for stratum in range(int(stratum_of.max()) + 1)]


def _drawn(generator: np.random.Generator, size: int, members: int) -> NDArray[np.int64]:
    picks = generator.integers(members, size=(size, members)) + members * np.arange(size)[:, None]
    return np.bincount(picks.reshape(-1), minlength=size * members).reshape(size, members)
