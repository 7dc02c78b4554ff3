"""A generator in a game against a discriminator: the losses of both, and the penalties on the latter's gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from manifpt.zoo.design import Design
from manifpt.zoo.networks.conditioning import choosing
from manifpt.zoo.networks.objective import Generator, Recipe

# Ten times the penalty in the papers of all four (Gulrajani et al. 2017, Petzka et al. 2018, Kodali et al. 2017).
STRENGTH = 10.0
# Half of the weight of R1; a tenth of what Mescheder et al. (2018) took, whose images are larger.
R1_STRENGTH = 0.5
# R1 is felt long enough to be applied in some steps only, more strongly (Karras et al. 2020, section 3.1). Not in one
# of 16, as they did: a limit on the length of gradients would cut steps of that strength.
EVERY = 8

# How many times the width the maps have at 4 × 4, 8 × 8, … size × size.
PYRAMIDS = {32: (4, 2, 1, 1), 64: (4, 2, 2, 1, 1)}


def discriminator_loss(loss: str, real: Tensor, generated: Tensor) -> Tensor:
    """Return what a discriminator minimises beside penalties, a scalar.

    Args:
        loss: ``bce``, ``least-squares`` (Mao et al. 2017), ``hinge`` (Lim and Ye 2017), or one with a penalty:
            ``wgan-gp`` and ``wgan-lp`` (Wasserstein), ``dragan-gp``, ``dragan-lp`` and ``r1`` (as ``bce``).
        real: Scores of reals, (n,), higher where images look real.
        generated: Scores of generated images, (n,).

    Example:
        >>> float(discriminator_loss("hinge", torch.tensor([0.5, 3.0]), torch.tensor([-2.0, 1.0])))
        1.25
    """
    if loss == "least-squares":
        return ((real - 1).square().mean() + generated.square().mean()) / 2
    if loss == "hinge":
        return relu(1 - real).mean() + relu(1 + generated).mean()
    if loss.startswith("wgan"):
        return generated.mean() - real.mean()
    return softplus(-real).mean() + softplus(generated).mean()


def generator_loss(loss: str, generated: Tensor) -> Tensor:
    """Return what a generator minimises, a scalar: the non-saturating form where there are two.

    Args:
        loss: As of ``discriminator_loss``.
        generated: The discriminator's scores of its images, (n,).

    Example:
        >>> float(generator_loss("least-squares", torch.tensor([0.0, 2.0])))
        0.5
    """
    if loss == "least-squares":
        return (generated - 1).square().mean() / 2
    if loss == "hinge" or loss.startswith("wgan"):
        return -generated.mean()
    return softplus(-generated).mean()


def slopes(discriminator: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Return the length of the gradient of each image's score with respect to the image, (n,), differentiable.

    Example:
        >>> slopes(lambda images: 3 * images[:, 0, 0, 0], torch.zeros(2, 3, 4, 4)).tolist()
        [3.0, 3.0]
    """
    inputs = images.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminator(inputs).sum(), inputs, create_graph=True)
    # Unlike the root of a sum of squares, this has a finite derivative where the gradient is zero.
    slope: Tensor = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
    return slope


def two_sided(slope: Tensor) -> Tensor:
    """Return the penalty that asks for slope 1 (Gulrajani et al. 2017), the mean of (slope − 1)²."""
    return (slope - 1).square().mean()


def one_sided(slope: Tensor) -> Tensor:
    """Return the penalty that asks for slope 1 at most (Petzka et al. 2018), the mean of max(0, slope − 1)²."""
    return relu(slope - 1).square().mean()


def interpolated(real: Tensor, generated: Tensor, random: torch.Generator) -> Tensor:
    """Return one image on the way from each real to its generated one, each at its own uniform place."""
    place = _uniform(real[:, :1, :1, :1], random)
    return real + place * (generated - real)


def perturbed(real: Tensor, random: torch.Generator) -> Tensor:
    """Return reals moved at random, by half the batch's deviation at most (Kodali et al. 2017, their experiments)."""
    noise = real.std() / 2 * _uniform(real, random)
    return real + _uniform(real[:, :1, :1, :1], random) * noise


