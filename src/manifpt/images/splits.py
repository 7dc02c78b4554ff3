"""Train and test images: stratified, by content, with what is alike on one side."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import DataError

if TYPE_CHECKING:
    from manifpt.images.imageset import ImageSet

FEWEST = 2


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One split.

    Args:
        train: Indices of the training images.
        test: Indices of the test images.
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]


def folds(images: ImageSet, *, folds: int = 5, seed: int = 0) -> list[Fold]:
    """Return stratified folds in which what is in one of the set's ``groups`` stays together.

    Each group, the largest first, goes to the fold that lacks its generators most; the digests of its images and the
    seed decide among equals. So the folds depend on content and seed, not on the order or names of the images. Where no
    two images are alike, a generator's count differs by at most one between folds.

    Args:
        images: Images with generators; references are on no side.
        folds: How many folds; every scored image is tested in one.
        seed: Decides which images go together.

    Raises:
        DataError: There are fewer than two folds, no scored image, or a generator has fewer images, or fewer groups of
            near-duplicates, than there are folds.
    """
    if folds < FEWEST:
        raise DataError(f"{folds} folds", expected=f"at least {FEWEST}", remedy="change --folds")
    scored = np.flatnonzero(images.roles != "reference")
    generators, groups = images.generators[scored], images.groups[scored]
    _refuse_small(generators, groups, folds)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(groups.tolist()):
        members[group].append(row)
    digests = np.asarray(images.digests)[scored]
    sides = _sides(list(members.values()), generators, digests, folds, seed)
    return [Fold(scored[sides != fold], scored[sides == fold]) for fold in range(folds)]


def held_out(images: ImageSet) -> Fold | None:
    """Return the split that a manifest's roles ask for, or None where no image is marked ``test``.

    References are on neither side.
    """
    test = images.roles == "test"
    train = ~test & (images.roles != "reference")
    return Fold(np.flatnonzero(train), np.flatnonzero(test)) if test.any() else None


def _sides(
    members: list[list[int]], generators: NDArray[np.str_], digests: NDArray[np.str_], folds: int, seed: int
) -> NDArray[np.int64]:
    """Return the fold in which each image is tested, (n,)."""

    def place(rows: list[int]) -> tuple[int, bytes]:
        first = min(digests[rows].tolist())
        return -len(rows), hashlib.sha256(f"{seed} {first}".encode()).digest()

    sides = np.empty(len(generators), np.int64)
    held: defaultdict[str, NDArray[np.int64]] = defaultdict(lambda: np.zeros(folds, np.int64))
    total = np.zeros(folds, np.int64)
    for rows in sorted(members, key=place):
        counts = Counter(generators[rows].tolist())
        # What the fold holds of these generators weighs more than what it holds in all.
        load = np.sum([held[name] * count for name, count in counts.items()], axis=0)
        fold = int(np.lexsort((total, load))[0])
        sides[rows] = fold
        total[fold] += len(rows)
        for name, count in counts.items():
            held[name][fold] += count
    return sides


def _refuse_small(generators: NDArray[np.str_], groups: NDArray[np.int64], folds: int) -> None:
    if not len(generators):
        raise DataError("no image is scored", expected="images that are not references", remedy="add generated images")
    for name, count in sorted(Counter(generators).items(), key=lambda item: item[1]):
        distinct = len(np.unique(groups[generators == name]))
        if distinct < folds:
            alike = f" of which {distinct} are not near-duplicates" if distinct < count else ""
            raise DataError(
                f"{name} has {count} images{alike}",
                expected=f"at least {folds}, one for each fold",
                remedy="add images, use fewer --folds, or leave the generator out",
            )
