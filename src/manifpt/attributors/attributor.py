"""The contract of an attributor: features → probability of each generator."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Features = NDArray[np.float32]  # (n, *feature_shape)


@runtime_checkable
class Attributor(Protocol):
    """Names the generator of each feature, with scikit-learn's verbs.

    Laws: rows of ``predict_proba`` sum to 1 and their columns are ordered as ``classes_``; the same seed gives the same
    bits; a row alone gets the answer that it gets in a batch; a loaded attributor answers as the saved one.
    """

    name: str
    """How the registry and the user call this attributor."""
    classes_: NDArray[np.str_]
    """Sorted names of the generators, learned by ``fit``."""

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments, JSON-able: ``type(self)(**self.settings())`` builds an equal one."""
        ...

    def fit(
        self,
        features: Features,
        generators: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        checkpoint: Path | None = None,
    ) -> Self:
        """Learn from features (n, *feature_shape) and their generators (n,).

        ``groups`` (n,) names what must stay together in cross-fitting: near-duplicates, images of one latent.
        ``checkpoint`` is a folder that an attributor which learns for long keeps its progress in: the same call again
        goes on from there, to the same bits.
        """
        ...

    def predict_proba(self, features: Features) -> NDArray[np.float64]:
        """Return calibrated probabilities, (n, classes)."""
        ...

    def features(self, features: Features) -> NDArray[np.float32]:
        """Return the penultimate features, (n, d), for FDR, t-SNE and clustering."""
        ...

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return all that ``fit`` learned, as named arrays."""
        ...

    def restore(self, state: dict[str, NDArray[np.generic]]) -> Self:
        """Take over what ``state`` returned."""
        ...
