"""The deep-convolutional GAN (Radford et al. 2016), the centre about which single choices are varied."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from manifpt.attributors.randomness import seeded
from manifpt.zoo.design import Design
from manifpt.zoo.networks.adversarial import Adversarial, penalised, pyramid
from manifpt.zoo.networks.conditioning import Projection, class_conditional
from manifpt.zoo.networks.honouring import refuse_unhonoured
from manifpt.zoo.networks.layers import downsampling, enlarged, nonlinearity, normalisation, upsampling
from manifpt.zoo.networks.objective import Recipe

LATENT = 64
ALLOWED = {
    "upsampling": ("transposed", "nearest", "bilinear", "shuffle", "fir"),
    "normalisation": ("batch", "group", "instance", "none"),
    "downsampling": ("strided", "average", "fir"),
    "skip": ("none", "residual", "output"),
    "loss": ("bce", "least-squares", "hinge", "wgan-gp", "wgan-lp", "dragan-gp", "dragan-lp", "r1"),
}


def objective(design: Design) -> Adversarial:
    """Return the generator of a design with its discriminator.

    Normalisation and non-linearity are the generator's. The discriminator has leaky ReLUs; no norm of maps where
    gradients are penalised (Gulrajani et al. 2017); elsewhere spectral norm of weights (Miyato et al. 2018). With the
    paper's batch norm, a batch of reals and one of generated images, each normalised by itself, were told apart before
    the generator had learnt anything. The rate and Adam's betas are chosen for some thousand steps.

    Raises:
        UnknownNameError: A choice cannot be honoured.
        NumbersError: The width cannot be divided into the groups of group norm.
    """
    refuse_unhonoured(design, **ALLOWED)
    with seeded(design.seed):
        generator, discriminator = class_conditional(Generator(design), design.classes), Discriminator(design)
    return Adversarial(
        generator, discriminator, design.loss, Recipe(64, 6e-4, (0.0, 0.9), falling=False), classes=design.classes
    )


class Generator(nn.Module):
    """Maps that double from 4 × 4, the last time into the image itself.

    Args:
        design: Its choices; the maps have four times the width at 4 × 4, and the width before the image.

    Example:
        >>> design = Design("a", "gan", "dcgan", "transposed", "relu", "batch", "strided", "none", "bce", width=8)
        >>> Generator(design).sampled(torch.zeros(2, 64)).shape
        torch.Size([2, 3, 32, 32])
    """

    latent_shape = (LATENT,)

    def __init__(self, design: Design) -> None:
        super().__init__()
        channels = pyramid(design)[:-1]
        stem = nn.Linear(LATENT, channels[0] * 16)
        grown = [upsampling(design.upsampling, *pair) for pair in pairwise((*channels, 3))]
        if design.normalisation in ("batch", "instance"):
            for layer in (stem, *grown[:-1]):
                without_bias(layer)
        finish = [(normalisation(design.normalisation, count), nonlinearity(design.nonlinearity)) for count in channels]
        self.stem = nn.Sequential(stem, nn.Unflatten(1, (channels[0], 4, 4)), *finish[0])
        self.grown = nn.ModuleList(
            nn.Sequential(layer, *rest) for layer, rest in zip(grown, (*finish[1:], ()), strict=True)
        )
        self.bridges = nn.ModuleList(_bridge(design.skip, *pair) for pair in pairwise((*channels, 3)))
        self.enlarged = enlarged(design.upsampling)
        self.skip = design.skip
        _initialise(self)
        # Far beyond ±1 the final tanh passes no gradient.
        for weight in (*self.grown[-1].parameters(), *self.bridges.parameters()):
            weight.data.mul_(0.5)

    def forward(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], (n, 3, size, size), of latents (n, 64)."""
        hidden, picture = self.stem(latent), latent.new_zeros(())
        for grown, bridge in zip(self.grown, self.bridges, strict=True):
            bridged, hidden = bridge(hidden), grown(hidden)
            if self.skip == "residual":
                hidden = hidden + self.enlarged(bridged)
            if self.skip == "output":
                picture = self.enlarged(picture + bridged)
        return torch.tanh(hidden + picture)

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], (n, 3, size, size), of standard normal latents (n, 64)."""
        return cast(Tensor, self(latent))


class Discriminator(nn.Module):
    """Maps that halve down to 4 × 4, then one score that also sees how much the batch varies.

    Args:
        design: Its choices; the maps have the width at half the image's size, and four times the width at 4 × 4.
    """

    def __init__(self, design: Design) -> None:
        super().__init__()
        channels = (3, *reversed(pyramid(design)[:-1]))
        layers: list[nn.Module] = []
        for pair in pairwise(channels):
            layers += [downsampling(design.downsampling, *pair), nonlinearity("lrelu")]
        self.layers = nn.Sequential(*layers)
        self.score = nn.Linear((channels[-1] + 1) * 16, 1)
        self.classes = Projection(design.classes, channels[-1])
        _initialise(self)
        if not penalised(design.loss):
            spectral(self)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return one score per image, (n,), higher where it looks real, and like its class (n,) where there is one."""
        hidden = self.layers(images)
        score = cast(Tensor, self.score(torch.cat([hidden, deviation(hidden)], 1).flatten(1)))[:, 0]
        # By the root of the positions, so that the class weighs what the image does.
        return score + cast(Tensor, self.classes(hidden.sum((2, 3)) / 4, labels))


def deviation(maps: Tensor) -> Tensor:
    """Return how much maps (n, c, h, w) vary in the batch, one number in a map (n, 1, h, w) (Karras et al. 2018).

    Example:
        >>> deviation(torch.tensor([1.0, 3.0]).view(2, 1, 1, 1)).flatten().tolist()
        [1.0, 1.0]
    """
    spread = (maps.var(0, correction=0) + 1e-8).sqrt().mean()
    return spread.expand(len(maps), 1, *maps.shape[2:])


def spectral(network: nn.Module) -> None:
    """Divide every weight of a network by its largest singular value (Miyato et al. 2018)."""
    for part in list(network.modules()):
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.utils.parametrizations.spectral_norm(part)


def without_bias(network: nn.Module) -> None:
    """Take the biases of a network's layers away, which batch or instance norm would subtract again."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            part.register_parameter("bias", None)


def _bridge(skip: str, before: int, after: int) -> nn.Module:
    if skip == "none":
        return nn.Identity()
    return nn.Conv2d(before, after if skip == "residual" else 3, 1)


def _initialise(network: nn.Module) -> None:
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            # Variance is kept. Under the paper's deviation of 0.02 all images became one in the first steps, for long.
            nn.init.normal_(part.weight, 0, (2 / _inputs(part)) ** 0.5)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def _inputs(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> int:
    # A transposed convolution of stride 2 reaches each output with a quarter of its weights.
    if isinstance(layer, nn.ConvTranspose2d):
        return layer.in_channels * layer.weight[0, 0].numel() // 4
    return layer.weight[0].numel()
