from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from manifpt.errors import DataError
from manifpt.images import ImageSet, folds, held_out

Noise = Callable[..., NDArray[np.uint8]]


def _set(counts: list[int], *, alike: int = 0, latents: list[str] | None = None, seed: int = 0) -> ImageSet:
    """Images of independent pixels; the last ``alike`` are faint variations of the first ones of the set."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 250, (sum(counts), 16, 16, 3), np.uint8)
    if alike:
        images[-alike:] = images[:alike] + rng.integers(0, 5, (alike, 16, 16, 3), np.uint8)
    names = [f"g{index}" for index, count in enumerate(counts) for _ in range(count)]
    return ImageSet.from_arrays(images, names, latents=latents)


def _sides(images: ImageSet, parts: int, seed: int) -> dict[str, int]:
    """Fold of each image, by content."""
    return {
        images.digests[row]: number
        for number, fold in enumerate(folds(images, folds=parts, seed=seed))
        for row in fold.test
    }


@settings(max_examples=25, deadline=None)
@given(
    counts=st.lists(st.integers(8, 20), min_size=1, max_size=4),
    parts=st.integers(2, 4),
    alike=st.integers(0, 3),
    seed=st.integers(0, 100),
)
def test_every_image_is_tested_once_and_what_is_alike_stays_together_in_any_order(
    counts: list[int], parts: int, alike: int, seed: int
) -> None:
    images = _set(counts, alike=alike, seed=seed)
    made = folds(images, folds=parts, seed=seed)
    assert len(made) == parts
    np.testing.assert_array_equal(np.sort(np.concatenate([fold.test for fold in made])), np.arange(len(images)))
    for fold in made:
        np.testing.assert_array_equal(np.sort(np.concatenate([fold.train, fold.test])), np.arange(len(images)))
        assert not set(images.groups[fold.train]) & set(images.groups[fold.test])
    order = np.random.default_rng(seed).permutation(len(images))
    assert _sides(images.subset(order), parts, seed) == _sides(images, parts, seed)


def test_planted_near_duplicates_were_really_grouped() -> None:
    images = _set([10, 10], alike=3)
    assert len(np.unique(images.groups)) == 17


def test_the_folds_of_distinct_images_are_stratified() -> None:
    images = _set([20, 35, 10])
    for fold in folds(images, folds=5, seed=1):
        assert Counter(images.generators[fold.test].tolist()) == {"g0": 4, "g1": 7, "g2": 2}


def test_images_of_one_latent_stay_together() -> None:
    images = _set([12], latents=[str(index % 6) for index in range(12)])
    for fold in folds(images, folds=3):
        latents = np.array([record.latent for record in images.records])
        assert not set(latents[fold.train]) & set(latents[fold.test])


def test_one_seed_gives_one_partition_and_another_seed_another() -> None:
    images = _set([20, 20])
    assert _sides(images, 5, 3) == _sides(images, 5, 3)
    assert len({tuple(sorted(_sides(images, 5, seed).items())) for seed in range(5)}) == 5


def test_the_global_generator_is_left_alone() -> None:
    before = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002, RUF100
    folds(_set([10, 10]), seed=4)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # type: ignore[index]  # noqa: NPY002, RUF100


def test_too_few_images_of_a_generator_are_an_error_that_names_it() -> None:
    with pytest.raises(DataError) as caught:
        folds(_set([10, 4]))
    assert str(caught.value) == (
        "g1 has 4 images; expected at least 5, one for each fold; add images, use fewer --folds, or leave the "
        "generator out"
    )


def test_too_few_that_differ_are_an_error_that_says_so() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 250, (16, 16, 16, 3), np.uint8)
    images[10:] = images[10] + rng.integers(0, 4, (6, 1, 1, 1), np.uint8)
    with pytest.raises(DataError, match=r"^g1 has 6 images of which 1 are not near-duplicates; expected at least 5,"):
        folds(ImageSet.from_arrays(images, ["g0"] * 10 + ["g1"] * 6))


@pytest.mark.parametrize("parts", [1, 0, -2])
def test_fewer_than_two_folds_are_a_mistake_of_the_user(parts: int) -> None:
    with pytest.raises(DataError):
        folds(_set([10, 10]), folds=parts)


def test_the_roles_of_a_manifest_are_the_split_where_it_marks_test_images(noise: Noise) -> None:
    roles = ["train", "test", "", "validation", "test"]
    found = held_out(ImageSet.from_arrays(noise(5), list("abcde"), roles=roles))
    assert found is not None
    assert (found.train.tolist(), found.test.tolist()) == ([0, 2, 3], [1, 4])
    assert held_out(ImageSet.from_arrays(noise(2), list("ab"), roles=["train", ""])) is None


def test_a_reference_is_on_no_side_of_the_roles_split(noise: Noise) -> None:
    images = ImageSet.from_arrays(noise(4), ["real", "a", "a", "real"], roles=["reference", "test", "train", ""])
    found = held_out(images)
    assert found is not None
    assert (found.train.tolist(), found.test.tolist()) == ([2, 3], [1])


def test_references_are_on_no_side_of_a_fold(noise: Noise) -> None:
    images = ImageSet.from_arrays(noise(14), ["real"] * 8 + ["a"] * 6, roles=["reference"] * 4 + [""] * 10)
    made = folds(images, folds=2)
    np.testing.assert_array_equal(np.sort(np.concatenate([fold.test for fold in made])), np.arange(4, 14))
    for fold in made:
        np.testing.assert_array_equal(np.sort(np.concatenate([fold.train, fold.test])), np.arange(4, 14))
        assert len(fold.test) == 5


def test_nothing_to_fold_is_a_mistake_of_the_user(noise: Noise) -> None:
    with pytest.raises(DataError, match="no image is scored; expected images that are not references"):
        folds(ImageSet.from_arrays(noise(4), ["real"] * 4, roles=["reference"] * 4))


def test_a_few_near_duplicates_leave_the_folds_stratified() -> None:
    images = _set([40, 40, 40], alike=12)
    counts = [Counter(images.generators[fold.test].tolist()) for fold in folds(images, seed=2)]
    assert all(count == {"g0": 8, "g1": 8, "g2": 8} for count in counts)
