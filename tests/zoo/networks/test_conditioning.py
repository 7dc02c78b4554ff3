"""Generators that are told classes draw each of them, by a number of their noise."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from manifpt.zoo.architectures import objective, untrained
from manifpt.zoo.designs import named
from manifpt.zoo.networks.conditioning import Projection, choosing, parted, with_class
from manifpt.zoo.networks.objective import Conditioned, Generator

CLASSES = 4
TOLD = ("dcgan", "wgan-gp", "biggan", "stylegan2", "glow", "residual-coupling", "ddpm", "score-matching",
        "latent-diffusion")  # fmt: skip
UNTOLD = ("beta-vae", "vq-vae", "diffusion-gan")


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("classes", [2, 3, 10, 1000])
def test_every_class_can_be_chosen(classes: int) -> None:
    labels = torch.arange(classes)
    latent = torch.cat([noise(classes, 6), choosing(labels, classes)[:, None]], 1)
    apart, found = parted(latent, (2, 3), classes)
    assert found is not None
    assert torch.equal(found, labels)
    assert torch.equal(apart, latent[:, :-1].view(-1, 2, 3))


def test_normal_noise_chooses_classes_evenly_and_never_one_that_is_not_there() -> None:
    latent = torch.cat([noise(20_000), torch.tensor([-40.0, 40.0])])[:, None]
    labels = parted(latent.expand(-1, 2), (1,), 5)[1]
    assert labels is not None
    counts = labels.bincount(minlength=5)
    assert len(counts) == 5
    assert (counts - 4000).abs().max() < 300


def test_without_classes_noise_stays_as_it_is() -> None:
    latent = noise(2, 3, 4, 4)
    assert parted(latent, (3, 4, 4), 0) == (latent, None)
    assert with_class((3, 4, 4), 0) == (3, 4, 4)


@pytest.mark.parametrize("name", TOLD)
def test_the_class_reaches_the_loss_and_the_samples(name: str) -> None:
    design = named(name).but(width=8, classes=CLASSES)
    built = objective(design)
    assert isinstance(built, Conditioned)
    images = noise(8, 3, 32, 32).clamp(-1, 1)
    built.prepared(images)
    _unsettled(built.generator)
    losses = []
    if hasattr(built, "stage"):
        built.stage = 0
    for labels in (torch.zeros(8, dtype=torch.long), torch.arange(8) % CLASSES):
        built.labels = labels
        losses.append(built.loss("generator", images, torch.Generator().manual_seed(1), 5).item())
    assert losses[0] != losses[1]
    generator = built.generator.eval()
    assert isinstance(generator, Generator)
    latent = noise(CLASSES, *generator.latent_shape, seed=2)
    latent[:, :-1] = latent[:1, :-1]
    latent[:, -1] = choosing(torch.arange(CLASSES), CLASSES)
    with torch.no_grad():
        found = generator.sampled(latent)
        assert found.shape == (CLASSES, 3, 32, 32)
        torch.testing.assert_close(generator.sampled(latent[1:2]), found[1:2], atol=1e-5, rtol=0)
    for other in range(1, CLASSES):
        assert (found[other] - found[0]).abs().max() > 1e-3


@pytest.mark.parametrize("name", TOLD)
def test_gradients_reach_what_tells_the_class(name: str) -> None:
    built = objective(named(name).but(width=8, classes=CLASSES))
    images = noise(8, 3, 32, 32).clamp(-1, 1)
    built.prepared(images)
    _unsettled(built.generator)
    built.labels = torch.arange(8) % CLASSES
    if hasattr(built, "stage"):
        built.stage = 0
    for part, network in built.networks.items():
        if part == "autoencoder":
            continue
        built.loss(part, images, torch.Generator().manual_seed(1), 5).backward()
        missing = [name for name, weight in network.named_parameters() if weight.requires_grad and weight.grad is None]
        assert missing == []


@pytest.mark.parametrize("name", UNTOLD)
def test_architectures_that_are_told_nothing_keep_no_place_for_labels(name: str) -> None:
    assert not isinstance(objective(named(name).but(width=8)), Conditioned)


@pytest.mark.parametrize("name", TOLD)
def test_weights_fit_a_generator_that_is_built_for_samples_alone(name: str) -> None:
    design = named(name).but(width=8, classes=CLASSES)
    untrained(design).load_state_dict(objective(design).generator.state_dict())


def test_a_projection_is_the_inner_product_of_features_with_their_class() -> None:
    projection = Projection(3, 2)
    projection.vectors.weight.data = torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 5.0]])
    features = torch.tensor([[3.0, 4.0], [3.0, 4.0]])
    assert projection(features, torch.tensor([0, 2])).tolist() == [3.0, 26.0]
    assert Projection(0, 2)(features, None).tolist() == [0.0, 0.0]


def _unsettled(network: torch.nn.Module) -> None:
    """Move all weights a little: some start at zero, where a class makes no difference yet."""
    random = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=random))
