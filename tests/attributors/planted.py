"""Small features in which the generator is planted, and one quick attributor per row of the registry."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.registry import built

TINY_RESNET50 = {
    "embedding_size": 8,
    "hidden_sizes": [16, 32],
    "depths": [1, 1],
    "layer_type": "basic",
}
QUICK: dict[str, dict[str, Any]] = {
    "linear": {},
    "linear-svm": {},
    "lda": {},
    "svm": {"strengths": (1.0, 10.0), "gammas": (0.3, 1.0)},
    "late": {},
    "knn": {},
    "fingerprints": {},
    "mlp": {"epochs": 6, "least_steps": 0, "batch": 16, "width": 16, "learning_rate": 1e-2},
    "resnet-small": {"epochs": 6, "least_steps": 0, "batch": 16, "width": 16, "learning_rate": 1e-2},
    "resnet50": {"epochs": 6, "least_steps": 0, "batch": 16, "sizes": TINY_RESNET50, "learning_rate": 1e-2},
    "yu19": {"epochs": 6, "least_steps": 0, "batch": 16, "width": 128, "widest": 16, "learning_rate": 2e-2},
    "nataraj-cnn": {"epochs": 18, "least_steps": 0, "batch": 16, "width": 16, "learning_rate": 3e-3},
    "xception": {"epochs": 12, "least_steps": 0, "batch": 16, "width": 16, "middle": 1, "learning_rate": 2e-2},
    # The planted pattern is of one place and one side.
    "wang20": {
        "epochs": 6, "least_steps": 0, "batch": 16, "sizes": TINY_RESNET50, "learning_rate": 1e-2,
        "augmented": 0.0, "crops": False, "flips": False,
    },
    "dna-det": {
        "epochs": 10, "least_steps": 0, "batch": 16, "width": 16, "learning_rate": 1e-2,
        "pretraining_steps": 2, "views": 2, "patch": 0.9,
    },
}  # fmt: skip
ROWS = tuple(QUICK)
OF_MAPS = ("resnet-small", "resnet50", "yu19", "nataraj-cnn", "xception", "wang20", "dna-det")
NETWORKS = ("mlp", *OF_MAPS)


def quick(row: str, **settings: Any) -> Any:
    return built("attributors", row, **{**QUICK[row], **settings})


def planted(
    each: int = 20, *, classes: int = 3, shape: tuple[int, ...] = (3, 8, 8), seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    """Noise, to which each generator adds a pattern of its own."""
    patterns = np.random.default_rng(1234).normal(size=(classes, *shape))
    labels = np.tile(np.arange(classes), each)
    noise = np.random.default_rng(seed).normal(size=(len(labels), *shape))
    # Named so that the order of first appearance is not the sorted one.
    names = np.array([f"gan-{'zyxwvu'[label]}" for label in labels])
    return (noise + 0.7 * patterns[labels]).astype(np.float32), names
