"""A denoising-diffusion GAN (Xiao et al. 2022): a few large steps, each drawn by a generator."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from manifpt.attributors.randomness import seeded
from manifpt.zoo.design import Design
from manifpt.zoo.networks.diffusion import Linear, beside, noise_like, noised, posterior, transition
from manifpt.zoo.networks.layers import convolution, downsampling, nonlinearity
from manifpt.zoo.networks.objective import Objective, Recipe
from manifpt.zoo.networks.unet import Block, UNet, image_channels, in_groups, refuse_others

STEPS = 4
STYLE = 32
"""Numbers that choose among the clean images which a noisy one may have come from."""
EVERY = 16
ROUGHNESS = 0.05
"""How often the discriminator's gradient is looked at, and its weight."""
SCHEDULE = Linear()


class StepwiseGenerator(nn.Module):
    """Goes from noise to images in four steps.

    The noise of an image holds, one after the other, the pixels from which it starts, the pixels of each step's draw
    but the last one's, and each step's style.

    Args:
        design: Of its U-Net.
    """

    def __init__(self, design: Design) -> None:
        super().__init__()
        self.image_shape = (3, design.size, design.size)
        self.pixels = math.prod(self.image_shape)
        self.latent_shape: tuple[int, ...] = (STEPS * (self.pixels + STYLE),)
        self.unet = UNet(design, before=3, after=3, channels=image_channels(design), style=STYLE)

    def clean(self, noisy: Tensor, time: Tensor, style: Tensor) -> Tensor:
        """Return a clean image in [−1, 1] for each noisy one (n, 3, h, w) at times (n,), chosen by style (n, 32)."""
        # Styles of equal length: only their direction chooses.
        style = style * (style.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        refined: Tensor = self.unet(noisy, time, style)
        return refined.tanh()

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], (n, 3, size, size), of standard normal noise (n, 4 (3 size² + 32))."""
        noises = latent[:, : STEPS * self.pixels].reshape(len(latent), STEPS, *self.image_shape)
        styles = latent[:, STEPS * self.pixels :].reshape(len(latent), STEPS, STYLE)
        images = noises[:, 0]
        for index, stage in enumerate(range(STEPS, 0, -1)):
            later = images.new_full((len(images),), stage / STEPS)
            clean = self.clean(images, later, styles[:, index])
            if stage == 1:
                break
            images = posterior(SCHEDULE, later - 1 / STEPS, later).drawn(images, clean, noises[:, index + 1])
        return clean


class StepDiscriminator(nn.Module):
    """Tells whether an image is what a step of the forward process started from.

    Args:
        design: Its downsampling, non-linearity and width.
    """

    def __init__(self, design: Design) -> None:
        super().__init__()
        plain = design.but(normalisation="none")
        upper = image_channels(design)
        channels = (*upper, in_groups(2 * design.width))
        length = channels[-1]
        self.time = nn.Sequential(nn.Linear(STEPS, length), nonlinearity(design.nonlinearity))
        self.stem = convolution(6, channels[0])
        self.blocks = nn.ModuleList(Block(plain, width, width, length) for width in upper)
        self.smaller = nn.ModuleList(
            downsampling(design.downsampling, above, below) for above, below in pairwise(channels)
        )
        # One more map tells how much the images of the batch differ, as in Karras et al. 2018.
        self.verdict = nn.Sequential(
            convolution(length + 1, length),
            nonlinearity(design.nonlinearity),
            nn.Flatten(),
            nn.Linear(16 * length, 1),
        )
        for layer in (self.stem, *self.smaller.modules(), self.verdict[0]):
            # Nothing normalises these maps: PyTorch's own first weights would let them fade from layer to layer.
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, earlier: Tensor, later: Tensor, stage: Tensor) -> Tensor:
        """Return logits (n,) of pairs of images (n, 3, h, w), ``later`` being at stage (n,) of 1 … 4."""
        embedding = self.time(nn.functional.one_hot(stage - 1, STEPS).to(earlier.dtype))
        hidden = self.stem(torch.cat([earlier, later], 1))
        for block, smaller in zip(self.blocks, self.smaller, strict=True):
            hidden = smaller(block(hidden, embedding))
        # A floor below the root: its slope at 0, where all images are alike, is infinite.
        varied = (hidden.var(0, unbiased=False) + 1e-8).sqrt().mean().expand(len(hidden), 1, *hidden.shape[2:])
        verdict: Tensor = self.verdict(torch.cat([hidden, varied], 1))
        return verdict.squeeze(1)


class AdversarialDenoising:
    """What generator and discriminator are trained for.

    Args:
        model: The generator.
        discriminator: Its adversary.
    """

    def __init__(self, model: StepwiseGenerator, discriminator: StepDiscriminator) -> None:
        self.model = model
        self.discriminator = discriminator
        self.generator: nn.Module = model
        self.networks: Mapping[str, nn.Module] = {"discriminator": discriminator, "generator": model}
        self.recipe = Recipe(batch=32, rate=3e-4, betas=(0.5, 0.9), falling=False)

    def prepared(self, images: Tensor) -> None:
        """Nothing depends on data."""

    def loss(self, name: str, images: Tensor, random: torch.Generator, step: int) -> Tensor:
        """Return the non-saturating loss of either network; the discriminator's with R1 in every 16th step.

        R1 is ROUGHNESS / 2 times the squared gradient at true pairs (Mescheder et al. 2018), times 16 for the steps
        without it.
        """
        earlier, later, stage = stepped(images, random)
        if name == "generator":
            return softplus(-self.discriminator(self.earlier(later, stage, random), later, stage)).mean()
        with torch.no_grad():
            false = self.earlier(later, stage, random)
        rough = step % EVERY == 0
        earlier.requires_grad_(rough)
        true = self.discriminator(earlier, later, stage)
        loss = softplus(-true).mean() + softplus(self.discriminator(false, later, stage)).mean()
        return loss + EVERY * ROUGHNESS / 2 * roughness(true, earlier) if rough else loss

    def earlier(self, later: Tensor, stage: Tensor, random: torch.Generator) -> Tensor:
        """Return generated images of the stage before that of ``later``."""
        time = stage / STEPS
        style = noise_like(later.new_empty(len(later), STYLE), random)
        clean = self.model.clean(later, time, style)
        return posterior(SCHEDULE, time - 1 / STEPS, time).drawn(later, clean, noise_like(later, random))


def stepped(images: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return the images at one stage of the process, at the next, and which this next one is, of 1 … 4 (n,)."""
    drawn = torch.randint(1, STEPS + 1, (len(images),), generator=random, device=random.device)
    stage = drawn.to(images.device)
    time = stage / STEPS
    earlier = noised(SCHEDULE, images, noise_like(images, random), time - 1 / STEPS)
    factor, spread = transition(SCHEDULE, time - 1 / STEPS, time)
    later = beside(factor, images) * earlier + beside(spread, images) * noise_like(images, random)
    return earlier, later, stage


def roughness(scores: Tensor, images: Tensor) -> Tensor:
    """Return the mean squared length of the scores' (n,) gradient at images (n, …).

    Example:
        >>> images = torch.ones(1, 2, requires_grad=True)
        >>> float(roughness((images * torch.tensor([3.0, 4.0])).sum(1), images))
        25.0
    """
    (slope,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return slope.flatten(1).square().sum(1).mean()


def objective(design: Design) -> Objective:
    """Return the denoising-diffusion GAN of a design.

    Raises:
        UnknownNameError: The design has a choice that a U-Net cannot honour.

    Example:
        >>> d = Design("a", "score", "diffusion-gan", "fir", "swish", "group", "fir", "unet", "denoising-adversarial",
        ...     width=8)
        >>> objective(d).generator.latent_shape
        (12416,)
    """
    refuse_others(design, "denoising-adversarial")
    with seeded(design.seed):
        return AdversarialDenoising(StepwiseGenerator(design), StepDiscriminator(design))
