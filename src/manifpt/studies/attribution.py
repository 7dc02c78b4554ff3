"""Attribution of many methods on equal terms: the same folds, validation parts and trials (Table 1 of the paper)."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from manifpt.cache import Cache
from manifpt.errors import ManifptError
from manifpt.extractors.extractor import Features
from manifpt.images import Fold, ImageSet, folds, held_out
from manifpt.methods.presets import Preset, preset
from manifpt.progress import tracked
from manifpt.storage import gathered
from manifpt.studies.evaluation import learned_features, refuse_strangers, refuse_untrainable
from manifpt.studies.exam import Exam, Taught, is_member
from manifpt.studies.inputs import below, content, described
from manifpt.studies.rows import Key, Rows, Run
from manifpt.studies.tuning import PARTS


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of a study that was not run.

    Args:
        method: Its name.
        runs: How many fitted attributors are missing.
        reason: Why, in a few words.
    """

    method: str
    runs: int
    reason: str


class Study:
    """Methods on one data set, leak-free: repeated, stratified folds by content; references are never scored.

    Args:
        name: How the rows call the data set.
        images: Its images, with references.
        rows: Where the results are kept; what they hold already is not run again.
        splits: Folds of each repetition. Where a manifest marks images as ``test``, those are the only test set.
        seed: Of folds, validation parts and trainings.
        cache: Where projections and costly points are kept; None for nowhere.

    Raises:
        DataError: There are fewer than two generators, one with fewer images than there are folds, or one that the
            marked test images show and the training images do not; or the name cannot be that of a folder.
    """

    def __init__(
        self, name: str, images: ImageSet, rows: Rows, *, splits: int = 5, seed: int = 0, cache: Cache | None = None
    ) -> None:
        self.name, self.images, self.rows = name, images, rows
        self.splits, self.seed, self.cache = splits, seed, cache
        self.scored = images.scored
        self._marked = held_out(self.scored)
        _refuse_unlearnable(self.scored, self._marked)
        self._folds: dict[int, list[Fold]] = {}
        self._lasted: dict[str, float] = {}
        self._content = content(images)
        self._paths = below(self.scored.paths)
        self.folds(0)

    def folds(self, repeat: int) -> list[Fold]:
        """Return the folds of one repetition."""
        if self._marked is not None:
            return [self._marked]
        if repeat not in self._folds:
            self._folds[repeat] = folds(self.scored, folds=self.splits, seed=self.seed + repeat)
        return self._folds[repeat]

    def keys(self, method: str, *, repeats: int = 1, one_fold: bool = False) -> list[Key]:
        """Return which attributors a method is fitted with, the first fold first.

        Args:
            method: Its name.
            repeats: Repetitions of the folds.
            one_fold: Whether only the first fold of each is run.
        """
        many = 1 if one_fold or self._marked is not None else self.splits
        turns = 1 if self._marked is not None else repeats
        return [Key(self.name, method, repeat, fold) for repeat in range(turns) for fold in range(many)]

    def run(
        self, methods: Sequence[str], *, repeats: int = 1, one_fold: bool = False, deadline: float | None = None
    ) -> list[LeftOut]:
        """Run what the rows lack, the first fold of every method before the others, and return what was left out.

        A method that this set or this machine does not allow (absent weights, images too small) is left out with its
        reason.

        Args:
            methods: Names of presets; the members of fusions are run with them.
            repeats: Repetitions of the folds.
            one_fold: Whether only the first fold of each repetition is run.
            deadline: When to stop, by ``time.monotonic``; a run begins only if one as long as the method's last one
                would end by then.

        Raises:
            UnknownNameError: A method is in no table.
        """
        wanted = [(name, preset(name)) for name in with_members(methods)]
        whole = {name: self.keys(name, repeats=repeats, one_fold=one_fold) for name, _ in wanted}
        left = []
        for stage in _stages(max(map(len, whole.values()), default=0), len(self.folds(0)), one_fold=one_fold):
            for name, made in tracked(wanted, f"methods on {self.name}"):
                asked = [key for place, key in enumerate(whole[name]) if place in stage]
                keys = [key for key in asked if not self._held(key, made)]
                if not keys:
                    continue
                try:
                    done = self._fused(made, keys) if made.fusion else self._fitted(name, made, keys, deadline)
                except ManifptError as error:
                    lacking = [key for key in keys if not self._held(key, made)]
                    left.append(LeftOut(name, len(lacking), error.happened))
                else:
                    if done < len(keys):
                        reason = "its members were left out" if made.fusion else "the budget was spent"
                        left.append(LeftOut(name, len(keys) - done, reason))
        return _summed(left)

    def _fitted(self, name: str, made: Preset, keys: list[Key], deadline: float | None) -> int:
        features: Features | None = None
        extractor = made.extracting(cache=self.cache)
        for done, key in enumerate(keys):
            started = time.monotonic()
            if deadline is not None and started + self._lasted.get(name, 0.0) > deadline:
                return done
            fold = self.folds(key.repeat)[key.fold]
            if extractor.learns:
                train, test = learned_features(extractor, self.images, self.scored, fold)
            else:
                if features is None:
                    features = extractor.fit(self.images).extract(self.scored)
                train, test = gathered(features, fold.train), gathered(features, fold.test)
            taught = Taught(
                train,
                np.asarray(self.scored.generators)[fold.train],
                np.asarray(self.scored.groups)[fold.train],
                seconds=time.monotonic() - started,
                extractor=extractor.settings(),
            )
            self._add(self._exam(key, made).answered(made, taught, test, seed=self.seed), made)
            self._lasted[name] = time.monotonic() - started
        return len(keys)

    def _fused(self, made: Preset, keys: list[Key]) -> int:
        done = 0
        for key in keys:
            members = [Key(key.data, name, key.repeat, key.fold) for name in made.fusion]
            if not all(self._held(one, preset(one.method)) for one in members):
                continue
            self._add(self._exam(key, made).fused([self.rows.read(one) for one in members]), made)
            done += 1
        return done

    def _add(self, run: Run, made: Preset) -> None:
        """Add a run; runs of the method that do not go with it, of another seed or other images, are dropped."""
        self.rows.drop(self.name, run.key.method, but=lambda key: self._inputs(key, made))
        self.rows.add(run)

    def _exam(self, key: Key, made: Preset) -> Exam:
        test = self.folds(key.repeat)[key.fold].test
        return Exam(
            key,
            self._inputs(key, made),
            self._paths[test],
            np.asarray(self.scored.groups)[test],
            np.asarray(self.scored.generators)[test],
            self.scored.classes,
        )

    def _held(self, key: Key, made: Preset) -> bool:
        # Rows of a method that no fusion took yet lack what a fusion needs, and are run again.
        return self.rows.holds(key, self._inputs(key, made), whole=is_member(key.method))

    def _inputs(self, key: Key, made: Preset) -> str:
        """Return the digest of all that decides a run's answers."""
        split = [] if self._marked is not None else [self.splits, key.fold]
        given = [self._content, self.seed, key.repeat, split, PARTS, described(made)]
        return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:16]


