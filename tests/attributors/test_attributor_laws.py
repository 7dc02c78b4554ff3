"""Laws that hold for every attributor of the registry."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load, save

from manifpt.attributors.attributor import Attributor
from manifpt.errors import DataError, ManifptError, NumbersError
from manifpt.registry import names

from .planted import NETWORKS, OF_MAPS, ROWS, planted, quick

FEATURES, GENERATORS = planted()
UNSEEN, TRUTH = planted(seed=1)


@pytest.fixture(scope="module", params=ROWS)
def fitted(request: pytest.FixtureRequest) -> Any:
    return quick(request.param).fit(FEATURES, GENERATORS)


def test_every_row_is_tested() -> None:
    assert set(ROWS) == set(names("attributors"))


def test_it_keeps_the_contract(fitted: Any) -> None:
    assert isinstance(fitted, Attributor)
    assert fitted.name in ROWS


def test_classes_are_sorted_and_columns_follow_them(fitted: Any) -> None:
    assert fitted.classes_.tolist() == ["gan-x", "gan-y", "gan-z"]
    answers = fitted.classes_[fitted.predict_proba(UNSEEN).argmax(axis=1)]
    assert (answers == TRUTH).mean() > 0.9


def test_rows_are_probabilities(fitted: Any) -> None:
    answers = fitted.predict_proba(UNSEEN)
    assert answers.dtype == np.float64
    assert answers.shape == (len(UNSEEN), 3)
    assert (answers >= 0).all()
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-12)


def test_a_row_alone_gets_the_answer_that_it_gets_in_a_batch(fitted: Any) -> None:
    tolerance = 1e-5 if fitted.name in NETWORKS else 1e-9
    together = fitted.predict_proba(UNSEEN)
    alone = np.concatenate([fitted.predict_proba(UNSEEN[row : row + 1]) for row in range(len(UNSEEN))])
    np.testing.assert_allclose(alone, together, atol=tolerance)
    features = np.concatenate([fitted.features(UNSEEN[row : row + 1]) for row in range(len(UNSEEN))])
    np.testing.assert_allclose(features, fitted.features(UNSEEN), atol=1e-5, rtol=1e-5)


def test_features_are_one_float32_vector_for_each_row(fitted: Any) -> None:
    features = fitted.features(UNSEEN)
    assert features.dtype == np.float32
    assert features.ndim == 2
    assert len(features) == len(UNSEEN)


def test_no_rows_get_no_answers(fitted: Any) -> None:
    assert fitted.predict_proba(UNSEEN[:0]).shape == (0, 3)
    assert len(fitted.features(UNSEEN[:0])) == 0


def test_a_restored_attributor_answers_as_the_saved_one(fitted: Any) -> None:
    settings = json.loads(json.dumps(fitted.settings()))
    restored = type(fitted)(**settings).restore(load(save(fitted.state())))
    assert restored.settings() == fitted.settings()
    assert restored.classes_.tolist() == fitted.classes_.tolist()
    np.testing.assert_array_equal(restored.predict_proba(UNSEEN), fitted.predict_proba(UNSEEN))
    np.testing.assert_array_equal(restored.features(UNSEEN), fitted.features(UNSEEN))
    assert equal(restored.state(), fitted.state())


def test_the_same_seed_gives_the_same_bits_and_leaves_global_generators_alone(fitted: Any) -> None:
    torch_before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    again = quick(fitted.name).fit(FEATURES, GENERATORS)
    assert equal(again.state(), fitted.state())
    assert torch.equal(torch.random.get_rng_state(), torch_before)
    assert (np.random.get_state()[1] == numpy_before).all()


def test_fitting_changes_neither_features_nor_settings(fitted: Any) -> None:
    assert (planted()[0] == FEATURES).all()
    assert fitted.settings() == quick(fitted.name).settings()


@pytest.mark.parametrize("row", NETWORKS)
def test_another_seed_gives_another_network(row: str) -> None:
    one, other = (quick(row, seed=seed, epochs=1, calibration_folds=0).fit(FEATURES, GENERATORS) for seed in (0, 1))
    assert not equal(one.state(), other.state())


@pytest.mark.parametrize("row", ROWS)
def test_one_generator_is_refused(row: str) -> None:
    with pytest.raises(DataError, match=r"^there is only one generator: 'gan-a'; expected images of at least two"):
        quick(row).fit(FEATURES, ["gan-a"] * len(FEATURES))


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_unfinished_numbers_are_refused_with_their_row(row: str, value: float) -> None:
    broken = FEATURES.copy()
    broken[7, 1, 2, 3] = value
    with pytest.raises(NumbersError, match=r"^the features of example 7 hold NaN or infinity; expected finite"):
        quick(row).fit(broken, GENERATORS)


def test_unfinished_numbers_are_refused_at_prediction_too(fitted: Any) -> None:
    broken = UNSEEN.copy()
    broken[3] = np.nan
    with pytest.raises(NumbersError, match=r"^the features of example 3 hold NaN"):
        fitted.predict_proba(broken)


def test_another_shape_is_refused(fitted: Any) -> None:
    with pytest.raises(
        NumbersError, match=r"^the features have the shape \(3, 8, 7\); expected \(3, 8, 8\), as in fit"
    ):
        fitted.predict_proba(UNSEEN[..., :7])


@pytest.mark.parametrize("row", ROWS)
def test_lengths_that_differ_are_refused(row: str) -> None:
    with pytest.raises(DataError, match=r"^there are 60 features and 59 generators"):
        quick(row).fit(FEATURES, GENERATORS[:-1])


@pytest.mark.parametrize("row", ROWS)
def test_a_generator_with_a_single_image_is_learned(row: str) -> None:
    kept = np.append(np.flatnonzero(GENERATORS != "gan-z"), 0)
    fitted = quick(row, **({"epochs": 1} if row in NETWORKS else {})).fit(FEATURES[kept], GENERATORS[kept])
    assert GENERATORS[0] == "gan-z"
    assert fitted.predict_proba(UNSEEN).shape == (len(UNSEEN), 3)
    assert np.isfinite(fitted.temperature_)


@pytest.mark.parametrize("row", [row for row in ROWS if row not in NETWORKS])
def test_a_seed_of_more_than_32_bits_is_one(row: str) -> None:
    fitted = quick(row, seed=2**40 + 1).fit(FEATURES, GENERATORS)
    assert np.isfinite(fitted.predict_proba(UNSEEN)).all()


@pytest.mark.parametrize("row", ROWS)
def test_constant_features_do_no_harm(row: str) -> None:
    flat = FEATURES.copy()
    flat[:, 0] = 0.25
    fitted = quick(row, **({"epochs": 1} if row in NETWORKS else {})).fit(flat, GENERATORS)
    assert np.isfinite(fitted.predict_proba(flat)).all()


@pytest.mark.parametrize("row", OF_MAPS)
def test_networks_of_maps_refuse_vectors(row: str) -> None:
    with pytest.raises(
        NumbersError,
        match=rf"^the features have the shape \(192,\); expected maps \(c, h, w\): {row} takes no vectors; use",
    ):
        quick(row).fit(FEATURES.reshape(len(FEATURES), -1), GENERATORS)


@pytest.mark.parametrize("row", [row for row in ROWS if row not in OF_MAPS])
def test_vectors_and_flattened_maps_are_the_same_to_those_who_take_both(row: str) -> None:
    features, generators = planted(shape=(12,))
    fitted = quick(row, **({"epochs": 24} if row in NETWORKS else {})).fit(features, generators)
    assert (fitted.classes_[fitted.predict_proba(features).argmax(1)] == generators).mean() > 0.9


def test_a_perceptron_refuses_large_maps() -> None:
    with pytest.raises(ManifptError, match=r"expected vectors, or maps of at most 4,096 values, for mlp; use resnet"):
        quick("mlp").fit(np.zeros((4, 3, 64, 64), np.float32), ["a", "b", "a", "b"])


@pytest.mark.parametrize(
    ("row", "shape"),
    # `dna-det` learns what JPEG does to colours.
    [
        (row, shape)
        for row in OF_MAPS
        for shape in [(1, 8, 8), (6, 8, 8), (3, 70, 45)]
        if row != "dna-det" or shape[0] == 3
    ],
)
def test_maps_of_any_number_of_channels_and_size_are_taken(row: str, shape: tuple[int, ...]) -> None:
    features, generators = planted(2, shape=shape)
    fitted = quick(row, epochs=1, calibration_folds=0).fit(features, generators)
    assert fitted.predict_proba(features).shape == (6, 3)


def equal(one: dict[str, NDArray[np.generic]], other: dict[str, NDArray[np.generic]]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)
