"""Design prediction: planted choices are named in designs that were never seen, and noise is not."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from manifpt.errors import DataError, NumbersError
from manifpt.studies.prediction import Known, carried, held_out, predicted

UPSAMPLINGS, LOSSES = ("bilinear", "nearest", "shuffle"), ("l1", "l2", "ssim", "vgg")
CROSSED = list(product(UPSAMPLINGS, LOSSES))
OF_UPSAMPLING = np.array([one for one, _ in CROSSED])
OF_LOSS = np.array([one for _, one in CROSSED])
EACH = 12


def planted(*, seed: int = 0, upsampling: float = 1.5, loss: float = 0.0, own: float = 0.5) -> tuple[Any, Any]:
    """Features of crossed designs: a trace of each choice, one of the design's own, and noise of uneven axes."""
    rng = np.random.default_rng(seed)
    marks = np.random.default_rng(77).normal(size=(7, 10))
    designs = np.repeat(np.arange(12), EACH)
    means = upsampling * marks[np.unique(OF_UPSAMPLING, return_inverse=True)[1]]
    means = means + loss * marks[3 + np.unique(OF_LOSS, return_inverse=True)[1]] + own * rng.normal(size=(12, 10))
    noise = rng.normal(size=(len(designs), 10)) * np.r_[20.0, np.ones(9)]
    return means[designs] + noise, designs


def test_a_planted_choice_is_named_in_unseen_designs_and_another_is_not() -> None:
    features, designs = planted()
    known = list(held_out(features, designs))
    found = predicted(known, OF_UPSAMPLING, designs)
    assert found.levels == UPSAMPLINGS
    assert (found.designs, found.images, found.majority) == (12, 144, pytest.approx(1 / 3))
    assert found.accuracy.value > 0.8
    assert found.accuracy.low > found.majority
    assert found.p_value == 0.001
    assert found.shuffled == pytest.approx(1 / 3, abs=0.05)
    np.testing.assert_allclose(found.confusion.sum(axis=1), 1)
    assert np.diag(found.confusion).mean() == pytest.approx(found.accuracy.value)
    other = predicted(known, OF_LOSS, designs)
    assert other.p_value > 0.05
    assert other.accuracy.value < 0.5


def test_a_design_that_was_seen_would_be_named_and_one_that_was_not_is_not() -> None:
    # Every design has a strong trace of its own, and none of a choice.
    features, designs = planted(upsampling=0, own=5)
    seen = predicted([carried(features, designs, features)], OF_LOSS, designs, OF_LOSS[designs])
    assert seen.accuracy.value > 0.8
    unseen = predicted(list(held_out(features, designs)), OF_LOSS, designs)
    assert unseen.accuracy.value < 0.5
    assert unseen.p_value > 0.05


def test_noise_is_found_no_more_often_than_it_may_be() -> None:
    ps = []
    for seed in range(60):
        features, designs = planted(seed=seed, upsampling=0, own=1)
        ps.append(predicted(list(held_out(features, designs)), OF_UPSAMPLING, designs, permutations=99).p_value)
    assert np.mean(np.array(ps) <= 0.2) <= 0.2 + 2.6 * np.sqrt(0.16 / 60)
    assert min(ps) < 0.15


def test_what_was_learned_carries_over_to_other_generators() -> None:
    features, designs = planted()
    others, owners = planted(seed=5)
    truth = OF_UPSAMPLING[owners]
    found = predicted([carried(features, designs, others)], OF_UPSAMPLING, owners, truth)
    assert found.accuracy.value > 0.8
    assert found.p_value < 0.05
    # Of the others only some levels are there, and one that no design has.
    some = np.where(truth == "shuffle", "fir", truth)
    fewer = predicted([carried(features, designs, others)], OF_UPSAMPLING, owners, some)
    assert fewer.majority == 0.5
    assert fewer.designs == 8
    assert fewer.levels == ("bilinear", "nearest")
    assert fewer.accuracy.value > 0.8


def test_the_answer_is_the_level_whose_mean_is_nearest_after_whitening() -> None:
    known = Known(
        asked=np.arange(2),
        known=np.array([0, 2, 3]),
        scores=np.array([[2.0, 0.0, 1.0], [0.0, 3.0, 0.0]]),
        products=np.diag([4.0, 1.0, 1.0]),
    )
    # Level 0 holds designs 0 and 3: mean product (2 + 1) / 2 less half of (4 + 1) / 4; level 1 holds design 2.
    assert known.answers(np.array([0, -1, 1, 0]), 2).tolist() == [0, 1]
    assert known.answers(np.array([1, -1, 0, 0]), 2).tolist() == [0, 0]


def test_designs_of_unknown_or_lone_levels_are_left_out_and_told() -> None:
    features, designs = planted()
    levels = OF_UPSAMPLING.copy()
    levels[0], levels[1] = "", "fir"
    found = predicted(list(held_out(features, designs)), levels, designs)
    assert found.dropped == ("fir",)
    assert found.designs == 10
    assert found.levels == UPSAMPLINGS
    with pytest.raises(DataError, match=r"^1 levels can be asked about; expected 2 or more, each of 2 or more known"):
        predicted(list(held_out(features, designs)), np.where(levels == "shuffle", "shuffle", ""), designs)


def test_every_design_counts_alike_however_many_images_it_has() -> None:
    features, designs = planted()
    many = np.concatenate([np.arange(len(designs)), *[np.flatnonzero(designs == 3)] * 9])
    found = predicted(list(held_out(features[many], designs[many])), OF_UPSAMPLING, designs[many])
    shares = [
        np.mean(_answers(features[many], designs[many])[designs[many] == one] == _codes()[one]) for one in range(12)
    ]
    levels = [np.mean([shares[one] for one in range(12) if _codes()[one] == level]) for level in range(3)]
    assert found.accuracy.value == pytest.approx(np.mean(levels))


def test_features_that_are_not_finite_are_refused() -> None:
    with pytest.raises(NumbersError, match=r"^features of shape \(2, 1\), or some are not finite"):
        list(held_out([[np.nan], [1.0]], [0, 1]))


def _codes() -> NDArray[np.int64]:
    return np.asarray(np.unique(OF_UPSAMPLING, return_inverse=True)[1])


def _answers(features: Any, designs: Any) -> NDArray[np.int64]:
    answers = np.zeros(len(designs), np.int64)
    for known in held_out(features, designs):
        answers[known.asked] = known.answers(_codes(), 3)
    return answers
