"""A generator's design: the choices from which its network and its training objective are built."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

from manifpt.errors import NumbersError, UnknownNameError
from manifpt.registry import suggestion

CHOICES: dict[str, tuple[str, ...]] = {
    "family": ("gan", "vae", "flow", "score", "decoder"),
    "architecture": (
        "dcgan", "biggan", "stylegan2",
        "beta-vae", "hierarchical-vae", "vq-vae",
        "glow", "residual-coupling",
        "ddpm", "score-matching", "latent-diffusion", "diffusion-gan",
        "autoencoder",
    ),
    "upsampling": ("transposed", "nearest", "bilinear", "shuffle", "fir", "unsqueeze"),
    "nonlinearity": ("relu", "lrelu", "swish", "gelu"),
    "normalisation": ("batch", "group", "instance", "none", "demodulation", "actnorm"),
    "downsampling": ("strided", "average", "fir", "squeeze"),
    "skip": ("none", "residual", "output", "unet", "coupling"),
    "loss": (
        "bce", "least-squares", "hinge", "wgan-gp", "wgan-lp", "dragan-gp", "dragan-lp", "r1",
        "elbo", "elbo-perceptual", "vq", "likelihood",
        "epsilon", "score-matching", "latent-epsilon", "denoising-adversarial",
        "l2", "l1", "ssim", "perceptual",
    ),
    "size": ("32", "64"),
}  # fmt: skip


SEEDS = 10**9


@dataclass(frozen=True, slots=True)
class Design:
    """The choices that make a generator, in the terms of the paper's Table 3.

    Args:
        name: How the registry and the user call it.
        family: ``gan``, ``vae``, ``flow``, ``score`` or ``decoder``.
        architecture: Which file of ``zoo.networks`` builds it.
        upsampling: How maps grow in the generator.
        nonlinearity: Between its layers.
        normalisation: Between its layers.
        downsampling: How maps shrink in the encoder or the discriminator.
        skip: How layers are bridged.
        loss: What it is trained for.
        size: Height and width of its images, pixels.
        width: Channels of the widest maps, in the architecture's own terms.
        seed: Of its initial weights and its training.
        classes: How many classes it is told of its reals and draws with equal probability; 0 for none.

    Raises:
        UnknownNameError: A choice is not one of those that exist; the nearest are suggested.
        NumbersError: The width, the seed or the number of classes is out of range.

    Example:
        >>> design = Design("a", "gan", "dcgan", "transposed", "relu", "batch", "strided", "none", "bce")
        >>> design.but(loss="hinge", seed=1).loss
        'hinge'
    """

    name: str
    family: str
    architecture: str
    upsampling: str
    nonlinearity: str
    normalisation: str
    downsampling: str
    skip: str
    loss: str
    size: int = 32
    width: int = 32
    seed: int = 0
    classes: int = 0

    def __post_init__(self) -> None:
        for field, known in CHOICES.items():
            _refuse_unknown(field, str(getattr(self, field)), known)
        if self.width < 1 or not 0 <= self.seed < SEEDS or self.classes < 0:
            raise NumbersError(
                f"width {self.width} with seed {self.seed} and {self.classes} classes",
                expected=f"a width from 1, a seed from 0 to {SEEDS - 1:,}, and a number of classes from 0 up",
                remedy="correct the one that is out of range",
            )

    def but(self, **choices: Any) -> Self:
        """Return the design with other choices."""
        return replace(self, **choices)

    def record(self) -> dict[str, str | int]:
        """Return the choices by name, JSON-able; ``Design(**record)`` is equal."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _refuse_unknown(field: str, value: str, known: tuple[str, ...]) -> None:
    if value in known:
        return
    raise UnknownNameError(
        f"{value!r} is no {field} of a generator",
        expected=f"one of {', '.join(known)}",
        remedy=suggestion(value, known),
    )
