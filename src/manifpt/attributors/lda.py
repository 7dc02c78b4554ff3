"""Linear discriminant analysis: one shrunken covariance for all generators, every generator as likely."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve
from sklearn.covariance import shrunk_covariance

from manifpt.attributors.affine import Affine
from manifpt.attributors.attributor import Features
from manifpt.attributors.calibration import Fold
from manifpt.attributors.examples import examples, refuse_checkpoint
from manifpt.attributors.selection import selected
from manifpt.attributors.standardising import flattened
from manifpt.errors import NumbersError

SHRINKAGES = (0.05, 0.1, 0.2, 0.4)
# A covariance of this many values takes 200 MB.
LONGEST = 5_000


class LDA(Affine):
    """Linear discriminant analysis (Fisher 1936) with a covariance shrunken towards a multiple of the identity.

    What generators have in common is estimated from all of them together, so that a generator needs few images of its
    own, and nothing is drawn at random but the inner folds. The shrinkage is the one of ``shrinkages`` whose logits
    have, each at its best temperature, the least log-loss on inner folds; that temperature is kept. Features should be
    of comparable size: they are not standardised, for that would raise what hardly varies above what does.

    Args:
        shrinkages: Shares of the identity to choose from, each in (0, 1].
        calibration_folds: Inner folds; 0 takes the middle of ``shrinkages`` and the temperature 1.
        seed: Of the inner folds.

    Raises:
        NumbersError: A share is outside (0, 1], or there is none.

    Example:
        >>> blobs = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
        >>> blobs[:30] += 2
        >>> lda = LDA().fit(blobs, ["gan"] * 30 + ["real"] * 30)
        >>> lda.classes_[lda.predict_proba(blobs[:1]).argmax()].item()
        'gan'
    """

    name = "lda"

    shrinkage_: float
    """The shrinkage that was chosen."""

    def __init__(
        self, *, shrinkages: tuple[float, ...] = SHRINKAGES, calibration_folds: int = 3, seed: int = 0
    ) -> None:
        self.shrinkages = tuple(shrinkages)
        self.calibration_folds = calibration_folds
        self.seed = seed
        if not self.shrinkages or not all(0 < share <= 1 for share in self.shrinkages):
            raise NumbersError(
                f"the shrinkages {self.shrinkages}", expected="shares in (0, 1]", remedy="leave them at the default"
            )

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            "shrinkages": list(self.shrinkages),
            "calibration_folds": self.calibration_folds,
            "seed": self.seed,
        }

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
            NumbersError: A feature is NaN or infinite, or there are more than 5,000 values in each.
        """
        refuse_checkpoint(checkpoint)
        learned = examples(features, generators, groups)
        inputs = flattened(features)
        if inputs.shape[1] > LONGEST:
            raise NumbersError(
                f"features of {inputs.shape[1]:,} values",
                expected=f"at most {LONGEST:,} for {self.name}",
                remedy="use linear, or shorter features",
            )
        count = len(learned.classes)

        def answered(fold: Fold, shrinkage: float) -> NDArray[np.float64]:
            weights, offsets = _fitted(inputs[fold.train], learned.labels[fold.train], count, shrinkage)
            return np.asarray(inputs[fold.held_out] @ weights.T + offsets)

        best = selected(
            self.shrinkages, learned, self.calibration_folds, answered, seed=self.seed, what="choosing the shrinkage"
        )
        self.shrinkage_, self.temperature_ = best.setting, best.heat
        self._weights, self._offsets = _fitted(inputs, learned.labels, count, best.setting)
        self._shape = features.shape[1:]
        self.classes_ = learned.classes
        return self

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return all that ``fit`` learned, as named arrays."""
        return {**super().state(), "shrinkage": np.array(self.shrinkage_)}

    def restore(self, state: dict[str, NDArray[np.generic]]) -> Self:
        """Take over what ``state`` returned.

        Raises:
            ModelError: The arrays do not fit together.
        """
        super().restore(state)
        self.shrinkage_ = float(np.asarray(state["shrinkage"], np.float64))
        return self


def _fitted(
    inputs: NDArray[np.float64], labels: NDArray[np.int64], classes: int, shrinkage: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights (classes, d) and offsets (classes,).

    The answers are those of scikit-learn's ``LinearDiscriminantAnalysis`` with the solver ``lsqr``, which decomposes
    the covariance into singular values. A shrunken one is positive definite, and quicker solved as such.
    """
    counts = np.bincount(labels, minlength=classes)
    means = np.eye(classes)[labels].T @ inputs / counts[:, None]
    apart = inputs - means[labels]
    covariance = apart.T @ (apart / (classes * counts[labels])[:, None])
    # One image of each generator shows no spread: all directions then count the same.
    shrunken = shrunk_covariance(covariance, shrinkage) if covariance.any() else np.eye(len(covariance))
    weights = np.ascontiguousarray(solve(shrunken, means.T, assume_a="pos").T)
    return weights, -(means * weights).sum(axis=1) / 2
