"""PERMANOVA: how much of the spread of items goes with each of several labels, given all the others.

Anderson, A new method for non-parametric multivariate analysis of variance, Austral Ecology 26(1), 2001; McArdle &
Anderson, Fitting multivariate models to community data, Ecology 82(1), 2001. Terms are marginal: each is tested by what
it adds to all others, by permutation of the residuals of those others (Freedman & Lane 1983; Anderson & Legendre 1999).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.errors import NumbersError
from manifpt.metrics.labels import labels as checked
from manifpt.metrics.relabelling import Shuffles, p_value

Matrix = NDArray[np.float64]
BLOCK = 2**22  # entries of permuted matrices at a time
NOTHING = 1e-10  # share of the whole spread below which none is left


@dataclass(frozen=True, slots=True)
class Term:
    """What one label adds to the others.

    Args:
        share: Share of the whole sum of squares that it explains beyond the others.
        statistic: Pseudo-F: its mean square over that of the residuals of the whole model.
        degrees: Its degrees of freedom beyond the others.
        residual: Degrees of freedom of the residuals.
        p_value: Share of permutations, the true order among them, with at least this pseudo-F.
    """

    share: float
    statistic: float
    degrees: int
    residual: int
    p_value: float


def permanova(
    distances: ArrayLike, terms: Mapping[str, ArrayLike], shuffled: Shuffles, *, given: ArrayLike | None = None
) -> dict[str, Term | str]:
    """Return each term, or in words why it cannot be told apart.

    Args:
        distances: Between items, (n, n), symmetric with a zero diagonal.
        terms: Labels of the items by name, (n,) each. With one alone this is the one-way analysis.
        shuffled: Orders of the items, (permutations, n).
        given: (n,) labels that stand in every model and are not tested: the strata, where items are shuffled within
            some and there are several terms. What else is left of the strata in the residuals is no chance.

    Raises:
        NumbersError: The distances are no such matrix or all zero, or labels are missing.

    Example:
        >>> from manifpt.metrics.relabelling import shuffles
        >>> points = np.array([0.0, 1.0, 5.0, 6.0])
        >>> apart = abs(points[:, None] - points)
        >>> found = permanova(apart, {"side": ["l", "l", "r", "r"]}, shuffles(4, permutations=99))
        >>> round(found["side"].statistic, 9)
        50.0
    """
    spread = centred(distances)
    coded = {name: checked(values, name=name) for name, values in terms.items()}
    wrong = next((name for name, values in coded.items() if len(values) != len(spread)), None)
    if wrong is not None or not coded:
        raise NumbersError(
            f"{wrong} has {len(coded[wrong])} labels for {len(spread)} items" if wrong else "there is no term",
            expected="one label for each item, and one term or more",
            remedy="pass all in one order",
        )
    whole = float(np.trace(spread))
    if whole <= 0:
        raise NumbersError("all distances are 0", expected="items that differ", remedy="look for broken features")
    always = [] if given is None else [checked(given, name="strata")]
    full, rank = _projection([*coded.values(), *always])
    return {
        name: _term(
            spread / whole, full, rank, [*(other for key, other in coded.items() if key != name), *always], shuffled
        )
        for name in coded
    }


def centred(distances: ArrayLike) -> Matrix:
    """Return the inner products of items around their middle, (n, n): −½ J D² J (Gower 1966).

    Raises:
        NumbersError: The distances are not finite, or no symmetric matrix with a zero diagonal.
    """
    apart = np.asarray(distances, np.float64)
    square = apart.ndim == 2 and apart.shape[0] == apart.shape[1] and len(apart) > 0  # noqa: PLR2004  (axes)
    if not square or not np.isfinite(apart).all() or not np.allclose(apart, apart.T) or np.diag(apart).any():
        raise NumbersError(
            f"distances of shape {apart.shape}, not all finite, symmetric and 0 on the diagonal",
            expected="(n, n), each item's distance to each",
            remedy="look for broken features",
        )
    inner = -0.5 * apart**2
    inner -= inner.mean(axis=0)
    return np.asarray(inner - inner.mean(axis=1, keepdims=True))


def _term(spread: Matrix, full: Matrix, rank: int, others: list[NDArray[np.generic]], drawn: Shuffles) -> Term | str:
    reduced, less = _projection(others, items=len(spread))
    degrees, residual = rank - less, len(spread) - rank
    if degrees < 1:
        return "the others determine it" if others else "all have one value"
    if residual < 1:
        return "as many parameters as generators"
    left = np.eye(len(spread)) - reduced
    residuals = left @ spread @ left
    gained, rest = full - reduced, np.eye(len(spread)) - full
    observed = _ratio(np.sum(gained * residuals), np.sum(rest * residuals), degrees, residual)
    found = np.concatenate([
        _ratio(np.einsum("ij,pij->p", gained, part), np.einsum("ij,pij->p", rest, part), degrees, residual)
        for part in _permuted(residuals, drawn)
    ])  # fmt: skip
    share = float(np.sum(gained * residuals))
    return Term(share, float(observed), degrees, residual, p_value(float(observed), found))


def _ratio(explained: ArrayLike, left: ArrayLike, degrees: int, residual: int) -> NDArray[np.float64]:
    up, down = np.asarray(explained) / degrees, np.asarray(left) / residual
    # Where a label explains all, any order that does so too counts as equal.
    return np.where(down > NOTHING, up / np.where(down > NOTHING, down, 1), np.inf)


def _permuted(residuals: Matrix, drawn: Shuffles) -> Iterator[Matrix]:
    block = max(1, BLOCK // residuals.size)
    for start in range(0, len(drawn), block):
        rows = drawn[start : start + block]
        yield residuals[rows[:, :, None], rows[:, None, :]]


def _projection(terms: list[NDArray[np.generic]], *, items: int = 0) -> tuple[Matrix, int]:
    """Return the projection onto what the terms and a constant explain, (n, n), and its rank."""
    columns = [np.ones((len(terms[0]) if terms else items, 1))]
    columns += [(values[:, None] == np.unique(values)).astype(np.float64) for values in terms]
    basis, sizes, _ = np.linalg.svd(np.hstack(columns), full_matrices=False)
    kept = basis[:, sizes > sizes[0] * 1e-9]
    return np.asarray(kept @ kept.T), kept.shape[1]
