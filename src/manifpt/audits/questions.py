"""Which labels could be told by something other than content: the generators, real or generated, the reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.audits.permutation import Partition
from manifpt.images.record import REAL

GENERATOR, TRUTH, ROLE = "generator", "real or generated", "reference or scored real"


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Labels that something other than content might give away.

    Args:
        name: What is asked, in two or three words.
        rows: The images that it is asked of, as places in the set.
        partition: Their labels, of at least two kinds.
    """

    name: str
    rows: NDArray[np.int64]
    partition: Partition

    def answerable(self, measured: NDArray[np.bool_]) -> Question | None:
        """Return the question about those images of which something is known; None where no two labels are left.

        Args:
            measured: Whether something is known of each image of the set, (all,).
        """
        kept = measured[self.rows]
        return _question(self.name, self.rows[kept], self.partition.labels[kept])


def questions(generators: ArrayLike, reference: ArrayLike, rows: NDArray[np.int64]) -> list[Question]:
    """Return the questions that a set of images allows, at most three.

    Which generator made a scored image; whether any image is real or generated, unless that is the same; whether a real
    is a reference or scored.

    Args:
        generators: What made each image, (all,).
        reference: Whether each is a reference, (all,).
        rows: The images that are asked about, as places in the set.
    """
    names, references = np.asarray(generators, np.str_)[rows], np.asarray(reference, bool)[rows]
    real = names == REAL
    scored = ~references
    asked = [_question(GENERATOR, rows[scored], names[scored])]
    if references.any() or len(np.unique(names)) > 2:  # noqa: PLR2004  (of two classes, one is real)
        asked.append(_question(TRUTH, rows, np.where(real, REAL, "generated")))
    roles = np.where(references, "reference", "scored")
    asked.append(_question(ROLE, rows[real], roles[real]))
    return [one for one in asked if one is not None]


def _question(name: str, rows: NDArray[np.int64], labels: NDArray[np.str_]) -> Question | None:
    return Question(name, rows, Partition(labels)) if len(np.unique(labels)) > 1 else None


def distinct(groups: NDArray[np.int64], digests: ArrayLike) -> NDArray[np.int64]:
    """Return one image of each group, chosen by content alone, as places in the set.

    Copies are not independent: a permutation that scatters them would make what they share look rare.

    Args:
        groups: Group of each image, (all,); near-duplicates share one.
        digests: Digest of each image's pixels, (all,).
    """
    order = np.lexsort((np.asarray(digests, np.str_), groups))
    first = np.unique(groups[order], return_index=True)[1]
    return np.sort(order[first])
