"""The laws of generators and objectives, for the VAEs, the flows and the decoders."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch
from torch import Tensor, nn

from manifpt.errors import ManifptError, NumbersError
from manifpt.zoo.design import Design
from manifpt.zoo.networks.objective import Generator, Objective

DESIGNS = [
    Design("beta", "vae", "beta-vae", "transposed", "lrelu", "batch", "strided", "none", "elbo", width=8),
    Design("dfc", "vae", "beta-vae", "nearest", "relu", "group", "average", "residual", "elbo-perceptual", width=8),
    Design("levels", "vae", "hierarchical-vae", "nearest", "gelu", "none", "fir", "residual", "elbo", width=8),
    Design("codes", "vae", "vq-vae", "bilinear", "swish", "batch", "strided", "residual", "vq", width=8),
    Design("affine", "flow", "glow", "unsqueeze", "relu", "actnorm", "squeeze", "coupling", "likelihood", width=8),
    Design(
        "additive",
        "flow",
        "residual-coupling",
        "unsqueeze",
        "gelu",
        "actnorm",
        "squeeze",
        "residual",
        "likelihood",
        width=8,
    ),
    Design("decoder", "decoder", "autoencoder", "fir", "gelu", "instance", "strided", "output", "l2", width=8),
    Design("ssim", "decoder", "autoencoder", "shuffle", "swish", "none", "strided", "residual", "ssim", width=8),
    Design("feature", "decoder", "autoencoder", "shuffle", "relu", "batch", "strided", "none", "perceptual", width=8),
]
# The heaviest choices of each architecture.
HEAVIEST = [
    DESIGNS[0].but(upsampling="shuffle", skip="residual", normalisation="batch"),
    DESIGNS[2].but(upsampling="shuffle", downsampling="strided", normalisation="batch"),
    DESIGNS[3].but(upsampling="shuffle", normalisation="batch"),
    DESIGNS[4],
    DESIGNS[5],
    DESIGNS[7].but(normalisation="batch"),
]
every_design = pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
BYTES = 1_500_000
DETERMINISTIC = ("vq-vae", "autoencoder")

pytestmark = pytest.mark.usefixtures("feature_weights")


def built(design: Design) -> Objective:
    return import_module(f"manifpt.zoo.networks.{design.architecture.replace('-', '_')}").objective(design)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def photographs(count: int, size: int, seed: int = 0) -> Tensor:
    """Smooth images in [−1, 1], which can be learnt."""
    coarse = noise(count, 3, 4, 4, seed=seed).clamp(-2, 2) / 2
    return nn.functional.interpolate(coarse, (size, size), mode="bilinear")


def moved(network: nn.Module, seed: int = 1) -> nn.Module:
    """The network in evaluation, its weights a little moved: zeros at the start hide what lies before them."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.03 * torch.randn(parameter.shape, generator=random))
    return network.eval()


@every_design
@pytest.mark.parametrize("size", [32, 64])
def test_noise_becomes_images_between_minus_one_and_one(design: Design, size: int) -> None:
    objective = built(design.but(size=size))
    assert isinstance(objective, Objective)
    network = moved(objective.generator)
    assert isinstance(network, Generator)
    with torch.no_grad():
        images = network.sampled(noise(2, *network.latent_shape))
    assert images.shape == (2, 3, size, size)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1
    assert (images[0] - images[1]).abs().max() > 1e-4, "other noise, other image"


@every_design
def test_the_same_noise_is_the_same_image_whatever_else_is_in_the_batch(design: Design) -> None:
    network = moved(built(design).generator)
    latent = noise(3, *network.latent_shape)
    with torch.no_grad():
        together = network.sampled(latent)
        alone = torch.cat([network.sampled(one[None]) for one in latent])
    torch.testing.assert_close(alone, together, rtol=0, atol=1e-5)


@every_design
def test_an_image_is_a_function_of_its_noise_alone(design: Design) -> None:
    network = moved(built(design).generator)
    latent = noise(2, *network.latent_shape)
    state = torch.get_rng_state()
    with torch.no_grad():
        assert torch.equal(network.sampled(latent), network.sampled(latent))
    assert torch.equal(torch.get_rng_state(), state)


