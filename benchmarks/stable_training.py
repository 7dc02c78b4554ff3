"""What makes trainings on few images good and alike: equal draws of classes, float32, and their counterparts.

    python benchmarks/stable_training.py [--data FOLDER] [--steps N] [--seeds 0 1 2] [--ways draws-fp32 …]

The small residual network learns raw pixels, as the method `raw` does, from four parts in five of the training part of
the first fold of gm-cifar10-wild, and answers for the fifth; no test fold is looked at. Prints a Markdown table: the
balanced accuracy of each seed, their range, and that of their mean log-probability.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from results_sets import SETS, Places
from torch.nn import functional

from manifpt.attributors import training
from manifpt.attributors.architectures import Classifier
from manifpt.attributors.calibration import balanced_weights, inner_folds
from manifpt.attributors.network import SmallResNet
from manifpt.extractors.points import EmbeddedPoints
from manifpt.images import folds
from manifpt.metrics.accuracy import balanced_accuracy

ROOT = Path(__file__).parents[1]
SEED = 3
TINY = 1e-30
WAYS = {
    "weights-fp32": "a weighted loss, float32",
    "draws-fp32": "equal draws, float32",
    "draws-bf16": "equal draws, bf16",
}


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of published images")
    asked.add_argument("--steps", type=int, default=600, help="of each training")
    asked.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the networks")
    asked.add_argument("--ways", choices=list(WAYS), nargs="+", default=list(WAYS), help="which to compare")
    given = asked.parse_args()
    images = next(one for one in SETS if one.name == "gm-cifar10-wild").opened(Places(given.data, Path()))
    train = images.scored.subset(folds(images.scored, folds=5, seed=0)[0].train)
    names, labels = np.unique(train.generators, return_inverse=True)
    part = inner_folds(labels, np.asarray(train.groups), 5, seed=SEED)[0]
    features = EmbeddedPoints("rgb").extract(train)
    counts = np.bincount(labels[part.train])
    seeds = " | ".join(f"seed {seed}" for seed in given.seeds)
    print(
        f"{len(names)} classes of {counts.min()} to {counts.max()} training images, {len(part.held_out)} images "
        f"answer, {given.steps} steps.\n\n| way | {seeds} | mean | range | together |"
        f"\n|---|{'---:|' * (len(given.seeds) + 3)}"
    )
    for way in given.ways:
        kind, precision = way.split("-")
        found, together = [], np.zeros((len(part.held_out), len(names)))
        for seed in given.seeds:
            network = SmallResNet(
                epochs=1, least_steps=given.steps, flips=True, calibration_folds=0, seed=seed, precision=precision
            )
            shares = balanced_weights(labels[part.train], len(names))
            with (
                mock.patch.multiple(training, **_drawn(kind)),
                mock.patch.object(Classifier, "loss", _loss(kind, shares)),
            ):
                network.fit(features[part.train], names[labels[part.train]])
            answers = network.predict_proba(features[part.held_out])
            together += np.log(answers + TINY)
            found.append(_percent(labels[part.held_out], answers))
        whole = _percent(labels[part.held_out], together)
        cells = " | ".join(f"{value:.1f}" for value in [*found, np.mean(found), np.ptp(found), whole])
        print(f"| {WAYS[way]} | {cells} |", flush=True)


def _percent(truth: NDArray[np.int64], answers: NDArray[np.float64]) -> float:
    return 100 * float(balanced_accuracy(truth=truth, answers=answers.argmax(axis=1)))


def _drawn(kind: str) -> dict[str, Any]:
    if kind == "draws":
        return {"balanced": training.balanced}
    return {"balanced": lambda labels, rng: rng.permutation(len(labels))}


def _loss(kind: str, shares: NDArray[np.float64]) -> Any:
    weights = torch.from_numpy(shares).float() if kind == "weights" else None

    def loss(network: Classifier, inputs: torch.Tensor, labels: torch.Tensor, smoothing: float) -> Any:
        logits = network(inputs).float()
        return functional.cross_entropy(logits, labels, weights, label_smoothing=smoothing), logits

    return loss


if __name__ == "__main__":
    main()
