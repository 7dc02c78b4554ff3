"""The linear attributor: standardise, then multinomial logistic regression."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from manifpt.attributors import calibration
from manifpt.attributors.affine import Affine
from manifpt.attributors.attributor import Features
from manifpt.attributors.calibration import Fold, Tempered
from manifpt.attributors.examples import (
    Examples,
    blocks,
    examples,
    refuse_checkpoint,
)
from manifpt.attributors.standardising import scaler, standardised
from manifpt.progress import tracked
from manifpt.storage import allocated

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
# Above this many values (6,500 images of 3 by 32 by 32) the inverse penalty is chosen on the first inner fold alone.
LARGE = 20_000_000
# On raw pixels of 33 generators 100 iterations gave no better inner log-loss: stopping early is a penalty too.
ITERATIONS = 40
TOLERANCE = 1e-3
Model: TypeAlias = LogisticRegression | LinearSVC


class Linear(Affine):
    """Standardised features into multinomial logistic regression with balanced classes.

    The inverse penalty C is the one of ``strengths`` whose logits have, each at its best temperature, the least
    log-loss on inner folds; that temperature is kept, and everything is fitted again on all examples. The means and
    deviations, which see no label, are those of all examples throughout. Features may be memory-mapped: nothing as
    large as they are is held in anonymous memory.

    Args:
        strengths: Inverse penalties to choose from. With more than 20 million values only the first fold chooses.
        calibration_folds: Inner folds; 0 takes the middle of ``strengths`` and the temperature 1.
        seed: Of the inner folds.

    Example:
        >>> blobs = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
        >>> blobs[:30] += 2
        >>> linear = Linear().fit(blobs, ["gan"] * 30 + ["real"] * 30)
        >>> linear.classes_.tolist(), linear.predict_proba(blobs[:1]).argmax()
        (['gan', 'real'], np.int64(0))
    """

    name = "linear"

    strength_: float
    """The inverse penalty C that was chosen."""
    converged_: bool
    """Whether the last fit reached its tolerance before its iterations ran out."""

    def __init__(self, *, strengths: tuple[float, ...] = STRENGTHS, calibration_folds: int = 3, seed: int = 0) -> None:
        self.strengths = tuple(strengths)
        self.calibration_folds = calibration_folds
        self.seed = seed

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            "strengths": list(self.strengths),
            "calibration_folds": self.calibration_folds,
            "seed": self.seed,
        }

    def fit(
        self,
        features: Features,
        generators: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        checkpoint: Path | None = None,
    ) -> Self:
        """Learn from features (n, *feature_shape) and their generators (n,); too quick to need a checkpoint.

        Raises:
            DataError: There is only one generator, or the lengths differ.
            NumbersError: A feature is NaN or infinite.
        """
        refuse_checkpoint(checkpoint)
        learned = examples(features, generators, groups)
        scale = scaler(features)
        inputs = standardised(features, scale)
        self.strength_, self.temperature_ = self._chosen(inputs, learned)
        weights, offsets, self.converged_ = _fitted(self._model(self.strength_), inputs, learned.labels)
        # Standardising is folded into the weights: logits = features · W + b, in float64.
        self._weights = np.ascontiguousarray(weights / scale.scale_)
        self._offsets = offsets - self._weights @ scale.mean_
        self._shape = features.shape[1:]
        self.classes_ = learned.classes
        return self

    def _chosen(self, inputs: NDArray[np.float32], learned: Examples) -> tuple[float, float]:
        middle = sorted(self.strengths)[len(self.strengths) // 2]
        folds = calibration.inner_folds(learned.labels, learned.groups, self.calibration_folds, seed=self.seed)
        if not folds:
            return middle, 1.0
        choosing = folds[:1] if inputs.size > LARGE else folds
        choices = [
            _answers(self._model(1), inputs, learned, fold, self.strengths)
            for fold in tracked(choosing, "choosing C", total=len(choosing))
        ]
        scored = {c: _tempered(choosing, [answers[c] for answers in choices], learned) for c in self.strengths}
        best = min(scored, key=lambda c: scored[c].loss)
        if len(choosing) == len(folds):
            return best, scored[best].heat
        rest = [_answers(self._model(best), inputs, learned, fold, (best,)) for fold in folds[len(choosing) :]]
        return best, _tempered(folds, [answers[best] for answers in [*choices, *rest]], learned).heat

    def _model(self, strength: float) -> Model:
        return LogisticRegression(
            C=strength, class_weight="balanced", max_iter=ITERATIONS, tol=TOLERANCE, warm_start=True
        )

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return all that ``fit`` learned, as named arrays."""
        return {
            **super().state(),
            "strength": np.array(self.strength_),
            "converged": np.array(self.converged_),
        }

    def restore(self, state: dict[str, NDArray[np.generic]]) -> Self:
        """Take over what ``state`` returned.

        Raises:
            ModelError: The arrays do not fit together.
        """
        super().restore(state)
        self.strength_ = float(np.asarray(state["strength"], np.float64))
        self.converged_ = bool(state["converged"])
        return self


def _rows(inputs: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    chosen = allocated((len(rows), inputs.shape[1]), np.float32)
    for block in blocks(chosen):
        chosen[block] = inputs[rows[block]]
    return np.asarray(chosen, np.float32)


def _answers(
    model: Model, inputs: NDArray[np.float32], learned: Examples, fold: Fold, strengths: tuple[float, ...]
) -> dict[float, NDArray[np.float32]]:
    """Return the logits of the rows held out, for each inverse penalty, each fit starting where the last one ended."""
    train, held_out = _rows(inputs, fold.train), _rows(inputs, fold.held_out)
    answers = {}
    for strength in sorted(strengths):
        weights, offsets, _ = _fitted(model.set_params(C=strength), train, learned.labels[fold.train])
        answers[strength] = held_out @ weights.T.astype(np.float32) + offsets.astype(np.float32)
    return answers


def _tempered(folds: list[Fold], answers: list[NDArray[np.float32]], learned: Examples) -> Tempered:
    truth = learned.labels[np.concatenate([fold.held_out for fold in folds])]
    return calibration.tempered(np.concatenate(answers), truth, len(learned.classes))


def _fitted(
    model: Model, inputs: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
    """Return weights (classes, d) and offsets (classes,) of standardised inputs, and whether they converged."""
    # Threads that wait for each other between many small products cost three times what they save, also on idle cores.
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(limits=1, user_api="blas"):
        warnings.simplefilter("always", ConvergenceWarning)
        # Many classes of few images are no mistake here.
        warnings.filterwarnings("ignore", "The number of unique classes is greater", UserWarning)
        model.fit(inputs, labels)
    unfinished = any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    weights, offsets = model.coef_.astype(np.float64), model.intercept_.astype(np.float64)
    if len(weights) > 1:
        return weights, offsets, not unfinished
    # Two classes come back as one logit, of the second class against the first.
    return np.concatenate([-weights, weights]) / 2, np.concatenate([-offsets, offsets]) / 2, not unfinished
