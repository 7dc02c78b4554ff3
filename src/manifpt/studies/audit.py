"""Before any study: whether a class can be told from what is not content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.audits import copies, crops, files, patterns
from manifpt.audits.finding import LEVEL, Check
from manifpt.audits.measuring import Measurements, file_properties, measurements
from manifpt.audits.permutation import Partition
from manifpt.audits.questions import Question, distinct, questions
from manifpt.errors import DataError, NumbersError
from manifpt.images.imageset import ImageSet
from manifpt.metrics.holm import holm
from manifpt.progress import tracked

PERMUTATIONS = 1999
FEWEST = 2  # classes


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found.

    Args:
        checks: Every check that the set allows, findings first, the surest and closest first.
        images: How many images there are.
        distinct: How many of them are not near-duplicates of each other: those that the tests of files and pixels use.
        classes: Sorted generators of the scored images.
        skipped: Images that could not be read, and why.
        permutations: Labellings drawn for each test.
        seed: Decides which.
    """

    checks: tuple[Check, ...]
    images: int
    distinct: int
    classes: tuple[str, ...]
    skipped: tuple[str, ...]
    permutations: int
    seed: int

    @property
    def findings(self) -> tuple[Check, ...]:
        """The checks that found something."""
        return tuple(check for check in self.checks if check.found)

    def record(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "images": self.images,
            "distinct": self.distinct,
            "classes": list(self.classes),
            "skipped": list(self.skipped),
            "permutations": self.permutations,
            "seed": self.seed,
            "level": LEVEL,
            "findings": len(self.findings),
            "checks": [check.record() for check in self.checks],
        }


def audit(
    images: ImageSet,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    measured: Measurements | None = None,
    generators: ArrayLike | None = None,
) -> Audit:
    """Return what tells the classes of a set apart that is not content.

    Each test asks how often shuffled labels would go with a property as closely. One image of each group of
    near-duplicates takes part in it. Holm's correction over all tests keeps the probability of any false finding below
    5 %.

    Args:
        images: Images with generators, and references if they are to be looked at; `suspects` opens those that
            `ImageSet.open` would refuse.
        permutations: Labellings drawn for each test.
        seed: Decides which.
        measured: What is known of the images, from `measurements`; read anew by default.
        generators: Other labels than the set's own, (n,).

    Raises:
        DataError: There are fewer than two classes.
        NumbersError: So few permutations cannot find anything after the correction.
        ImageError: An image has changed since it was opened.
    """
    labels = images.generators if generators is None else np.asarray(generators, np.str_)
    reference = images.roles == "reference"
    rows = distinct(images.groups, images.digests)
    asked = questions(labels, reference, rows)
    classes = tuple(map(str, np.unique(labels[~reference])))
    if not asked and len(classes) < FEWEST:
        raise DataError(
            f"only {' and '.join(classes) or 'no class'} is there to be told",
            expected="images of at least two generators, or of one and `real`",
            remedy="add a folder per generator, or real images with --real (real= in Python)",
        )
    known = measurements(images) if measured is None else measured
    tests = _tests(images, labels, known, asked, permutations=permutations, seed=seed)
    done = [check for test in tracked(tests, "testing") for check in test()]
    checks = _corrected(done, permutations) + (tuple(copies.facts(images)) if generators is None else ())
    return Audit(
        tuple(sorted(checks, key=lambda check: (not check.found, check.corrected or 0.0, -check.statistic))),
        len(images),
        len(rows),
        classes,
        tuple(skip.reason for skip in images.skipped),
        permutations,
        seed,
    )


def file_shortcuts(images: ImageSet, *, permutations: int = PERMUTATIONS, seed: int = 0) -> tuple[Check, ...]:
    """Return what the files alone give away, as far as it is a finding: format, size, colour, JPEG settings, metadata.

    Args:
        images: Images with generators.
        permutations: Labellings drawn for each test.
        seed: Decides which.

    Raises:
        NumbersError: So few permutations cannot find anything after the correction.
    """
    known = file_properties(images)
    rows = distinct(images.groups, images.digests)
    asked = questions(images.generators, images.roles == "reference", rows)
    checks = [files.checks(one, known, images.paths, permutations=permutations, seed=seed) for one in asked]
    return tuple(
        check for check in _corrected([check for made in checks for check in made], permutations) if check.found
    )


def _tests(
    images: ImageSet,
    labels: NDArray[np.str_],
    known: Measurements,
    asked: Sequence[Question],
    *,
    permutations: int,
    seed: int,
) -> list[Callable[[], Sequence[Check]]]:
    """Return the tests, each to be called when its turn on the progress bar comes."""
    drawn = {"permutations": permutations, "seed": seed}
    placed, paths = crops.layouts(images.thumbnails), images.paths
    scored = np.flatnonzero(images.roles != "reference")

    def of_files(question: Question) -> Sequence[Check]:
        return files.checks(question, known.files, paths, **drawn)

    def of_pattern(question: Question, name: str) -> Sequence[Check]:
        found = patterns.check(name, question, known.patterns[name], paths, **drawn)
        return [] if found is None else [found]

    def of_layout(question: Question) -> Sequence[Check]:
        return list(crops.checks(question, placed, paths, **drawn))

    def of_copies() -> Sequence[Check]:
        partition = Partition(labels[scored])
        return list(copies.checks(partition, images.groups[scored], [paths[row] for row in scored], **drawn))

    made: list[Callable[[], Sequence[Check]]] = [of_copies]
    for question in asked:
        made.append(partial(of_files, question))
        made += [partial(of_pattern, question, name) for name in known.patterns]
        made.append(partial(of_layout, question))
    return made


def _corrected(checks: Sequence[Check], permutations: int) -> tuple[Check, ...]:
    tests = len(checks)
    if tests > LEVEL * (1 + permutations):
        raise NumbersError(
            f"{permutations} permutations cannot find anything in {tests} tests",
            expected=f"at least {int(np.ceil(tests / LEVEL)) - 1}",
            remedy="give more --permutations",
        )
    if not checks:
        return ()
    corrected = holm([check.p for check in checks if check.p is not None])
    return tuple(replace(check, corrected=float(p)) for check, p in zip(checks, corrected, strict=True))
