"""What transfers is what both sets share, and nothing that the training knew is asked."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from manifpt.attributors.linear import Linear
from manifpt.errors import DataError, ImageError, LeakError
from manifpt.extractors.artifacts import Artifacts, digest
from manifpt.extractors.extractor import Features
from manifpt.extractors.points import EmbeddedPoints
from manifpt.images import ImageSet
from manifpt.methods.manifpt import ManiFPT
from manifpt.methods.method import Method
from manifpt.studies.answers import Answers
from manifpt.studies.matching import Matching, by_generator, by_model
from manifpt.studies.transfer import Pair, transferred

EACH, SIDE = 30, 8
# Patterns orthogonal to each other: cycles of the side, down and across.
PATTERNS = {"a": (4, 4), "b": (0, 4), "c": (4, 0), "d": (2, 4)}


def pattern(name: str) -> NDArray[np.float64]:
    down, across = PATTERNS[name]
    places = 2 * np.pi * np.arange(SIDE) / SIDE
    return np.asarray(np.cos(down * places)[:, None] * np.cos(across * places))[..., None]


def marked(seed: int, **generators: str) -> ImageSet:
    """Noise into which each generator plants a pattern, with scored reals and as many references again."""
    rng = np.random.default_rng(seed)
    names = [name for name in (*generators, "real", "real") for _ in range(EACH)]
    pixels = rng.normal(128, 20, (len(names), SIDE, SIDE, 3))
    for number, planted in enumerate(generators.values()):
        pixels[number * EACH : (number + 1) * EACH] += 15 * pattern(planted)
    return ImageSet.from_arrays(
        pixels.round().clip(0, 255).astype(np.uint8), names, roles=[""] * (len(names) - EACH) + ["reference"] * EACH
    )


def linear(**options: Any) -> Method:
    return ManiFPT("rgb", attributor="linear", calibration_folds=0, **options)


def score(answers: Answers) -> tuple[float, float, float]:
    interval = answers.scores(resamples=200).balanced_accuracy
    return interval.low, interval.value, interval.high


@pytest.mark.parametrize("reference", ["target", "source"])
def test_a_pattern_that_both_sets_share_transfers(reference: Any) -> None:
    source, target = marked(0, dcgan="a", ddpm="b"), marked(1, dcgan="a", ddpm="b")
    answers = transferred(linear(), source, target, matched=by_generator(source, target), reference=reference)
    assert answers.classes.tolist() == ["dcgan", "ddpm", "real"]
    assert score(answers)[0] > 0.8
    assert sorted(answers.paths.tolist()) == sorted(target.scored.paths)


def test_patterns_of_its_own_do_not_transfer() -> None:
    source, target = marked(0, dcgan="a", ddpm="b"), marked(1, dcgan="c", ddpm="d")
    # Without either known pattern nearly all is called real, and exactly so gives one third to the last digit.
    low, value, high = score(transferred(linear(), source, target, matched=by_generator(source, target)))
    assert low <= 1 / 3 + 1e-9
    assert value == pytest.approx(1 / 3, abs=0.05)
    assert high < 0.45


def test_classes_of_one_set_alone_are_neither_learned_nor_asked_and_names_are_common() -> None:
    source = marked(0, **{"dcgan-one": "a", "wgan_gp-one": "b", "lsgan-one": "c"})
    target = marked(1, **{"ddpm-two": "c", "wgangp_cnn-two": "b", "dcgan-two": "a", "wgangp_res-two": "b"})
    answers = transferred(linear(), source, target, matched=by_model(source, target))
    assert answers.classes.tolist() == ["dcgan", "real", "wgangp"]
    names, counts = np.unique(answers.truth, return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {
        "dcgan": EACH, "real": EACH, "wgangp": 2 * EACH
    }  # fmt: skip
    assert score(answers)[0] > 0.8
    assert Pair.of(source, target, by_model(source, target)).members == {
        "dcgan": (("dcgan-one",), ("dcgan-two",)),
        "real": (("real",), ("real",)),
        "wgangp": (("wgan_gp-one",), ("wgangp_cnn-two", "wgangp_res-two")),
    }
    # Each answer stands beside the truth of its own image.
    place = dict(zip(target.paths, target.generators.tolist(), strict=True))
    called = {"dcgan-two": "dcgan", "wgangp_cnn-two": "wgangp", "wgangp_res-two": "wgangp", "real": "real"}
    assert answers.truth.tolist() == [called[place[path]] for path in answers.paths.tolist()]


def test_real_is_a_class_only_where_both_sets_score_reals() -> None:
    source, target = marked(0, dcgan="a", ddpm="b"), marked(1, dcgan="a", ddpm="b")
    target = target.subset((target.generators != "real") | (target.roles == "reference"))
    answers = transferred(linear(), source, target, matched=by_generator(source, target))
    assert answers.classes.tolist() == ["dcgan", "ddpm"]


def test_images_that_the_source_marks_as_test_are_not_learned_from() -> None:
    source, target = marked(0, dcgan="a", ddpm="b"), marked(1, dcgan="a", ddpm="b")
    learner = Watched()
    roles = source.roles
    roles[:5] = "test"
    transferred(
        Method(EmbeddedPoints("rgb"), learner),
        source.with_roles(roles),
        target,
        matched=by_generator(source, target),
    )
    assert Watched.fitted[-1][1] == 3 * EACH - 5


class Projected(Artifacts):
    """Artifacts that remember the references of each extraction."""

    def extract(self, images: ImageSet) -> Features:
        self.used = [*getattr(self, "used", []), (digest(images), self.reference_digest_)]
        return super().extract(images)


@pytest.mark.parametrize("reference", ["target", "source"])
def test_training_uses_the_references_of_the_source_and_the_test_those_that_were_asked_for(reference: Any) -> None:
    source, target = marked(0, dcgan="a", ddpm="b"), marked(1, dcgan="a", ddpm="b")
    extractor = Projected("rgb")
    transferred(
        Method(extractor, Linear(calibration_folds=0)),
        source,
        target,
        matched=by_generator(source, target),
        reference=reference,
    )
    whose = {"source": source, "target": target}[reference]
    assert extractor.used == [
        (digest(source.scored), digest(source.reference)),
        (digest(target.scored), digest(whose.reference)),
    ]


class Watched(Linear):
    """A linear attributor that remembers its seed and how many examples it was fitted on."""

    fitted: ClassVar[list[tuple[int, int]]] = []

    def fit(self, features: Features, generators: Any, **options: Any) -> Self:
        Watched.fitted.append((self.seed, len(features)))
        return super().fit(features, generators, **options)


def test_trainings_of_several_seeds_are_runs() -> None:
    source, target = marked(0, dcgan="a", ddpm="b"), marked(1, dcgan="a", ddpm="b")
    Watched.fitted.clear()
    method = Method(Artifacts("rgb"), Watched(calibration_folds=2))
    answers = transferred(method, source, target, matched=by_generator(source, target), seed=5, repeats=3)
    assert [seed for seed, _ in Watched.fitted] == [5, 6, 7]
    assert answers.runs.tolist() == [0] * 3 * EACH + [1] * 3 * EACH + [2] * 3 * EACH
    assert answers.paths.tolist() == 3 * target.scored.paths
    assert len(answers.features) == 3
    scores = answers.scores(resamples=100)
    assert (scores.images, scores.answers, scores.runs) == (3 * EACH, 9 * EACH, 3)
    once = transferred(method, source, target, matched=by_generator(source, target), seed=6)
    np.testing.assert_array_equal(answers.probabilities[answers.runs == 1], once.probabilities)


class Learning(EmbeddedPoints):
    """Points of an extractor that says it learns, and remembers what it was fitted on."""

    learns = True

    def fit(self, images: ImageSet) -> Self:
        self.seen = set(images.digests)
        return super().fit(images)


def test_an_extractor_that_learns_sees_the_classes_that_are_trained_and_no_target() -> None:
    source, target = marked(0, dcgan="a", ddpm="b", glow="c"), marked(1, dcgan="a", ddpm="b")
    method = Method(Learning("rgb"), Linear(calibration_folds=0))
    with pytest.raises(DataError, match=r"^the extractor points learns from training images, and the target has none;"):
        transferred(method, source, target, matched=by_generator(source, target))
    transferred(method, source, target, matched=by_generator(source, target), reference="source")
    assert method.extractor.seen == set(source.subset(source.generators != "glow").digests)  # type: ignore[attr-defined]


def test_fewer_than_two_classes_are_refused_with_those_of_each() -> None:
    source, target = marked(0, dcgan="a", ddpm="b"), marked(1, glow="a", lsgan="b")
    with pytest.raises(DataError) as caught:
        transferred(linear(), source, target, matched=by_generator(source, target))
    assert str(caught.value) == (
        "real is in both sets (the source has dcgan, ddpm, real; the target glow, lsgan, real); expected at least 2 "
        "classes in both, `real` among them or not; match them by model or by family, or take other sets"
    )
    with pytest.raises(DataError, match=r"the source has real; the target real"):
        transferred(linear(), source, target, matched=Matching({}, {}))


@pytest.mark.parametrize("place", ["scored", "reference"])
@pytest.mark.parametrize("known", ["scored", "reference"])
def test_content_of_the_source_is_no_content_of_the_target(place: str, known: str) -> None:
    source, target = marked(0, dcgan="a", ddpm="b"), marked(1, dcgan="a", ddpm="b")
    pixels = target.pixels()
    row, copied = ({"scored": 2 * EACH, "reference": 3 * EACH}[name] for name in (place, known))
    pixels[row] = source[copied]
    target = ImageSet.from_arrays(pixels, target.generators, roles=target.roles)
    given = {"matched": by_generator(source, target)}
    if place == known == "reference":
        transferred(linear(), source, target, **given)
        return
    message = (
        rf"^array\[{row}\] of the target has the same pixels as array\[{copied}\] of the source \(1 such images\);"
    )
    with pytest.raises(LeakError, match=message):
        transferred(linear(), source, target, **given)


def test_other_sizes_are_refused() -> None:
    source = marked(0, dcgan="a", ddpm="b")
    target = ImageSet.from_arrays(np.zeros((1, 16, 12, 3), np.uint8), ["dcgan"])
    with pytest.raises(ImageError) as caught:
        transferred(linear(), source, target, matched=by_generator(source, target))
    assert str(caught.value) == (
        "the source's images are 8 × 8 pixels and the target's 12 × 16; expected one size; "
        "open both with --resize 8 (resize=8 in Python), which changes the trace"
    )


@pytest.mark.parametrize(
    ("given", "message"), [({"repeats": 0}, "^0 repeats;"), ({"reference": "both"}, "^reference is 'both';")]
)
def test_settings_without_a_meaning_are_refused(given: dict[str, Any], message: str) -> None:
    source, target = marked(0, dcgan="a", ddpm="b"), marked(1, dcgan="a", ddpm="b")
    with pytest.raises(DataError, match=message):
        transferred(linear(), source, target, matched=by_generator(source, target), **given)