@every_design
@pytest.mark.parametrize("size", [32, 64])
def test_the_loss_is_a_finite_scalar_whose_gradient_reaches_every_weight(design: Design, size: int) -> None:
    objective = built(design.but(size=size))
    moved(objective.generator).train()
    loss = objective.loss("generator", photographs(3, size), torch.Generator().manual_seed(0), 0)
    assert loss.shape == ()
    assert torch.isfinite(loss)
    loss.backward()
    parameters = dict(objective.generator.named_parameters())
    silent = [name for name, parameter in parameters.items() if parameter.grad is None]
    # The bias before a normalisation moves nothing.
    silent += [name for name, weight in parameters.items() if weight.ndim > 1 and not weight.grad.abs().sum() > 0]
    assert silent == []


@every_design
def test_a_loss_is_a_function_of_images_and_noise_and_keeps_no_graph(design: Design) -> None:
    objective = built(design)
    objective.generator.eval()
    images = photographs(2, 32)
    first, again, other = (
        objective.loss("generator", images, torch.Generator().manual_seed(seed), 0) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    first.backward()
    again.backward()
    assert torch.equal(first, other) == (design.architecture in DETERMINISTIC), "codes and subpixels are drawn"


@every_design
def test_the_loss_falls_on_a_few_images(design: Design) -> None:
    objective = built(design)
    images = photographs(4, 32)
    objective.prepared(images)
    optimiser = torch.optim.Adam(objective.generator.parameters(), 2e-3)
    losses = []
    for step in range(12):
        loss = objective.loss("generator", images, torch.Generator().manual_seed(0), step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.01 * abs(losses[0])


@every_design
def test_weights_depend_on_the_seed_alone_and_leave_the_global_generator_alone(design: Design) -> None:
    state = torch.get_rng_state()
    first, again, other = (
        torch.cat([parameter.flatten() for parameter in built(design.but(seed=seed)).generator.parameters()])
        for seed in (5, 5, 6)
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@every_design
def test_weights_that_are_saved_and_loaded_make_equal_images(design: Design) -> None:
    trained, fresh = built(design), built(design.but(seed=1)).generator
    trained.prepared(photographs(4, 32))
    trained.loss("generator", photographs(4, 32), torch.Generator().manual_seed(0), 0)
    network = moved(trained.generator)
    fresh.load_state_dict({name: tensor.clone() for name, tensor in network.state_dict().items()})
    latent = noise(2, *network.latent_shape)
    with torch.no_grad():
        assert torch.equal(fresh.eval().sampled(latent), network.sampled(latent))


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("design", HEAVIEST, ids=lambda design: design.name)
def test_the_weights_fit_what_is_shipped(design: Design, size: int) -> None:
    network = built(design.but(size=size, width=32)).generator
    assert sum(parameter.numel() for parameter in network.parameters()) <= 750_000
    assert 2 * sum(tensor.numel() for tensor in network.state_dict().values()) <= BYTES


@pytest.mark.parametrize(
    ("design", "unmet"),
    [
        (DESIGNS[0].but(loss="bce", skip="unet"), ("skip 'unet'", "loss 'bce'")),
        (DESIGNS[2].but(loss="elbo-perceptual"), ("loss 'elbo-perceptual'",)),
        (DESIGNS[3].but(normalisation="actnorm"), ("normalisation 'actnorm'",)),
        (DESIGNS[4].but(upsampling="fir", skip="residual"), ("upsampling 'fir'", "skip 'residual'")),
        (DESIGNS[5].but(downsampling="strided"), ("downsampling 'strided'",)),
        (DESIGNS[6].but(downsampling="fir", loss="elbo"), ("downsampling 'fir'", "loss 'elbo'")),
    ],
    ids=lambda value: value.architecture if isinstance(value, Design) else "",
)
def test_what_cannot_be_honoured_is_named(design: Design, unmet: tuple[str, ...]) -> None:
    with pytest.raises(ManifptError) as error:
        built(design)
    assert all(field in str(error.value) for field in unmet)
    assert design.name in str(error.value)


def test_a_width_that_cannot_be_grouped_is_refused() -> None:
    with pytest.raises(NumbersError, match=r"width 12 cannot be divided into groups.*try width 16"):
        built(DESIGNS[1].but(width=12))
