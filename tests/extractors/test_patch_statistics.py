"""Statistics of patches along the directions of real ones: laws, and answers derived by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load, save
from threadpoolctl import threadpool_info, threadpool_limits

from manifpt.attributors.lda import LDA
from manifpt.errors import DataError, ImageError, NumbersError
from manifpt.extractors.extractor import Extractor
from manifpt.extractors.patch_statistics import FLOOR, PatchStatistics
from manifpt.images import ImageSet
from manifpt.methods.method import Method
from manifpt.studies.evaluation import cross_validated

from .planted import planted

AXES = 3 * 4**2  # of the patches of 4 px


def noise(count: int, height: int = 16, width: int = 16, *, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)


def with_references(pixels: NDArray[np.uint8], references: NDArray[np.uint8]) -> ImageSet:
    names = ["gan"] * len(pixels) + ["real"] * len(references)
    roles = [""] * len(pixels) + ["reference"] * len(references)
    return ImageSet.from_arrays(np.concatenate([pixels, references]), names, roles=roles)


def of(pixels: NDArray[np.uint8], *, references: NDArray[np.uint8] | None = None, **settings: Any) -> Any:
    """Return the features of images against references that are noise unless they are given."""
    seen = noise(8, *pixels.shape[1:3], seed=1) if references is None else references
    images = with_references(pixels, seen)
    return PatchStatistics(**settings).fit(images).extract(images.subset(images.roles != "reference"))


@pytest.mark.parametrize("size", [(12, 12), (17, 23), (12, 40), (64, 64), (150, 140)])
def test_features_of_any_image_are_finite_float32_rows(size: tuple[int, int]) -> None:
    flat = np.full((2, *size, 3), 7, np.uint8)
    flat[1, 3, 5] += 1
    pixels = np.concatenate([noise(2, *size), flat])
    features = of(pixels)
    assert features.dtype == np.float32
    assert features.shape == (4, PatchStatistics().length)
    assert np.isfinite(features).all()
    assert np.isfinite(of(pixels, references=flat)).all()


def test_it_keeps_the_contract_and_an_image_alone_has_the_features_that_it_has_in_a_batch() -> None:
    images = with_references(noise(70), noise(9, seed=1))
    fitted = PatchStatistics().fit(images)
    assert isinstance(fitted, Extractor)
    together = fitted.extract(images.scored)
    for row in (0, 63, 64, 69):
        chosen = np.arange(len(images.scored)) == row
        np.testing.assert_array_equal(fitted.extract(images.scored.subset(chosen))[0], together[row])
    assert fitted.extract(images.scored.subset(np.zeros(70, bool))).shape == (0, 1644)


def test_only_references_decide_the_axes() -> None:
    one, other = (PatchStatistics().fit(with_references(noise(5, seed=seed), noise(9, seed=1))) for seed in (2, 3))
    for axes, same in zip(one.axes_, other.axes_, strict=True):
        np.testing.assert_array_equal(axes, same)
    moved = PatchStatistics().fit(with_references(noise(5, seed=2), noise(9, seed=4)))
    assert not np.array_equal(one.axes_[0], moved.axes_[0])


def test_the_axes_make_patches_of_references_white() -> None:
    images = with_references(noise(2), noise(40, seed=1))
    axes = PatchStatistics().fit(images).axes_[0]
    windows = np.lib.stride_tricks.sliding_window_view(images.reference.pixels(), (4, 4), axis=(1, 2))
    patches = windows.reshape(40, -1, AXES) / 255
    patches -= patches.mean(axis=1, keepdims=True)
    white = patches.reshape(-1, AXES) @ axes.T
    np.testing.assert_allclose(white.T @ white / len(white), np.eye(AXES), atol=1e-3)


def test_references_have_variance_one_and_noise_has_its_known_moments() -> None:
    features = of(noise(30, 48, 48, seed=5), references=noise(30, 48, 48, seed=6), sides=(4,))
    variances, sizes, tails = (features[:, part * AXES : (part + 1) * AXES].mean(0) for part in range(3))
    np.testing.assert_allclose(variances, 0, atol=0.1)
    # A sum of 48 independent uniform values is nearly normal: E|y| = √(2/π) deviations, E y⁴ = 3 variances².
    np.testing.assert_allclose(sizes, math.log(math.sqrt(2 / math.pi)), atol=0.02)
    np.testing.assert_allclose(tails, math.log(3), atol=0.1)


def test_contrast_moves_log_variances_alone() -> None:
    wide = noise(3, 24, 24) // 2 * 2
    narrow = wide // 2
    one, half = (of(pixels, references=noise(8, 24, 24, seed=1), sides=(4,)) for pixels in (wide, narrow))
    np.testing.assert_allclose(one[:, :AXES] - half[:, :AXES], math.log(4), atol=1e-4)
    np.testing.assert_allclose(one[:, AXES : 3 * AXES], half[:, AXES : 3 * AXES], atol=1e-4)


def test_the_logarithm_of_a_covariance_is_the_one_derived_by_hand() -> None:
    # Rows of one brightness each: a patch of 2 px has the rows a, b, and its covariance two eigenvalues that are not 0.
    rows = np.random.default_rng(0).integers(0, 256, 40).astype(np.uint8)
    image = np.broadcast_to(rows[:, None, None], (40, 40, 3))[None]
    features = of(np.ascontiguousarray(image), references=noise(4, 40, 40), sides=(2,))[0, 36:]
    pairs = np.stack([rows[:-1], rows[1:]]) / 255
    pairs -= pairs.mean(axis=1, keepdims=True)
    variances, axes = np.linalg.eigh(pairs @ pairs.T / 39)
    # Six pixels share a row: their block is 1/6 of the logarithm along the mean, and ln(floor) across it.
    small = (axes * np.log(6 * variances + FLOOR)) @ axes.T
    expected = np.kron(small / 6, np.ones((6, 6))) + math.log(FLOOR) * np.kron(np.eye(2), np.eye(6) - 1 / 6)
    order = np.argsort(
        [channel * 4 + row * 2 + column for row in range(2) for channel in range(3) for column in range(2)]
    )
    matrix = expected[np.ix_(order, order)]
    upper, across = np.triu_indices(12)
    weighted = matrix[upper, across] * np.where(upper == across, 1, math.sqrt(2))
    np.testing.assert_allclose(features, weighted, atol=1e-3)


def test_another_crop_changes_little_and_a_planted_grid_much() -> None:
    rng = np.random.default_rng(0)
    smooth = np.add.outer(np.arange(48), np.arange(52))[..., None] + rng.normal(0, 3, (48, 52, 3)) + 60
    grid = smooth + 2 * (np.indices((48, 52)).sum(0) % 2)[..., None]
    shown = [pixels.round().astype(np.uint8) for pixels in (smooth[:, :48], smooth[:, 4:], grid[:, :48])]
    features = of(np.stack(shown), references=np.stack(shown[:1] * 4), sides=(4,))
    moved, planted_grid = (np.abs(features[row, :AXES] - features[0, :AXES]).max() for row in (1, 2))
    assert planted_grid > 4 * moved


def test_large_images_are_seen_at_every_phase_of_a_grid() -> None:
    pixels = noise(1, 300, 300)
    pixels[:, ::2, ::2] //= 8
    moved = np.roll(pixels, 1, axis=(1, 2))
    one, other = of(np.concatenate([pixels, moved]), references=noise(2, 300, 300), covariance=False)
    # With an even step every patch would begin at the same phase, and the two would differ.
    np.testing.assert_allclose(one[:AXES], other[:AXES], atol=0.1)


def test_a_restored_extractor_and_a_saved_method_answer_as_before(tmp_path: Path) -> None:
    images = with_references(noise(6), noise(8, seed=1))
    fitted = PatchStatistics(sides=(3, 5), covariance=False).fit(images)
    restored = PatchStatistics(sides=(3, 5), covariance=False).restore(load(save(fitted.state())), images.reference)
    np.testing.assert_array_equal(restored.extract(images.scored), fitted.extract(images.scored))
    shown = planted(6)
    method = Method(PatchStatistics(sides=(3,)), LDA(calibration_folds=0)).fit(shown)
    loaded = Method.load(method.save(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict_proba(shown.scored), method.predict_proba(shown.scored))


def test_a_planted_pattern_is_found() -> None:
    answers = cross_validated(Method(PatchStatistics(covariance=False), LDA(calibration_folds=0)), planted(), splits=4)
    right = answers.classes[answers.probabilities.argmax(axis=1)] == answers.truth
    chance = 1 / len(answers.classes)
    assert right.mean() > chance + 3 * math.sqrt(chance * (1 - chance) / len(right))


def test_what_cannot_be_used_is_refused_in_one_line() -> None:
    with pytest.raises(DataError, match=r"^no image is a reference; expected real images"):
        PatchStatistics().fit(ImageSet.from_arrays(noise(2), ["gan", "gan"]))
    with pytest.raises(ImageError, match=r"^images of 11 by 12 px; expected at least 12 px on each side for patch-sta"):
        of(noise(2, 12, 11))
    for sides in ((), (4, 4), (6, 4), (1, 4), (4, 9)):
        with pytest.raises(NumbersError, match=r"expected rising numbers between 2 and 8"):
            PatchStatistics(sides=sides)


def test_small_products_make_no_threads_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    measured, seen = PatchStatistics._measured, set()

    def watched(statistics: PatchStatistics, image: Any) -> Any:
        seen.update(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")
        return measured(statistics, image)

    monkeypatch.setattr(PatchStatistics, "_measured", watched)
    images = with_references(noise(4), noise(8, seed=1))
    with threadpool_limits(2, user_api="blas"):
        PatchStatistics(sides=(2,)).fit(images).extract(images.scored)
    assert seen == {1}
