"""A map of features, whatever the features are."""

from __future__ import annotations

import numpy as np
import pytest

from manifpt.studies.maps import mapped


def test_clusters_lie_apart_and_the_same_bits_come_twice() -> None:
    rng = np.random.default_rng(0)
    features = np.concatenate([rng.normal(size=(20, 6)), rng.normal(size=(20, 6)) + 30])
    places = mapped(features, seed=1)
    assert places is not None
    assert places.shape == (40, 2)
    one, other = places[:20], places[20:]
    apart = np.linalg.norm(one.mean(axis=0) - other.mean(axis=0))
    assert apart > 2 * max(one.std(), other.std())
    again = mapped(features, seed=1)
    assert again is not None
    assert places.tobytes() == again.tobytes()


@pytest.mark.parametrize("shape", [(9, 4), (0, 4)])
def test_few_images_give_no_map(shape: tuple[int, int]) -> None:
    assert mapped(np.zeros(shape)) is None


def test_equal_features_give_no_map_instead_of_nan() -> None:
    assert mapped(np.ones((20, 4))) is None


@pytest.mark.parametrize("shape", [(10, 3), (12, 1), (12, 2, 3, 3), (12, 80)])
def test_any_shape_gives_finite_places(shape: tuple[int, ...]) -> None:
    places = mapped(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    assert places is not None
    assert places.shape == (shape[0], 2)
    assert np.isfinite(places).all()
