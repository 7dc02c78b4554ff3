"""How fast the Fréchet distance and FDR are, against the root of a matrix (`scipy.linalg.sqrtm`), in the same run.

    python benchmarks/fdr.py [--only ROW …] [--pairs 5] [--json] [--keep]

Features are drawn with the falling spectrum of a network's; a row names their seeds and how many points each set has.
FDR's peer is the same but for its distances: it takes a root for each pair of sets, of covariances that it computes
once for each set. Answers are compared in every row, in units of tr S₁ + tr S₂, or of FDR and its bounds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from unittest.mock import patch

import numpy as np
from figures import Found, add_options, report
from interleaved import PAIRS, Measured, measured
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from manifpt.metrics import fdr as fdr_module
from manifpt.metrics.fdr import FDR, fdr
from manifpt.metrics.frechet import Gaussian, frechet_distance

Array = NDArray[np.float64]
ROWS = ("full-rank", "few-points", "fdr")
ADMITTED = 1e-6  # of tr S₁ + tr S₂


def features(count: int, dimensions: int, seed: int, *, rank: int = 2048) -> Array:
    """Return features (count, dimensions) whose directions have less and less variance, near to another mean."""
    rng = np.random.default_rng(seed)
    axes = np.random.default_rng(0).normal(size=(rank, dimensions)) / np.sqrt(dimensions)
    falling = np.exp(-np.arange(rank) / 300) * rng.uniform(0.8, 1.2, rank)
    return np.asarray(rng.normal(0.05 * rng.normal(size=rank), 1, (count, rank)) * falling @ axes)


def plain_distance(one: Gaussian, other: Gaussian) -> float:
    """Return the Fréchet distance by the root of the covariances' product."""
    root = np.real(sqrtm(one.covariance @ other.covariance))
    traces = np.trace(one.covariance) + np.trace(other.covariance) - 2 * np.trace(root)
    return float(((one.mean - other.mean) ** 2).sum() + traces)


def plain_distances(ones: list[Gaussian], others: list[Gaussian]) -> Array:
    """Return a distance for each pair."""
    return np.array([[max(plain_distance(one, other), 0.0) for other in others] for one in ones])


def plain_gaussian(points: Array) -> Gaussian:
    """Return mean and covariance."""
    return Gaussian(points.mean(axis=0), np.cov(points, rowvar=False))


def frechet_row(count: int, dimensions: int, pairs: int) -> Measured:
    """Compare the distance of two covariances."""
    one, other = (plain_gaussian(features(count, dimensions, seed, rank=dimensions)) for seed in range(2))
    apart = abs(frechet_distance(one, other) - plain_distance(one, other))
    share = float(apart / np.trace(one.covariance + other.covariance))
    assert share <= ADMITTED, share
    return measured(
        lambda: frechet_distance(one, other),
        lambda: plain_distance(one, other),
        peer="scipy.linalg.sqrtm",
        pairs=pairs,
        **_about(count, dimensions, seeds=2),
        difference_of_traces=float(f"{share:.1e}"),
    )


def few_points_row(count: int, dimensions: int, pairs: int) -> Measured:
    """Compare the distance of fewer points than dimensions, whose covariances are singular."""
    one, other = (features(count, dimensions, seed, rank=dimensions) for seed in range(2))

    def ours() -> float:
        return frechet_distance(Gaussian.of(one), Gaussian.of(other))

    def plain() -> float:
        return plain_distance(plain_gaussian(one), plain_gaussian(other))

    share = abs(ours() - plain()) / float(np.trace(Gaussian.of(one).covariance + Gaussian.of(other).covariance))
    assert share <= ADMITTED, share
    return measured(
        ours,
        plain,
        peer="numpy.cov and scipy.linalg.sqrtm",
        pairs=pairs,
        **_about(count, dimensions, seeds=2),
        difference_of_traces=float(f"{share:.1e}"),
    )


def fdr_row(classes: int, count: int, dimensions: int, pairs: int) -> Measured:
    """Compare FDR with its interval."""
    points = np.concatenate([features(count, dimensions, seed, rank=128) for seed in range(classes)])
    generators = np.repeat([f"generator {number}" for number in range(classes)], count)

    def ours() -> FDR:
        return fdr(features=points, generators=generators)

    def plain() -> FDR:
        with patch.object(fdr_module, "frechet_distances", plain_distances):
            return ours()

    one, other = ours().interval, plain().interval
    apart = max(abs(getattr(one, part) / getattr(other, part) - 1) for part in ("value", "low", "high"))
    assert apart <= ADMITTED, apart
    return measured(
        ours,
        plain,
        peer="sqrtm for each pair of sets",
        pairs=pairs,
        **_about(count, dimensions, seeds=classes),
        fdr=round(one.value, 4),
        difference=float(f"{apart:.1e}"),
    )


def _about(count: int, dimensions: int, *, seeds: int) -> dict[str, str | int]:
    return {"data": f"drawn, {dimensions}-d", "seeds": f"0 to {seeds - 1}", "points_of_a_set": count}


def main() -> None:
    """Print a row for each comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--dimensions", type=int, default=2048)
    parser.add_argument("--classes", type=int, default=13)
    parser.add_argument("--images", type=int, default=500, help="of each class")
    parser.add_argument("--only", nargs="+", choices=ROWS, default=ROWS)
    given = parser.parse_args()
    d, n, k = given.dimensions, given.images, given.classes
    rows = {
        "full-rank": (f"Fréchet distance, {d}-d, full rank", lambda: frechet_row(3 * d, d, given.pairs)),
        "few-points": (f"Fréchet distance, {d}-d, of {n} points", lambda: few_points_row(n, d, given.pairs)),
        "fdr": (f"FDR, {k} classes × {n} images, {d}-d", lambda: fdr_row(k, n, d, given.pairs)),
    }
    report("fdr", (_measured(*rows[row]) for row in given.only), given)


def _measured(name: str, measure: Callable[[], Measured]) -> tuple[str, Found]:
    return name, measure()


if __name__ == "__main__":
    main()
