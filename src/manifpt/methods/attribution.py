"""The answer for one image."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import ManifptError

DIGITS = 6


@dataclass(frozen=True, slots=True)
class NearestReal:
    """The nearest reference in RGB, shown as evidence.

    Args:
        path: The reference's path, as it was given when the model was fitted.
        digest: Digest of its pixels.
        distance: Euclidean distance in RGB, pixels in [0, 1].
    """

    path: str
    digest: str
    distance: float


@dataclass(frozen=True, slots=True)
class Attribution:
    """Which generator made one image, and the evidence.

    Args:
        path: The input as given.
        sha256: Digest of the file's bytes; None for an array.
        generator: The most probable generator.
        probability: Its calibrated probability.
        probabilities: Probability of each generator, in the order of the model's classes.
        runner_up: The second most probable generator; None where the model knows one only.
        distance: Length of the artifact in the method's space (in RGB for a method without artifacts).
        real_percentile: Percentage of held-out reals that lie closer to the manifold; None without a real class.
        nearest: The nearest reference in RGB.
        model: Name of the model folder; None for a model that was not saved.
        version: Version of manifpt.
        warnings: What may weaken the answer: JPEG compression, another size, …
        features: What the attributor saw, float32; the artifact, where the method uses artifacts.
    """

    path: str
    sha256: str | None
    generator: str
    probability: float
    probabilities: dict[str, float]
    runner_up: str | None
    distance: float
    real_percentile: float | None
    nearest: NearestReal
    model: str | None
    version: str
    warnings: tuple[str, ...]
    features: NDArray[np.float32] = field(repr=False, compare=False)

    @property
    def artifact(self) -> NDArray[np.float32]:
        """What the attributor saw: the artifact, float32, in the shape of the space."""
        return self.features

    def record(self) -> dict[str, Any]:
        """Return the answer as JSON-able values, without the artifact."""
        values = {name: getattr(self, name) for name in self.__slots__ if name not in ("features", "nearest")}
        order = ("path", "sha256", "generator", "probability", "probabilities", "runner_up", "distance")
        head = {name: values.pop(name) for name in order}
        return {**head, "real_percentile": values.pop("real_percentile"), "nearest": asdict(self.nearest), **values}


@dataclass(frozen=True, slots=True)
class Failure:
    """An input that could not be attributed.

    Args:
        path: The input as given.
        cause: What happened, what was expected, what to do.
    """

    path: str
    cause: ManifptError

    @property
    def error(self) -> str:
        """The cause in one line."""
        return str(self.cause)

    def record(self) -> dict[str, Any]:
        """Return the failure as JSON-able values."""
        return {"path": self.path, "error": self.error}


def rounded(value: float) -> float:
    """Return a value at the precision that is the same alone and in a batch."""
    return round(float(value), DIGITS)
