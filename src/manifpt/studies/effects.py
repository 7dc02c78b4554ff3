"""How much of the spread of fingerprints goes with each choice: alone, and given the other choices (PERMANOVA)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import NumbersError
from manifpt.metrics.holm import holm
from manifpt.metrics.mantel import Mantel, mantel
from manifpt.metrics.permanova import permanova
from manifpt.metrics.relabelling import least_p, shuffles
from manifpt.studies.choices import Choices, design_distances
from manifpt.studies.grouping import FEWEST, Known, known, verdict


@dataclass(frozen=True, slots=True)
class Effect:
    """How much of the spread of fingerprints goes with a choice.

    Args:
        choice: Its name.
        marginal: Whether it is what the choice adds to the other terms, or what it explains alone.
        generators: How many generators were looked at.
        left_out: How many others there are, of which a choice is not known.
        share: Share of the sum of squared distances, R².
        statistic: Pseudo-F.
        degrees: Degrees of freedom of the choice.
        residual: Degrees of freedom of the residuals.
        p_value: By permutation.
        corrected: The same after Holm's correction for the number of choices.
        least_p: The smallest that it could have been.
        reason: Why something is missing; empty where all is there.
    """

    choice: str
    marginal: bool
    generators: int
    left_out: int
    share: float | None = None
    statistic: float | None = None
    degrees: int | None = None
    residual: int | None = None
    p_value: float | None = None
    corrected: float | None = None
    least_p: float | None = None
    reason: str = ""

    @property
    def verdict(self) -> str:
        """Whether the choice explains anything: found, not found, or cannot be decided with these generators."""
        return verdict(self.corrected, least_p=self.least_p)


def effects(
    generators: Sequence[str],
    distances: NDArray[np.float64],
    choices: Choices,
    *,
    terms: Sequence[str],
    within: Sequence[str] = (),
    permutations: int = 999,
    seed: int = 0,
) -> list[Effect]:
    """Return what each choice explains alone, and then what each term adds to the others.

    Args:
        generators: Their names.
        distances: Between their fingerprints, (n, n).
        choices: What is known of them.
        terms: Choices that stand in one model; generators of which one is not known are left out of it.
        within: Choices within whose values generators are shuffled; together they are a further term of the model.
        permutations: How many shuffles are drawn.
        seed: Of the shuffles.

    Raises:
        UnknownNameError: There is no such choice.
    """
    asked = {"permutations": permutations, "seed": seed}
    alone: list[Effect] = []
    for choice in choices.names:
        found = known(generators, choices, [choice], within)
        alone += _tested([choice], found, generators, distances, choices, marginal=False, **asked)
    together = _tested(
        terms, known(generators, choices, terms, within), generators, distances, choices, marginal=True, **asked
    )
    return [*_corrected(alone), *_corrected(together)]


def design_mantel(
    generators: Sequence[str],
    distances: NDArray[np.float64],
    choices: Choices,
    *,
    terms: Sequence[str],
    within: Sequence[str] = (),
    permutations: int = 999,
    seed: int = 0,
) -> Mantel | str:
    """Return whether generators of like designs have like fingerprints, or in words why that cannot be said.

    Designs are as far apart as the share of terms in which they differ. Arguments and errors as for `effects`.
    """
    found = known(generators, choices, terms, within)
    if len(found.rows) < FEWEST:
        return f"all of {', '.join(terms)} are known of {len(found.rows)} generators"
    apart = design_distances([choices.column(choice, generators)[found.rows] for choice in terms])
    drawn = shuffles(len(found.rows), permutations=permutations, strata=found.strata, seed=seed)
    try:
        return mantel(distances[np.ix_(found.rows, found.rows)], apart, drawn)
    except NumbersError as error:
        return error.happened


def _tested(
    terms: Sequence[str],
    found: Known,
    generators: Sequence[str],
    distances: NDArray[np.float64],
    choices: Choices,
    *,
    marginal: bool,
    permutations: int,
    seed: int,
) -> list[Effect]:
    columns = {choice: choices.column(choice, generators)[found.rows] for choice in terms}
    blank = [Effect(choice, marginal, len(found.rows), found.left_out) for choice in terms]
    if len(found.rows) < FEWEST:
        return [replace(one, reason=f"known of {len(found.rows)} generators") for one in blank]
    apart = distances[np.ix_(found.rows, found.rows)]
    if not apart.any():
        return [replace(one, reason="all fingerprints are equal") for one in blank]
    drawn = shuffles(len(found.rows), permutations=permutations, strata=found.strata, seed=seed)
    made = []
    # Alone, any order within the strata is as likely as another; beyond other terms, only what the strata leave is.
    found_terms = permanova(apart, columns, drawn, given=found.strata if marginal else None)
    for one, term in zip(blank, found_terms.values(), strict=True):
        if isinstance(term, str):
            made.append(replace(one, reason=term))
            continue
        # Beyond other terms an order counts by where all of them come to lie.
        labels = (
            np.array(list(map("\0".join, zip(*columns.values(), strict=True)))) if marginal else columns[one.choice]
        )
        least = least_p(labels, permutations=permutations, strata=found.strata, named=marginal)
        row = replace(one, share=term.share, statistic=term.statistic if np.isfinite(term.statistic) else None,
                      degrees=term.degrees, residual=term.residual, least_p=least)  # fmt: skip
        if least >= 1:
            made.append(replace(row, reason="the same in every shuffle"))
        else:
            made.append(replace(row, p_value=max(term.p_value, least)))
    return made


def _corrected(found: list[Effect]) -> list[Effect]:
    corrected = iter(holm([one.p_value for one in found if one.p_value is not None]).tolist())
    return [one if one.p_value is None else replace(one, corrected=next(corrected)) for one in found]
