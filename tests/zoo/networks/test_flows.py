"""The mathematics of the flows: inverses, log-determinants, data-dependent starts, bits per dimension."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal

from manifpt.zoo.design import Design
from manifpt.zoo.networks import glow, residual_coupling
from manifpt.zoo.networks.invertible import ActNorm, Flow, Split

GLOW = Design("g", "flow", "glow", "unsqueeze", "relu", "actnorm", "squeeze", "coupling", "likelihood", width=8)
RESIDUAL = GLOW.but(architecture="residual-coupling", nonlinearity="gelu", skip="residual")

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "ActNorm": lambda: ActNorm(4),
    "Rotation": lambda: glow.Rotation(4),
    "AffineCoupling": lambda: glow.AffineCoupling(GLOW, 4),
    "Reversal": residual_coupling.Reversal,
    "AdditiveCoupling": lambda: residual_coupling.AdditiveCoupling(RESIDUAL, 4),
    "AdditiveCoupling, plain": lambda: residual_coupling.AdditiveCoupling(RESIDUAL.but(skip="coupling"), 4),
}
FLOWS: dict[str, Callable[[int], Flow]] = {
    "glow": lambda levels: Flow(8, levels, lambda channels: glow.steps(GLOW, 2, channels)),
    "residual coupling": lambda levels: Flow(
        8, levels, lambda channels: residual_coupling.steps(RESIDUAL, 2, channels)
    ),
}


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def moved(made: Callable[[], nn.Module], scale: float = 0.1) -> nn.Module:
    """A layer in float64 that is nowhere zero or the identity."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = made().double()
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.add_(scale * torch.randn(parameter.shape, dtype=torch.float64))
    return layer


def known_log_determinant(function: Callable[[Tensor], Tensor], one: Tensor) -> float:
    size = one.numel()
    jacobian = torch.autograd.functional.jacobian(
        lambda flat: function(flat.reshape(one.shape)).reshape(size), one.flatten()
    )
    return torch.linalg.slogdet(jacobian).logabsdet.item()


@pytest.mark.parametrize("name", LAYERS)
def test_a_layers_inverse_undoes_it_and_its_log_determinant_is_that_of_the_jacobian(name: str) -> None:
    layer, maps = moved(LAYERS[name], 0.3), noise(3, 4, 2, 2)
    mapped, log_determinants = layer(maps)
    assert log_determinants.shape == (3,)
    assert (mapped - maps).abs().max() > 1e-3
    torch.testing.assert_close(layer.inverse(mapped), maps, rtol=0, atol=1e-10)
    torch.testing.assert_close(layer(layer.inverse(maps))[0], maps, rtol=0, atol=1e-10)
    for one, found in zip(maps, log_determinants, strict=True):
        assert found.item() == pytest.approx(known_log_determinant(lambda x: layer(x[None])[0], one), abs=1e-9)


