"""A generator's fingerprint: the set of its artifacts, and its summary."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from manifpt.embeddings.spectrum import log_spectrum
from manifpt.errors import DataError, ModelError
from manifpt.extractors.artifacts import Artifacts
from manifpt.images import ImageSet
from manifpt.metrics.energy import energy_distance
from manifpt.writing import replaced_file, safetensors_file

MAP = 3  # axes of a map: channels, height, width


@dataclass(frozen=True, slots=True)
class Comparison:
    """How alike two fingerprints are.

    Args:
        energy: Energy distance between the two sets of artifacts, 0 for equal sets, in the space's unit.
        cosine: Cosine between the mean artifacts, −1 to 1.
        spectrum: Correlation of the mean log-spectra, −1 to 1; None where artifacts are vectors.
    """

    energy: float
    cosine: float
    spectrum: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """The set of a generator's artifacts (Song et al. 2024, definition 3).

    Args:
        generator: Whose it is.
        artifacts: float32 (n, *shape).
        settings: The space, manifold and reference set that the artifacts were measured with.

    Example:
        >>> fingerprint = Fingerprint("gan", np.array([[3.0, 4.0], [0.0, 0.0]], np.float32), {})
        >>> fingerprint.size, fingerprint.mean.tolist()
        (2.5, [1.5, 2.0])
    """

    generator: str
    artifacts: NDArray[np.float32]
    settings: dict[str, Any]

    def __len__(self) -> int:
        return len(self.artifacts)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean artifact, (*shape): what all images of the generator share."""
        return np.asarray(self.artifacts.mean(axis=0, dtype=np.float64))

    @property
    def spread(self) -> NDArray[np.float64]:
        """Standard deviation of each coordinate, (*shape)."""
        return np.asarray(self.artifacts.std(axis=0, dtype=np.float64))

    @property
    def size(self) -> float:
        """Mean Euclidean length of the artifacts: how far the generator lies from the manifold of reals."""
        return float(np.linalg.norm(self._flat().astype(np.float64), axis=1).mean())

    @property
    def mean_spectrum(self) -> NDArray[np.float64] | None:
        """Mean of ln(|F(artifact)| + 1e-12), (channels, height, width), centred; None where artifacts are vectors."""
        if self.artifacts.ndim != MAP + 1:
            return None
        total = np.zeros(self.artifacts.shape[1:])
        for artifact in self.artifacts:
            total += log_spectrum(artifact.astype(np.float64))
        return total / len(self)

    def compare(self, other: Fingerprint) -> Comparison:
        """Return how alike this and another fingerprint are.

        Raises:
            DataError: They were measured in different spaces, or against different references.
        """
        if self.settings != other.settings or self.artifacts.shape[1:] != other.artifacts.shape[1:]:
            raise DataError(
                f"{self.generator} and {other.generator} were measured differently",
                expected="fingerprints of one space, manifold and reference set",
                remedy="make both with the same extractor",
            )
        one, two = self.mean_spectrum, other.mean_spectrum
        return Comparison(
            energy=energy_distance(self._flat(), other._flat()),
            cosine=_cosine(self.mean.ravel(), other.mean.ravel()),
            spectrum=None if one is None or two is None else _correlation(one.ravel(), two.ravel()),
        )

    def save(self, path: str | Path) -> Path:
        """Write the fingerprint to one safetensors file."""
        with replaced_file(Path(path)) as beside:
            # As ASCII, for a name may hold what is no Unicode, such as a folder's that is not UTF-8.
            metadata = {"generator": json.dumps(self.generator), "settings": json.dumps(self.settings, sort_keys=True)}
            with safetensors_file(beside):
                save_file({"artifacts": np.ascontiguousarray(self.artifacts)}, beside, metadata=metadata)
        return Path(path)

    @classmethod
    def load(cls, path: str | Path) -> Fingerprint:
        """Return the fingerprint saved in a file.

        Raises:
            ModelError: The file is missing, damaged or not a fingerprint.
        """
        try:
            with safe_open(str(path), framework="numpy") as file:
                metadata = file.metadata() or {}
                generator, settings = (json.loads(metadata[name]) for name in ("generator", "settings"))
                return cls(str(generator), file.get_tensor("artifacts"), settings)
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise ModelError(
                f"{path} cannot be read as a fingerprint ({type(error).__name__})",
                expected="a file that Fingerprint.save wrote",
                remedy="check the path, or make the fingerprint again",
            ) from error

    def _flat(self) -> NDArray[np.float32]:
        return self.artifacts.reshape(len(self), -1)


def fingerprints(extractor: Artifacts, images: ImageSet) -> dict[str, Fingerprint]:
    """Return the fingerprint of each generator of the scored images, measured by a fitted extractor.

    Args:
        extractor: Fitted on the references.
        images: Images with generators; references among them are left out.
    """
    scored = images.scored
    artifacts = extractor.measured(scored).artifacts
    settings = {**extractor.settings(), "reference": extractor.reference_digest_}
    return {
        str(name): Fingerprint(str(name), artifacts[np.asarray(scored.generators) == name], settings)
        for name in np.unique(np.asarray(scored.generators))
    }


def _cosine(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other / lengths) if lengths > 0 else 0.0


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return _cosine(one - one.mean(), other - other.mean())
