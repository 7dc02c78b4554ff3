"""Laws of artifacts, for every space that needs no weights from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from manifpt.cache import Cache
from manifpt.errors import DataError
from manifpt.extractors.artifacts import Artifacts, Indexed, Referenced, difference
from manifpt.extractors.points import EmbeddedPoints
from manifpt.images import ImageSet
from manifpt.manifolds.barycentre import Barycentre
from manifpt.manifolds.manifold import Manifold
from manifpt.manifolds.nearest import Nearest
from manifpt.manifolds.tangent import Tangent
from manifpt.registry import built, names

SPACES = ["rgb", "freq", "freq-grey", "rgb+freq", "ssl-cifar"]
# Networks add up in an order that depends on the batch; pixels and spectra do not.
TOLERANCE = {"ssl-cifar": 1e-5}


def pixels(count: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), np.uint8)


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return ImageSet.from_arrays(
        np.concatenate([pixels(30, 0), pixels(12, 1), pixels(8, 2)]),
        ["real"] * 30 + ["gan"] * 12 + ["real"] * 8,
        roles=["reference"] * 30 + [""] * 20,
    )


@pytest.fixture(params=SPACES)
def extractor(request: pytest.FixtureRequest, images: ImageSet) -> Artifacts:
    return Artifacts(request.param).fit(images)


def test_an_artifact_is_the_point_minus_its_nearest_reference(extractor: Artifacts, images: ImageSet) -> None:
    space = extractor.embedding
    points, references = (
        space(part.pixels()).coordinates().astype(float) for part in (images.scored, images.reference)
    )
    flat = ((points[:, None] - references) ** 2).reshape(20, 30, -1).sum(2)
    found = extractor.measured(images.scored)
    assert found.neighbors is not None
    np.testing.assert_array_equal(found.neighbors[:, 0], flat.argmin(1))
    np.testing.assert_allclose(found.artifacts, points - references[flat.argmin(1)], atol=2e-5)
    lengths = np.linalg.norm(found.artifacts.reshape(20, -1).astype(float), axis=1)
    np.testing.assert_allclose(found.distances, lengths, rtol=1e-4)


def test_images_of_the_reference_have_the_artifact_zero(extractor: Artifacts, images: ImageSet) -> None:
    found = extractor.measured(images.reference)
    np.testing.assert_allclose(found.artifacts, 0, atol=TOLERANCE.get(extractor.embedding.name, 0))


def test_an_image_alone_has_the_artifact_that_it_has_in_a_batch(extractor: Artifacts, images: ImageSet) -> None:
    whole = extractor.extract(images.scored)
    alone = np.concatenate([extractor.extract(images.scored.subset([index])) for index in range(20)])
    np.testing.assert_allclose(alone, whole, rtol=0, atol=TOLERANCE.get(extractor.embedding.name, 0))


def test_permuted_images_have_permuted_artifacts(extractor: Artifacts, images: ImageSet) -> None:
    order = np.random.default_rng(3).permutation(20)
    whole = extractor.extract(images.scored)
    np.testing.assert_allclose(
        extractor.extract(images.scored.subset(order)),
        whole[order],
        rtol=0,
        atol=TOLERANCE.get(extractor.embedding.name, 0),
    )


def test_artifacts_are_float32_and_have_the_shape_of_the_space(extractor: Artifacts, images: ImageSet) -> None:
    found = extractor.extract(images.scored.subset([]))
    assert found.dtype == np.float32
    assert found.shape == (0, *extractor.embedding.shape(32, 32))


def test_what_was_fitted_comes_back_from_its_state(extractor: Artifacts, images: ImageSet) -> None:
    other = Artifacts(extractor.embedding.name).restore(extractor.state(), images.reference)
    np.testing.assert_array_equal(other.extract(images.scored), extractor.extract(images.scored))
    assert other.reference_digest_ == extractor.reference_digest_


@pytest.mark.parametrize("space", ["rgb", "ssl-cifar"])
def test_the_cache_changes_no_answer_and_saves_the_search(
    space: str, images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Artifacts(space).fit(images).measured(images.scored)
    first = Artifacts(space, cache=Cache(tmp_path)).fit(images)
    np.testing.assert_allclose(first.measured(images.scored).artifacts, plain.artifacts, atol=1e-5)
    again = Artifacts(space, cache=Cache(tmp_path)).fit(images)
    monkeypatch.setattr(Nearest, "project", lambda *_: pytest.fail("searched again"))
    found = again.measured(images.scored)
    np.testing.assert_allclose(found.artifacts, plain.artifacts, atol=1e-5)
    np.testing.assert_allclose(found.distances, plain.distances, rtol=1e-6)


def test_another_reference_is_not_answered_from_the_cache(images: ImageSet, tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    Artifacts("rgb", cache=cache).fit(images).extract(images.scored)
    rest = images.subset([*range(10, 30), *range(30, 50)])
    fresh = Artifacts("rgb").fit(rest).extract(images.scored)
    np.testing.assert_array_equal(Artifacts("rgb", cache=cache).fit(rest).extract(images.scored), fresh)


def test_scored_reals_are_no_part_of_the_manifold(images: ImageSet) -> None:
    assert (Artifacts("rgb").fit(images).measured(images.scored).distances > 0).all()


def test_pixels_are_subtracted_without_wrapping_or_clipping() -> None:
    rgb = built("embeddings", "rgb")
    black, white = (rgb(np.full((1, 2, 2, 3), level, np.uint8)) for level in (0, 255))
    np.testing.assert_array_equal(difference(black, white), np.full((1, 3, 2, 2), -1, np.float32))
    np.testing.assert_array_equal(difference(white, black), np.full((1, 3, 2, 2), 1, np.float32))


def test_no_reference_is_an_error_that_says_what_to_give(images: ImageSet) -> None:
    with pytest.raises(DataError) as caught:
        Artifacts("rgb").fit(images.scored)
    assert str(caught.value) == (
        "no image is a reference; expected real images that estimate the manifold; "
        "give a folder of reals with --reference (reference= in Python)"
    )


def test_points_are_the_coordinates_themselves(images: ImageSet) -> None:
    points = EmbeddedPoints("rgb").fit(images).extract(images)
    np.testing.assert_allclose(points, images.pixels().transpose(0, 3, 1, 2) / 255, atol=1e-7)


# What lies between references depends on the point, not on the neighbours alone.
BETWEEN: dict[str, Callable[[], Manifold]] = {
    "tangent": lambda: Tangent(neighbors=5),
    "patches": lambda: Tangent(neighbors=5, patch=16),
    "barycentre": lambda: Barycentre(neighbors=5),
}


@pytest.mark.parametrize("space", ["rgb", "freq", "ssl-cifar"])
@pytest.mark.parametrize("name", BETWEEN)
def test_an_artifact_is_the_point_minus_what_lies_between_references(
    name: str, space: str, images: ImageSet, tmp_path: Path
) -> None:
    if name == "patches" and space == "ssl-cifar":
        pytest.skip("vectors have no patches")
    fitted = Artifacts(space, manifold=BETWEEN[name]()).fit(images)
    found = fitted.measured(images.scored)
    points = fitted.embedding(images.scored.pixels())
    projection = BETWEEN[name]().fit([fitted.embedding(images.reference.pixels())]).project(points)
    expected = points.coordinates().astype(float) - projection.points.coordinates()
    np.testing.assert_allclose(found.artifacts, expected, atol=1e-4)
    np.testing.assert_array_equal(found.neighbors, projection.neighbors)
    lengths = np.linalg.norm(found.artifacts.reshape(20, -1).astype(float), axis=1)
    np.testing.assert_allclose(found.distances, lengths, rtol=1e-4)
    nearest = Artifacts(space).fit(images).measured(images.scored)
    assert abs(found.artifacts - nearest.artifacts).max() > 0.01
    # With a cache, also a full one, the answer stays.
    for _ in range(2):
        again = Artifacts(space, manifold=BETWEEN[name](), cache=Cache(tmp_path)).fit(images).measured(images.scored)
        np.testing.assert_allclose(again.artifacts, found.artifacts, atol=1e-5)
        np.testing.assert_allclose(again.distances, found.distances, rtol=1e-5)


@pytest.mark.parametrize("name", BETWEEN)
def test_such_projections_are_not_taken_from_the_neighbours(name: str, images: ImageSet) -> None:
    manifold = Artifacts("rgb", manifold=BETWEEN[name]()).fit(images).manifold_
    assert isinstance(manifold, Referenced)
    assert not isinstance(manifold, Indexed)


# Learned ones keep weights instead, and take pixels alone.
@pytest.mark.parametrize("manifold", sorted({*names("manifolds")} - {"denoiser", "restorer", "autoencoder"}))
def test_every_manifold_gives_back_the_references_of_a_costly_space(manifold: str, images: ImageSet) -> None:
    fitted = Artifacts("ssl-cifar", manifold=manifold).fit(images)
    state = fitted.state()
    np.testing.assert_array_equal(state["points"], fitted.embedding(images.reference.pixels()).coordinates())
    other = Artifacts("ssl-cifar", manifold=manifold).restore(state, images.reference)
    np.testing.assert_array_equal(other.extract(images.scored), fitted.extract(images.scored))
    assert not Artifacts("rgb", manifold=manifold).fit(images).state()


@pytest.mark.parametrize("name", ["tangent", "patches"])
def test_references_have_the_artifact_zero_in_pixels_though_between_them_it_is_float32(
    name: str, images: ImageSet
) -> None:
    found = Artifacts("rgb", manifold=BETWEEN[name]()).fit(images).measured(images.reference)
    assert abs(found.artifacts).max() == 0
    assert found.distances.max() == 0


def test_references_are_handed_over_to_a_manifold_of_the_same_settings(images: ImageSet) -> None:
    fitted = Artifacts("rgb", manifold=Tangent(neighbors=5)).fit(images)
    expected, other = fitted.extract(images.scored), Tangent(neighbors=5)
    np.testing.assert_array_equal(fitted.projected_by(other).extract(images.scored), expected)
    assert fitted.manifold_ is other
    with pytest.raises(DataError, match="fit anew with the other manifold"):
        fitted.projected_by(Tangent(neighbors=6))
