"""Images shown as evidence, with their nearest references: what a report needs beyond the figures of merit."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from manifpt.errors import DataError
from manifpt.writing import replaced_file, safetensors_file

FILE = "exhibits.safetensors"
AXES = 4  # of images: which, height, width, channel
HEADER = "exhibits"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What was found about one image.

    Args:
        path: Of the image, below the folder that all images of the set lie in.
        why: Why this image is shown.
        truth: What made it; None where nobody knows.
        answer: The most probable generator.
        probability: Its probability.
        runner_up: The second most probable generator; None where there is one only.
        runner_up_probability: Its probability.
        distance: Length of the artifact in the method's space (in RGB for a method without artifacts).
        closer_reals: Percentage of held-out reals that lie closer to the manifold; None without any.
        reals: How many held-out reals there are.
        nearest: Path of the nearest reference in RGB, below the folder that all references lie in.
        nearest_distance: Euclidean distance to it in RGB, pixels in [0, 1].
        warnings: What may weaken the answer.
    """

    path: str
    why: str
    truth: str | None
    answer: str
    probability: float
    runner_up: str | None
    runner_up_probability: float | None
    distance: float
    closer_reals: float | None
    reals: int
    nearest: str
    nearest_distance: float
    warnings: tuple[str, ...] = ()

    @property
    def right(self) -> bool | None:
        """Whether the answer is the truth; None where nobody knows."""
        return None if self.truth is None else self.truth == self.answer


@dataclass(frozen=True, slots=True, eq=False)
class Exhibits:
    """Some images with what was found about them.

    Args:
        entries: One for each image.
        images: uint8 (n, height, width, 3).
        nearest: The nearest reference of each in RGB, the same shape.
        rule: How they were chosen, in words.
        space: In which distances are measured.
    """

    entries: tuple[Exhibit, ...]
    images: NDArray[np.uint8]
    nearest: NDArray[np.uint8]
    rule: str
    space: str

    def joined(self, other: Exhibits) -> Exhibits:
        """Return these and then others of the same size and space."""
        return Exhibits(
            (*self.entries, *other.entries),
            np.concatenate([self.images, other.images]),
            np.concatenate([self.nearest, other.nearest]),
            "; ".join(rule for rule in (self.rule, other.rule) if rule),
            self.space,
        )

    def save(self, path: Path) -> Path:
        """Write everything to one safetensors file: ``images``, ``nearest``, and the rest as JSON in its header."""
        told = {"entries": [asdict(entry) for entry in self.entries], "rule": self.rule, "space": self.space}
        # As ASCII, for a name may hold what is no Unicode, such as a folder's that is not UTF-8.
        header = {HEADER: json.dumps(told, allow_nan=False)}
        arrays = {"images": np.ascontiguousarray(self.images), "nearest": np.ascontiguousarray(self.nearest)}
        with replaced_file(path) as beside, safetensors_file(beside):
            save_file(arrays, beside, metadata=header)
        return path

    @classmethod
    def load(cls, path: Path) -> Exhibits:
        """Return what was saved in a file.

        Raises:
            DataError: The file is damaged or of another kind.
        """
        try:
            with safe_open(str(path), framework="numpy") as file:
                told = json.loads((file.metadata() or {})[HEADER])
                images, nearest = file.get_tensor("images"), file.get_tensor("nearest")
            entries = tuple(_entry(values) for values in told["entries"])
            _refuse_other_shapes(images, nearest, len(entries))
            return cls(entries, images, nearest, str(told["rule"]), str(told["space"]))
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{path} holds no images as evidence ({type(error).__name__})",
                expected="a file that `manifpt evaluate --out`, `attribute --out` or `demo` wrote",
                remedy="run that again",
            ) from error


def _entry(values: dict[str, Any]) -> Exhibit:
    texts, numbers = ("path", "why", "answer", "nearest"), ("probability", "distance", "nearest_distance")
    perhaps_texts, perhaps_numbers = ("truth", "runner_up"), ("runner_up_probability", "closer_reals")
    checked: dict[str, Any] = {name: str(values[name]) for name in texts}
    checked |= {name: float(values[name]) for name in numbers}
    checked |= {name: None if values[name] is None else str(values[name]) for name in perhaps_texts}
    checked |= {name: None if values[name] is None else float(values[name]) for name in perhaps_numbers}
    checked["reals"] = int(values["reals"])
    checked["warnings"] = tuple(str(warning) for warning in values["warnings"])
    return Exhibit(**checked)


def _refuse_other_shapes(images: NDArray[Any], nearest: NDArray[Any], entries: int) -> None:
    if (
        images.dtype != np.uint8
        or nearest.dtype != np.uint8
        or images.shape != nearest.shape
        or images.ndim != AXES
        or images.shape[0] != entries
        or images.shape[3] != 3  # noqa: PLR2004  (red, green, blue)
    ):
        raise ValueError("another shape")
