"""The images of one fold, and a run of a method about them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from torch import get_num_threads

from manifpt.errors import ManifptError
from manifpt.extractors.extractor import Features
from manifpt.images import Fold, ImageSet
from manifpt.methods.presets import Preset, preset, presets
from manifpt.methods.provenance import versions
from manifpt.metrics.fdr import fdr
from manifpt.studies.maps import mapped
from manifpt.studies.rows import Key, Run
from manifpt.studies.tuning import tuned

REAL = "real"
TINY = 1e-30
# Seeds of two runs never meet, as long as there are fewer folds than this.
APART = 1000


@dataclass(frozen=True, slots=True)
class Exam:
    """The images that one run is about.

    Args:
        key: Which run.
        inputs: Digest of all that decides its answers.
        scored: All images that are no references.
        fold: Which of them are learned from, and which are tested.
    """

    key: Key
    inputs: str
    scored: ImageSet
    fold: Fold

    def answered(self, made: Preset, train: Features, test: Features, *, seed: int, extracted: dict[str, Any]) -> Run:
        """Return the run of a preset's attributor, tuned and fitted on ``train``, about ``test``.

        Args:
            made: No fusion.
            train: Features of the images that may be learned from.
            test: Features of those that are tested.
            seed: Of the study.
            extracted: Seconds that the features took, and the extractor's settings.
        """
        generators, groups = np.asarray(self.scored.generators), np.asarray(self.scored.groups)
        known = self.fold.train
        started = time.monotonic()
        own = seed + APART * self.key.repeat + self.key.fold
        found = tuned(made, train, generators[known], groups=groups[known], seed=own)
        trained = time.monotonic()
        probabilities = found.predict_proba(test)
        answered = time.monotonic()
        penultimate = found.attributor.features(test)
        first = (self.key.repeat, self.key.fold) == (0, 0)
        notes = {
            "seconds": {
                "extracting": extracted["seconds"], "training": trained - started, "answering": answered - trained,
            },
            "threads": get_num_threads(),
            "trials": [asdict(trial) for trial in found.trials],
            "chosen": found.chosen,
            "temperature": found.heat,
            "train": len(known) - found.validation,
            "validation": found.validation,
            "fdr": _fdr(penultimate, generators[self.fold.test], seed),
            "extractor": extracted["extractor"],
            "attributor": found.attributor.settings(),
        }  # fmt: skip
        classes = tuple(found.attributor.classes_.tolist())
        return self._run(classes, probabilities, notes, mapped(penultimate, seed=seed) if first else None)

    def fused(self, members: Sequence[Run]) -> Run:
        """Return the run of their mean log-probability; they answer about the same images."""
        tables = [run.probabilities for run in members if run.probabilities is not None]
        logs = np.mean([np.log(np.maximum(table, TINY)) for table in tables], axis=0)
        parts = members[0].notes["seconds"]
        notes = {
            "seconds": {part: sum(run.notes["seconds"][part] for run in members) for part in parts},
            "threads": members[0].notes["threads"],
            "fusion": [run.key.method for run in members],
        }
        return self._run(members[0].classes, np.asarray(softmax(logs, axis=1)), notes, None)

    def _run(
        self,
        classes: tuple[str, ...],
        probabilities: NDArray[np.float64],
        notes: dict[str, Any],
        places: NDArray[np.float64] | None,
    ) -> Run:
        test = self.fold.test
        truth = np.searchsorted(classes, np.asarray(self.scored.generators)[test])
        rows = np.arange(len(truth))
        answers = probabilities.argmax(axis=1)
        return Run(
            key=self.key,
            inputs=self.inputs,
            classes=classes,
            paths=_below(self.scored.paths)[test],
            groups=np.asarray(self.scored.groups)[test],
            truth=truth,
            answers=answers,
            of_truth=probabilities[rows, truth],
            of_answer=probabilities[rows, answers],
            of_real=probabilities[:, classes.index(REAL)] if REAL in classes else np.full(len(truth), np.nan),
            notes={**notes, "versions": versions()},
            places=places,
            probabilities=probabilities if _is_member(self.key.method) else None,
        )


def _fdr(penultimate: NDArray[np.float32], generators: NDArray[np.str_], seed: int) -> dict[str, Any]:
    try:
        return asdict(fdr(features=penultimate, generators=generators, seed=seed))
    except ManifptError as error:
        return {"reason": error.happened}


def _is_member(method: str) -> bool:
    return any(method in preset(name).fusion for name in presets())


def _below(paths: Sequence[str]) -> NDArray[np.str_]:
    """Return paths below the folder that all lie in: a table that is passed on names no folders of one machine."""
    above = PurePath(os.path.commonpath([PurePath(path).parent for path in paths]))
    return np.array([PurePath(path).relative_to(above).as_posix() for path in paths])
