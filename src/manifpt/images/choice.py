"""Choosing generators by name or glob."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from manifpt.errors import DataError
from manifpt.images.record import REAL, ImageRecord


def chosen(
    records: list[ImageRecord], patterns: str | Sequence[str] | None, *, reals_needed: bool
) -> list[ImageRecord]:
    """Return the records whose generator, family-generator or folder matches one of the names or globs.

    References that a manifest marks always stay. So do all reals where none is named and none is a reference: they are
    the only pool from which a manifold can be estimated.

    Args:
        records: Labelled images.
        patterns: Names or globs; None keeps everything.
        reals_needed: Whether reals must come from these records, since none is given apart.

    Raises:
        DataError: A pattern matches nothing.
    """
    if not patterns:
        return records
    wanted = [patterns] if isinstance(patterns, str) else list(patterns)
    names = [_names(record) for record in records]
    for pattern in wanted:
        if not any(_fits(name, pattern) for row in names for name in row):
            raise _unmatched(records, pattern)
    fits = [any(_fits(name, pattern) for name in row for pattern in wanted) for row in names]
    pooled = any(
        record.role == "reference" or (record.generator == REAL and fit)
        for record, fit in zip(records, fits, strict=True)
    )
    all_reals = reals_needed and not pooled
    return [
        record
        for record, fit in zip(records, fits, strict=True)
        if fit or record.role == "reference" or (all_reals and record.generator == REAL)
    ]


def _fits(name: str, pattern: str) -> bool:
    # A name that looks like a glob can still be given as it is.
    return name == pattern or fnmatchcase(name, pattern)


def _unmatched(records: list[ImageRecord], pattern: str) -> DataError:
    known = sorted({record.generator for record in records if record.generator})
    near = difflib.get_close_matches(pattern, known, n=3, cutoff=0.3) or known[:3]
    return DataError(
        f"no generator matches {pattern!r}",
        expected=f"a name or glob of {len(known)} generators",
        remedy=f"did you mean {' or '.join(near)}?",
    )


def _names(record: ImageRecord) -> tuple[str, ...]:
    generator = record.generator or ""
    folder = PurePosixPath(record.path).parent.name
    return generator, f"{record.family}-{generator}", folder