def with_members(methods: Sequence[str]) -> list[str]:
    """Return the names with the members of fusions before them, each once.

    Raises:
        UnknownNameError: A method is in no table.

    Example:
        >>> with_members(["image+spectrum", "raw"])
        ['raw', 'spectrum', 'image+spectrum']
    """
    return list(dict.fromkeys(name for asked in methods for name in (*preset(asked).fusion, asked)))


def _stages(runs: int, folds: int, *, one_fold: bool) -> Iterator[range]:
    """Yield which runs of every method go together: the first fold, the rest of its repetition, then the others."""
    if one_fold or folds == 1:
        yield from (range(place, place + 1) for place in range(runs))
        return
    yield range(1)
    yield range(1, folds)
    yield from (range(start, start + folds) for start in range(folds, runs, folds))


def _summed(left: list[LeftOut]) -> list[LeftOut]:
    together: dict[tuple[str, str], int] = {}
    for one in left:
        together[one.method, one.reason] = together.get((one.method, one.reason), 0) + one.runs
    return [LeftOut(method, runs, reason) for (method, reason), runs in together.items()]


def _refuse_unlearnable(scored: ImageSet, marked: Fold | None) -> None:
    refuse_untrainable(scored.generators if marked is None else scored.generators[marked.train])
    if marked:
        refuse_strangers(scored, marked.test, np.unique(scored.generators[marked.train]), "training images")
