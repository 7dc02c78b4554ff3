"""Whether generators whose fingerprints lie near each other share a choice of their design."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from manifpt.metrics.alignment import alignment, alignment_p
from manifpt.metrics.holm import holm
from manifpt.metrics.relabelling import least_p, shuffles
from manifpt.studies.choices import Choices
from manifpt.studies.clusterings import by_silhouette, clustered

LEVELS, SILHOUETTE = "levels", "silhouette"
RULES = (LEVELS, SILHOUETTE)
FEWEST = 4
LEVEL = 0.05
FOUND, NOT_FOUND, UNDECIDED = "found", "not found", "cannot be decided"


def verdict(corrected: float | None, *, least_p: float | None) -> str:
    """Return what a test says at 0.05: found, not found, or cannot be decided with these generators.

    Args:
        corrected: The p-value after correction; None where there was no test.
        least_p: The smallest that the p-value could have been, before it.

    Example:
        >>> verdict(0.03, least_p=0.001), verdict(0.3, least_p=0.001), verdict(0.3, least_p=0.2)
        ('found', 'not found', 'cannot be decided')
    """
    if corrected is None or least_p is None or least_p > LEVEL:
        return UNDECIDED
    return FOUND if corrected <= LEVEL else NOT_FOUND


@dataclass(frozen=True, slots=True)
class Grouping:
    """How well groups of fingerprints go with a choice.

    Args:
        choice: Its name.
        clustering: How fingerprints were grouped.
        rule: What gave the number of groups: ``levels`` of the choice, as in the paper, or ``silhouette``.
        generators: How many generators the choice is known of.
        levels: How many values it has among them.
        left_out: How many generators were left out, since the choice, or a stratum, is not known of them.
        clusters: How many groups there are; None where nothing was grouped.
        nmi: Normalised mutual information, as in the paper.
        ami: The same, adjusted for chance.
        ari: Adjusted Rand index.
        p_value: Of `ami`, by shuffling the choice among generators.
        corrected: The same after Holm's correction for the number of choices.
        least_p: The smallest that `p_value` could have been.
        reason: Why something is missing; empty where all is there.
    """

    choice: str
    clustering: str
    rule: str
    generators: int
    levels: int
    left_out: int
    clusters: int | None = None
    nmi: float | None = None
    ami: float | None = None
    ari: float | None = None
    p_value: float | None = None
    corrected: float | None = None
    least_p: float | None = None
    reason: str = ""

    @property
    def verdict(self) -> str:
        """Whether fingerprints group by the choice: found, not found, or cannot be decided with these generators."""
        return verdict(self.corrected, least_p=self.least_p)


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The generators of which some choices are known.

    Args:
        rows: Their places, (n,).
        left_out: How many others there are.
        strata: Within which labels move, (n,); None for everywhere.
    """

    rows: NDArray[np.int64]
    left_out: int
    strata: NDArray[np.str_] | None


def known(generators: Sequence[str], choices: Choices, wanted: Sequence[str], within: Sequence[str]) -> Known:
    """Return the generators of which all wanted choices and all strata are known.

    Args:
        generators: Their names.
        choices: What is known of them.
        wanted: Names of choices.
        within: Choices whose values make strata together.

    Raises:
        UnknownNameError: There is no such choice.
    """
    rows = np.flatnonzero(choices.known(generators, [*wanted, *within]))
    strata = None
    if within and len(rows):
        values = np.stack([choices.column(choice, generators)[rows] for choice in within])
        strata = np.unique(values, axis=1, return_inverse=True)[1].reshape(-1).astype(np.str_)
    return Known(rows, len(generators) - len(rows), strata)


def groupings(
    generators: Sequence[str],
    distances: NDArray[np.float64],
    choices: Choices,
    *,
    clusterings: Sequence[str],
    rules: Sequence[str] = RULES,
    within: Sequence[str] = (),
    permutations: int = 999,
    seed: int = 0,
) -> Iterator[Grouping]:
    """Yield how well groups go with each choice, by clustering, rule and choice.

    Args:
        generators: Their names.
        distances: Between their fingerprints, (n, n).
        choices: What is known of them.
        clusterings: How fingerprints are grouped.
        rules: What gives the number of groups.
        within: Choices within whose values labels are shuffled.
        permutations: How many shuffles are drawn.
        seed: Of shuffles and clusterings.

    Raises:
        UnknownNameError: There is no such choice, or no such clustering.
    """
    groups = _grouped(distances, seed)
    for clustering in clusterings:
        for rule in rules:
            made = [
                _grouping(Grouping(choice, clustering, rule, 0, 0, 0), generators, choices, groups, within,
                          permutations=permutations, seed=seed)
                for choice in choices.names
            ]  # fmt: skip
            corrected = iter(holm([one.p_value for one in made if one.p_value is not None]).tolist())
            yield from (one if one.p_value is None else replace(one, corrected=next(corrected)) for one in made)


Groups = Callable[[str, tuple[int, ...], int], NDArray[np.int64]]


def _grouped(distances: NDArray[np.float64], seed: int) -> Groups:
    """Return what groups some generators in a way; many choices are known of the same ones."""

    @cache
    def groups(clustering: str, rows: tuple[int, ...], clusters: int) -> NDArray[np.int64]:
        apart = distances[np.ix_(rows, rows)]
        if clusters:
            return clustered(apart, clusters, clustering, seed=seed)
        return by_silhouette(apart, clustering, seed=seed)

    return groups


def _grouping(
    blank: Grouping,
    generators: Sequence[str],
    choices: Choices,
    groups: Groups,
    within: Sequence[str],
    *,
    permutations: int,
    seed: int,
) -> Grouping:
    found = known(generators, choices, [blank.choice], within)
    values = choices.column(blank.choice, generators)[found.rows]
    levels = len(np.unique(values))
    row = replace(blank, generators=len(values), levels=levels, left_out=found.left_out)
    if len(values) < FEWEST or levels in (1, len(values)):
        return replace(row, reason=_unusable(len(values), levels))
    clusters = groups(row.clustering, tuple(found.rows.tolist()), levels if row.rule == LEVELS else 0)
    scores = alignment(clusters=clusters, labels=values)
    row = replace(row, clusters=len(np.unique(clusters)), nmi=scores.nmi, ami=scores.ami, ari=scores.ari)
    least = least_p(values, permutations=permutations, strata=found.strata)
    if least >= 1:
        return replace(row, least_p=least, reason=f"the same in every shuffle within {' and '.join(within)}")
    drawn = shuffles(len(values), permutations=permutations, strata=found.strata, seed=seed)
    reached = alignment_p(clusters=clusters, labels=values, shuffled=drawn)
    # Where few orders differ, those that were drawn can reach the statistic a little less often than all of them.
    return replace(row, p_value=max(reached, least), least_p=least)


def _unusable(generators: int, levels: int) -> str:
    if generators < FEWEST:
        return f"known of {generators} generators"
    return "all have one value" if levels == 1 else "no two share a value"
