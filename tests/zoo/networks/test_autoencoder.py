"""Autoencoders: what the design decides, what it does not, and the moments of their codes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from manifpt.zoo.decoders import decoders, runs
from manifpt.zoo.design import Design
from manifpt.zoo.networks.autoencoder import Autoencoder, objective
from manifpt.zoo.networks.perceptual import reconstruction

DESIGN = Design("d", "decoder", "autoencoder", "nearest", "relu", "batch", "strided", "none", "l2", width=8)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("run", runs(), ids=lambda run: "-".join(run.values()))
@pytest.mark.usefixtures("feature_weights")
def test_every_run_of_the_array_reconstructs_and_learns(run: dict[str, str]) -> None:
    built = objective(DESIGN.but(**run))
    images = noise(2, 3, 32, 32).clamp(-1, 1)
    assert built.generator.reconstructed(images).shape == images.shape
    built.loss("generator", images, torch.Generator(), 0).backward()
    assert all(parameter.grad is not None for parameter in built.generator.parameters())


@pytest.mark.usefixtures("feature_weights")
def test_the_encoders_form_is_the_same_in_every_run() -> None:
    forms = {
        repr([(type(layer).__name__, layer.extra_repr()) for layer in objective(design).generator.encoder.modules()])
        for design in decoders(width=8)
    }
    assert len(forms) == 1


def test_other_choices_are_other_decoders() -> None:
    forms = {
        tuple(
            (type(layer).__name__, layer.extra_repr())
            for layer in objective(DESIGN.but(**run)).generator.decoder.modules()
        )
        for run in (run | {"loss": "l2"} for run in runs())
    }
    assert len(forms) == 25


@pytest.mark.parametrize("loss", ["l2", "l1", "ssim"])
def test_the_loss_is_the_distance_of_the_reconstructions(loss: str) -> None:
    built = objective(DESIGN.but(loss=loss, normalisation="group"))
    images = noise(2, 3, 32, 32).clamp(-1, 1)
    found = built.loss("generator", images, torch.Generator(), 0)
    torch.testing.assert_close(found, reconstruction(loss)(built.generator.reconstructed(images), images))


def test_batches_are_remembered_as_their_joint_mean_and_square() -> None:
    network, batches = Autoencoder(DESIGN), [3 + 2 * noise(50, 256, seed=seed) for seed in range(4)]
    for step, codes in enumerate(batches):
        network.remember(codes, step)
    together = torch.cat(batches)
    torch.testing.assert_close(network.mean, together.mean(0), atol=1e-4, rtol=0)
    torch.testing.assert_close(network.square, together.square().mean(0), atol=1e-3, rtol=1e-3)


def test_codes_of_long_ago_are_forgotten() -> None:
    network = Autoencoder(DESIGN)
    network.remember(torch.full((4, 256), 100.0), 0)
    for step in range(10_000, 10_000 + 1500):
        network.remember(torch.ones(4, 256), step)
    torch.testing.assert_close(network.mean, torch.ones(256), atol=0.1, rtol=0)
    assert network.square.max() < 10


def test_samples_decode_codes_of_the_remembered_mean_and_spread() -> None:
    network = Autoencoder(DESIGN).eval()
    mean, spread = noise(256, seed=2), noise(256, seed=1).abs()
    network.mean.copy_(mean)
    network.square.copy_(mean.square() + spread.square())
    seen: list[Tensor] = []
    network.from_code.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].flatten(1)))
    with torch.no_grad():
        network.sampled(noise(2000, 256))
    torch.testing.assert_close(seen[0].mean(0), mean, atol=0.12, rtol=0)
    torch.testing.assert_close(seen[0].std(0), spread, atol=0.12, rtol=0.1)


def test_a_square_that_rounding_left_below_the_means_still_gives_images() -> None:
    network = Autoencoder(DESIGN).eval()
    network.mean.fill_(1.0)
    network.square.fill_(0.9999)
    assert torch.isfinite(network.sampled(noise(2, 256))).all()


def test_remembering_moves_no_weight_and_costs_no_gradient() -> None:
    network = Autoencoder(DESIGN)
    codes = noise(4, 256).requires_grad_()
    network.remember(codes, 0)
    assert not network.mean.requires_grad
    assert not network.square.requires_grad


@pytest.mark.parametrize("training", [True, False])
def test_codes_are_remembered_in_training_alone(training: bool) -> None:
    built = objective(DESIGN)
    built.generator.train(training)
    built.loss("generator", noise(4, 3, 32, 32), torch.Generator(), 0)
    assert torch.equal(built.generator.mean, torch.zeros(256)) != training
