"""Distances between images: against scikit-image, by hand, and as losses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity as known_similarity
from torch import Tensor

from manifpt.embeddings.residual import SmallResNet
from manifpt.embeddings.small import SupervisedCIFAR
from manifpt.errors import UnknownNameError, WeightsError
from manifpt.zoo.networks.perceptual import FeatureDistance, reconstruction, structural_similarity


def pictures(count: int, size: int, seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, size, size, generator=random) * 2 - 1


@pytest.fixture
def features() -> FeatureDistance:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return FeatureDistance(SmallResNet((1, 1, 1), (8, 16, 32)))


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.5, 2.0])
@pytest.mark.parametrize("size", [16, 32])
def test_structural_similarity_is_that_of_scikit_image(noise: float, size: int) -> None:
    first = pictures(3, size, 0)
    second = (first + noise * (pictures(3, size, 1))).clamp(-1, 1)
    known = [
        known_similarity(
            a.permute(1, 2, 0).double().numpy(), b.permute(1, 2, 0).double().numpy(),
            channel_axis=2, data_range=2.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        )
        for a, b in zip(first, second, strict=True)
    ]  # fmt: skip
    np.testing.assert_allclose(structural_similarity(first, second).numpy(), known, atol=1e-4)


def test_structural_similarity_of_two_flat_images_is_the_luminance_term() -> None:
    dark, bright = torch.full((1, 3, 12, 12), 0.2), torch.full((1, 3, 12, 12), 0.6)
    small = (0.01 * 2) ** 2
    expected = (2 * 0.2 * 0.6 + small) / (0.2**2 + 0.6**2 + small)
    # float32 leaves a variance of some 1e-8 beside a constant of 0.0036.
    assert structural_similarity(dark, bright).item() == pytest.approx(expected, abs=1e-4)


def test_an_inverted_image_is_far_in_structural_similarity() -> None:
    bright = 0.6 + 0.3 * pictures(4, 32, 0)
    distance = reconstruction("ssim")
    assert distance(-bright, bright) > 0.9
    assert distance(bright * 0.9, bright) < 0.1


def test_each_pair_of_a_batch_has_its_own_similarity() -> None:
    first, second = pictures(4, 16, 0), pictures(4, 16, 1)
    second[2] = first[2]
    found = structural_similarity(first, second)
    assert found.shape == (4,)
    assert found[2] == pytest.approx(1, abs=1e-6)
    assert found[[0, 1, 3]].max() < 0.5


@pytest.mark.parametrize("loss", ["l2", "l1", "ssim", "perceptual"])
@pytest.mark.usefixtures("feature_weights")
def test_a_distance_is_0_for_equal_images_and_falls_down_its_gradient(loss: str) -> None:
    distance = reconstruction(loss)
    target = pictures(2, 32, 0)
    assert distance(target, target).item() == pytest.approx(0, abs=1e-6)
    images = pictures(2, 32, 1).requires_grad_()
    before = distance(images, target)
    before.backward()
    assert images.grad is not None
    assert (images.grad != 0).float().mean() > 0.98, "every pixel counts, also at the edge"
    with torch.no_grad():
        length = 0.05 * images.norm() / images.grad.norm()
        assert distance(images - length * images.grad, target) < before


def test_l1_and_l2_are_the_means_over_pixels() -> None:
    images, target = torch.zeros(1, 1, 1, 2), torch.tensor([[[[1.0, -3.0]]]])
    assert reconstruction("l1")(images, target).item() == 2
    assert reconstruction("l2")(images, target).item() == 5


def test_a_feature_distance_is_the_mean_squared_difference_of_pixels_and_of_each_stages_maps(
    features: FeatureDistance,
) -> None:
    images, others = pictures(2, 32, 0), pictures(2, 32, 1)
    pairs = list(zip([images, *features.maps(images)], [others, *features.maps(others)], strict=True))
    expected = torch.stack([(a - b).square().mean() for a, b in pairs])
    torch.testing.assert_close(features(images, others), expected)
    relative = [((a - b).square().mean() / b.square().mean()) for a, b in pairs]
    torch.testing.assert_close(features.relative(images, others), sum(relative) / 4)


def test_features_are_those_of_the_embedding(feature_weights: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    images = torch.tensor(pixels).permute(0, 3, 1, 2) / 127.5 - 1
    for stage, maps in enumerate(FeatureDistance().maps(images), start=1):
        expected = SupervisedCIFAR(layer=stage)(pixels).values
        np.testing.assert_allclose(maps.numpy(), expected, rtol=1e-3, atol=1e-4)


def test_features_of_64_pixels_see_what_is_lost_at_32(features: FeatureDistance) -> None:
    images = torch.zeros(1, 3, 64, 64)
    finest = images + 0.5 * (-1) ** torch.arange(64)
    assert features(images, finest)[1] > 1e-3


def test_the_feature_network_is_not_trained(features: FeatureDistance) -> None:
    assert not any(parameter.requires_grad for parameter in features.parameters())
    assert not features.network.training
    features.train()
    assert not features.network.training
    target = pictures(1, 32, 0).requires_grad_()
    features(pictures(1, 32, 1).requires_grad_(), target).sum().backward()
    assert target.grad is None, "gradients go to the images, not to their targets"


def test_an_unknown_distance_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="'l3' is no distance between images; expected one of l2, l1, ssim"):
        reconstruction("l3")


def test_without_weights_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MANIFPT_WEIGHTS", raising=False)
    with pytest.raises(WeightsError, match="MANIFPT_WEIGHTS"):
        reconstruction("perceptual")


def test_the_similarity_loss_sees_the_corner_as_it_sees_the_centre() -> None:
    distance, target = reconstruction("ssim"), pictures(1, 32, 0)
    losses = []
    for place in (slice(0, 3), slice(14, 17)):
        images = target.clone()
        images[..., place, place] *= -1
        losses.append(distance(images, target).item())
    assert losses[0] > 0.3 * losses[1]
