"""Methods compared on the same images: figures of merit with intervals, and paired tests against a control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from manifpt.errors import ManifptError
from manifpt.metrics.accuracy import accuracy_interval, balanced_accuracy_interval
from manifpt.metrics.calibration import expected_error
from manifpt.metrics.confusion import confusion, macro_f1
from manifpt.metrics.detection import detection_interval
from manifpt.metrics.holm import holm
from manifpt.metrics.interval import Interval
from manifpt.metrics.resampling import multiplicities
from manifpt.studies.rows import Rows, Run

REAL = "real"
RESAMPLES = 2000
# A p-value cannot fall below one in so many, times the methods that it is corrected for.
TESTED = 10_000


@dataclass(frozen=True, slots=True)
class Line:
    """One method on one data set.

    Args:
        data: Name of the data set.
        method: Name of the method.
        images: Distinct images that were tested.
        runs: Fitted attributors that answered.
        repeats: Repetitions that they belong to.
        chance: Balanced accuracy of guessing.
        accuracy: Share of right answers.
        balanced_accuracy: Mean recall over the generators.
        macro_f1: Mean F1 over the generators.
        log_loss: Mean negative log-probability of the truth, nats.
        calibration_error: Expected calibration error of the top label, 15 bins.
        detection_auc: Area under the ROC curve of real against generated; None without real or generated images.
        fdr: Fréchet distance ratio of the first run's penultimate features, with its bounds; None where n is too small.
        fdr_reason: Why there is none.
        seconds: Mean time of one run: extraction, trials, training, answers.
        threads: Threads of that time.
        trials: Settings that each run compared.
        difference: Balanced accuracy less the control's, on the runs that both have; None for the control itself.
        p_value: That the two are alike, two-sided, corrected (Holm) for the methods of the data set.
    """

    data: str
    method: str
    images: int
    runs: int
    repeats: int
    chance: float
    accuracy: Interval
    balanced_accuracy: Interval
    macro_f1: float
    log_loss: float
    calibration_error: float
    detection_auc: Interval | None
    fdr: Interval | None
    fdr_reason: str | None
    seconds: float
    threads: int
    trials: int
    difference: Interval | None = None
    p_value: float | None = None

    def record(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return asdict(self)

    @classmethod
    def restored(cls, record: dict[str, Any]) -> Line:
        """Return what ``record`` returned as a line again.

        Raises:
            KeyError, TypeError, ValueError: It is no such record.
        """
        intervals = ("accuracy", "balanced_accuracy", "detection_auc", "fdr", "difference")
        found = {name: None if record[name] is None else Interval.restored(record[name]) for name in intervals}
        return cls(**{**record, **found})


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better one method is than another.

    Args:
        interval: Difference of the balanced accuracies.
        p_value: That they are alike, two-sided.
    """

    interval: Interval
    p_value: float


def compared(rows: Rows, data: str, methods: Sequence[str], *, control: str = "raw", seed: int = 0) -> list[Line]:
    """Return a line for each method that has rows, in the order given; what is only a map has no line.

    Args:
        rows: The table.
        data: Name of the data set.
        methods: Names.
        control: What each is tested against.
        seed: Of the bootstrap.
    """
    found = {method: answering(rows, data, method) for method in methods}
    lines = [line(runs, seed=seed) for runs in found.values() if runs]
    against = found.get(control) or answering(rows, data, control)
    tests = {
        one.method: difference(found[one.method], against, seed=seed)
        for one in lines
        if one.method != control and _common(found[one.method], against)
    }
    p_values = dict(zip(tests, holm([test.p_value for test in tests.values()]), strict=True)) if tests else {}
    return [
        replace(one, difference=tests[one.method].interval, p_value=float(p_values[one.method]))
        if one.method in tests
        else one
        for one in lines
    ]


def answering(rows: Rows, data: str, method: str) -> list[Run]:
    """Return the runs of one method that answer; those that only place images on a map are none."""
    return [run for run in rows.runs(data=data, method=method) if not run.notes.get("map")]


