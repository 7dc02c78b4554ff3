"""A BigGAN-like generator (Brock et al. 2019): residual blocks modulated by parts of the latent."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from manifpt.attributors.randomness import seeded
from manifpt.zoo.design import Design
from manifpt.zoo.networks.adversarial import Adversarial, pyramid
from manifpt.zoo.networks.conditioning import Projection, class_conditional
from manifpt.zoo.networks.dcgan import spectral, without_bias
from manifpt.zoo.networks.honouring import refuse_unhonoured
from manifpt.zoo.networks.layers import convolution, enlarged, nonlinearity, upsampling
from manifpt.zoo.networks.objective import Recipe

# Of the stem and of each block.
PART = 16
ALLOWED = {
    "upsampling": ("nearest", "bilinear", "fir", "transposed", "shuffle"),
    "normalisation": ("batch",),
    "downsampling": ("average",),
    "skip": ("residual",),
    "loss": ("hinge", "bce", "least-squares"),
}


def objective(design: Design) -> Adversarial:
    """Return the generator of a design with its discriminator, under spectral norm and with ReLUs whatever the loss.

    Raises:
        UnknownNameError: A choice cannot be honoured.
    """
    refuse_unhonoured(design, **ALLOWED)
    with seeded(design.seed):
        generator, discriminator = class_conditional(Generator(design), design.classes), Discriminator(design)
    return Adversarial(
        generator, discriminator, design.loss, Recipe(64, 2e-4, (0.0, 0.9), falling=False), classes=design.classes
    )


class Generator(nn.Module):
    """Residual blocks that double maps from 4 × 4 to the image's size.

    Args:
        design: Its choices; the maps have four times the width at 4 × 4, and the width at full size.

    Example:
        >>> design = Design("a", "gan", "biggan", "nearest", "relu", "batch", "average", "residual", "hinge", width=8)
        >>> generator = Generator(design)
        >>> generator.latent_shape, generator.sampled(torch.zeros(2, 64)).shape
        ((64,), torch.Size([2, 3, 32, 32]))
    """

    def __init__(self, design: Design) -> None:
        super().__init__()
        channels = pyramid(design)
        self.latent_shape = (PART * len(channels),)
        self.stem = nn.Linear(PART, channels[0] * 16)
        self.blocks = nn.ModuleList(Grown(design, *pair) for pair in pairwise(channels))
        without_bias(self.blocks)
        self.norm = nn.BatchNorm2d(channels[-1])
        self.nonlinearity = nonlinearity(design.nonlinearity)
        self.image = convolution(channels[-1], 3)
        _orthogonalise(self)

    def forward(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], (n, 3, size, size), of latents (n, 16 · (blocks + 1))."""
        first, *parts = torch.split(latent, PART, 1)
        hidden = self.stem(first).unflatten(1, (-1, 4, 4))
        for block, part in zip(self.blocks, parts, strict=True):
            hidden = block(hidden, part)
        return torch.tanh(self.image(self.nonlinearity(self.norm(hidden))))

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], (n, 3, size, size), of standard normal latents (n, 16 · (blocks + 1))."""
        return cast(Tensor, self(latent))


class Modulated(nn.Module):
    """Batch norm whose gain and bias are linear in a latent.

    Args:
        channels: Of its maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Linear(PART, channels, bias=False)
        self.bias = nn.Linear(PART, channels, bias=False)

    def forward(self, maps: Tensor, latent: Tensor) -> Tensor:
        """Return normalised maps (n, channels, h, w) times 1 + gain, plus bias, of latents (n, 16)."""
        gain, bias = (layer(latent)[:, :, None, None] for layer in (self.gain, self.bias))
        return cast(Tensor, self.norm(maps) * (1 + gain) + bias)


class Grown(nn.Module):
    """A residual block that doubles maps, modulated by a latent.

    Args:
        design: Its upsampling and non-linearity.
        before: Channels of the input.
        after: Channels of the output.
    """

    def __init__(self, design: Design, before: int, after: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList((Modulated(before), Modulated(after)))
        self.nonlinearity = nonlinearity(design.nonlinearity)
        self.grown = upsampling(design.upsampling, before, after)
        self.convolution = convolution(after, after)
        self.skip = nn.Sequential(nn.Conv2d(before, after, 1), enlarged(design.upsampling))

    def forward(self, maps: Tensor, latent: Tensor) -> Tensor:
        """Return maps (n, after, 2h, 2w) of maps (n, before, h, w) and latents (n, 16)."""
        hidden = self.grown(self.nonlinearity(self.norms[0](maps, latent)))
        hidden = self.convolution(self.nonlinearity(self.norms[1](hidden, latent)))
        return cast(Tensor, hidden + self.skip(maps))


class Discriminator(nn.Module):
    """Residual blocks that halve maps by averages to 4 × 4, then one score of the summed features.

    Args:
        design: Its width; the maps have the width after the first block, and four times the width at 4 × 4.
    """

    def __init__(self, design: Design) -> None:
        super().__init__()
        channels = pyramid(design)[::-1]
        first = Shrunk(3, channels[1], first=True)
        self.blocks = nn.Sequential(first, *(Shrunk(*pair, first=False) for pair in pairwise(channels[1:])))
        self.score = nn.Linear(channels[-1], 1)
        self.classes = Projection(design.classes, channels[-1])
        _orthogonalise(self)
        spectral(self)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return one score per image, (n,), higher where it looks real, and like its class (n,) where there is one."""
        features = self.blocks(images).relu().sum((2, 3))
        return cast(Tensor, self.score(features)[:, 0] + self.classes(features, labels))


class Shrunk(nn.Module):
    """A residual block that halves maps by averages.

    Args:
        before: Channels of the input.
        after: Channels of the output.
        first: Whether the input is an image, which no non-linearity should touch.
    """

    def __init__(self, before: int, after: int, *, first: bool) -> None:
        super().__init__()
        opening = nn.Identity() if first else nn.ReLU()
        inner = after if first else before
        self.path = nn.Sequential(
            opening, convolution(before, inner), nn.ReLU(), convolution(inner, after), nn.AvgPool2d(2)
        )
        self.skip = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(before, after, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (n, after, h/2, w/2) of maps (n, before, h, w)."""
        return cast(Tensor, self.path(maps) + self.skip(maps))


def _orthogonalise(network: nn.Module) -> None:
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.orthogonal_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