def penalty(
    loss: str,
    discriminator: Callable[[Tensor], Tensor],
    real: Tensor,
    generated: Tensor,
    *,
    random: torch.Generator,
    step: int,
) -> Tensor:
    """Return what a discriminator minimises beside ``discriminator_loss``, a scalar, zero where there is no penalty.

    Args:
        loss: As of ``discriminator_loss``.
        discriminator: Images (n, 3, size, size) to scores (n,).
        real: Reals, (n, 3, size, size).
        generated: Generated images of the same shape.
        random: Source of the places at which gradients are taken.
        step: R1 is applied where this is a multiple of 8, 8-fold.
    """
    if loss == "r1":
        if step % EVERY:
            return real.new_zeros(())
        return EVERY * R1_STRENGTH * slopes(discriminator, real).square().mean()
    if not penalised(loss):
        return real.new_zeros(())
    places = interpolated(real, generated, random) if loss.startswith("wgan") else perturbed(real, random)
    sided = two_sided if loss.endswith("gp") else one_sided
    return STRENGTH * sided(slopes(discriminator, places))


def penalised(loss: str) -> bool:
    """Return whether a loss looks at single images' gradients, which batch norm would mix.

    Example:
        >>> penalised("dragan-gp"), penalised("hinge")
        (True, False)
    """
    return loss == "r1" or loss.endswith(("-gp", "-lp"))


class Adversarial:
    """The objective of a game: in each step the discriminator moves, then the generator.

    Args:
        generator: Noise to images, a ``Generator``; called, it may leave [−1, 1].
        discriminator: Images (n, 3, size, size), and where there are classes (n,) these too, to scores (n,).
        loss: As of ``discriminator_loss``.
        recipe: How both are trained.
        classes: How many classes the last number of the noise chooses among; 0 for none.
    """

    labels: Tensor | None = None

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, loss: str, recipe: Recipe, *, classes: int = 0
    ) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.networks: Mapping[str, nn.Module] = {"discriminator": discriminator, "generator": generator}
        self.recipe = recipe
        self._loss = loss
        self._classes = classes

    def prepared(self, images: Tensor) -> None:
        """Set nothing: no weight depends on data."""

    def loss(self, name: str, images: Tensor, random: torch.Generator, step: int) -> Tensor:
        """Return the loss of ``discriminator`` or ``generator``, a scalar.

        Args:
            name: Which one.
            images: Reals in [−1, 1], (n, 3, size, size).
            random: Source of all noise.
            step: How many steps are done.
        """
        if name == "generator":
            with _still(self.discriminator):
                return generator_loss(self._loss, self._score(self._generated(images, random)))
        with torch.no_grad():
            generated = self._generated(images, random)
        scores = discriminator_loss(self._loss, self._score(images), self._score(generated))
        return scores + penalty(self._loss, self._score, images, generated, random=random, step=step)

    def _score(self, images: Tensor) -> Tensor:
        scores = self.discriminator(images) if self.labels is None else self.discriminator(images, self.labels)
        return cast(Tensor, scores)

    def _generated(self, images: Tensor, random: torch.Generator) -> Tensor:
        shape = (len(images), *cast(Generator, self.generator).latent_shape)
        latent = torch.randn(shape, generator=random, device=random.device).to(images)
        if self.labels is not None:
            # Of the reals' classes, so that what a penalty interpolates is of one class.
            latent[:, -1] = choosing(self.labels, self._classes)
        return cast(Tensor, self.generator(latent))


def pyramid(design: Design) -> tuple[int, ...]:
    """Return the channels of maps from 4 × 4 to full size.

    Example:
        >>> pyramid(Design("a", "gan", "dcgan", "transposed", "relu", "batch", "strided", "none", "bce"))
        (128, 64, 32, 32)
    """
    return tuple(multiple * design.width for multiple in PYRAMIDS[design.size])


@contextmanager
def _still(network: nn.Module) -> Iterator[None]:
    # Gradients of weights that do not move would cost a third of the backward pass.
    moving = [weight for weight in network.parameters() if weight.requires_grad]
    for weight in moving:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in moving:
            weight.requires_grad_(True)


def _uniform(like: Tensor, random: torch.Generator) -> Tensor:
    return torch.rand(like.shape, generator=random, device=random.device).to(like)
