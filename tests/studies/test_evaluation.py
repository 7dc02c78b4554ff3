"""Evaluation never lets an attributor see what it is asked about."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pytest

from manifpt.errors import LeakError
from manifpt.extractors.points import EmbeddedPoints
from manifpt.images import Fold, ImageSet
from manifpt.methods.manifpt import ManiFPT
from manifpt.methods.method import Method
from manifpt.studies import evaluation
from manifpt.studies.evaluation import cross_validated


def noise(seed: int = 0, count: int = 40) -> ImageSet:
    """Noise without any trace: nothing can be learned from it."""
    pixels = np.random.default_rng(seed).integers(0, 256, (6 * count, 8, 8, 3), np.uint8)
    generators = ["real"] * (4 * count) + ["one"] * count + ["two"] * count
    return ImageSet.from_arrays(pixels, generators, roles=["reference"] * (3 * count) + [""] * (3 * count))


def linear(space: str = "rgb", manifold: str | None = "nearest") -> ManiFPT:
    return ManiFPT(space, attributor="linear", manifold=manifold, calibration_folds=0)


@pytest.mark.parametrize("space", ["rgb", "freq"])
def test_noise_gives_chance_and_the_real_class_is_not_given_away(space: str) -> None:
    answers = cross_validated(linear(space), noise())
    scores = answers.scores(resamples=200)
    assert scores.balanced_accuracy.low < 1 / 3 < scores.balanced_accuracy.high
    assert scores.detection_auc is not None
    assert scores.detection_auc.low < 0.5 < scores.detection_auc.high


def test_every_scored_image_is_answered_once_in_each_repetition() -> None:
    images = noise()
    answers = cross_validated(linear(), images, splits=4, repeats=2)
    assert sorted(answers.paths.tolist()) == sorted(images.scored.paths * 2)
    assert len(np.unique(answers.runs)) == 8
    assert answers.scores(resamples=50).images == len(images.scored)


def test_images_that_a_manifest_marks_as_test_are_the_test_set() -> None:
    images = noise()
    roles = images.roles.copy()
    roles[[125, 170, 239]] = "test"
    marked = ImageSet.from_arrays(images.pixels(), images.generators, roles=roles)
    answers = cross_validated(linear(), marked)
    assert answers.paths.tolist() == [marked.paths[index] for index in (125, 170, 239)]


class Watched(EmbeddedPoints):
    """Points that remember which images they were fitted on."""

    learns = True
    seen: list[set[str]]

    def fit(self, images: ImageSet) -> Self:
        self.seen = [*getattr(self, "seen", []), set(images.digests)]
        self.extracted: set[str] = set()
        return self

    def extract(self, images: ImageSet) -> Any:
        self.extracted |= set(images.digests)
        return super().extract(images)


def test_an_extractor_that_learns_is_fitted_in_every_fold_without_the_test_images() -> None:
    images = noise()
    extractor = Watched("rgb")
    cross_validated(Method(extractor, linear().attributor), images, splits=4)
    assert len(extractor.seen) == 4
    scored, reference = set(images.scored.digests), set(images.reference.digests)
    assert all(reference <= seen for seen in extractor.seen)
    held_out = [scored - seen for seen in extractor.seen]
    assert set().union(*held_out) == scored
    assert sum(map(len, held_out)) == len(scored)


def test_a_fitted_model_is_tested_on_new_images_and_refuses_known_ones() -> None:
    model = linear().fit(noise())
    scores = evaluation.tested(model, noise(seed=1)).scores(resamples=100)
    assert scores.runs == 1
    assert scores.images == 120
    with pytest.raises(LeakError):
        evaluation.tested(model, noise())


def test_the_fdr_is_refused_with_its_reason_where_images_are_few() -> None:
    scores = cross_validated(linear(), noise()).scores(resamples=50)
    assert scores.fdr is None
    assert scores.fdr_reason is not None
    assert "images" in scores.fdr_reason


def test_the_fdr_is_there_where_images_are_many() -> None:
    model = linear().fit(noise())
    scores = evaluation.tested(model, noise(seed=1, count=210)).scores(resamples=50)
    assert scores.fdr is not None
    assert scores.fdr.interval.low < 1.2


def test_scores_are_json_able_and_the_same_twice() -> None:
    import json

    answers = cross_validated(linear(), noise())
    one, two = (json.dumps(answers.scores(resamples=50).record(), allow_nan=False) for _ in range(2))
    assert one == two


def test_a_class_that_a_fold_could_not_learn_gets_no_probability_there(monkeypatch: pytest.MonkeyPatch) -> None:
    images = noise()
    rows = np.arange(len(images.scored))
    two = images.scored.generators == "two"
    # Near-duplicates that stay together can leave all images of a generator on one side.
    sides = [Fold(rows[~two], rows[two]), Fold(rows[two | (rows % 2 == 0)], rows[~two & (rows % 2 == 1)])]
    monkeypatch.setattr(evaluation, "folds", lambda *_, **__: sides)
    answers = cross_validated(linear(), images)
    assert answers.classes.tolist() == ["one", "real", "two"]
    assert (answers.probabilities[answers.runs == 0, 2] == 0).all()
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1)
    assert answers.scores(resamples=50).per_class[2].recall == 0
