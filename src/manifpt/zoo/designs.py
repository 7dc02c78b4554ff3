"""The designs that have names: the taxonomy of the zoo, in the terms of the paper's Table 3."""

from __future__ import annotations

from manifpt.errors import UnknownNameError
from manifpt.registry import suggestion
from manifpt.zoo.decoders import decoders
from manifpt.zoo.design import Design

# fmt: off
TABLE = tuple(
    Design(*row)
    for row in (
        # name              family   architecture         up            non-linearity norm     down       skip        loss
        ("dcgan",           "gan",   "dcgan",             "transposed", "relu",  "batch",        "strided", "none",     "bce"),
        # The centre with one choice changed.
        ("dcgan-nearest",   "gan",   "dcgan",             "nearest",    "relu",  "batch",        "strided", "none",     "bce"),
        ("dcgan-bilinear",  "gan",   "dcgan",             "bilinear",   "relu",  "batch",        "strided", "none",     "bce"),
        ("dcgan-shuffle",   "gan",   "dcgan",             "shuffle",    "relu",  "batch",        "strided", "none",     "bce"),
        ("dcgan-fir",       "gan",   "dcgan",             "fir",        "relu",  "batch",        "strided", "none",     "bce"),
        ("dcgan-lrelu",     "gan",   "dcgan",             "transposed", "lrelu", "batch",        "strided", "none",     "bce"),
        ("dcgan-swish",     "gan",   "dcgan",             "transposed", "swish", "batch",        "strided", "none",     "bce"),
        ("dcgan-gelu",      "gan",   "dcgan",             "transposed", "gelu",  "batch",        "strided", "none",     "bce"),
        ("dcgan-group",     "gan",   "dcgan",             "transposed", "relu",  "group",        "strided", "none",     "bce"),
        ("dcgan-instance",  "gan",   "dcgan",             "transposed", "relu",  "instance",     "strided", "none",     "bce"),
        ("dcgan-plain",     "gan",   "dcgan",             "transposed", "relu",  "none",         "strided", "none",     "bce"),
        ("dcgan-residual",  "gan",   "dcgan",             "transposed", "relu",  "batch",        "strided", "residual", "bce"),
        ("dcgan-output",    "gan",   "dcgan",             "transposed", "relu",  "batch",        "strided", "output",   "bce"),
        ("lsgan",           "gan",   "dcgan",             "transposed", "relu",  "batch",        "strided", "none",     "least-squares"),
        ("hinge-gan",       "gan",   "dcgan",             "transposed", "relu",  "batch",        "strided", "none",     "hinge"),
        ("wgan-gp",         "gan",   "dcgan",             "transposed", "relu",  "batch",        "strided", "none",     "wgan-gp"),
        ("wgan-lp",         "gan",   "dcgan",             "transposed", "relu",  "batch",        "strided", "none",     "wgan-lp"),
        ("dragan-gp",       "gan",   "dcgan",             "transposed", "relu",  "batch",        "strided", "none",     "dragan-gp"),
        ("dragan-lp",       "gan",   "dcgan",             "transposed", "relu",  "batch",        "strided", "none",     "dragan-lp"),
        ("biggan",          "gan",   "biggan",            "nearest",    "relu",  "batch",        "average", "residual", "hinge"),
        ("stylegan2",       "gan",   "stylegan2",         "fir",        "lrelu", "demodulation", "fir",     "output",   "r1"),
        ("beta-vae",        "vae",   "beta-vae",          "transposed", "lrelu", "batch",        "strided", "none",     "elbo"),
        ("dfc-vae",         "vae",   "beta-vae",          "nearest",    "lrelu", "batch",        "strided", "none",     "elbo-perceptual"),
        ("hierarchical-vae", "vae",  "hierarchical-vae",  "nearest",    "gelu",  "none",         "average", "residual", "elbo"),
        ("vq-vae",          "vae",   "vq-vae",            "nearest",    "swish", "group",        "strided", "residual", "vq"),
        ("glow",            "flow",  "glow",              "unsqueeze",  "relu",  "actnorm",      "squeeze", "coupling", "likelihood"),
        ("residual-coupling", "flow", "residual-coupling", "unsqueeze", "swish", "actnorm",      "squeeze", "residual", "likelihood"),
        ("ddpm",            "score", "ddpm",              "nearest",    "swish", "group",        "strided", "unet",     "epsilon"),
        ("score-matching",  "score", "score-matching",    "fir",        "swish", "group",        "fir",     "unet",     "score-matching"),
        ("latent-diffusion", "score", "latent-diffusion", "nearest",    "swish", "group",        "strided", "unet",     "latent-epsilon"),
        ("diffusion-gan",   "score", "diffusion-gan",     "fir",        "swish", "group",        "fir",     "unet",     "denoising-adversarial"),
    )
)
# fmt: on


DIGITS = 9


def named(name: str, *, size: int = 32) -> Design:
    """Return the design of a name.

    Args:
        name: A row of the table, or a decoder of the array; ``NAME@SEED`` for a row trained from another seed.
        size: Height and width of its images, pixels; another than 32 becomes a part of the name.

    Raises:
        UnknownNameError: No design has this name, or the seed is no number.

    Example:
        >>> named("wgan-gp@2").seed, named("glow", size=64).name
        (2, 'glow-64')
    """
    row, at, seed = name.partition("@")
    known = {design.name: design for design in (*TABLE, *decoders())}
    if row not in known:
        raise UnknownNameError(
            f"{row!r} is not one of the designs",
            expected=f"one of {', '.join(design.name for design in TABLE)}, or a decoder",
            remedy=suggestion(row, tuple(known)),
        )
    if at and not (seed.isascii() and seed.isdecimal() and len(seed) <= DIGITS):
        raise UnknownNameError(
            f"{seed!r} is no seed", expected=f"a whole number of at most {DIGITS} digits after @", remedy=f"try {row}@1"
        )
    full = row if size == 32 else f"{row}-{size}"  # noqa: PLR2004  (the usual size)
    number = int(seed) if at else known[row].seed
    # A decoder's name holds its own seed; the others are drawn from seed 0 where nothing is said.
    return known[row].but(name=f"{full}@{number}" if number != known[row].seed else full, size=size, seed=number)
