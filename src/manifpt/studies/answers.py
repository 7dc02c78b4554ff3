"""The answers of one or many fitted methods about images whose generator is known, and how good they are."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import ManifptError
from manifpt.metrics.accuracy import accuracy_interval, balanced_accuracy_interval
from manifpt.metrics.calibration import calibration_error, log_loss
from manifpt.metrics.confusion import confusion, macro_f1
from manifpt.metrics.detection import detection_interval
from manifpt.metrics.fdr import FDR, fdr
from manifpt.metrics.interval import Interval
from manifpt.metrics.per_class import ClassScore, per_class


@dataclass(frozen=True, slots=True)
class Answers:
    """Probabilities for images whose generator is known; an image has one answer per repetition.

    Args:
        classes: Names of the columns, (classes,).
        paths: Path of each answered image, (n,).
        truth: Its generator, (n,).
        groups: What is drawn together in the bootstrap: near-duplicates, images of one latent, (n,).
        runs: Which fitted attributor answered, (n,).
        probabilities: (n, classes).
        features: Penultimate features of each run's answers, by run; for the FDR.
        seconds: Time for extraction, training and answering.
    """

    classes: NDArray[np.str_]
    paths: NDArray[np.str_]
    truth: NDArray[np.str_]
    groups: NDArray[np.int64]
    runs: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    features: tuple[NDArray[np.float32], ...] = field(repr=False, default=())
    seconds: float = 0.0

    @property
    def answered(self) -> NDArray[np.str_]:
        """The most probable generator, (n,)."""
        return np.asarray(self.classes[self.probabilities.argmax(axis=1)])

    def scores(self, *, resamples: int = 1000, seed: int = 0) -> Scores:
        """Return the figures of merit, with 95 % intervals.

        The bootstrap draws groups of images within each generator and, where several runs answered, the runs too, so
        that the variance of retraining is included.
        """
        truth, answers = self.truth, self.answered
        drawn: dict[str, Any] = {"clusters": self.groups, "resamples": resamples, "seed": seed}
        if len(np.unique(self.runs)) > 1:
            drawn["runs"] = self.runs
        table: dict[str, Any] = {"truth": truth, "probabilities": self.probabilities, "classes": self.classes}
        ratio, reason = self._fdr(seed)
        detection, undetected = self._detection(table | drawn)
        return Scores(
            images=len(np.unique(self.paths)),
            answers=len(truth),
            runs=len(np.unique(self.runs)),
            chance=1 / len(self.classes),
            accuracy=accuracy_interval(truth=truth, answers=answers, **drawn),
            balanced_accuracy=balanced_accuracy_interval(truth=truth, answers=answers, **drawn),
            macro_f1=macro_f1(truth=truth, answers=answers),
            detection_auc=detection,
            detection_reason=undetected,
            log_loss=log_loss(**table),
            calibration_error=calibration_error(**table),
            fdr=ratio,
            fdr_reason=reason,
            per_class=per_class(truth=truth, answers=answers, classes=self.classes),
            confusion=confusion(truth=truth, answers=answers, classes=self.classes),
            classes=tuple(str(name) for name in self.classes),
            seconds=self.seconds,
        )

    def _detection(self, given: dict[str, Any]) -> tuple[Interval | None, str | None]:
        if "real" not in self.classes:
            return None, "there is no class real"
        try:
            return detection_interval(**given), None
        except ManifptError as error:
            return None, error.happened

    def _fdr(self, seed: int) -> tuple[FDR | None, str | None]:
        # Features of different attributors do not share axes, so that each run is judged by itself; the first stands.
        if not self.features:
            return None, "no penultimate features were kept"
        first = np.flatnonzero(self.runs == self.runs[0])
        try:
            return fdr(features=self.features[0], generators=self.truth[first], seed=seed), None
        except ManifptError as error:
            return None, error.happened


@dataclass(frozen=True, slots=True)
class Scores:
    """How good a method's answers are.

    Args:
        images: Scored images.
        answers: Answers: images × repetitions.
        runs: Fitted attributors that answered.
        chance: Balanced accuracy of guessing.
        accuracy: Share of right answers.
        balanced_accuracy: Mean recall over the generators.
        macro_f1: Mean F1 over the generators.
        detection_auc: Area under the ROC curve of 1 − P(real); None without real or without generated images.
        detection_reason: Why there is no area.
        log_loss: Mean negative log-probability of the truth, nats.
        calibration_error: Expected calibration error, 15 bins.
        fdr: Fréchet distance ratio of the first run's penultimate features.
        fdr_reason: Why there is no FDR.
        per_class: Precision, recall and support of each generator.
        confusion: Counts, rows true, columns answered.
        classes: Names of the rows and columns.
        seconds: Time for extraction, training and answering.
    """

    images: int
    answers: int
    runs: int
    chance: float
    accuracy: Interval
    balanced_accuracy: Interval
    macro_f1: float
    detection_auc: Interval | None
    detection_reason: str | None
    log_loss: float
    calibration_error: float
    fdr: FDR | None
    fdr_reason: str | None
    per_class: tuple[ClassScore, ...]
    confusion: NDArray[np.int64] = field(repr=False)
    classes: tuple[str, ...] = field(repr=False)
    seconds: float = 0.0

    def record(self) -> dict[str, Any]:
        """Return everything as JSON-able values."""
        return {**asdict(self), "confusion": self.confusion.tolist()}

    @classmethod
    def restored(cls, record: dict[str, Any]) -> Scores:
        """Return what ``record`` returned as scores again.

        Raises:
            KeyError, TypeError, ValueError: It is no such record.
        """
        values = dict(record)
        for name in ("accuracy", "balanced_accuracy", "detection_auc"):
            values[name] = None if record[name] is None else Interval.restored(record[name])
        if record["fdr"] is not None:
            values["fdr"] = FDR(**{**record["fdr"], "interval": Interval.restored(record["fdr"]["interval"])})
        values["per_class"] = tuple(ClassScore(**one) for one in record["per_class"])
        values["classes"] = tuple(str(name) for name in record["classes"])
        values["confusion"] = np.array(record["confusion"], np.int64)
        if values["confusion"].shape != (len(values["classes"]),) * 2:
            raise ValueError("the matrix does not fit the classes")
        return cls(**values)
