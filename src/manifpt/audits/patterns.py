"""Whether numbers that each image gives lie elsewhere for one class than for another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from manifpt.audits.borders import SIDES
from manifpt.audits.finding import SHOWN, Check
from manifpt.audits.grids import HALF
from manifpt.audits.measuring import BORDER, GRID
from manifpt.audits.permutation import share_between, significance
from manifpt.audits.questions import Question

MEASURE = "share of variance between classes"
WORDS = {
    GRID: tuple(
        f"step after {line} {place} of 8 less that after {place + HALF}, in mean steps"
        for line in ("column", "row")
        for place in range(1, HALF + 1)
    ),
    BORDER: tuple(
        f"{side}: {what}"
        for side in SIDES
        for what in (
            "outermost line less the fourth, grey levels",
            "spread of the outermost line beside the fourth, log",
            "step from the outermost line beside that two lines inside, log",
        )
    ),
}


@dataclass(frozen=True, slots=True)
class Extreme:
    """Where a class differs most from the others.

    Args:
        label: The class.
        number: Which of the numbers.
        inside: Its mean over the class.
        outside: Its mean over all others.
        rows: Images of the class where it is most striking, as places in the set.
    """

    label: str
    number: int
    inside: float
    outside: float
    rows: tuple[int, ...]


def check(
    name: str, question: Question, values: NDArray[np.float64], paths: Sequence[str], *, permutations: int, seed: int
) -> Check | None:
    """Return the check of one pattern; None where no two labels have it, or it is the same in all images.

    It goes by ranks, so that no few odd images decide.

    Args:
        name: Name of the pattern.
        question: Labels that it might give away.
        values: Numbers of each image of the set, (all, d); NaN where it has none.
        paths: Path of each image of the set.
        permutations: How many labellings to draw.
        seed: Decides which.
    """
    asked = question.answerable(np.asarray(np.isfinite(values).all(axis=1)))
    if asked is None:
        return None
    chosen = values[asked.rows]
    ranks = rankdata(chosen, axis=0) / len(chosen)
    if not np.ptp(ranks, axis=0).any():
        return None
    statistic, p = significance(
        share_between(asked.partition, ranks), asked.partition, permutations=permutations, seed=seed
    )
    most = extreme(asked, chosen, ranks)
    effect = f"{most.label}: {WORDS[name][most.number]}: {most.inside:+.2f}; others {most.outside:+.2f}"
    return Check(name, asked.name, statistic, MEASURE, effect, tuple(paths[row] for row in most.rows), p)


def extreme(question: Question, values: NDArray[np.float64], ranks: NDArray[np.float64]) -> Extreme:
    """Return which class lies furthest from the others in which number, beside what chance moves.

    Args:
        question: Labels of the images.
        values: (n, d).
        ranks: What the distance is measured in, (n, d), not all equal.
    """
    partition = question.partition
    centred = ranks - ranks.mean(axis=0)
    means = partition.sums(partition.members, centred)[0] / partition.sizes[:, None]
    spread = centred.std(axis=0)
    surprise = np.abs(means) * np.sqrt(partition.sizes)[:, None] / np.where(spread > 0, spread, np.inf)
    place, number = map(int, np.unravel_index(np.argmax(surprise), surprise.shape))
    ours = partition.codes == place
    order = np.flatnonzero(ours)[np.argsort(-np.sign(means[place, number]) * values[ours, number], kind="stable")]
    return Extreme(
        str(partition.names[place]),
        number,
        float(values[ours, number].mean()),
        float(values[~ours, number].mean()),
        tuple(question.rows[order[:SHOWN]].tolist()),
    )
