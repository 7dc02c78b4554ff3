"""What flows are made of: levels of invertible steps, a squeeze before each, and a split after (RealNVP, Glow)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from manifpt.zoo.networks.conditioning import parted, with_class
from manifpt.zoo.networks.drawing import uniform
from manifpt.zoo.networks.layers import convolution
from manifpt.zoo.networks.objective import Recipe
from manifpt.zoo.networks.solitary import Solitary

# Scales stay between e^−1.5 and e^1.5, so that no pixel of an unusual sample is stretched without limit.
_LARGEST_LOG_SCALE = 1.5
_LEVELS = 2.0 / 255  # from one grey level to the next, of pixels in [−1, 1]


class Invertible(Protocol):
    """A map of maps (n, c, h, w) that can be undone."""

    def __call__(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mapped maps and each one's log-determinant, (n,)."""
        ...

    def inverse(self, maps: Tensor) -> Tensor:
        """Return the maps that the call maps to ``maps``."""
        ...


class ActNorm(nn.Module):
    """A shift and a scale per channel (Kingma and Dhariwal 2018, section 3.1).

    Args:
        channels: Channels of the maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(channels, 1, 1))
        self.log_scale = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Return shifted and scaled maps with their log-determinants."""
        total = self.log_scale.sum() * maps[0, 0].numel()
        return (maps + self.shift) * self.log_scale.exp(), total.expand(len(maps))

    def inverse(self, maps: Tensor) -> Tensor:
        """Return the maps before."""
        return maps * (-self.log_scale).exp() - self.shift

    @torch.no_grad()
    def prepare(self, maps: Tensor) -> None:
        """Set shift and scale so that these maps get mean 0 and deviation 1 in each channel."""
        deviation, mean = torch.std_mean(maps, dim=(0, 2, 3), keepdim=True, correction=0)
        self.shift.copy_(-mean[0])
        self.log_scale.copy_(-(deviation[0] + 1e-6).log())


class Split(nn.Module):
    """Hands half of the channels to the latent, standardised by what the other half says of them.

    Args:
        channels: Channels of the maps, an even number.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.moments = silenced(convolution(channels // 2, channels))

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the half that goes on, the latent half, and the log-determinants."""
        onward, finished = maps.chunk(2, dim=1)
        log_scale, shift = bounded(self.moments(onward))
        return onward, (finished + shift) * log_scale.exp(), log_scale.flatten(1).sum(1)

    def inverse(self, onward: Tensor, latent: Tensor) -> Tensor:
        """Return the maps of which these are the halves."""
        log_scale, shift = bounded(self.moments(onward))
        return torch.cat([onward, latent * (-log_scale).exp() - shift], 1)


