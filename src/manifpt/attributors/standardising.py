"""Standardised features: each value less its mean, by its deviation; held outside anonymous memory where large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from manifpt.attributors.attributor import Features
from manifpt.attributors.examples import blocks
from manifpt.storage import allocated


def flattened(features: Features) -> NDArray[np.float64]:
    """Return features (n, *feature_shape) as vectors, float64 (n, d)."""
    return np.asarray(features, np.float64).reshape(len(features), -1)


def scaler(features: Features) -> StandardScaler:
    """Return the means and deviations of features (n, *feature_shape); the deviation of a constant value is 1."""
    found = StandardScaler()
    for block in blocks(features):
        found.partial_fit(flattened(features[block]))
    return found


def standardised(features: Features, scale: StandardScaler) -> NDArray[np.float32]:
    """Return standardised features (n, *feature_shape) as vectors, float32 (n, d)."""
    inputs = allocated((len(features), int(np.prod(features.shape[1:]))), np.float32)
    for block in blocks(features):
        inputs[block] = scale.transform(flattened(features[block]), copy=False)
    return np.asarray(inputs, np.float32)
