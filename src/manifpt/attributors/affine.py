"""What attributors have in common whose logits are affine in the features: weights, offsets and a temperature."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numpy.typing import NDArray

from manifpt.attributors import calibration
from manifpt.attributors.attributor import Features
from manifpt.attributors.examples import (
    blocks,
    read,
    refuse_other_shape,
    refuse_unfinished_numbers,
    shape_read,
    written,
)
from manifpt.attributors.standardising import flattened
from manifpt.errors import ModelError


class Affine:
    """Answers by logits = features · Wᵀ + b, in float64, divided by a temperature; ``fit`` is the subclass's.

    Attributes:
        classes_: Sorted generators.
        temperature_: What logits are divided by.
    """

    classes_: NDArray[np.str_]
    temperature_: float
    _weights: NDArray[np.float64]
    _offsets: NDArray[np.float64]
    _shape: tuple[int, ...]

    def predict_proba(self, features: Features) -> NDArray[np.float64]:
        """Return calibrated probabilities, (n, classes)."""
        return calibration.probabilities(self._logits(features), self.temperature_)

    def features(self, features: Features) -> NDArray[np.float32]:
        """Return the logits, (n, classes): what comes before them is the input itself, which no FDR can use."""
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
        return self
