"""The nearest neighbours: standardise, then count the generators of the k nearest examples."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree

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
from manifpt.attributors.standardising import flattened, scaler
from manifpt.errors import ModelError, NumbersError


class NearestNeighbours:
    """Standardised features; the generators of the k nearest examples, in Euclidean distance, are counted.

    A class with v of k votes has the logit ln((v + 1 / classes) / (k + 1)), so that none is ever impossible; inner
    folds choose the temperature. For few values: searching among examples of many is slow.

    Args:
        neighbors: k; where there are fewer examples, all of them.
        calibration_folds: Inner folds; 0 leaves the temperature at 1.
        seed: Of the inner folds.

    Example:
        >>> blobs = np.random.default_rng(0).normal(size=(60, 2)).astype("float32")
        >>> blobs[:30] += 4
        >>> nearest = NearestNeighbours().fit(blobs, ["gan"] * 30 + ["real"] * 30)
        >>> nearest.classes_[nearest.predict_proba(blobs[:1]).argmax()].item()
        'gan'
    """

    name = "knn"

    classes_: NDArray[np.str_]
    temperature_: float

    def __init__(self, *, neighbors: int = 5, calibration_folds: int = 3, seed: int = 0) -> None:
        if neighbors < 1:
            raise NumbersError(f"{neighbors} neighbours", expected="at least one", remedy="use 5")
        self.neighbors = neighbors
        self.calibration_folds = calibration_folds
        self.seed = seed

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {"neighbors": self.neighbors, "calibration_folds": self.calibration_folds, "seed": self.seed}

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
        self._means, self._deviations = scale.mean_, scale.scale_
        self._shape = features.shape[1:]
        self._points, self._labels = self._standardised(features), learned.labels
        self.classes_ = learned.classes

        def answered(fold: Fold, neighbors: int) -> NDArray[np.float64]:
            tree = KDTree(self._points[fold.train])
            return self._logits(tree, learned.labels[fold.train], self._points[fold.held_out], neighbors)

        best = selected(
            [self.neighbors], learned, self.calibration_folds, answered, seed=self.seed, what="calibrating neighbours"
        )
        self.temperature_ = best.heat
        self._tree = KDTree(self._points)
        return self

    def predict_proba(self, features: Features) -> NDArray[np.float64]:
        """Return calibrated probabilities, (n, classes)."""
        logits = self._logits(self._tree, self._labels, self._checked(features), self.neighbors)
        return calibration.probabilities(logits, self.temperature_)

    def features(self, features: Features) -> NDArray[np.float32]:
        """Return the standardised features, (n, d): votes take few values, which no FDR can use."""
        largest = float(np.finfo(np.float32).max)
        return np.clip(self._checked(features), -largest, largest).astype(np.float32)

    def _checked(self, features: Features) -> NDArray[np.float64]:
        refuse_other_shape(features, self._shape)
        refuse_unfinished_numbers(features)
        return self._standardised(features)

    def _standardised(self, features: Features) -> NDArray[np.float64]:
        found = np.empty((len(features), len(self._means)))
        for block in blocks(features):
            found[block] = (flattened(features[block]) - self._means) / self._deviations
        return found

    def _logits(
        self, tree: KDTree, labels: NDArray[np.int64], points: NDArray[np.float64], neighbors: int
    ) -> NDArray[np.float64]:
        classes, k = len(self.classes_), min(neighbors, len(labels))
        _, nearest = tree.query(points, k=np.arange(1, k + 1))
        votes = np.stack([(labels[nearest] == label).sum(axis=1) for label in range(classes)], axis=1)
        return np.asarray(np.log((votes + 1 / classes) / (k + 1)))

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return all that ``fit`` learned, as named arrays."""
        return {
            "classes": written(self.classes_),
            "shape": np.array(self._shape, np.int64),
            "means": self._means,
            "deviations": self._deviations,
            "points": self._points,
            "labels": self._labels,
            "temperature": np.array(self.temperature_),
        }

    def restore(self, state: dict[str, NDArray[np.generic]]) -> Self:
        """Take over what ``state`` returned.

        Raises:
            ModelError: The arrays do not fit together.
        """
        self.classes_ = read(state["classes"])
        self._shape = shape_read(state["shape"])
        self.temperature_ = calibration.temperature_read(state["temperature"])
        self._means, self._deviations, self._points = (
            np.asarray(state[name], np.float64) for name in ("means", "deviations", "points")
        )
        self._labels = np.asarray(state["labels"], np.int64)
        values, known = math.prod(self._shape), np.arange(len(self.classes_))
        found = (self._means.shape, self._deviations.shape, self._points.shape)
        expected = ((values,), (values,), (self._labels.size, values))
        sound = found == expected and (self._deviations > 0).all()
        if not sound or not np.array_equal(np.unique(self._labels), known) or self._labels.ndim != 1:
            raise ModelError(
                f"the arrays of the neighbours have the shapes {found}",
                expected=f"{expected}, positive deviations, and labels from 0 to {len(known) - 1}",
                remedy="fit the model again",
            )
        self._tree = KDTree(self._points)
        return self
