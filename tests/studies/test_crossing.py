"""Main effects of crossed choices: known answers, chance, and what cannot be told."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from manifpt.errors import DataError, NumbersError
from manifpt.studies.crossing import MainEffect, main_effects

NAMES = [f"{one}-{other}-{seed}" for one, other, seed in product("abc", "xyz", (0, 1))]
CHOICES = {
    "first": {name: name.split("-")[0] for name in NAMES},
    "second": {name: name.split("-")[1] for name in NAMES},
}


def found(means: Any, *, images: int = 1, noise: float = 0.0, seed: int = 0, **given: Any) -> dict[str, MainEffect]:
    """Return the effects on features whose means are given for each generator."""
    rng = np.random.default_rng(seed)
    features = np.repeat(np.asarray(means, float), images, axis=0)
    features = features + noise * rng.normal(size=features.shape)
    groups = np.tile(np.arange(images), len(NAMES))
    effects = main_effects(features, np.repeat(NAMES, images), given.pop("choices", CHOICES), groups)
    return {one.choice: one for one in effects}


def test_mean_squares_are_those_worked_out_by_hand() -> None:
    # Of 18 generators, the first choice moves 0, 1, 2, the second nothing; seeds lie 0.2 apart.
    means = [[float("abc".index(name[0])) + 0.2 * int(name[-1])] for name in NAMES]
    effects = found(means, images=2)
    # Sum of squares of the choice: 6 · (1 + 0 + 1), of 2 degrees; of seeds: 9 pairs · 0.2² / 2, of 9 degrees.
    assert effects["first"].ratio.value == pytest.approx((12 / 2) / (9 * 0.02 / 9))
    assert effects["second"].ratio.value == pytest.approx(0, abs=1e-9)
    assert (effects["first"].levels, effects["first"].share) == (3, pytest.approx(1))


def test_effects_add_up_where_choices_are_crossed() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(3, 5)), 2 * rng.normal(size=(3, 5))
    means = [first["abc".index(name[0])] + second["xyz".index(name[2])] + 0.1 * rng.normal(size=5) for name in NAMES]
    effects = found(means, images=20, noise=0.1)
    assert sum(one.share for one in effects.values()) == pytest.approx(1)
    assert effects["second"].ratio.low > effects["first"].ratio.high > effects["first"].ratio.low > 10


def test_seeds_alone_are_an_effect_of_about_one() -> None:
    ratios = [
        [one.ratio.value for one in found(np.random.default_rng(seed).normal(size=(18, 8)), images=2).values()]
        for seed in range(200)
    ]
    # The mean of F with 2 · 8 and 9 · 8 degrees of freedom is 72 / 70.
    np.testing.assert_allclose(np.mean(ratios, axis=0), 72 / 70, atol=0.1)


def test_what_images_share_does_not_widen_the_interval() -> None:
    rng = np.random.default_rng(3)
    contents = np.repeat(rng.normal(size=(1, 30, 1)), 18, axis=0)
    marks = np.array([float("abc".index(name[0])) + 0.2 * int(name[-1]) for name in NAMES])
    features = (contents + marks[:, None, None]).reshape(-1, 1)
    groups = np.tile(np.arange(30), 18)
    apart = np.concatenate([rng.permutation(30) for _ in range(18)])
    paired, alone = (main_effects(features, np.repeat(NAMES, 30), CHOICES, given)[0].ratio for given in (groups, apart))
    assert paired.value == pytest.approx(alone.value)
    assert paired.high - paired.low < 1e-6 < alone.high - alone.low


def test_the_interval_holds_the_value_and_the_truth_of_most_draws() -> None:
    means = [[float("abc".index(name[0])) + 0.5 * int(name[-1])] for name in NAMES]
    truth = found(means, images=2)["first"].ratio.value
    held = []
    for seed in range(60):
        one = found(means, images=40, noise=0.8, seed=seed)["first"].ratio
        assert one.low < one.value < one.high
        held.append(one.low <= truth <= one.high)
    assert np.mean(held) > 0.8


def test_what_cannot_be_told_is_refused() -> None:
    means = np.arange(18.0)[:, None]
    with pytest.raises(DataError, match=r"^first cannot be told from the other choices; expected two levels or more"):
        found(means, choices={**CHOICES, "second": CHOICES["first"]})
    with pytest.raises(DataError, match=r"^first cannot be told"):
        found(means, choices={"first": dict.fromkeys(NAMES, "a"), "second": CHOICES["second"]})
    with pytest.raises(DataError, match=r"^every design has one seed; expected two generators or more"):
        found(means, choices={**CHOICES, "seed": {name: name[-1] for name in NAMES}})
    with pytest.raises(NumbersError, match=r"^18 generators of features of shape \(18, 1\), or some are not finite"):
        found(np.full((18, 1), np.nan))
