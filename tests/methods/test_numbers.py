"""Odd numbers and odd counts: every answer is finite and honest, or there is one clear error."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from manifpt.attributors.attributor import Attributor
from manifpt.attributors.linear import Linear
from manifpt.attributors.network import MLP, SmallResNet
from manifpt.cache import Cache
from manifpt.embeddings.embedding import Points
from manifpt.embeddings.spectrum import FLOOR, log_spectrum
from manifpt.errors import DataError, ImageError, NumbersError
from manifpt.extractors.artifacts import Artifacts
from manifpt.images import ImageSet
from manifpt.methods.attribution import Attribution, Failure
from manifpt.methods.fingerprint import fingerprints
from manifpt.methods.manifpt import ManiFPT
from manifpt.metrics.fdr import fdr
from manifpt.studies import evaluation
from manifpt.studies.evaluation import cross_validated

SPACES = ("rgb", "freq", "freq-grey", "rgb+freq")
ATTRIBUTORS = ("linear", "mlp", "resnet-small")
COMBINED = [*product(SPACES, ["linear"]), ("rgb", "mlp"), ("rgb", "resnet-small"), ("freq", "resnet-small")]


def attributor(name: str) -> Attributor:
    """Return an attributor that trains in a blink."""
    if name == "mlp":
        return MLP(epochs=1, least_steps=3, width=8)
    if name == "resnet-small":
        return SmallResNet(epochs=1, least_steps=3, batch=8, precision="fp32")
    return Linear()


def flat(*colours: int, side: int = 8) -> np.ndarray:
    """Return an image of one grey for each colour."""
    return np.stack([np.full((side, side, 3), colour, np.uint8) for colour in colours])


def noise(seed: int, count: int, side: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3)).astype(np.uint8)


def images(reference: np.ndarray, **classes: np.ndarray) -> ImageSet:
    """Return a set of references and of classes; ``test_gan`` holds the test images of ``gan``."""
    named = [(name.removeprefix("test_"), name.startswith("test_"), pixels) for name, pixels in classes.items()]
    roles = [("test" if test else "", len(pixels)) for _, test, pixels in named]
    return ImageSet.from_arrays(
        np.concatenate([reference, *classes.values()]),
        ["real"] * len(reference) + [name for name, _, pixels in named for _ in pixels],
        roles=["reference"] * len(reference) + [role for role, count in roles for _ in range(count)],
    )


def answers(model: ManiFPT, pixels: np.ndarray) -> list[Attribution]:
    """Return the answers about pixels, after checking that each is a finite and honest one."""
    found = [model.attribute(image) for image in pixels]
    for answer in found:
        json.dumps(answer.record(), allow_nan=False)
        assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert min(answer.probabilities.values()) >= 0
        assert answer.distance >= 0
        assert np.isfinite(answer.features).all()
    return found


def scored(model: ManiFPT, given: ImageSet, **settings: Any) -> dict[str, Any]:
    """Return the scores as they are written at the end of a run."""
    scores = cross_validated(model, given, **settings).scores(resamples=100)
    record: dict[str, Any] = json.loads(json.dumps(scores.record(), allow_nan=False))
    for value, reason in (("detection_auc", "detection_reason"), ("fdr", "fdr_reason")):
        assert (record[value] is None) == bool(record[reason])
    for low, value, high in (
        (part["low"], part["value"], part["high"]) for part in (record["accuracy"], record["balanced_accuracy"])
    ):
        assert 0 <= low <= high <= 1
        assert 0 <= value <= 1
    return record


REFERENCES = {
    "one reference": noise(1, 1),
    "all-black references": flat(0, 0, 0),
    "one black reference": flat(0),
    "constant references": flat(3, 90, 255),
    "one reference many times": np.repeat(noise(2, 1), 9, axis=0),
}


@pytest.mark.parametrize(("space", "name"), COMBINED)
@pytest.mark.parametrize("reference", REFERENCES)
def test_any_references_give_finite_answers(space: str, name: str, reference: str) -> None:
    given = images(REFERENCES[reference], real=noise(3, 4), gan=noise(4, 4))
    model = ManiFPT(space, attributor=attributor(name)).fit(given)
    found = answers(model, np.concatenate([REFERENCES[reference][:1], noise(5, 1), flat(0, 255)]))
    # A query that is a reference lies on the manifold, exactly.
    assert found[0].distance == 0
    assert not found[0].artifact.any()
    assert found[0].nearest.distance == 0
    assert found[0].real_percentile == 0
    assert found[1].distance > 0


@pytest.mark.parametrize(("space", "name"), COMBINED)
def test_constant_images_give_finite_answers(space: str, name: str) -> None:
    given = images(flat(*range(5)), real=flat(*range(50, 54)), gan=flat(*range(60, 64)))
    model = ManiFPT(space, attributor=attributor(name)).fit(given)
    assert [answer.distance == 0 for answer in answers(model, flat(3, 7, 255))] == [True, False, False]


@pytest.mark.parametrize(("space", "name"), COMBINED)
@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_images_of_a_class_are_learned(space: str, name: str, count: int) -> None:
    given = images(noise(1, 3), real=noise(2, count), gan=noise(3, count))
    model = ManiFPT(space, attributor=attributor(name)).fit(given)
    answers(model, noise(4, 2))
    if count == 1:
        # Nothing can be held out, so that the probabilities stay as they are: uncalibrated.
        assert model.attributor.temperature_ == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("space", SPACES)
def test_one_image_of_a_class_cannot_be_evaluated_and_two_can(space: str) -> None:
    model = ManiFPT(space, attributor="linear")
    with pytest.raises(DataError, match="expected at least 2, one for each fold; add images, use fewer --folds"):
        cross_validated(model, images(noise(1, 3), real=noise(2, 1), gan=noise(3, 5)), splits=2)
    record = scored(model, images(noise(1, 3), real=noise(2, 2), gan=noise(3, 2)), splits=2)
    assert record["images"] == 4
    assert record["fdr_reason"] == "class 'gan' has 1 test images"


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_images_of_one_pixel_are_points_of_every_space(space: str, name: str) -> None:
    given = images(noise(1, 30, 1), real=noise(2, 12, 1), gan=noise(3, 12, 1))
    model = ManiFPT(space, attributor=attributor(name)).fit(given)
    found = answers(model, np.concatenate([noise(1, 1, 1), flat(0, side=1)]))
    assert found[0].distance == 0
    if name == "linear":
        scored(model, given, splits=2)


@pytest.mark.parametrize("name", ATTRIBUTORS)
def test_a_class_of_one_against_five_hundred_is_not_forgotten(name: str) -> None:
    real, gan = noise(1, 1), noise(2, 500)
    model = ManiFPT("rgb", attributor=attributor(name)).fit(images(noise(3, 9), real=real, gan=gan))
    assert model.classes_.tolist() == ["gan", "real"]
    answers(model, np.concatenate([real, gan[:1]]))
    if name == "linear":
        assert model.attribute(real[0]).generator == "real"


def test_where_all_images_are_equal_the_answer_is_a_tie() -> None:
    given = images(flat(9, 9), real=flat(9, 9, 9), gan=flat(9, 9, 9))
    (answer,) = answers(ManiFPT("rgb", attributor="linear").fit(given), flat(9))
    assert answer.probabilities == {"gan": 0.5, "real": 0.5}
    assert answer.real_percentile == 100


def test_equal_images_of_a_class_are_one_near_duplicate_and_cannot_be_split() -> None:
    given = images(noise(1, 3), real=np.repeat(noise(2, 1), 4, axis=0), gan=noise(3, 4))
    answers(ManiFPT("rgb", attributor="linear").fit(given), noise(4, 1))
    with pytest.raises(DataError, match="real has 4 images of which 1 are not near-duplicates; expected at least 2"):
        cross_validated(ManiFPT("rgb", attributor="linear"), given, splits=2)


def test_a_method_without_real_images_has_no_percentile_and_no_detection() -> None:
    given = images(noise(1, 3), one=noise(2, 6), two=noise(3, 6))
    model = ManiFPT("freq", attributor="linear")
    record = scored(model, given, splits=2)
    assert record["detection_reason"] == "there is no class real"
    (answer,) = answers(model.fit(given), noise(4, 1))
    assert answer.real_percentile is None


def test_a_class_that_is_trained_and_never_tested_is_an_empty_row() -> None:
    given = images(noise(1, 3), real=noise(2, 6), gan=noise(3, 6), vae=noise(4, 6), test_real=noise(5, 3))
    record = scored(ManiFPT("rgb", attributor="linear"), given)
    assert record["detection_reason"] == "the scored images hold no generated image"
    assert record["fdr_reason"] == "all features are of 'real'"
    rows = {row["name"]: row for row in record["per_class"]}
    assert [rows[name]["recall"] for name in ("gan", "vae")] == [None, None]
    assert [sum(row) for row in record["confusion"]] == [0, 3, 0]


def test_a_class_that_is_tested_and_never_trained_is_refused_before_anything_is_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Artifacts, "fit", lambda *_: pytest.fail("the manifold was fitted"))
    given = images(noise(1, 3), real=noise(2, 6), gan=noise(3, 6), test_new=noise(4, 2))
    with pytest.raises(DataError, match=r"new \(array\[15\]\) is not among training images; expected only gan, real"):
        cross_validated(ManiFPT("rgb", attributor="linear"), given)


def test_only_test_images_or_one_class_cannot_be_evaluated() -> None:
    model = ManiFPT("rgb", attributor="linear")
    with pytest.raises(DataError, match="no image is there to train on"):
        cross_validated(model, images(noise(1, 3), test_real=noise(2, 3), test_gan=noise(3, 3)))
    with pytest.raises(DataError, match="only 'gan' is there to train on"):
        cross_validated(model, images(noise(1, 3), gan=noise(2, 9)))


def test_a_fitted_model_refuses_images_of_another_size_or_class_or_none() -> None:
    model = ManiFPT("rgb", attributor="linear").fit(images(noise(1, 3), real=noise(2, 3), gan=noise(3, 3)))
    with pytest.raises(ImageError, match="the images are 4 × 4 pixels; expected 8 × 8, as the model was trained on"):
        evaluation.tested(model, images(noise(4, 1, 4), gan=noise(5, 2, 4)))
    with pytest.raises(
        DataError, match=r"vae \(array\[1\]\) is not among the model's classes; expected only gan, real"
    ):
        evaluation.tested(model, images(noise(4, 1), vae=noise(5, 2)))
    with pytest.raises(DataError, match="there is no image to test on"):
        evaluation.tested(model, images(noise(4, 2)))


@pytest.mark.parametrize("splits", [2, 5])
@pytest.mark.parametrize("seed", range(4))
def test_few_images_in_each_fold_are_scored_to_the_end(splits: int, seed: int) -> None:
    # Drawing folds and images can leave a resample without reals, or without any answer at all.
    given = images(noise(1, 3), real=noise(2, splits), gan=noise(3, splits), vae=noise(4, splits))
    record = scored(ManiFPT("rgb", attributor=Linear(calibration_folds=0)), given, splits=splits, seed=seed)
    assert record["answers"] == 3 * splits
    assert record["detection_auc"] is not None


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (8, 8), (5, 3)])
def test_the_spectrum_of_a_constant_image_has_its_documented_floor(height: int, width: int) -> None:
    spectrum = log_spectrum(np.full((height, width), 0.5))
    others = np.delete(spectrum.ravel(), np.ravel_multi_index((height // 2, width // 2), (height, width)))
    assert spectrum[height // 2, width // 2] == pytest.approx(np.log(0.5 * height * width), abs=1e-5)
    assert np.isfinite(spectrum).all()
    assert (others < -20).all()
    np.testing.assert_allclose(log_spectrum(np.zeros((height, width))), np.log(FLOOR), rtol=1e-6)


@pytest.mark.parametrize("space", ["rgb", "freq"])
def test_fingerprints_of_constant_images_are_finite(space: str) -> None:
    given = images(flat(0), real=flat(0, 0), gan=flat(5, 5))
    found = fingerprints(Artifacts(space).fit(given), given)
    assert found["real"].size == 0
    spectrum = found["real"].mean_spectrum
    assert spectrum is not None
    np.testing.assert_allclose(spectrum, np.log(FLOOR), rtol=1e-6)
    comparison = found["real"].compare(found["gan"])
    assert comparison.cosine == 0
    assert comparison.energy > 0
    assert found["gan"].compare(found["gan"]).energy == 0


def test_features_that_hardly_vary_give_no_ratio_and_a_reason() -> None:
    features = np.zeros((400, 3))
    features[[0, 200]] = 1
    with pytest.raises(NumbersError, match="the features do not vary within a class"):
        fdr(features=features, generators=["gan"] * 200 + ["real"] * 200)


class Broken:
    """A space that loses its way on images whose first pixel is 7."""

    name = "broken"
    costly = False
    mirrors = False

    def __init__(self, value: float) -> None:
        self.value = value

    def settings(self) -> dict[str, Any]:
        return {"name": self.name}

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        return (3,)

    def __call__(self, pixels: np.ndarray) -> Points:
        values = pixels[:, 0, 0].astype(np.float32)
        values[(pixels[:, 0, 0] == 7).all(axis=1)] = self.value
        return Points(values)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("manifold", ["nearest", None])
def test_a_point_that_is_not_finite_is_an_error_that_names_the_image(value: float, manifold: str | None) -> None:
    text = r"the point of array\[{}\] in broken holds NaN or infinity; expected finite coordinates; leave the image out"
    model = ManiFPT(Broken(value), attributor="linear", manifold=manifold)
    with pytest.raises(NumbersError, match=text.format(310)):
        model.fit(images(noise(1, 300), real=noise(3, 5), gan=np.concatenate([noise(2, 5), flat(7)])))
    if manifold is not None:
        with pytest.raises(NumbersError, match=text.format(300)):
            model.fit(images(np.concatenate([noise(1, 300), flat(7)]), real=noise(3, 5), gan=noise(2, 5)))


@pytest.mark.parametrize("costly", [False, True])
def test_a_query_without_a_finite_point_fails_alone_and_is_never_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, costly: bool
) -> None:
    monkeypatch.setattr(Broken, "costly", costly)
    model = ManiFPT(Broken(np.nan), attributor="linear", cache=Cache(tmp_path))
    model.fit(images(noise(1, 9), real=noise(2, 5), gan=noise(3, 5)))
    for index, image in enumerate((noise(4, 1)[0], flat(7)[0], noise(5, 1)[0])):
        Image.fromarray(image).save(tmp_path / f"{index}.png")
    for _ in range(2):
        found = list(model.attributions(sorted(tmp_path.glob("*.png"))))
        assert [type(answer) for answer in found] == [Attribution, Failure, Attribution]
        assert found[1].record()["error"] == (
            f"the point of {tmp_path}/1.png in broken holds NaN or infinity; expected finite coordinates; "
            "leave the image out, or check the space's weights"
        )


def test_many_classes_of_one_image_are_learned_without_a_remark() -> None:
    given = images(noise(1, 3), **{f"gan {index}": noise(index, 1) for index in range(30)})
    answers(ManiFPT("rgb", attributor="linear").fit(given), noise(2, 1))
