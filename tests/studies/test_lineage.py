"""Which known generator made new images: the right one, or none of the known."""

from __future__ import annotations

import numpy as np
import pytest

from manifpt.errors import DataError, NumbersError
from manifpt.studies.lineage import lineage


def known(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    # A small set, a large one, and one whose mean is that of the first.
    return {
        "near": rng.normal(size=(40, 2, 2)),
        "far": rng.normal(2, 1, (90, 2, 2)),
        "wide": 3 * rng.normal(size=(40, 2, 2)),
    }


def test_images_are_traced_to_their_generator_by_more_than_their_mean() -> None:
    rng = np.random.default_rng(1)
    for name, new in {"near": rng.normal(size=(30, 4)), "wide": 3 * rng.normal(size=(30, 4))}.items():
        found = lineage(new.reshape(30, 2, 2), known(), permutations=199)
        assert (found.generator, found.kinships[0].generator) == (name, name)
        assert [one.p_value <= 0.05 for one in found.kinships] == [False, True, True]
        assert found.kinships[-1].p_value == pytest.approx(1 / 200)
        assert [one.images for one in found.kinships if one.generator == "far"] == [90]


def test_images_of_none_of_the_known_are_said_to_be_so() -> None:
    found = lineage(np.random.default_rng(2).normal(9, 1, (20, 2, 2)), known(), permutations=99)
    assert found.generator is None
    assert found.kinships[0].generator == "far"


def test_the_true_generator_is_ruled_out_no_more_often_than_the_level() -> None:
    ruled_out = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        found = lineage(rng.normal(size=(12, 3)), {"own": rng.normal(size=(20, 3))}, permutations=39, level=0.1)
        ruled_out += found.generator is None
    assert ruled_out / 100 <= 0.1 + 3 * np.sqrt(0.1 * 0.9 / 100)


def test_a_small_set_is_not_far_for_being_small() -> None:
    rng = np.random.default_rng(3)
    sets = {str(count): rng.normal(size=(count, 30)) for count in (5, 300)}
    found = {one.generator: one.distance for one in lineage(rng.normal(size=(60, 30)), sets, permutations=19).kinships}
    assert found["5"] < 0.6
    assert found["300"] < 0.2


def test_what_cannot_be_compared_is_refused() -> None:
    new = np.zeros((4, 2))
    with pytest.raises(DataError, match="no generator is known"):
        lineage(new, {})
    with pytest.raises(NumbersError, match="the new set has features of shape"):
        lineage(new[:1], known())
    with pytest.raises(NumbersError, match="features of 2 and 4 dimensions"):
        lineage(new, known())
    with pytest.raises(NumbersError, match=r"9 permutations at the level 0.05; .*; draw more permutations"):
        lineage(new, {"a": new}, permutations=9)
