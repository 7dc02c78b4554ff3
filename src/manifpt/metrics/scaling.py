"""Classical scaling: places whose distances are those given."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.metrics.permanova import centred

NOTHING = 1e-10  # share of the largest axis below which there is none


def principal_coordinates(distances: ArrayLike) -> NDArray[np.float64]:
    """Return places (n, axes) whose Euclidean distances are those given, the longest axis first.

    Gower, Some distance properties of latent root and vector methods, Biometrika 53, 1966. Distances that no points in
    a Euclidean space have are met as nearly as its axes can. The largest entry of each axis is positive.

    Args:
        distances: (n, n), symmetric with a zero diagonal.

    Raises:
        NumbersError: They are no such matrix.

    Example:
        >>> principal_coordinates([[0.0, 2.0], [2.0, 0.0]]).tolist()
        [[1.0], [-1.0]]
    """
    values, vectors = np.linalg.eigh(centred(distances))
    order = np.argsort(values)[::-1]
    kept = order[values[order] > max(NOTHING * float(values.max()), np.finfo(np.float64).tiny)]
    places = vectors[:, kept] * np.sqrt(values[kept])
    if not places.shape[1]:
        return np.zeros((len(places), 1))
    highest = np.abs(places).argmax(axis=0)
    # Of two entries as large, rounding may take either; the sign is then that of the first.
    near = np.abs(places) >= np.abs(places[highest, range(places.shape[1])]) * (1 - 1e-9)
    first = near.argmax(axis=0)
    return np.asarray(places * np.where(places[first, range(places.shape[1])] < 0, -1.0, 1.0))
