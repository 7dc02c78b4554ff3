"""The images of one fold, and a run of a method about them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from torch import get_num_threads

from manifpt.errors import DataError, ManifptError
from manifpt.extractors.extractor import Features
from manifpt.methods.presets import Preset, preset, presets
from manifpt.methods.provenance import versions
from manifpt.metrics.fdr import fdr
from manifpt.studies.maps import mapped
from manifpt.studies.rows import Key, Run
from manifpt.studies.tuning import tuned

REAL = "real"
# Half of the smallest number that the rows keep of a probability: less is stored as 0, and must not weigh as never.
TINY = 2.0**-25
# Seeds of two runs never meet, as long as there are fewer folds than this.
APART = 1000


@dataclass(frozen=True, slots=True)
class Taught:
    """What an attributor may learn from.

    Args:
        features: (n, *feature_shape).
        generators: (n,).
        groups: What must stay together, (n,).
        seconds: What extracting all features took.
        extractor: Its settings.
    """

    features: Features
    generators: NDArray[np.str_]
    groups: NDArray[np.int64]
    seconds: float
    extractor: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exam:
    """The images that one run is about.

    Args:
        key: Which run.
        inputs: Digest of all that decides its answers.
        paths: Of the tested images, below the folder that all images of the set lie in, (n,).
        groups: What is drawn together in the bootstrap, (n,).
        truth: Their generators, (n,).
        classes: Sorted generators that there are.
    """

    key: Key
    inputs: str
    paths: NDArray[np.str_]
    groups: NDArray[np.int64]
    truth: NDArray[np.str_]
    classes: tuple[str, ...]

    def answered(self, made: Preset, taught: Taught, test: Features, *, seed: int) -> Run:
        """Return the run of a preset's attributor, tuned and fitted on what is taught, about ``test``.

        Args:
            made: No fusion.
            taught: What may be learned from.
            test: Features of the tested images.
            seed: Of the study.
        """
        started = time.monotonic()
        own = seed + APART * self.key.repeat + self.key.fold
        found = tuned(made, taught.features, taught.generators, groups=taught.groups, seed=own)
        trained = time.monotonic()
        probabilities = found.predict_proba(test)
        answered = time.monotonic()
        penultimate = found.attributor.features(test)
        first = (self.key.repeat, self.key.fold) == (0, 0)
        notes = {
            "seconds": {
                "extracting": taught.seconds, "training": trained - started, "answering": answered - trained,
            },
            "threads": get_num_threads(),
            "trials": [asdict(trial) for trial in found.trials],
            "chosen": found.chosen,
            "temperature": found.heat,
            "train": len(taught.features) - found.validation,
            "validation": found.validation,
            "fdr": _fdr(penultimate, self.truth, seed),
            "extractor": taught.extractor,
            "attributor": found.attributor.settings(),
        }  # fmt: skip
        # Near-duplicates that stay together can leave all images of a generator to the test.
        table = np.zeros((len(probabilities), len(self.classes)))
        table[:, np.searchsorted(self.classes, found.attributor.classes_)] = probabilities
        return self._run(table, notes, mapped(penultimate, seed=seed) if first else None)

    def fused(self, members: Sequence[Run]) -> Run:
        """Return the run of their mean log-probability; they answer about the same images."""
        tables = [self._aligned(run) for run in members]
        logs = np.mean([np.log(np.maximum(table, TINY)) for table in tables], axis=0)
        parts = members[0].notes["seconds"]
        notes = {
            "seconds": {part: sum(run.notes["seconds"][part] for run in members) for part in parts},
            "threads": members[0].notes["threads"],
            "fusion": [run.key.method for run in members],
        }
        return self._run(np.asarray(softmax(logs, axis=1)), notes, None)

    def _aligned(self, run: Run) -> NDArray[np.float64]:
        """Return a member's probabilities in the order of the fold; rows come back in the order of their paths."""
        paths = self.paths
        order, theirs = np.argsort(paths, kind="stable"), np.argsort(run.paths, kind="stable")
        if run.probabilities is None or not np.array_equal(paths[order], run.paths[theirs]):
            raise DataError(
                f"the rows of {run.key.method} are about images of other names",
                expected="the answers of all members about the same images",
                remedy=f"remove the rows of {run.key.method}, and they are computed again",
            )
        table = np.empty_like(run.probabilities)
        table[order] = run.probabilities[theirs]
        return table

    def _run(
        self,
        probabilities: NDArray[np.float64],
        notes: dict[str, Any],
        places: NDArray[np.float64] | None,
    ) -> Run:
        truth = np.searchsorted(self.classes, self.truth)
        rows = np.arange(len(truth))
        answers = probabilities.argmax(axis=1)
        return Run(
            key=self.key,
            inputs=self.inputs,
            classes=self.classes,
            paths=self.paths,
            groups=self.groups,
            truth=truth,
            answers=answers,
            of_truth=probabilities[rows, truth],
            of_answer=probabilities[rows, answers],
            of_real=probabilities[:, self.classes.index(REAL)] if REAL in self.classes else np.full(len(truth), np.nan),
            notes={**notes, "versions": versions()},
            places=places,
            probabilities=probabilities if is_member(self.key.method) else None,
        )


def _fdr(penultimate: NDArray[np.float32], generators: NDArray[np.str_], seed: int) -> dict[str, Any]:
    try:
        return asdict(fdr(features=penultimate, generators=generators, seed=seed))
    except ManifptError as error:
        return {"reason": error.happened}


def is_member(method: str) -> bool:
    """Return whether a fusion takes the probabilities of this method."""
    return any(method in preset(name).fusion for name in presets())
