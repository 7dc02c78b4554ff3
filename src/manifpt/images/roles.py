"""Which reals estimate the manifold and which are scored; what must never stand in two roles."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median
from typing import cast

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import DataError, LeakError
from manifpt.images.record import REAL, ROLES, ImageRecord, Role, label

FEWEST_REFERENCES = 200


def with_reference(
    records: list[ImageRecord], thumbnails: NDArray[np.uint8]
) -> tuple[list[ImageRecord], tuple[str, ...]]:
    """Return records among which some reals are references, and notes for the user.

    With one pool of reals only, at most half of them, and at most the median generator's count, are the real class; the
    others are references. Which ones is decided by their content alone, and near-duplicates are never divided.

    Args:
        records: All images, with their digests.
        thumbnails: uint8 (n, 768).

    Raises:
        DataError: There is no real image that could be a reference.
    """
    notes = []
    if not any(record.role == "reference" for record in records):
        records, note = _divided(records, thumbnails)
        notes.append(note)
    references = sum(record.role == "reference" for record in records)
    if references < FEWEST_REFERENCES:
        notes.append(f"only {references} references: a manifold from fewer than {FEWEST_REFERENCES} is coarse")
    return records, (*notes, *_straddling(records, thumbnails))


def _divided(records: list[ImageRecord], thumbnails: NDArray[np.uint8]) -> tuple[list[ImageRecord], str]:
    # Reals that a manifest already gave a part in training or testing stay there.
    pool = [row for row, record in enumerate(records) if record.generator == REAL and record.role is None]
    if not pool:
        marked = any(record.generator == REAL for record in records)
        raise DataError(
            "every real image is marked train, validation or test" if marked else "no real image was given",
            expected="reals that estimate the manifold",
            remedy="give a folder of them with --reference (reference= in Python)",
        )
    counts = Counter(record.generator for record in records if record.generator != REAL)
    most = min(len(pool) // 2, int(median(counts.values())) if counts else len(pool))
    scored = _scored(records, thumbnails, pool, most)
    references = set(pool) - scored
    divided = [replace(one, role="reference") if row in references else one for row, one in enumerate(records)]
    return divided, f"one pool of {len(pool)} reals: {len(scored)} form the class real, {len(references)} the reference"


def _scored(records: list[ImageRecord], thumbnails: NDArray[np.uint8], pool: list[int], most: int) -> set[int]:
    """Return at most so many rows of the pool: whole groups of near-duplicates, in the order of their digests."""
    from manifpt.images.duplicates import grouped  # noqa: PLC0415  (loads SciPy)

    groups = grouped(thumbnails[pool])  # equal pixels have equal thumbnails
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row, group in zip(pool, groups.tolist(), strict=True):
        members[group].append(row)
    scored: set[int] = set()
    for rows in sorted(members.values(), key=lambda rows: min(records[row].digest for row in rows)):
        if len(scored) + len(rows) <= most:
            scored.update(rows)
    return scored


def _straddling(records: list[ImageRecord], thumbnails: NDArray[np.uint8]) -> tuple[str, ...]:
    """Return a note on the scored reals that are near-duplicates of references, if there are any."""
    from manifpt.images.duplicates import duplicated  # noqa: PLC0415  (loads SciPy)

    reference = np.array([record.role == "reference" for record in records], bool)
    real = np.array([record.generator == REAL for record in records], bool) & ~reference
    count = int(duplicated(thumbnails[real], thumbnails[reference]).sum())
    if not count:
        return ()
    return (f"{count} of {real.sum()} scored reals are near-duplicates of references, which makes them look too real",)


def marked(records: Sequence[ImageRecord], roles: Iterable[str | None]) -> tuple[ImageRecord, ...]:
    """Return records with other roles; None or "" leaves one to the split.

    Raises:
        DataError: A role is unknown, there is not one for each record, or a generated image would be a reference.
        LeakError: The same pixels would stand in two roles.
    """
    named = [str(role) if role else None for role in roles]
    unknown = [role for role in named if role is not None and role not in ROLES]
    if unknown or len(named) != len(records):
        raise DataError(
            f"there is the role {unknown[0]!r}" if unknown else f"{len(named)} roles for {len(records)} images",
            expected=f"{', '.join(ROLES)} or nothing for each image",
            remedy="correct the roles",
        )
    for record, role in zip(records, named, strict=True):
        label(record.generator, record.family, role, where=record.path)
    changed = [replace(one, role=cast(Role | None, role)) for one, role in zip(records, named, strict=True)]
    refuse_leaks(changed)
    return tuple(changed)


def refuse_leaks(records: list[ImageRecord]) -> None:
    """Refuse content that stands in two roles, or under two generators.

    Images of open role may train, so that they and those of role ``train`` are one side.

    Raises:
        LeakError: Two images have the same pixels, whatever their file format; both are named.
    """
    seen: dict[str, ImageRecord] = {}
    clashes = []
    for record in records:
        first = seen.setdefault(record.digest, record)
        if _side(first) != _side(record) or first.generator != record.generator:
            clashes.append((first, record))
    if not clashes:
        return
    one, two = clashes[0]
    more = f" ({len(clashes)} such pairs)" if len(clashes) > 1 else ""
    raise LeakError(
        f"{one.path} ({_part(one)}) and {two.path} ({_part(two)}) have the same pixels{more}",
        expected="every image in one role and under one generator",
        remedy="remove one of each pair",
    )


def _side(record: ImageRecord) -> str:
    return record.role or "train"


def _part(record: ImageRecord) -> str:
    return record.role if record.role == "reference" else f"{record.generator}, {record.role or 'scored'}"
