"""How the settings of `patch-statistics` and `lda` were chosen: inside one training split, never on a test fold.

    python benchmarks/patch_search.py [--data FOLDER]

The training part of the first fold of gm-cifar10-wild is divided in five by content; four parts train and one answers.
Prints a Markdown table of balanced accuracy with its 95 % interval over groups of near-duplicates.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from results_sets import SETS, Places

from manifpt.attributors.calibration import inner_folds
from manifpt.attributors.lda import LDA
from manifpt.extractors.patch_statistics import PatchStatistics
from manifpt.images import folds
from manifpt.metrics.accuracy import balanced_accuracy
from manifpt.metrics.interval import bootstrap

ROOT = Path(__file__).parents[1]
SEED = 3
SIDES: Sequence[tuple[tuple[int, ...], bool]] = (
    ((3,), False), ((4,), False), ((5,), False), ((6,), False), ((8,), False),
    ((4,), True), ((4, 6), False), ((3, 4, 5, 6), False), ((4, 6), True),
)  # fmt: skip
SHRINKAGES = (0.05, 0.1, 0.2, 0.4)


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of published images")
    places = Places(asked.parse_args().data, Path())
    images = next(one for one in SETS if one.name == "gm-cifar10-wild").opened(places)
    train = images.scored.subset(folds(images.scored, folds=5, seed=0)[0].train)
    names, labels = np.unique(train.generators, return_inverse=True)
    part = inner_folds(labels, np.asarray(train.groups), 5, seed=SEED)[0]
    truth, clusters = labels[part.held_out], np.asarray(train.groups)[part.held_out]
    print(f"{len(names)} classes, {len(part.train)} images train and {len(part.held_out)} answer.\n")
    print("| sides | covariance | values | shrinkage | balanced accuracy, % |\n|---|---|---:|---:|---:|")
    for sides, covariance in SIDES:
        features = PatchStatistics(sides=sides, covariance=covariance).fit(images).extract(train)
        for shrinkage in SHRINKAGES:
            lda = LDA(shrinkages=(shrinkage,), calibration_folds=0)
            lda.fit(features[part.train], names[labels[part.train]])
            answers = lda.predict_proba(features[part.held_out]).argmax(axis=1)
            found = bootstrap(_score, truth, answers, clusters=clusters, stratify=truth)
            print(
                f"| {', '.join(map(str, sides))} | {'yes' if covariance else 'no'} | {features.shape[1]:,} "
                f"| {shrinkage} "
                f"| {100 * found.value:.1f} [{100 * found.low:.1f}, {100 * found.high:.1f}] |",
                flush=True,
            )


def _score(truth: NDArray[np.int64], answers: NDArray[np.int64]) -> float:
    return float(balanced_accuracy(truth=truth, answers=answers))


if __name__ == "__main__":
    main()