def test_a_splits_inverse_undoes_it_and_its_log_determinant_is_that_of_the_jacobian() -> None:
    layer, maps = moved(lambda: Split(4), 0.3), noise(3, 4, 2, 2)
    onward, finished, log_determinants = layer(maps)
    assert torch.equal(onward, maps[:, :2])
    torch.testing.assert_close(layer.inverse(onward, finished), maps, rtol=0, atol=1e-10)
    for one, found in zip(maps, log_determinants, strict=True):
        expected = known_log_determinant(lambda x: torch.cat(layer(x[None])[:2], 1), one)
        assert found.item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_flows_inverse_undoes_it_in_both_directions(name: str, levels: int) -> None:
    flow = moved(lambda: FLOWS[name](levels))
    images, latent = noise(3, 3, 8, 8), noise(3, 192, seed=1)
    torch.testing.assert_close(flow.inverse(flow(images)[0]), images, rtol=0, atol=1e-8)
    torch.testing.assert_close(flow(flow.inverse(latent))[0], latent, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.parametrize("levels", [1, 3])
def test_a_flows_log_determinant_is_that_of_its_jacobian(name: str, levels: int) -> None:
    flow, images = moved(lambda: FLOWS[name](levels)), noise(2, 3, 8, 8)
    _, found = flow(images)
    for one, log_determinant in zip(images, found, strict=True):
        expected = known_log_determinant(lambda x: flow(x[None])[0], one)
        assert log_determinant.item() == pytest.approx(expected, abs=1e-8)
    assert found[0].item() != pytest.approx(found[1].item(), abs=1e-6) or levels == 1


def test_rotations_start_as_rotations() -> None:
    matrix = glow.Rotation(6).matrix
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(6), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", FLOWS)
def test_a_prepared_flow_gives_every_norm_an_output_of_mean_0_and_deviation_1(name: str) -> None:
    flow, images = moved(lambda: FLOWS[name](2)), 5 + 3 * noise(16, 3, 8, 8)
    flow.prepare(images)
    seen: list[Tensor] = []
    norms = [module for module in flow.modules() if isinstance(module, ActNorm)]
    for norm in norms:
        norm.register_forward_hook(lambda module, inputs, outputs: seen.append(outputs[0]))
    flow(images)
    assert len(seen) == len(norms) == 4
    for maps in seen:
        torch.testing.assert_close(maps.mean((0, 2, 3)), torch.zeros(maps.shape[1]).double(), atol=1e-4, rtol=0)
        torch.testing.assert_close(
            maps.std((0, 2, 3), correction=0), torch.ones(maps.shape[1]).double(), atol=1e-4, rtol=0
        )


@pytest.mark.parametrize("name", FLOWS)
def test_preparing_leaves_no_hook_behind(name: str) -> None:
    flow = FLOWS[name](2)
    flow.prepare(noise(4, 3, 8, 8).float())
    before = [parameter.clone() for parameter in flow.parameters()]
    flow(3 + noise(4, 3, 8, 8, seed=1).float())
    assert all(torch.equal(one, other) for one, other in zip(before, flow.parameters(), strict=True))


def test_bits_per_dimension_of_the_identity_have_their_closed_form() -> None:
    flow = Flow(8, 2, lambda channels: [])
    images = torch.full((2, 3, 8, 8), 1 / 255)
    random = torch.Generator().manual_seed(0)
    # A grey level's probability is nearly its width times the standard normal density there; −log2 of that.
    expected = -(Normal(0.0, 1.0).log_prob(torch.tensor(1 / 255)).item() + math.log(2 / 255)) / math.log(2)
    found = flow.bits_per_dimension(images, random)
    assert found.shape == (2,)
    torch.testing.assert_close(found, torch.full((2,), expected), atol=1e-4, rtol=0)


def test_scaling_pixels_by_two_saves_one_bit_per_dimension_of_log_determinant() -> None:
    black = torch.zeros(1, 3, 8, 8)
    norm = ActNorm(12)
    with torch.no_grad():
        norm.log_scale.fill_(math.log(2))
    bits = [
        Flow(8, 1, made).bits_per_dimension(black, torch.Generator().manual_seed(0)).item()
        for made in (lambda channels: [], lambda channels: [norm])
    ]
    assert bits[0] - bits[1] == pytest.approx(1, abs=1e-3)


def test_uniform_noise_is_as_wide_as_a_grey_level_and_centred_on_it() -> None:
    seen: list[Tensor] = []
    flow = Flow(8, 1, lambda channels: [])
    flow.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    grey = 100 / 127.5 - 1
    flow.bits_per_dimension(torch.full((50, 3, 8, 8), grey), torch.Generator().manual_seed(0))
    levels = (seen[0] + 1) * 127.5
    assert levels.min() == pytest.approx(99.5, abs=0.01)
    assert levels.max() == pytest.approx(100.5, abs=0.01)
    assert levels.mean() == pytest.approx(100, abs=0.01)


def test_the_temperature_is_the_deviation_of_a_sample() -> None:
    flow = Flow(8, 2, lambda channels: [], temperature=0.1)
    samples = flow.sampled(noise(100, 192).float())
    assert samples.std().item() == pytest.approx(0.1, rel=0.03)


def test_the_objectives_loss_is_the_mean_of_the_bits_per_dimension() -> None:
    for module, design in ((glow, GLOW), (residual_coupling, RESIDUAL)):
        objective = module.objective(design)
        images = noise(2, 3, 32, 32).float().clamp(-1, 1)
        loss = objective.loss("generator", images, torch.Generator().manual_seed(3), 0)
        bits = objective.generator.bits_per_dimension(images, torch.Generator().manual_seed(3))
        torch.testing.assert_close(loss, bits.mean())


@pytest.mark.parametrize(("module", "design"), [(glow, GLOW), (residual_coupling, RESIDUAL)])
def test_a_prepared_objective_starts_with_fewer_bits(module: ModuleType, design: Design) -> None:
    objective = module.objective(design)
    images = 0.1 * noise(4, 3, 32, 32).float() + 0.5
    before = objective.loss("generator", images, torch.Generator().manual_seed(0), 0)
    objective.prepared(images)
    assert objective.loss("generator", images, torch.Generator().manual_seed(0), 0) < before - 1


def test_two_additive_couplings_change_both_halves_of_the_channels() -> None:
    maps = noise(2, 4, 2, 2)
    mapped = maps
    for step in residual_coupling.steps(RESIDUAL, 2, 4):
        shifted = (
            moved(lambda step=step: step) if isinstance(step, residual_coupling.AdditiveCoupling) else step.double()
        )
        mapped, _ = shifted(mapped)
    # Two reversals leave the channels in their order.
    assert ((mapped - maps).abs() > 1e-6).all()


@pytest.mark.parametrize("skip", ["residual", "coupling"])
def test_a_residual_network_passes_its_input_by_its_inner_layers(skip: str) -> None:
    network = moved(lambda: residual_coupling.ShiftNetwork(RESIDUAL.but(skip=skip), 4))
    for parameter in network.inner.parameters():
        nn.init.zeros_(parameter)
    differs = (network(noise(1, 2, 4, 4)) - network(noise(1, 2, 4, 4, seed=1))).abs().max() > 1e-6
    assert differs == (skip == "residual")
