from __future__ import annotations

import numpy as np
import pytest

from manifpt.errors import NumbersError
from manifpt.metrics.interval import bootstrap
from manifpt.metrics.resampling import multiplicities


def drawn(rows: int, **settings: object) -> np.ndarray:
    return np.concatenate(list(multiplicities(rows, **settings)))  # type: ignore[arg-type]


def test_each_resample_holds_as_many_rows_as_the_data() -> None:
    assert (drawn(7, resamples=50).sum(axis=1) == 7).all()


def test_all_rows_of_a_cluster_are_drawn_equally_often() -> None:
    weights = drawn(6, clusters=["a", "b", "a", "c", "b", "a"], resamples=50)
    assert (weights[:, [0, 0]] == weights[:, [2, 5]]).all()
    assert (weights[:, 1] == weights[:, 4]).all()


def test_no_class_vanishes_even_where_clusters_mix_classes() -> None:
    classes, clusters = np.array([0, 1, 0, 0, 2, 2, 1, 0]), np.array([0, 0, 1, 2, 3, 4, 5, 5])
    weights = drawn(8, clusters=clusters, stratify=classes, resamples=300)
    assert all((weights[:, classes == name].sum(axis=1) > 0).all() for name in range(3))


def test_the_draw_does_not_depend_on_the_size_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    classes = np.arange(30) % 3
    whole = drawn(30, stratify=classes, resamples=40, seed=9)
    monkeypatch.setattr("manifpt.metrics.resampling.BLOCK_ELEMENTS", 90)
    assert (whole == drawn(30, stratify=classes, resamples=40, seed=9)).all()


def test_the_interval_of_a_mean_has_the_width_that_the_central_limit_gives() -> None:
    values = np.random.default_rng(0).normal(size=400)
    interval = bootstrap(np.mean, values, resamples=4000)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.06)
    assert interval.low < interval.value == values.mean() < interval.high


def test_the_same_seed_gives_the_same_interval_and_leaves_the_global_generator_alone() -> None:
    before = np.random.get_state()[1].copy()  # type: ignore[index]
    first, again = (bootstrap(np.mean, np.arange(9.0), seed=3) for _ in range(2))
    assert first == again != bootstrap(np.mean, np.arange(9.0), seed=4)
    assert (np.random.get_state()[1] == before).all()  # type: ignore[index]


def test_a_higher_level_gives_a_wider_interval() -> None:
    narrow, wide = (bootstrap(np.mean, np.arange(30.0), level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize(
    ("arrays", "settings", "message"),
    [
        ([[1.0, 2.0], [1.0]], {}, "the arrays have 1, 2 rows; expected the same number in each, 1 or more"),
        ([[]], {}, "the arrays have 0 rows"),
        ([], {}, "the arrays have no rows"),
        ([[1.0]], {"level": 95}, "the level is 95; expected a number between 0 and 1; leave it at 0.95"),
        ([[1.0]], {"resamples": 0}, "resamples is 0"),
        ([[1.0, 2.0]], {"clusters": [1]}, "there are 1 clusters for 2 rows"),
        ([[np.nan, 2.0]], {}, "the statistic is not finite"),
    ],
)
def test_what_cannot_be_resampled_is_refused(arrays, settings, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(NumbersError) as caught:
        bootstrap(lambda *given: np.mean(given[0]), *arrays, **settings)
    assert str(caught.value).startswith(message)
