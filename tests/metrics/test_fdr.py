from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import sqrtm

from manifpt.errors import DataError, NumbersError
from manifpt.metrics import fdr as module
from manifpt.metrics.fdr import FDR, SPLITS_PER_SUBSAMPLE, SUBSAMPLES, fdr
from manifpt.metrics.frechet import Gaussian


def separated(shift: float, *, sizes: tuple[int, ...] = (200, 240, 200), seed: int = 0) -> FDR:
    rng = np.random.default_rng(seed)
    classes = np.repeat([f"g{index}" for index in range(len(sizes))], sizes)
    features = rng.normal(size=(len(classes), 12)).astype(np.float32)
    features[:, 0] += shift * np.repeat(np.arange(len(sizes)), sizes)
    return fdr(features=features, generators=classes, seed=seed)


def test_equal_distributions_give_one() -> None:
    # One answer spreads by 0.057, the mean of 24 by 0.012; sets of unequal size would be off by far more.
    intervals = [separated(0, seed=seed).interval for seed in range(24)]
    assert np.mean([interval.value for interval in intervals]) == pytest.approx(1, abs=0.045)
    assert sum(interval.low <= 1 <= interval.high for interval in intervals) >= 20


def test_it_grows_with_the_shift_between_classes() -> None:
    values = [separated(shift).interval.value for shift in (0, 0.5, 1, 2)]
    assert values == sorted(values)
    assert values[-1] > 3


def test_the_result_states_how_it_was_measured() -> None:
    answer = separated(1)
    assert (answer.images, answer.dimensions, answer.splits) == (100, 12, 10)
    assert answer.interval.value == pytest.approx(answer.between / answer.within)
    assert answer.interval.low < answer.interval.value < answer.interval.high


def test_the_dimensions_stay_within_a_quarter_of_a_half() -> None:
    rng = np.random.default_rng(0)
    answer = fdr(features=rng.normal(size=(400, 60)), generators=np.repeat(["a", "b"], 200))
    assert answer.dimensions == 25


def test_rotating_the_features_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    features, classes = rng.normal(size=(400, 5)) * np.arange(1, 6), np.repeat(["a", "b"], 200)
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    plain, rotated = (fdr(features=given, generators=classes) for given in (features, features @ rotation))
    assert plain.interval.value == pytest.approx(rotated.interval.value)


def test_the_same_seed_gives_the_same_bits() -> None:
    assert separated(1) == separated(1)


def double_loop(ones: list[Gaussian], others: list[Gaussian]) -> NDArray[np.float64]:
    def distance(one: Gaussian, other: Gaussian) -> float:
        root = np.real(sqrtm(one.covariance @ other.covariance))
        return float(((one.mean - other.mean) ** 2).sum() + np.trace(one.covariance + other.covariance - 2 * root))

    return np.array([[distance(one, other) for other in others] for one in ones])


def test_splits_give_the_answer_of_a_root_for_each_pair_of_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = separated(1)
    monkeypatch.setattr(module, "frechet_distances", double_loop)
    plain = separated(1)
    for part in ("between", "within"):
        assert getattr(shared, part) == pytest.approx(getattr(plain, part), rel=1e-9)
    for part in ("value", "low", "high"):
        assert getattr(shared.interval, part) == pytest.approx(getattr(plain.interval, part), rel=1e-9)


def test_a_split_measures_and_factors_each_set_once_and_not_once_for_each_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[object] = []
    factored: list[object] = []
    plain_of, plain_factor, plain_distances = Gaussian.of, np.linalg.eigh, module.frechet_distances

    def noted_of(points: ArrayLike) -> Gaussian:
        measured.append(points)
        return plain_of(points)

    def noted_factor(matrix: NDArray[np.float64]) -> object:
        factored.append(matrix)
        return plain_factor(matrix)

    def distances(ones: list[Gaussian], others: list[Gaussian]) -> NDArray[np.float64]:
        with monkeypatch.context() as within:  # The principal components are another matter.
            within.setattr(np.linalg, "eigh", noted_factor)
            return plain_distances(ones, others)

    monkeypatch.setattr(Gaussian, "of", noted_of)
    monkeypatch.setattr(module, "frechet_distances", distances)
    answer, classes = separated(1, sizes=(200, 240, 200, 210)), 4
    splits = answer.splits + SUBSAMPLES * SPLITS_PER_SUBSAMPLE
    assert (len(measured), len(factored)) == (2 * classes * splits, classes * splits)


def test_fewer_than_200_images_of_a_class_are_refused() -> None:
    with pytest.raises(DataError) as caught:
        separated(1, sizes=(200, 199))
    assert str(caught.value) == (
        "class 'g1' has 199 test images; expected 200 or more in each class, below which FDR means little; "
        "add images, or leave FDR out"
    )


def test_one_class_alone_is_refused() -> None:
    with pytest.raises(DataError, match="all features are of 'g0'; expected two classes or more"):
        separated(1, sizes=(300,))


@pytest.mark.parametrize(
    ("features", "settings", "message"),
    [
        (np.zeros((400, 3)), {}, "the features do not vary within a class"),
        (np.full((400, 3), np.nan), {}, "a feature is NaN or infinite"),
        (np.zeros((399, 3)), {}, r"the features have shape \(399, 3\) for 400 generators"),
        (np.eye(400, 3), {"splits": 3}, "splits=3, dimensions=50, level=0.95; expected splits ≥ 10"),
    ],
)
def test_features_that_cannot_be_measured_are_refused(features, settings, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(NumbersError, match=message):
        fdr(features=features, generators=np.repeat(["a", "b"], 200), **settings)
