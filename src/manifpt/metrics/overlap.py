"""The overlap of two covariances, tr (S₁^½ S₂ S₁^½)^½, without a root of a matrix.

With any factors S₁ = F₁F₁ᵀ and S₂ = F₂F₂ᵀ it is the sum of the singular values of F₁ᵀF₂, which rounding moves by
about their largest times 1e-16 each; and also the sum of the roots of the eigenvalues of F₁ᵀS₂F₁, which takes a
quarter of the time, but where an eigenvalue is near zero the root makes 1e-8 of an error of 1e-16.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

Matrix = NDArray[np.float64]
THREADS = 4
EPSILON = float(np.finfo(np.float64).eps)
# What the roots of eigenvalues may be off by, in units of tr S₁ + tr S₂; where they may be off by more, singular values
# are taken.
ADMITTED = 3e-7


def factor(covariance: Matrix) -> Matrix:
    """Return F, (d, d), with F Fᵀ = covariance: Cholesky's, with pivots where the covariance is singular.

    Example:
        >>> found = factor(np.array([[1.0, 2.0], [2.0, 4.0]]))
        >>> np.round(found @ found.T, 12).tolist()
        [[1.0, 2.0], [2.0, 4.0]]
    """
    triangle = _triangle(covariance)
    return _pivoted(covariance) if triangle is None else triangle


def overlaps_of_factors(ones: Sequence[Matrix], others: Sequence[Matrix]) -> Matrix:
    """Return the overlap of each of the first factors' covariances with each of the second's, (ones, others).

    Args:
        ones: (d, r) each, of any r.
        others: Likewise.
    """
    if len({one.shape for one in others}) > 1:
        return np.stack([overlaps_of_factors(ones, [other])[:, 0] for other in others], axis=1)
    together = np.stack(others)

    def row(one: Matrix) -> Matrix:
        found: Matrix = np.linalg.svd(one.T @ together, compute_uv=False).sum(axis=-1)
        return found

    if len(ones) == 1:
        return row(ones[0])[None]
    # LAPACK takes one small matrix after the other, and other threads may run meanwhile.
    with ThreadPoolExecutor(THREADS) as pool:
        return np.stack(list(pool.map(row, ones)))


def overlap(one: Matrix, other: Matrix) -> float:
    """Return the overlap of two covariances, (d, d) each, to 3e-7 of the sum of their traces or better."""
    triangle = _triangle(one)
    if triangle is not None:
        # Triangles make it half as many multiplications as two products would take.
        product, _ = lapack.dsygst(other.T, triangle, itype=2, lower=1)
        values = np.linalg.eigvalsh(product, "L")
        # The largest eigenvalues move by up to 0.75 of this, the smallest by some thousandths (seen with 2,048), and
        # the root of v by no more than this / √v.
        rounding = EPSILON * float(np.linalg.norm(one) * np.linalg.norm(other))
        moved = (rounding / np.sqrt(np.maximum(values, rounding))).sum() if rounding > 0 else 0.0
        if moved <= ADMITTED * (np.trace(one) + np.trace(other)):
            return float(np.sqrt(np.maximum(values, 0)).sum())
    first = _pivoted(one) if triangle is None else triangle
    return float(overlaps_of_factors([first], [factor(other)])[0, 0])


def _triangle(covariance: Matrix) -> Matrix | None:
    """Return Cholesky's factor, or None where the covariance is singular to working precision."""
    # Transposed, since LAPACK stores columns; a symmetric matrix is its own transpose.
    found, failed = lapack.dpotrf(covariance.T, lower=1, clean=1)
    return None if failed else found


def _pivoted(covariance: Matrix) -> Matrix:
    smallest = EPSILON * max(float(np.diag(covariance).max()), 0.0)
    found, pivots, rank, _ = lapack.dpstrf(covariance.T, lower=1, tol=smallest)
    rows = np.zeros_like(covariance)
    rows[pivots - 1, :rank] = np.tril(found)[:, :rank]
    return rows
