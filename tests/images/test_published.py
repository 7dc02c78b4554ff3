"""The published images: what they hold is known."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from manifpt.images import ImageSet, folds


@pytest.mark.slow
def test_the_cifar_set_opens_with_32_generators_and_its_reals(shared_data: Path) -> None:
    reals = shared_data / "reals"
    images = ImageSet.open(
        shared_data / "gm-cifar10-wild", reference=reals / "cifar10-train", real=reals / "cifar10-test"
    )
    assert (images.height, images.width) == (32, 32)
    assert len(images.reference) == 8336
    assert Counter(images.scored.generators.tolist())["real"] == 1017
    assert len(images.scored) == 5050 + 1017
    assert len(images.classes) == 33
    assert images.skipped == ()
    assert np.bincount(images.scored.groups).max() <= 3


def test_the_16_models_of_one_code_base_are_chosen_by_a_glob(shared_data: Path) -> None:
    images = ImageSet.open(
        shared_data / "gm-celeba64-wild", reference=shared_data / "reals" / "faces64", generators=["vae-*-antixk"]
    )
    assert len(images.classes) == 16
    assert set(images.scored.families) == {"vae"}
    assert len(images.reference) == 1100
    assert len(folds(images.scored, folds=5)) == 5


def test_the_copies_of_a_collapsed_run_are_grouped_and_no_others(shared_data: Path) -> None:
    images = ImageSet.open(shared_data / "gm-runs64-wild", reference_needed=False)
    groups = images.groups
    sizes = Counter(groups.tolist())
    collapsed = np.array(["gli81" in path for path in images.paths])
    grouped = np.array([sizes[group] > 1 for group in groups.tolist()])
    assert (collapsed & grouped).sum() == 44
    assert max(size for group, size in sizes.items() if not collapsed[groups == group].any()) <= 3
