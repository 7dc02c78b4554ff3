"""Copies: the same content in two classes or roles, near-duplicates, and classes of few distinct images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from manifpt.audits.finding import SHOWN, Check
from manifpt.audits.permutation import Members, Partition, significance
from manifpt.audits.questions import GENERATOR
from manifpt.images.duplicates import duplicated
from manifpt.images.imageset import ImageSet
from manifpt.images.record import ImageRecord

SAME, OVERLAP = "same pixels", "role overlap"
WITHIN, ACROSS, FEW = "near-duplicates within a class", "near-duplicates across classes", "few distinct images"
ROLE_PAIRS = (("train", "test"), ("train", "validation"), ("validation", "test"), ("reference", "scored"))


def facts(images: ImageSet) -> Iterator[Check]:
    """Yield the same pixels in two classes, and the same content in two roles, if there are any; no matter of chance.

    Args:
        images: A set that may hold such images, as `suspects` opens it.
    """
    copies = _clashes(images.records)
    if copies:
        one, two = copies[0]
        classes = f"{one.generator} and {two.generator}"
        effect = f"{len(copies)} images have the pixels of an earlier one of another class, as of {classes}"
        files = dict.fromkeys(record.path for pair in copies for record in pair)
        yield Check(SAME, GENERATOR, len(copies), "images", effect, tuple(files)[:SHOWN])
    for one_role, other_role in ROLE_PAIRS:
        ours, theirs = _of_role(images.records, one_role), _of_role(images.records, other_role)
        rows = theirs[duplicated(images.thumbnails[theirs], images.thumbnails[ours])]
        if len(rows):
            effect = f"{len(rows)} of {len(theirs)} {other_role} images are near-duplicates of {one_role} images"
            files = dict.fromkeys(images.records[row].path for row in rows)
            yield Check(OVERLAP, f"{one_role} or {other_role}", len(rows), "images", effect, tuple(files)[:SHOWN])


def checks(
    partition: Partition, groups: NDArray[np.int64], paths: Sequence[str], *, permutations: int, seed: int
) -> Iterator[Check]:
    """Yield whether near-duplicates share classes, or avoid to, more often than shuffled labels would let them.

    Nothing where there are no near-duplicates.

    Args:
        partition: Generators of the images.
        groups: Group of each image, (n,); near-duplicates share one.
        paths: Path of each image.
        permutations: How many labellings to draw.
        seed: Decides which.
    """
    kinds, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    shared = sizes[codes] > 1
    if len(partition.names) < 2 or not shared.any():  # noqa: PLR2004  (one class)
        return
    tables = _Tables(partition, codes, len(kinds))
    for name, statistic, measure in (
        (WITHIN, tables.within, "share of near-duplicate pairs in one class"),
        (ACROSS, tables.across, "share of images with one in another class"),
        (FEW, tables.fewest, "share of a class that is too much alike, at most"),
    ):
        value, p = significance(statistic, partition, permutations=permutations, seed=seed)
        effect, rows = tables.told(name)
        yield Check(name, GENERATOR, value, measure, effect, tuple(paths[row] for row in rows[:SHOWN]), p)


class _Tables:
    """How many images of each group every class has, for the groups of more than one."""

    def __init__(self, partition: Partition, codes: NDArray[np.int64], kinds: int) -> None:
        self.partition = partition
        sizes = np.bincount(codes, minlength=kinds)
        # Images that stand alone share one column at the end, which is no group.
        large = np.flatnonzero(sizes > 1)
        columns = np.full(kinds, len(large))
        columns[large] = np.arange(len(large))
        self.codes, self.kinds = columns[codes], len(large) + 1
        self.totals = sizes[large]

    def counts(self, members: Members) -> NDArray[np.int64]:
        return self.partition.counts(members, self.codes, self.kinds)[..., :-1]

    def within(self, members: Members) -> NDArray[np.float64]:
        found = self.counts(members)
        pairs = (self.totals * (self.totals - 1)).sum()
        return np.asarray((found * (found - 1)).sum(axis=(1, 2)) / pairs)

    def across(self, members: Members) -> NDArray[np.float64]:
        found = self.counts(members)
        return np.asarray((found * (found < self.totals)).sum(axis=(1, 2)) / len(self.codes))

    def fewest(self, members: Members) -> NDArray[np.float64]:
        return np.asarray(self._alike(self.counts(members)).max(axis=1))

    def _alike(self, found: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return 1 − (effective number of distinct images) / (number of images) of each class, (turns, classes).

        The effective number is the reciprocal of the probability that two images drawn with replacement are of one
        group: Simpson, Measurement of diversity, Nature 163, 1949.
        """
        sizes = self.partition.sizes
        pairs = (found.astype(float) ** 2).sum(axis=2) + sizes - found.sum(axis=2)
        return np.asarray(1 - sizes / pairs)

    def told(self, name: str) -> tuple[str, NDArray[np.int64]]:
        """Return in words the class in which it is most striking, and images there."""
        found = self.counts(self.partition.members)[0]
        marked = {WITHIN: found * (found > 1), ACROSS: found * ((found > 0) & (found < self.totals))}
        if name == FEW:
            alike = self._alike(found[None])[0]
            label = int(alike.argmax())
            distinct = (1 - alike[label]) * self.partition.sizes[label]
            words = f"{self.partition.sizes[label]} images that are worth {distinct:.0f} distinct ones"
            mine = found[label]
        else:
            label = int((marked[name].sum(axis=1) / self.partition.sizes).argmax())
            mine = marked[name][label]
            words = f"{mine.sum()} of {self.partition.sizes[label]} images have a near-duplicate there"
            words = words if name == WITHIN else words.replace("there", "in another class")
        if not mine.any():
            return "none", np.empty(0, np.int64)
        rows = np.flatnonzero(self.codes == int(mine.argmax()))
        ours = self.partition.codes[rows] == label
        return f"{self.partition.names[label]}: {words}", np.concatenate(
            [rows[ours], rows[~ours]]
        ) if name == ACROSS else rows[ours]


def _clashes(records: Sequence[ImageRecord]) -> list[tuple[ImageRecord, ImageRecord]]:
    """Return each image with the first of the same pixels, where they differ in class."""
    first: dict[str, ImageRecord] = {}
    pairs = [(first.setdefault(record.digest, record), record) for record in records]
    return [(one, two) for one, two in pairs if one.generator != two.generator]


def _of_role(records: Sequence[ImageRecord], role: str) -> NDArray[np.int64]:
    roles: defaultdict[str, list[int]] = defaultdict(list)
    for row, record in enumerate(records):
        roles[record.role or "train"].append(row)
        roles["scored"] += [row] if record.role != "reference" else []
    return np.array(roles[role], np.int64)
