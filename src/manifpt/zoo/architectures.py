"""Which file builds each architecture: a lazy table, like the registry's."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from torch import nn

    from manifpt.zoo.design import Design
    from manifpt.zoo.networks.objective import Objective

TABLE = {
    "dcgan": "manifpt.zoo.networks.dcgan",
    "biggan": "manifpt.zoo.networks.biggan",
    "stylegan2": "manifpt.zoo.networks.stylegan2",
    "beta-vae": "manifpt.zoo.networks.beta_vae",
    "hierarchical-vae": "manifpt.zoo.networks.hierarchical_vae",
    "vq-vae": "manifpt.zoo.networks.vq_vae",
    "glow": "manifpt.zoo.networks.glow",
    "residual-coupling": "manifpt.zoo.networks.residual_coupling",
    "ddpm": "manifpt.zoo.networks.ddpm",
    "score-matching": "manifpt.zoo.networks.score_matching",
    "latent-diffusion": "manifpt.zoo.networks.latent_diffusion",
    "diffusion-gan": "manifpt.zoo.networks.diffusion_gan",
    "autoencoder": "manifpt.zoo.networks.autoencoder",
}


def objective(design: Design) -> Objective:
    """Return a design's networks with random weights, and its losses.

    Args:
        design: Its seed draws the weights; no global generator is touched.
    """
    return cast("Objective", import_module(TABLE[design.architecture]).objective(design))


def untrained(design: Design) -> nn.Module:
    """Return a design's generator with random weights, without what only its training needs."""
    module = import_module(TABLE[design.architecture])
    found = module.generator(design) if hasattr(module, "generator") else module.objective(design).generator
    return cast("nn.Module", found)
