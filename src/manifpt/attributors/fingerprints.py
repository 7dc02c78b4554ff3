"""Fingerprints: the mean of each generator's features, to which an image's own are correlated."""

from __future__ import annotations

import math
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
from manifpt.attributors.selection import selected
from manifpt.errors import ModelError


class Fingerprints:
    """Each generator's fingerprint is the mean of its features; an image is of the one it correlates with most.

    Marra et al., *Do GANs Leave Artificial Fingerprints?*, MIPR 2019, where the features are denoising residuals. The
    correlation is normalised: features less their own mean, divided by their length; a feature of one value has the
    correlation 0 with all. √d times the correlation of d values, which by chance has the deviation 1, is the logit, and
    the temperature on inner folds makes it a probability.

    Args:
        calibration_folds: Inner folds for the temperature; 0 leaves it at 1.
        seed: Of the inner folds.

    Example:
        >>> waves = np.random.default_rng(0).normal(size=(60, 64)).astype("float32")
        >>> waves[:30] += np.tile([1, -1], 32)
        >>> found = Fingerprints().fit(waves, ["gan"] * 30 + ["real"] * 30)
        >>> found.predict_proba(waves[:1]).argmax(), found.features(waves).shape
        (np.int64(0), (60, 2))
    """

    name = "fingerprints"

    classes_: NDArray[np.str_]
    fingerprints_: NDArray[np.float64]
    """Mean features of each class, less their own mean and of length 1, (classes, d)."""
    temperature_: float

    def __init__(self, *, calibration_folds: int = 3, seed: int = 0) -> None:
        self.calibration_folds = calibration_folds
        self.seed = seed

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {"calibration_folds": self.calibration_folds, "seed": self.seed}

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
        classes = len(learned.classes)

        def answered(fold: Fold, _: None) -> NDArray[np.float64]:
            means = _means(features, fold.train, learned.labels, classes)
            return _correlations(features, fold.held_out, means) * _chance(features.shape[1:])

        best = selected(
            [None], learned, self.calibration_folds, answered, seed=self.seed, what="calibrating fingerprints"
        )
        self.temperature_ = best.heat
        self.fingerprints_ = _means(features, np.arange(len(learned)), learned.labels, classes)
        self._shape = features.shape[1:]
        self.classes_ = learned.classes
        return self

    def predict_proba(self, features: Features) -> NDArray[np.float64]:
        """Return calibrated probabilities, (n, classes)."""
        return calibration.probabilities(self._known(features) * _chance(self._shape), self.temperature_)

    def features(self, features: Features) -> NDArray[np.float32]:
        """Return the normalised correlation with each class's fingerprint, (n, classes), from −1 to 1."""
        return self._known(features).astype(np.float32)

    def _known(self, features: Features) -> NDArray[np.float64]:
        refuse_other_shape(features, self._shape)
        refuse_unfinished_numbers(features)
        return _correlations(features, np.arange(len(features)), self.fingerprints_)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return all that ``fit`` learned, as named arrays."""
        return {
            "classes": written(self.classes_),
            "shape": np.array(self._shape, np.int64),
            "fingerprints": self.fingerprints_,
            "temperature": np.array(self.temperature_),
        }

    def restore(self, state: dict[str, NDArray[np.generic]]) -> Self:
        """Take over what ``state`` returned.

        Raises:
            ModelError: The arrays do not fit together.
        """
        self.classes_ = read(state["classes"])
        self._shape = shape_read(state["shape"])
        self.fingerprints_ = np.asarray(state["fingerprints"], np.float64)
        expected = (len(self.classes_), math.prod(self._shape))
        if self.fingerprints_.shape != expected:
            raise ModelError(
                f"the fingerprints have the shape {self.fingerprints_.shape}",
                expected=f"{expected}",
                remedy="fit the model again",
            )
        self.temperature_ = calibration.temperature_read(state["temperature"])
        return self


def _chance(shape: tuple[int, ...]) -> float:
    """Return how many standard deviations a correlation of 1 is, where chance alone correlates."""
    return math.sqrt(math.prod(shape))


def _means(features: Features, rows: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Return the normalised mean of the features of each class among some rows, (classes, d)."""
    sums = np.zeros((classes, math.prod(features.shape[1:])))
    for part in _parts(features, rows):
        values = _flat(features, part)
        members = labels[part] == np.arange(classes)[:, None]
        sums += members.astype(np.float64) @ values
    # Of a normalised vector the number of members is cancelled out.
    return _normalised(sums)


def _correlations(
    features: Features, rows: NDArray[np.int64], fingerprints: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the normalised correlation of some rows with each fingerprint, (rows, classes)."""
    parts = [_normalised(_flat(features, part)) @ fingerprints.T for part in _parts(features, rows)]
    return np.concatenate([np.empty((0, len(fingerprints))), *parts])


def _parts(features: Features, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    step = next(blocks(features), slice(0, 1)).stop
    return [rows[start : start + step] for start in range(0, len(rows), step)]


def _flat(features: Features, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(features[rows], np.float64).reshape(len(rows), -1)


def _normalised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows less their mean and of length 1; a row of one value becomes 0."""
    # Less its first value, a row of one value is 0 without the rounding of a mean.
    shifted = values - values[:, :1]
    centred = shifted - shifted.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(np.divide(centred, lengths, out=np.zeros_like(centred), where=lengths > 0), np.float64)