def line(runs: Sequence[Run], *, seed: int = 0) -> Line:
    """Return the figures of merit of one method's runs on one data set.

    Intervals are of 95 %, by bootstrap over groups of images within each generator and, where there is more than one,
    over the runs, so that the variance of retraining is included.
    """
    classes = np.array(runs[0].classes)
    truth, answers = _joined(runs, "truth"), _joined(runs, "answers")
    drawn: dict[str, Any] = {"clusters": _joined(runs, "groups"), "resamples": RESAMPLES, "seed": seed}
    if len(runs) > 1:
        drawn["runs"] = np.repeat(np.arange(len(runs)), [len(run.truth) for run in runs])
    named = {"truth": classes[truth], "answers": classes[answers]}
    # The answers' classes do not matter here, so that one image's loss and confidence are all that is needed.
    loss = float(-np.log(np.maximum(_joined(runs, "of_truth"), np.finfo(np.float32).tiny)).mean())
    first = runs[0].notes.get("fdr", {"reason": "a fusion has no penultimate features"})
    return Line(
        data=runs[0].key.data,
        method=runs[0].key.method,
        images=len(np.unique(_joined(runs, "paths"))),
        runs=len(runs),
        repeats=len({run.key.repeat for run in runs}),
        chance=1 / len(classes),
        accuracy=accuracy_interval(**named, **drawn),
        balanced_accuracy=balanced_accuracy_interval(**named, **drawn),
        macro_f1=macro_f1(**named),
        log_loss=loss,
        calibration_error=expected_error(right=truth == answers, confidence=_joined(runs, "of_answer")),
        detection_auc=_detection(named["truth"], _joined(runs, "of_real"), drawn),
        fdr=Interval(**first["interval"]) if "interval" in first else None,
        fdr_reason=first.get("reason"),
        seconds=float(np.mean([sum(run.notes["seconds"].values()) for run in runs])),
        threads=runs[0].notes["threads"],
        trials=len(runs[0].notes.get("trials", ())),
    )


def difference(runs: Sequence[Run], control: Sequence[Run], *, seed: int = 0) -> Difference:
    """Return the difference of two methods' balanced accuracies on the runs that both have.

    Both answer the same images, which are drawn together: groups of images within each generator, and runs where there
    is more than one. p is the share of draws that differ from the difference by as much as that does from zero.
    """
    pairs = _common(runs, control)
    truth = np.concatenate([one.truth for one, _ in pairs])
    gains = np.concatenate(
        [(one.answers == one.truth).astype(float) - (other.answers == other.truth) for one, other in pairs]
    )
    groups = np.concatenate([one.groups for one, _ in pairs])
    drawn: dict[str, Any] = {"clusters": groups, "stratify": truth, "resamples": TESTED, "seed": seed}
    if len(pairs) > 1:
        drawn["runs"] = np.repeat(np.arange(len(pairs)), [len(one.truth) for one, _ in pairs])
    classes, class_of = np.unique(truth, return_inverse=True)
    membership = csr_array((np.ones(len(truth)), (np.arange(len(truth)), class_of)), shape=(len(truth), len(classes)))
    gained = csr_array(membership.multiply(gains[:, None]))

    def mean(weights: NDArray[np.int64]) -> NDArray[np.float64]:
        totals = weights @ membership
        present = totals > 0
        shares = np.divide(weights @ gained, totals, out=np.zeros_like(totals), where=present)
        return np.asarray(shares.sum(axis=1) / present.sum(axis=1))

    value = float(mean(np.ones((1, len(truth)), np.int64))[0])
    blocks = (block[block.any(axis=1)] for block in multiplicities(len(truth), **drawn))
    draws = np.concatenate([mean(block) for block in blocks])
    low, high = np.quantile(draws, [0.025, 0.975])
    p_value = (1 + int((np.abs(draws - value) >= abs(value)).sum())) / (1 + len(draws))
    return Difference(Interval(value, float(low), float(high), 0.95), p_value)


def confusions(runs: Sequence[Run]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the counts of one method's answers, rows true and columns answered, and the names of both."""
    classes = np.array(runs[0].classes)
    named = {"truth": classes[_joined(runs, "truth")], "answers": classes[_joined(runs, "answers")]}
    return confusion(**named, classes=classes), runs[0].classes


def _common(runs: Sequence[Run], control: Sequence[Run]) -> list[tuple[Run, Run]]:
    others = {(run.key.repeat, run.key.fold): run for run in control}
    paired = [(run, others.get((run.key.repeat, run.key.fold))) for run in runs]
    return [(one, other) for one, other in paired if other is not None and np.array_equal(one.paths, other.paths)]


def _joined(runs: Sequence[Run], name: str) -> NDArray[Any]:
    return np.concatenate([getattr(run, name) for run in runs])


def _detection(truth: NDArray[np.str_], of_real: NDArray[np.float64], drawn: dict[str, Any]) -> Interval | None:
    if np.isnan(of_real).any():
        return None
    table = np.stack([1 - of_real, of_real], axis=1)
    try:
        return detection_interval(truth=truth, probabilities=table, classes=["generated", REAL], **drawn)
    except ManifptError:
        return None
