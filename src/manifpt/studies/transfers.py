"""Transfer of many methods on equal terms: trained on one set, asked about another (Table 2 of the paper)."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from manifpt.attributors.examples import blocks
from manifpt.cache import Cache
from manifpt.errors import ManifptError
from manifpt.images import ImageSet
from manifpt.methods.presets import Preset, preset
from manifpt.progress import tracked
from manifpt.studies.attribution import LeftOut, with_members
from manifpt.studies.exam import Exam, Taught, is_member
from manifpt.studies.inputs import below, content, described
from manifpt.studies.matching import Matching
from manifpt.studies.rows import Key, Rows, Run
from manifpt.studies.transfer import Pair, References
from manifpt.studies.tuning import PARTS


class TransferStudy:
    """Methods trained on the source's images of the classes that both sets have, and asked about the target's.

    Settings and temperature are chosen by a held-out part of the source, as in ``Study``: nothing of the target is seen
    before it is asked about. A method whose features are the same with either references is trained once.

    Args:
        name: How the rows call the transfer; `` (source's references)`` follows where these are taken.
        source: The set that trains, with its references.
        target: The set that is tested, with its references, of the same size.
        matched: What generators of both are called, from ``matching``.
        rows: Where the results are kept; what they hold already is not run again.
        seed: Of validation parts and trainings.
        cache: Where projections and costly points are kept; None for nowhere.

    Attributes:
        pair: The images that take part.

    Raises:
        DataError: Fewer than two classes are in both sets.
        ImageError: The sets differ in size.
        LeakError: An image is in both sets and not a reference of both.
    """

    def __init__(
        self,
        name: str,
        source: ImageSet,
        target: ImageSet,
        matched: Matching,
        rows: Rows,
        *,
        seed: int = 0,
        cache: Cache | None = None,
    ) -> None:
        self.name, self.rows, self.seed, self.cache = name, rows, seed, cache
        self.pair = Pair.of(source, target, matched)
        self._paths = below(self.pair.asked.paths)
        described_sets = [content(source), content(target), self.pair.taught.tolist(), self.pair.truth.tolist()]
        self._content = hashlib.sha256(json.dumps(described_sets).encode()).hexdigest()
        self._seen: dict[str, dict[str, References]] = {}

    def run(
        self,
        methods: Sequence[str],
        *,
        repeats: int = 1,
        references: Sequence[References] = ("target", "source"),
        deadline: float | None = None,
    ) -> list[LeftOut]:
        """Run what the rows lack, and return what was left out and why.

        Args:
            methods: Names of presets; the members of fusions are run with them.
            repeats: Trainings of each, with seeds of their own.
            references: Whose references the target's images are projected onto.
            deadline: When to begin nothing more, by ``time.monotonic``.

        Raises:
            UnknownNameError: A method is in no table.
        """
        wanted = [(name, preset(name), whose) for name in with_members(methods) for whose in references]
        left = []
        for name, made, whose in tracked(wanted, f"methods on {self.name}"):
            asked = [Key(self.called(whose), name, repeat, 0) for repeat in range(repeats)]
            keys = [key for key in asked if not self._held(key, made, whose)]
            try:
                done = self._run(made, keys, whose, deadline) if keys else 0
            except ManifptError as error:
                left.append(LeftOut(name, len(keys), error.happened))
            else:
                if done < len(keys):
                    reason = "its members were left out" if made.fusion else "the budget was spent"
                    left.append(LeftOut(name, len(keys) - done, reason))
        return left

    def called(self, whose: References) -> str:
        """Return the name of the rows with the references of one set."""
        return self.name if whose == "target" else f"{self.name} (source's references)"

    def _run(self, made: Preset, keys: Sequence[Key], whose: References, deadline: float | None) -> int:
        if made.fusion:
            return sum(self._fused(made, key, whose) for key in keys)
        if deadline is not None and time.monotonic() > deadline:
            return 0
        started = time.monotonic()
        extractor = made.extracting(cache=self.cache)
        train, test = self.pair.features(extractor, whose)
        groups = np.asarray(self.pair.learned.groups)
        seconds = time.monotonic() - started
        other = self._seen.setdefault(keys[0].method, {}).setdefault(_digest(train, test), whose)
        for done, key in enumerate(keys):
            if deadline is not None and time.monotonic() > deadline:
                return done
            if other != whose and self._taken_over(key, made, other, whose):
                continue
            taught = Taught(train, self.pair.taught, groups, seconds if not done else 0.0, extractor.settings())
            self._add(self._exam(key, made, whose).answered(made, taught, test, seed=self.seed), made, whose)
        return len(keys)

    def _taken_over(self, key: Key, made: Preset, other: References, whose: References) -> bool:
        """Add the run with the other set's references under this key, if it is there: its features are the same."""
        twin = Key(self.called(other), key.method, key.repeat, key.fold)
        if not self._held(twin, made, other):
            return False
        self._add(replace(self.rows.read(twin), key=key, inputs=self._inputs(key, made, whose)), made, whose)
        return True

    def _fused(self, made: Preset, key: Key, whose: References) -> bool:
        members = [Key(key.data, name, key.repeat, key.fold) for name in made.fusion]
        if not all(self._held(one, preset(one.method), whose) for one in members):
            return False
        self._add(self._exam(key, made, whose).fused([self.rows.read(one) for one in members]), made, whose)
        return True

    def _add(self, run: Run, made: Preset, whose: References) -> None:
        """Add a run; runs of the method that do not go with it, of another seed or other images, are dropped."""
        self.rows.drop(run.key.data, run.key.method, but=lambda key: self._inputs(key, made, whose))
        self.rows.add(run)

    def _exam(self, key: Key, made: Preset, whose: References) -> Exam:
        groups, classes = np.asarray(self.pair.asked.groups), tuple(self.pair.classes.tolist())
        return Exam(key, self._inputs(key, made, whose), self._paths, groups, self.pair.truth, classes)

    def _held(self, key: Key, made: Preset, whose: References) -> bool:
        # Rows of a method that no fusion took yet lack what a fusion needs, and are run again.
        return self.rows.holds(key, self._inputs(key, made, whose), whole=is_member(key.method))

    def _inputs(self, key: Key, made: Preset, whose: References) -> str:
        given = [self._content, self.seed, key.repeat, whose, PARTS, described(made)]
        return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:16]


def _digest(*parts: NDArray[np.float32]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(repr(part.shape).encode())
        for block in blocks(part):
            found.update(part[block].tobytes())
    return found.hexdigest()
