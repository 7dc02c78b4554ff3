"""Distances between images as losses: pixels, structural similarity, features of ``sl-cifar``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from manifpt.embeddings.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from manifpt.embeddings.residual import SmallResNet
from manifpt.embeddings.small import SupervisedCIFAR
from manifpt.errors import UnknownNameError

Distance = Callable[[Tensor, Tensor], Tensor]

# Wang et al. 2004: a Gaussian window, deviation 1.5 in 11 pixels, and two constants that keep quotients finite.
RADIUS = 5
DEVIATION = 1.5
STABILITY = (0.01, 0.03)
_SMALLEST_SCALE = 1e-6  # grey images have no mean square to compare with


def structural_similarity(first: Tensor, second: Tensor, *, span: float = 2.0) -> Tensor:
    """Return the structural similarity of pairs of images (Wang et al. 2004, equation 13), (n,), at most 1.

    The mean over channels and over all windows that lie within the image.

    Args:
        first: (n, channels, h, w), sides of at least 11.
        second: The same shape.
        span: Largest value that a pixel can have; the smallest is 0.

    Example:
        >>> images = torch.linspace(-1, 1, 3 * 16 * 16).view(1, 3, 16, 16)
        >>> structural_similarity(images, images)
        tensor([1.])
    """
    means = [_windowed(maps) for maps in (first, second, first * first, second * second, first * second)]
    mean, other, square, other_square, product = means
    small, smaller = ((constant * span) ** 2 for constant in STABILITY)
    luminance = (2 * mean * other + small) / (mean.square() + other.square() + small)
    covariance, variances = product - mean * other, square + other_square - mean.square() - other.square()
    structure = (2 * covariance + smaller) / (variances + smaller)
    return (luminance * structure).flatten(1).mean(1)


def _windowed(maps: Tensor) -> Tensor:
    offsets = torch.arange(-RADIUS, RADIUS + 1, dtype=maps.dtype, device=maps.device)
    line = torch.exp(-(offsets.square()) / (2 * DEVIATION**2))
    line = (line / line.sum()).expand(maps.shape[1], 1, -1)
    rows = functional.conv2d(maps, line[..., None, :], groups=maps.shape[1])
    return functional.conv2d(rows, line[..., None], groups=maps.shape[1])


class FeatureDistance(nn.Module):
    """Mean squared differences between pixels, and between the maps after each stage of ``sl-cifar`` (ResNet-20).

    Pixels are among them since features alone take long to find the colours. The network sees images at their own size:
    reduced to its usual 32 pixels, larger ones would lose the finest detail.

    Args:
        network: Its weights; without, those of ``sl-cifar``.

    Raises:
        WeightsError: The weights are absent.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: SmallResNet | None = None) -> None:
        super().__init__()
        self.network = network if network is not None else cast("SmallResNet", SupervisedCIFAR().network)
        self.network.eval().requires_grad_(False)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor(IMAGENET_STD).view(3, 1, 1))

    def maps(self, images: Tensor) -> list[Tensor]:
        """Return the maps after each stage of images in [−1, 1] (n, 3, h, w), from fine to coarse."""
        self.to(images.device)
        pixels = ((images + 1) / 2 - self.mean) / self.deviation
        network = self.network
        found = [network.maps(pixels, 1)]
        for stage in (network.layer2, network.layer3):
            found.append(stage(found[-1]))
        return found

    def forward(self, images: Tensor, targets: Tensor) -> Tensor:
        """Return the mean squared difference of pixels and after each stage, (4,); gradients go to ``images`` alone."""
        return self._differences(images, targets)[0]

    def relative(self, images: Tensor, targets: Tensor) -> Tensor:
        """Return the mean of the four differences, each in units of the target's mean square."""
        differences, scales = self._differences(images, targets)
        return (differences / scales.clamp(min=_SMALLEST_SCALE)).mean()

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation: a fixed network must not follow the images that it sees."""
        return super().train(False)

    def _differences(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            wanted = [targets.detach(), *self.maps(targets)]
        pairs = zip([images, *self.maps(images)], wanted, strict=True)
        differences = torch.stack([functional.mse_loss(maps, others) for maps, others in pairs])
        return differences, torch.stack([maps.square().mean() for maps in wanted])


def reconstruction(loss: str) -> Distance:
    """Return the distance between images in [−1, 1] and their targets that a decoder is trained for, a scalar.

    Args:
        loss: ``l2``, ``l1``, ``ssim`` (one less the similarity of the images continued by reflection, so that pixels at
            the edge count like all others) or ``perceptual``.

    Raises:
        UnknownNameError: There is no such distance.
        WeightsError: ``perceptual`` without the weights of ``sl-cifar``.

    Example:
        >>> float(reconstruction("l1")(torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16)))
        1.0
    """
    distances: dict[str, Callable[[], Distance]] = {
        "l2": lambda: functional.mse_loss,
        "l1": lambda: functional.l1_loss,
        "ssim": lambda: _dissimilarity,
        "perceptual": lambda: FeatureDistance().relative,
    }
    if loss not in distances:
        raise UnknownNameError(
            f"{loss!r} is no distance between images",
            expected=f"one of {', '.join(distances)}",
            remedy="choose one of them",
        )
    return distances[loss]()


def _dissimilarity(images: Tensor, targets: Tensor) -> Tensor:
    margin = (RADIUS,) * 4
    # Means are compared by their product, which wants black at 0: about a grey of 0, an inverted image would do too.
    continued = [functional.pad(maps + 1, margin, mode="reflect") for maps in (images, targets)]
    return 1 - structural_similarity(*continued).mean()
