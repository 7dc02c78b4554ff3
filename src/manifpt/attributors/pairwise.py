"""Support vector machines with radial basis functions, one for each pair of classes, as plain arrays."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC

# A strong machine on classes that cannot be told apart would go on for hours.
STEPS = 100_000
ROWS = 256
TWO = 2


@dataclass(frozen=True, slots=True, eq=False)
class PairwiseMachines:
    """The machines of all pairs of classes, which share their support vectors.

    Args:
        vectors: Support vectors in the order of their class, float64 (m, d).
        counts: How many each class has, int64 (classes,).
        coefficients: Of each vector in the machines of its class and each other one, in their order, float64
            (classes − 1, m).
        offsets: Of each pair (0, 1), (0, 2), …, (1, 2), …, float64 (pairs,).
        gamma: Of the kernel exp(−gamma |x − v|²).
    """

    vectors: NDArray[np.float64]
    counts: NDArray[np.int64]
    coefficients: NDArray[np.float64]
    offsets: NDArray[np.float64]
    gamma: float

    @classmethod
    def fitted(cls, inputs: NDArray[np.float32], labels: NDArray[np.int64], strength: float, gamma: float) -> Self:
        """Return the machines of inputs (n, d) with labels 0, 1, …, all of which occur; classes count the same."""
        machine = SVC(C=strength, gamma=gamma, class_weight="balanced", max_iter=STEPS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            machine.fit(inputs.astype(np.float64), labels)
        # Of two classes scikit-learn turns the sign round, so that positive means the second.
        sign = -1.0 if len(machine.classes_) == TWO else 1.0
        return cls(
            np.ascontiguousarray(machine.support_vectors_, np.float64),
            machine.n_support_.astype(np.int64),
            np.ascontiguousarray(sign * machine.dual_coef_, np.float64),
            np.ascontiguousarray(sign * machine.intercept_, np.float64),
            gamma,
        )

    def decisions(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the decision value of each class, (n, classes), from inputs (n, d).

        That is the number of its machines that a class wins, plus s / (3 (|s| + 1)) of the sum s of its margins, as
        scikit-learn's ``decision_function_shape="ovr"``.
        """
        classes = len(self.counts)
        first, second = np.triu_indices(classes, 1)
        found = np.empty((len(inputs), classes))
        for start in range(0, len(inputs), ROWS):
            margins = self._margins(inputs[start : start + ROWS])
            won = margins > 0
            votes, sums = (np.zeros((len(margins), classes)) for _ in range(2))
            for pair, (one, other) in enumerate(zip(first, second, strict=True)):
                votes[:, one] += won[:, pair]
                votes[:, other] += ~won[:, pair]
                sums[:, one] += margins[:, pair]
                sums[:, other] -= margins[:, pair]
            found[start : start + ROWS] = votes + sums / (3 * (np.abs(sums) + 1))
        return found

    def _margins(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the margin of each pair, (n, pairs); positive is for its first class."""
        kernel = np.exp(-self.gamma * cdist(inputs, self.vectors, "sqeuclidean"))
        ends = np.cumsum(self.counts)
        parts = [
            kernel[:, end - count : end] @ self.coefficients[:, end - count : end].T
            for end, count in zip(ends, self.counts, strict=True)
        ]
        pairs = zip(*np.triu_indices(len(self.counts), 1), strict=True)
        return (
            np.stack([parts[one][:, other - 1] + parts[other][:, one] for one, other in pairs], axis=1) + self.offsets
        )