class Flow(nn.Module):
    """Levels of squeeze, invertible steps and a split; a ``Generator``.

    Args:
        size: Side of the images in pixels.
        levels: How often they are squeezed.
        steps: Makes the invertible steps of a level, of its channels.
        classes: How many classes it is told, each with a mean of its own among the latents; 0 for none.
        temperature: Deviation of the noise that samples are made of, below 1 since a flow puts mass on unlikely images
            (Kingma and Dhariwal 2018, section 6.2).
    """

    def __init__(
        self,
        size: int,
        levels: int,
        steps: Callable[[int], list[nn.Module]],
        *,
        classes: int = 0,
        temperature: float = 0.8,
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.classes = classes
        self.length = 3 * size**2
        self.latent_shape: tuple[int, ...] = with_class((self.length,), classes)
        self.means = nn.Parameter(torch.zeros(classes, self.length)) if classes else None
        # A squeeze makes four channels of one, and a split takes half of them away.
        widths = [12 * 2**level for level in range(levels)]
        self.shapes = [(width, size >> level + 1, size >> level + 1) for level, width in enumerate(widths)]
        self.levels = nn.ModuleList(nn.ModuleList(steps(width)) for width in widths)
        self.splits = nn.ModuleList(Split(width) for width in widths[:-1])

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the latents of images (n, 3, size, size), (n, 3 size²), and the log-determinants, (n,)."""
        maps, latents = images, []
        total = images.new_zeros(len(images))
        for level in range(len(self.levels)):
            maps = pixel_unshuffle(maps, 2)
            for step in self.steps(level):
                maps, log_determinant = step(maps)
                total = total + log_determinant
            if level < len(self.splits):
                maps, finished, log_determinant = self.splits[level](maps)
                latents.append(finished.flatten(1))
                total = total + log_determinant
        return torch.cat([*latents, maps.flatten(1)], 1), total

    def inverse(self, latent: Tensor) -> Tensor:
        """Return the images that `forward` maps to a latent (n, 3 size²)."""
        sizes = [width * side * side // 2 for width, side, _ in self.shapes[:-1]]
        maps = latent[:, sum(sizes) :].reshape(-1, *self.shapes[-1])
        for level in reversed(range(len(self.levels))):
            if level < len(self.splits):
                width, *sides = self.shapes[level]
                start = sum(sizes[:level])
                half = latent[:, start : start + sizes[level]].reshape(-1, width // 2, *sides)
                maps = cast("Split", self.splits[level]).inverse(maps, half)
            for step in reversed(self.steps(level)):
                maps = step.inverse(maps)
            maps = pixel_shuffle(maps, 2)
        return maps

    def steps(self, level: int) -> list[Invertible]:
        """Return the invertible steps of a level, in the order from images to latents."""
        return cast("list[Invertible]", list(cast("nn.ModuleList", self.levels[level])))

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], (n, 3, size, size), of standard normal noise (n, *latent_shape).

        In float64: the inverse divides by scales, which carries float32's rounding, another in every batch, above 1e-5.
        """
        inverted = Inverted(self)
        state = [*inverted.named_parameters(), *inverted.named_buffers()]
        exact = {name: value.double() for name, value in state if value.is_floating_point()}
        noise, labels = parted(latent, (self.length,), self.classes)
        images: Tensor = functional_call(inverted, exact, (self._about_means(self.temperature * noise, labels),))
        return images.clamp(-1, 1).to(latent.dtype)

    def _about_means(self, latent: Tensor, labels: Tensor | None) -> Tensor:
        return latent.double() if self.means is None else latent.double() + self.means.double()[labels]

    def bits_per_dimension(self, images: Tensor, random: torch.Generator, labels: Tensor | None = None) -> Tensor:
        """Return an upper bound of the bits in which a subpixel of each image could be written, (n,).

        Uniform noise as wide as a grey level makes a density of 256 probabilities (Theis et al. 2016, section 3.1).

        Args:
            images: 8-bit images in [−1, 1], (n, 3, size, size).
            random: Source of the noise.
            labels: Their classes, (n,), if any.
        """
        noise = uniform(images.shape, random, images) - 0.5
        latent, log_determinant = self(images + _LEVELS * noise)
        if self.means is not None:
            latent = latent - self.means[labels]
        density = log_determinant - (latent.square() + math.log(2 * math.pi)).sum(1) / 2
        bits: Tensor = -(density / images[0].numel() + math.log(_LEVELS)) / math.log(2)
        return bits

    @torch.no_grad()
    def prepare(self, images: Tensor) -> None:
        """Set every `ActNorm` from its own input when these images pass, first to last."""
        norms = [module for module in self.modules() if isinstance(module, ActNorm)]
        hooks = [norm.register_forward_pre_hook(_prepared) for norm in norms]
        self(images)
        for hook in hooks:
            hook.remove()


class Likelihood(Solitary):
    """The objective of a flow: bits per dimension.

    Args:
        flow: In training.
        recipe: How it is trained.
    """

    labels: Tensor | None = None

    def __init__(self, flow: Flow, recipe: Recipe) -> None:
        super().__init__(flow, recipe, lambda images, random, step: self._bits(flow, images, random), flow.prepare)

    def _bits(self, flow: Flow, images: Tensor, random: torch.Generator) -> Tensor:
        return flow.bits_per_dimension(images, random, self.labels).mean()


def _prepared(norm: nn.Module, inputs: tuple[Tensor]) -> None:
    cast("ActNorm", norm).prepare(*inputs)


def silenced(layer: nn.Conv2d) -> nn.Conv2d:
    """Return the convolution with weights and bias of zero, so that a deep flow starts as the identity."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def bounded(moments: Tensor) -> tuple[Tensor, Tensor]:
    """Return log-scales within ± 1.5 and shifts, the halves of (n, 2c, h, w) along its channels."""
    log_scale, shift = moments.chunk(2, dim=1)
    return _LARGEST_LOG_SCALE * torch.tanh(log_scale / _LARGEST_LOG_SCALE), shift


class Inverted(nn.Module):
    """A flow from latents to images, as a module of its own."""

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, latent: Tensor) -> Tensor:
        """Return the images of a latent (n, 3 size²)."""
        return self.flow.inverse(latent)
