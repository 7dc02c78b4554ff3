"""The linear support vector machine: standardise, then one machine for each class against the rest."""

from __future__ import annotations

from sklearn.svm import LinearSVC

from manifpt.attributors.linear import Linear, Model

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
ITERATIONS = 1_000
TOLERANCE = 1e-4
SEEDS = 2**32


class LinearSVM(Linear):
    """Standardised features into linear support vector machines, each of one class against the rest.

    Both sides of a machine count the same. C, the temperature of the decision values and what is kept are chosen as by
    ``Linear``.

    Args:
        strengths: Penalties C to choose from. With more than 20 million values only the first fold chooses.
        calibration_folds: Inner folds; 0 takes the middle of ``strengths`` and the temperature 1.
        seed: Of the inner folds, and of the solver where there are fewer examples than values.

    Example:
        >>> import numpy as np
        >>> blobs = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
        >>> blobs[:30] += 2
        >>> machine = LinearSVM().fit(blobs, ["gan"] * 30 + ["real"] * 30)
        >>> machine.predict_proba(blobs[:1]).argmax()
        np.int64(0)
    """

    name = "linear-svm"

    def __init__(self, *, strengths: tuple[float, ...] = STRENGTHS, calibration_folds: int = 3, seed: int = 0) -> None:
        super().__init__(strengths=strengths, calibration_folds=calibration_folds, seed=seed)

    def _model(self, strength: float) -> Model:
        return LinearSVC(
            C=strength, class_weight="balanced", max_iter=ITERATIONS, tol=TOLERANCE, random_state=self.seed % SEEDS
        )
