"""What an attributor learns from, checked: features, labels and groups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.attributors.attributor import Features
from manifpt.errors import DataError, ModelError, NumbersError

# Rows of one block hold about this many values, so that a float64 copy of a block stays near 16 MiB.
BLOCK_VALUES = 2**21
CLASSES_NEEDED = 2
MOST_AXES = 8


@dataclass(frozen=True, slots=True)
class Examples:
    """Features with their generators as class indices.

    Args:
        features: (n, *feature_shape), float32, left where it lies (a memory map stays one).
        labels: (n,), index into ``classes``.
        classes: Sorted names of the generators.
        groups: (n,), what must stay together in cross-fitting, or None where every example stands alone.
    """

    features: Features
    labels: NDArray[np.int64]
    classes: NDArray[np.str_]
    groups: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.labels)


def examples(features: Features, generators: ArrayLike, groups: ArrayLike | None = None) -> Examples:
    """Return checked examples.

    Args:
        features: (n, *feature_shape).
        generators: Names of the generators, (n,).
        groups: What must stay together in cross-fitting, (n,).

    Raises:
        DataError: The lengths differ, there is no example, or there is only one generator.
        NumbersError: A feature is NaN or infinite.
    """
    names = np.asarray(generators).astype(np.str_)
    lengths = {len(features), names.size, *(() if groups is None else (len(np.asarray(groups)),))}
    if names.ndim != 1 or len(lengths) > 1:
        raise DataError(
            f"there are {len(features)} features and {names.size} generators",
            expected="one generator (and one group) for each feature",
            remedy="pass arrays of the same length",
        )
    classes, labels = np.unique(names, return_inverse=True)
    if len(classes) < CLASSES_NEEDED:
        raise DataError(
            f"there is only one generator: {str(classes[0])!r}" if len(classes) else "there is no example",
            expected="images of at least two generators, or of one generator and real",
            remedy="add the images of another generator, or --real FOLDER",
        )
    refuse_unfinished_numbers(features)
    together = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1].reshape(-1)
    return Examples(features, labels.reshape(-1).astype(np.int64), classes, together)


def blocks(features: Features) -> Iterator[slice]:
    """Yield slices of rows small enough that a copy of one block does not matter."""
    rows = max(1, BLOCK_VALUES // max(1, int(np.prod(features.shape[1:]))))
    for start in range(0, len(features), rows):
        yield slice(start, min(start + rows, len(features)))


def refuse_unfinished_numbers(features: Features) -> None:
    """Raise NumbersError naming the first row that holds NaN or infinity."""
    for block in blocks(features):
        finite = np.isfinite(features[block]).reshape(block.stop - block.start, -1).all(axis=1)
        if not finite.all():
            raise NumbersError(
                f"the features of example {block.start + int(np.argmin(finite))} hold NaN or infinity",
                expected="finite float32 features",
                remedy="leave this image out, or check the extractor that made the features",
            )


def refuse_other_shape(features: Features, shape: tuple[int, ...]) -> None:
    """Raise NumbersError unless every feature has the shape that ``fit`` saw."""
    if features.shape[1:] != shape:
        raise NumbersError(
            f"the features have the shape {features.shape[1:]}",
            expected=f"{shape}, as in fit",
            remedy="extract them with the settings, and from images of the size, that the attributor was fitted on",
        )


def refuse_checkpoint(checkpoint: Path | None) -> None:
    """Raise ModelError where a network keeps its progress: what learns quickly needs no checkpoint."""
    if checkpoint is not None and any(checkpoint.glob("*.safetensors")):
        raise ModelError(
            f"{checkpoint} belongs to the training of a network",
            expected="the checkpoints of this very training",
            remedy="delete the folder to start again, or name another",
        )


def written(classes: NDArray[np.str_]) -> NDArray[np.uint8]:
    """Return class names as the bytes of a JSON list: tensor files hold no strings.

    Example:
        >>> read(written(np.array(["gan-ü", "real"]))).tolist()
        ['gan-ü', 'real']
    """
    return np.frombuffer(json.dumps(classes.tolist()).encode(), np.uint8).copy()


def read(text: NDArray[np.generic]) -> NDArray[np.str_]:
    """Return the class names that ``written`` wrote.

    Raises:
        ModelError: They are no sorted list of different names.
    """
    try:
        names = json.loads(np.asarray(text).tobytes()) if np.asarray(text).dtype == np.uint8 else None
    except (ValueError, RecursionError):
        names = None
    listed = names if isinstance(names, list) and all(isinstance(name, str) for name in names) else []
    if len(listed) < CLASSES_NEEDED or listed != sorted(set(listed)):
        raise _unsound("classes", "sorted names of at least two generators")
    return np.array(listed, dtype=np.str_)


def shape_read(sides: NDArray[np.generic]) -> tuple[int, ...]:
    """Return the shape of one feature, as an attributor's state holds it.

    Raises:
        ModelError: A side is not positive, or there are too many.
    """
    given = np.asarray(sides)
    if given.dtype != np.int64 or given.ndim != 1 or not 0 < given.size <= MOST_AXES or (given < 1).any():
        raise _unsound("shape", f"up to {MOST_AXES} positive whole numbers")
    return tuple(given.tolist())


def _unsound(name: str, expected: str) -> ModelError:
    return ModelError(f"the attributor's {name} cannot be read", expected=expected, remedy="fit the model again")
