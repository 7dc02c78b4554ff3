"""A StyleGAN2-like generator (Karras et al. 2020): styles scale the weights, and images add up from all resolutions.

Left out: noise inputs (all randomness is in the latent), style mixing and path-length regularisation.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from manifpt.attributors.randomness import seeded
from manifpt.zoo.design import Design
from manifpt.zoo.networks.adversarial import Adversarial, pyramid
from manifpt.zoo.networks.conditioning import Projection, class_conditional
from manifpt.zoo.networks.dcgan import deviation
from manifpt.zoo.networks.honouring import refuse_unhonoured
from manifpt.zoo.networks.layers import Smoothed, enlarged, nonlinearity
from manifpt.zoo.networks.objective import Recipe

LATENT = 64
MAPPINGS = 4
# The mapping learns at a hundredth of the rate.
SLOW = 0.01
# Restores the variance that a rectifier takes.
GAIN = 2**0.5
ALLOWED = {
    "upsampling": ("fir", "bilinear", "nearest"),
    "normalisation": ("demodulation",),
    "downsampling": ("fir",),
    "skip": ("output",),
    "loss": ("r1",),
}


def objective(design: Design) -> Adversarial:
    """Return the generator of a design with its residual discriminator.

    Raises:
        UnknownNameError: A choice cannot be honoured.
    """
    refuse_unhonoured(design, **ALLOWED)
    with seeded(design.seed):
        generator, discriminator = class_conditional(Generator(design), design.classes), Discriminator(design)
    # Equalised weights move by their scale times the rate: 2e-3 here is about 1e-4 elsewhere.
    return Adversarial(
        generator, discriminator, design.loss, Recipe(64, 2e-3, (0.0, 0.99), falling=False), classes=design.classes
    )


class Dense(nn.Linear):
    """A linear layer with equalised learning rate: unit normal weights, scaled when used (Karras et al. 2018).

    Args:
        before: Features of the input.
        after: Features of the output.
        slowness: What the learning rate is multiplied by.
        bias: The initial bias.
    """

    def __init__(self, before: int, after: int, *, slowness: float = 1.0, bias: float = 0.0) -> None:
        super().__init__(before, after)
        nn.init.normal_(self.weight, 0, 1 / slowness)
        nn.init.constant_(self.bias, bias / slowness)
        self.slowness = slowness

    def forward(self, features: Tensor) -> Tensor:
        """Return features (n, after) of features (n, before)."""
        weight = self.weight * (self.slowness * self.in_features**-0.5)
        return functional.linear(features, weight, self.bias * self.slowness)


class Convolution(nn.Conv2d):
    """A convolution that keeps the size, with equalised learning rate.

    Args:
        before: Channels of the input.
        after: Channels of the output.
        side: Of its kernel, odd.
    """

    def __init__(self, before: int, after: int, side: int = 3) -> None:
        super().__init__(before, after, side, padding=side // 2)
        nn.init.normal_(self.weight)
        nn.init.zeros_(cast(Tensor, self.bias))

    def scaled(self) -> Tensor:
        """Return the weights as they are used, (after, before, side, side)."""
        return self.weight * cast(float, self.weight[0].numel() ** -0.5)

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (n, after, h, w) of maps (n, before, h, w)."""
        return functional.conv2d(maps, self.scaled(), self.bias, padding=self.kernel_size[0] // 2)


class Styled(nn.Module):
    """A convolution whose weights are scaled by a style per input channel, and to unit length per output channel.

    Each image would have its own weights. To scale the maps before and after common weights is the same, and faster.

    Args:
        before: Channels of the input.
        after: Channels of the output.
        side: Of its kernel.
        demodulated: Whether weights are brought to unit length.
    """

    def __init__(self, before: int, after: int, side: int = 3, *, demodulated: bool = True) -> None:
        super().__init__()
        self.style = Dense(LATENT, before, bias=1.0)
        self.convolution = Convolution(before, after, side)
        self.demodulated = demodulated

    def forward(self, maps: Tensor, latent: Tensor) -> Tensor:
        """Return maps (n, after, h, w) of maps (n, before, h, w) and mapped latents (n, 64)."""
        style, weight = self.style(latent), self.convolution.scaled()
        grown = functional.conv2d(maps * style[:, :, None, None], weight, padding=self.convolution.padding)
        if self.demodulated:
            length = style.square() @ weight.square().sum((2, 3)).T
            grown = grown * (length + 1e-8).rsqrt()[:, :, None, None]
        return grown + cast(Tensor, self.convolution.bias)[:, None, None]


class Level(nn.Module):
    """The styled convolutions of one resolution, and their part of the image.

    Args:
        design: Its upsampling and non-linearity.
        before: Channels of the input.
        after: Channels of the output.
        first: Whether the input has this resolution already.
    """

    def __init__(self, design: Design, before: int, after: int, *, first: bool) -> None:
        super().__init__()
        self.enlarged = nn.Identity() if first else enlarged(design.upsampling)
        shapes = [(before, after)] if first else [(before, after), (after, after)]
        self.convolutions = nn.ModuleList(Styled(*shape) for shape in shapes)
        self.nonlinearity = nonlinearity(design.nonlinearity)
        self.picture = Styled(after, 3, 1, demodulated=False)

    def forward(self, maps: Tensor, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps (n, after, h, w) and a picture (n, 3, h, w)."""
        maps = self.enlarged(maps)
        for convolution in self.convolutions:
            maps = GAIN * self.nonlinearity(convolution(maps, latent))
        return maps, self.picture(maps, latent)


class Generator(nn.Module):
    """A mapping of the latent to styles, and levels that double from a learnt constant at 4 × 4.

    Args:
        design: Its choices; the maps have four times the width at 4 × 4, and the width at full size.

    Example:
        >>> design = Design("a", "gan", "stylegan2", "fir", "lrelu", "demodulation", "fir", "output", "r1", width=8)
        >>> Generator(design).sampled(torch.zeros(2, 64)).shape
        torch.Size([2, 3, 32, 32])
    """

    latent_shape = (LATENT,)

    def __init__(self, design: Design) -> None:
        super().__init__()
        channels = pyramid(design)
        self.mapping = nn.ModuleList(Dense(LATENT, LATENT, slowness=SLOW) for _ in range(MAPPINGS))
        self.nonlinearity = nonlinearity(design.nonlinearity)
        self.constant = nn.Parameter(torch.randn(channels[0], 4, 4))
        pairs = [(channels[0], channels[0]), *pairwise(channels)]
        self.levels = nn.ModuleList(Level(design, *pair, first=index == 0) for index, pair in enumerate(pairs))
        self.enlarged = enlarged(design.upsampling)

    def forward(self, latent: Tensor) -> Tensor:
        """Return images (n, 3, size, size), around [−1, 1], of latents (n, 64)."""
        style = latent * (latent.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.mapping:
            style = GAIN * self.nonlinearity(layer(style))
        maps, image = self.levels[0](self.constant.expand(len(latent), -1, -1, -1), style)
        for level in self.levels[1:]:
            maps, picture = level(maps, style)
            image = self.enlarged(image) + picture
        return cast(Tensor, image)

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], (n, 3, size, size), of standard normal latents (n, 64)."""
        return cast(Tensor, self(latent)).clamp(-1, 1)


class Discriminator(nn.Module):
    """Residual blocks that halve smoothed maps to 4 × 4, then one score that also sees how much the batch varies.

    Args:
        design: Its width; the maps have the width at full size, and four times the width at 4 × 4.
    """

    def __init__(self, design: Design) -> None:
        super().__init__()
        channels = pyramid(design)[::-1]
        self.entrance = nn.Sequential(Convolution(3, channels[0], 1), nonlinearity("lrelu"))
        self.blocks = nn.Sequential(*(Shrunk(*pair) for pair in pairwise(channels)))
        last = channels[-1]
        self.last = nn.Sequential(Convolution(last + 1, last), nonlinearity("lrelu"), nn.Flatten())
        self.features = nn.Sequential(Dense(last * 16, last), nonlinearity("lrelu"))
        self.score = Dense(last, 1)
        self.classes = Projection(design.classes, last)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return one score per image, (n,), higher where it looks real, and like its class (n,) where there is one."""
        hidden = GAIN * self.entrance(images)
        hidden = self.blocks(hidden)
        hidden = torch.cat([hidden, deviation(hidden)], 1)
        features = self.features(GAIN * self.last(hidden))
        return cast(Tensor, self.score(features)[:, 0] + self.classes(features, labels))


class Shrunk(nn.Module):
    """A residual block that halves smoothed maps.

    Args:
        before: Channels of the input.
        after: Channels of the output.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.halved = Smoothed(up=False)
        self.first, self.second = Convolution(before, before), Convolution(before, after)
        self.skip = Convolution(before, after, 1)
        self.nonlinearity = nonlinearity("lrelu")

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps (n, after, h/2, w/2) of maps (n, before, h, w)."""
        hidden = GAIN * self.nonlinearity(self.first(maps))
        hidden = GAIN * self.nonlinearity(self.second(self.halved(hidden)))
        # Two branches of unit variance.
        return cast(Tensor, (hidden + self.skip(self.halved(maps))) * 2**-0.5)
