"""Random views of a batch of images, for self-supervised training."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

# Probabilities
MIRRORED, JITTERED, GREYED = 0.5, 0.8, 0.2
# Rows: luma, then two chroma axes, of RGB (NTSC). Hue is an angle in the chroma plane.
_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def view(pixels: Tensor, generator: Generator) -> Tensor:
    """Return one random view of each image: crop, flip, colour jitter, grey (Zbontar et al. 2021).

    Their blur is left out because the finest scales carry what tells generators apart.

    Args:
        pixels: (n, 3, h, w), float, in [0, 1].
        generator: Source of all randomness.

    Returns:
        (n, 3, h, w), float, in [0, 1].
    """
    return _recoloured(_cropped(pixels, generator), generator)


def _cropped(pixels: Tensor, generator: Generator) -> Tensor:
    """Return crops of 20-100 % of the area, ratios 3:4-4:3, half of them mirrored, at the images' size."""
    draws = torch.rand(5, len(pixels), generator=generator)
    area = 0.2 + 0.8 * draws[0]
    ratio = torch.exp((2 * draws[1] - 1) * math.log(4 / 3))
    across = (area * ratio).sqrt().clamp(max=1)
    down = (area / ratio).sqrt().clamp(max=1)
    transform = torch.zeros(len(pixels), 2, 3)
    transform[:, 0, 0] = torch.where(draws[2] < MIRRORED, across, -across)
    transform[:, 1, 1] = down
    transform[:, 0, 2] = (2 * draws[3] - 1) * (1 - across)
    transform[:, 1, 2] = (2 * draws[4] - 1) * (1 - down)
    grid = functional.affine_grid(transform, list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)


def _recoloured(pixels: Tensor, generator: Generator) -> Tensor:
    """Return images with brightness, contrast, saturation and hue changed, some of them greyed."""
    draws = torch.rand(6, len(pixels), 1, 1, 1, generator=generator)
    jittered = draws[0] < JITTERED
    brightness, contrast, saturation = (
        torch.where(jittered, 1 + strength * (2 * draw - 1), 1.0)
        for strength, draw in zip((0.4, 0.4, 0.4), draws[1:4], strict=True)
    )
    saturation = torch.where(draws[5] < GREYED, 0.0, saturation)
    angle = torch.where(jittered, 0.1 * 2 * math.pi * (2 * draws[4] - 1), 0.0)
    luma, first, second = torch.einsum("ij,njhw->nihw", _YIQ, pixels * brightness).unbind(1)
    mean = luma.mean(dim=(1, 2), keepdim=True)
    luma = mean + contrast[:, 0] * (luma - mean)
    cosine, sine = (saturation * contrast * angle.cos())[:, 0], (saturation * contrast * angle.sin())[:, 0]
    turned = torch.stack((luma, cosine * first - sine * second, sine * first + cosine * second), 1)
    return torch.einsum("ij,njhw->nihw", torch.linalg.inv(_YIQ), turned).clamp(0, 1)
