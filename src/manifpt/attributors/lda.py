"""Linear discriminant analysis: one shrunken covariance for all generators, every generator as likely."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from threadpoolctl import threadpool_limits

from manifpt.attributors import calibration
from manifpt.attributors.attributor import Features
from manifpt.attributors.calibration import Fold
from manifpt.attributors.examples import (
    blocks,
    examples,
    read,
    refuse_checkpoint,
    refuse_other_shape,
    refuse_unfinished_numbers,
    shape_read,
    written,
)
from manifpt.attributors.selection import selected
from manifpt.attributors.standardising import flattened
from manifpt.errors import ModelError, NumbersError

SHRINKAGES = (0.05, 0.1, 0.2, 0.4)
# A covariance of this many values takes 200 MB, and its inverse as long as a small network's training.
LONGEST = 5_000


class LDA:
    """Linear discriminant analysis (Fisher 1936) with a covariance shrunken towards a multiple of the identity.

    What generators have in common is estimated from all of them together, so that a generator needs few images of its
    own, and nothing is drawn at random but the inner folds. The shrinkage is the one of ``shrinkages`` whose logits
    have, each at its best temperature, the least log-loss on inner folds; that temperature is kept. Features should be
    of comparable size: they are not standardised, for that would raise what hardly varies above what does.

    Args:
        shrinkages: Shares of the identity to choose from, each in (0, 1].
        calibration_folds: Inner folds; 0 takes the middle of ``shrinkages`` and the temperature 1.
        seed: Of the inner folds.

    Raises:
        NumbersError: A share is outside (0, 1], or there is none.

    Example:
        >>> blobs = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
        >>> blobs[:30] += 2
        >>> lda = LDA().fit(blobs, ["gan"] * 30 + ["real"] * 30)
        >>> lda.classes_[lda.predict_proba(blobs[:1]).argmax()].item()
        'gan'
    """

    name = "lda"

    classes_: NDArray[np.str_]
    shrinkage_: float
    """The shrinkage that was chosen."""
    temperature_: float

    def __init__(
        self, *, shrinkages: tuple[float, ...] = SHRINKAGES, calibration_folds: int = 3, seed: int = 0
    ) -> None:
        self.shrinkages = tuple(shrinkages)
        self.calibration_folds = calibration_folds
        self.seed = seed
        if not self.shrinkages or not all(0 < share <= 1 for share in self.shrinkages):
            raise NumbersError(
                f"the shrinkages {self.shrinkages}", expected="shares in (0, 1]", remedy="leave them at the default"
            )

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            "shrinkages": list(self.shrinkages),
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
            NumbersError: A feature is NaN or infinite, or there are more than 5,000 values in each.
        """
        refuse_checkpoint(checkpoint)
        learned = examples(features, generators, groups)
        inputs = flattened(features)
        if inputs.shape[1] > LONGEST:
            raise NumbersError(
                f"features of {inputs.shape[1]:,} values",
                expected=f"at most {LONGEST:,} for {self.name}",
                remedy="use linear, or shorter features",
            )
        count = len(learned.classes)

        def answered(fold: Fold, shrinkage: float) -> NDArray[np.float64]:
            weights, offsets = _fitted(inputs[fold.train], learned.labels[fold.train], count, shrinkage)
            return np.asarray(inputs[fold.held_out] @ weights.T + offsets)

        best = selected(
            self.shrinkages, learned, self.calibration_folds, answered, seed=self.seed, what="choosing the shrinkage"
        )
        self.shrinkage_, self.temperature_ = best.setting, best.heat
        self._weights, self._offsets = _fitted(inputs, learned.labels, count, best.setting)
        self._shape = features.shape[1:]
        self.classes_ = learned.classes
        return self

    def predict_proba(self, features: Features) -> NDArray[np.float64]:
        """Return calibrated probabilities, (n, classes)."""
        return calibration.probabilities(self._logits(features), self.temperature_)

    def features(self, features: Features) -> NDArray[np.float32]:
        """Return the logits, (n, classes)."""
        return self._logits(features).astype(np.float32)

    def _logits(self, features: Features) -> NDArray[np.float64]:
        refuse_other_shape(features, self._shape)
        refuse_unfinished_numbers(features)
        logits = np.empty((len(features), len(self.classes_)))
        for block in blocks(features):
            logits[block] = flattened(features[block]) @ self._weights.T + self._offsets
        return logits

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return all that ``fit`` learned, as named arrays."""
        return {
            "classes": written(self.classes_),
            "shape": np.array(self._shape, np.int64),
            "weights": self._weights,
            "offsets": self._offsets,
            "temperature": np.array(self.temperature_),
            "shrinkage": np.array(self.shrinkage_),
        }

    def restore(self, state: dict[str, NDArray[np.generic]]) -> Self:
        """Take over what ``state`` returned.

        Raises:
            ModelError: The arrays do not fit together.
        """
        self.classes_ = read(state["classes"])
        self._shape = shape_read(state["shape"])
        self._weights = np.asarray(state["weights"], np.float64)
        self._offsets = np.asarray(state["offsets"], np.float64)
        expected = (len(self.classes_), math.prod(self._shape))
        if self._weights.shape != expected or self._offsets.shape != expected[:1]:
            raise ModelError(
                f"the weights have the shape {self._weights.shape} and the offsets {self._offsets.shape}",
                expected=f"{expected} and {expected[:1]}",
                remedy="fit the model again",
            )
        self.temperature_ = calibration.temperature_read(state["temperature"])
        self.shrinkage_ = float(np.asarray(state["shrinkage"], np.float64))
        return self


def _fitted(
    inputs: NDArray[np.float64], labels: NDArray[np.int64], classes: int, shrinkage: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights (classes, d) and offsets (classes,)."""
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage, priors=np.full(classes, 1 / classes))
    # Threads that wait for each other between many small products cost more than they save.
    with warnings.catch_warnings(), threadpool_limits(limits=1, user_api="blas"):
        # A generator of one image adds nothing to the common covariance.
        warnings.filterwarnings("ignore", "Only one sample available", UserWarning)
        model.fit(inputs, labels)
    weights, offsets = model.coef_, model.intercept_
    if len(weights) > 1:
        return weights, offsets
    # Two classes come back as one logit, of the second class against the first.
    return np.concatenate([-weights, weights]) / 2, np.concatenate([-offsets, offsets]) / 2
