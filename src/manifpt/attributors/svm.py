"""The support vector machine with radial basis functions: standardise, then one machine for each pair of classes."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
from manifpt.attributors.pairwise import PairwiseMachines
from manifpt.attributors.selection import selected
from manifpt.attributors.standardising import flattened, scaler, standardised
from manifpt.errors import ModelError

STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
GAMMAS = (0.03, 0.3, 3.0)


class SVM:
    """Standardised features into support vector machines with radial basis functions, one for each pair of classes.

    C and gamma are those whose decision values have, at their best temperature, the least log-loss on inner folds; that
    temperature is kept, and the machines are fitted again on all examples. The decision values are scikit-learn's
    (``decision_function_shape="ovr"``): won pairs, and the sum of margins squeezed into ±1/3.

    Args:
        strengths: Penalties C to choose from. With more than 2,000 examples only the first inner fold chooses.
        gammas: Values of gamma to choose from, in parts of 1 / values of a feature.
        calibration_folds: Inner folds; 0 takes the middle of both and the temperature 1.
        seed: Of the inner folds.

    Example:
        >>> blobs = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
        >>> blobs[:30] *= 3
        >>> svm = SVM().fit(blobs, ["gan"] * 30 + ["real"] * 30)
        >>> svm.classes_[svm.predict_proba(np.zeros((1, 4), np.float32)).argmax()].item()
        'real'
    """

    name = "svm"

    classes_: NDArray[np.str_]
    strength_: float
    """The penalty C that was chosen."""
    gamma_: float
    """The gamma that was chosen, of standardised features."""
    temperature_: float

    def __init__(
        self,
        *,
        strengths: tuple[float, ...] = STRENGTHS,
        gammas: tuple[float, ...] = GAMMAS,
        calibration_folds: int = 3,
        seed: int = 0,
    ) -> None:
        self.strengths = tuple(strengths)
        self.gammas = tuple(gammas)
        self.calibration_folds = calibration_folds
        self.seed = seed

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            "strengths": list(self.strengths),
            "gammas": list(self.gammas),
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
        values = max(1, inputs.shape[1])
        settings = [(c, gamma / values) for gamma, c in product(sorted(self.gammas), sorted(self.strengths))]

        def answered(fold: Fold, setting: tuple[float, float]) -> NDArray[np.float64]:
            machines = PairwiseMachines.fitted(inputs[fold.train], learned.labels[fold.train], *setting)
            return machines.decisions(inputs[fold.held_out].astype(np.float64))

        best = selected(
            settings, learned, self.calibration_folds, answered, seed=self.seed, what="choosing C and gamma"
        )
        self.strength_, self.gamma_ = best.setting
        self.temperature_ = best.heat
        self._means, self._deviations = scale.mean_, scale.scale_
        self._machines = PairwiseMachines.fitted(inputs, learned.labels, *best.setting)
        self._shape = features.shape[1:]
        self.classes_ = learned.classes
        return self

    def predict_proba(self, features: Features) -> NDArray[np.float64]:
        """Return calibrated probabilities, (n, classes)."""
        return calibration.probabilities(self._logits(features), self.temperature_)

    def features(self, features: Features) -> NDArray[np.float32]:
        """Return the decision values, (n, classes)."""
        return self._logits(features).astype(np.float32)

    def _logits(self, features: Features) -> NDArray[np.float64]:
        refuse_other_shape(features, self._shape)
        refuse_unfinished_numbers(features)
        logits = np.empty((len(features), len(self.classes_)))
        for block in blocks(features):
            logits[block] = self._machines.decisions((flattened(features[block]) - self._means) / self._deviations)
        return logits

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return all that ``fit`` learned, as named arrays."""
        return {
            "classes": written(self.classes_),
            "shape": np.array(self._shape, np.int64),
            "means": self._means,
            "deviations": self._deviations,
            "vectors": self._machines.vectors,
            "counts": self._machines.counts,
            "coefficients": self._machines.coefficients,
            "offsets": self._machines.offsets,
            "gamma": np.array(self.gamma_),
            "strength": np.array(self.strength_),
            "temperature": np.array(self.temperature_),
        }

    def restore(self, state: dict[str, NDArray[np.generic]]) -> Self:
        """Take over what ``state`` returned.

        Raises:
            ModelError: The arrays do not fit together.
        """
        self.classes_ = read(state["classes"])
        self._shape = shape_read(state["shape"])
        self._means, self._deviations = (np.asarray(state[name], np.float64) for name in ("means", "deviations"))
        self.gamma_, self.strength_ = (float(np.asarray(state[name], np.float64)) for name in ("gamma", "strength"))
        self.temperature_ = calibration.temperature_read(state["temperature"])
        vectors, coefficients, offsets = (
            np.asarray(state[name], np.float64) for name in ("vectors", "coefficients", "offsets")
        )
        counts = np.asarray(state["counts"], np.int64)
        values, classes, support = math.prod(self._shape), len(self.classes_), len(vectors)
        found = (
            self._means.shape,
            self._deviations.shape,
            vectors.shape,
            counts.shape,
            coefficients.shape,
            offsets.shape,
        )
        pairs = classes * (classes - 1) // 2
        expected = ((values,), (values,), (support, values), (classes,), (classes - 1, support), (pairs,))
        sound = found == expected and (counts >= 0).all() and counts.sum() == support
        if not sound or not (self._deviations > 0).all() or not self.gamma_ > 0:
            raise ModelError(
                f"the arrays of the support vectors have the shapes {found}",
                expected=f"{expected}, positive deviations, and counts that add up",
                remedy="fit the model again",
            )
        self._machines = PairwiseMachines(vectors, counts, coefficients, offsets, self.gamma_)
        return self
