"""Laws of the score family: diffusion, score matching, latent diffusion and the denoising-diffusion GAN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from manifpt.errors import ManifptError
from manifpt.zoo.design import Design
from manifpt.zoo.networks import ddpm, diffusion_gan, latent_diffusion, score_matching
from manifpt.zoo.networks.diffusion import Linear, noise_like, strata
from manifpt.zoo.networks.layers import Smoothed
from manifpt.zoo.networks.objective import Generator, Objective
from manifpt.zoo.networks.unet import HONOURED, Block

MODULES = {
    "ddpm": (ddpm, "epsilon"),
    "score-matching": (score_matching, "score-matching"),
    "latent-diffusion": (latent_diffusion, "latent-epsilon"),
    "diffusion-gan": (diffusion_gan, "denoising-adversarial"),
}
BUDGET = 750_000
LATE = 10**6 + 1
"""A step of the latent diffusion's second stage, and none in which the discriminator's gradient is looked at."""

each = pytest.mark.parametrize("architecture", MODULES)


def designed(architecture: str, **choices: Any) -> Design:
    loss = MODULES[architecture][1]
    design = Design("tiny", "score", architecture, "nearest", "swish", "group", "strided", "unet", loss, width=8)
    return design.but(**choices)


def built(architecture: str, **choices: Any) -> Objective:
    objective: Objective = MODULES[architecture][0].objective(designed(architecture, **choices))
    for part in objective.generator.modules():
        if hasattr(part, "steps"):
            part.steps = 3
    return objective


def sampled(objective: Objective, latent: Tensor) -> Tensor:
    generator = objective.generator.eval()
    assert isinstance(generator, Generator)
    with torch.no_grad():
        return generator.sampled(latent)


def latents(objective: Objective, count: int) -> Tensor:
    assert isinstance(objective.generator, Generator)
    return torch.randn(count, *objective.generator.latent_shape, generator=seeded(5))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photographs(count: int = 4, size: int = 32) -> Tensor:
    return torch.rand(count, 3, size, size, generator=seeded(3)) * 2 - 1


def stages(objective: Objective) -> Iterator[tuple[str, int]]:
    """Each network with a step in which it is trained."""
    for name in objective.networks:
        yield name, 0 if name == "autoencoder" else LATE


@each
@pytest.mark.parametrize("size", [32, 64])
def test_noise_becomes_images_of_the_designs_size(architecture: str, size: int) -> None:
    objective = built(architecture, size=size)
    images = sampled(objective, latents(objective, 2))
    assert images.shape == (2, 3, size, size)
    assert float(images.abs().max()) <= 1 + 1e-5
    assert bool(images.isfinite().all())


@each
def test_an_objective_keeps_its_contract(architecture: str) -> None:
    objective = built(architecture)
    assert isinstance(objective, Objective)
    assert any(network is objective.generator for network in objective.networks.values())
    objective.prepared(photographs())


@each
@pytest.mark.parametrize("size", [32, 64])
def test_gradients_reach_every_parameter(architecture: str, size: int) -> None:
    objective = built(architecture, size=size)
    for name, step in stages(objective):
        objective.loss(name, photographs(2, size), seeded(), step).backward()
    for name, network in objective.networks.items():
        for path, parameter in network.named_parameters():
            if architecture == "latent-diffusion" and name == "generator" and path.startswith("decoder."):
                continue  # a copy of the autoencoder's, which has the gradients
            assert parameter.grad is not None, f"{name}: {path}"
            assert bool(parameter.grad.isfinite().all()), f"{name}: {path}"
            assert bool((parameter.grad != 0).any()), f"{name}: {path}"


@each
def test_the_same_noise_gives_the_same_image_whatever_else_is_in_the_batch(architecture: str) -> None:
    objective = built(architecture)
    latent = latents(objective, 4)
    together = sampled(objective, latent)
    torch.testing.assert_close(sampled(objective, latent[1:2]), together[1:2], atol=1e-5, rtol=0)
    torch.testing.assert_close(sampled(objective, latent.flip(0)).flip(0), together, atol=1e-5, rtol=0)
    assert float((together[0] - together[1]).abs().max()) > 1e-4


@each
def test_losses_are_finite_scalars_of_the_seed_alone(architecture: str) -> None:
    objective = built(architecture)
    for name, step in stages(objective):
        loss = objective.loss(name, photographs(), seeded(), step)
        assert loss.shape == ()
        assert bool(loss.isfinite())
    first, again, other = (objective.loss("generator", photographs(), seeded(s), LATE).item() for s in (0, 0, 1))
    assert first == again != other


@each
def test_some_steps_lower_the_loss_of_each_network(architecture: str) -> None:
    objective = built(architecture)
    for name, step in stages(objective):
        optimiser = torch.optim.Adam(objective.networks[name].parameters(), lr=3e-3)
        losses = []
        for _ in range(12):
            optimiser.zero_grad()
            loss = objective.loss(name, photographs(), seeded(), step)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        assert losses[-1] < 0.97 * losses[0], name


@each
def test_no_two_networks_share_a_weight(architecture: str) -> None:
    tensors = [value for network in built(architecture).networks.values() for value in network.state_dict().values()]
    assert len({value.data_ptr() for value in tensors}) == len(tensors)


@each
def test_the_global_random_state_is_untouched(architecture: str) -> None:
    before = torch.random.get_rng_state()
    objective = built(architecture)
    for name, step in stages(objective):
        objective.loss(name, photographs(2), seeded(), step)
    sampled(objective, latents(objective, 1))
    assert torch.equal(before, torch.random.get_rng_state())


@each
def test_a_seed_decides_the_first_weights(architecture: str) -> None:
    first, again, other = (built(architecture, seed=seed).generator.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[path], again[path]) for path in first)
    assert not all(torch.equal(first[path], other[path]) for path in first)


@each
def test_reloaded_weights_make_equal_images(architecture: str) -> None:
    trained, fresh = built(architecture, seed=1), built(architecture, seed=2)
    for name, step in stages(trained):
        trained.loss(name, photographs(2), seeded(), step)
    latent = latents(trained, 2)
    assert not torch.equal(sampled(trained, latent), sampled(fresh, latent))
    fresh.generator.load_state_dict(trained.generator.state_dict())
    assert torch.equal(sampled(trained, latent), sampled(fresh, latent))


@each
@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("upsampling", HONOURED["upsampling"])
def test_weights_of_the_default_width_fit_the_budget(architecture: str, size: int, upsampling: str) -> None:
    objective = built(architecture, size=size, upsampling=upsampling, width=32)
    assert sum(parameter.numel() for parameter in objective.generator.parameters()) <= BUDGET


@each
@pytest.mark.parametrize(
    ("field", "value", "kind", "settings"),
    [
        ("upsampling", "transposed", nn.ConvTranspose2d, {}),
        ("upsampling", "nearest", nn.Upsample, {"mode": "nearest"}),
        ("upsampling", "bilinear", nn.Upsample, {"mode": "bilinear"}),
        ("upsampling", "shuffle", nn.PixelShuffle, {}),
        ("upsampling", "fir", Smoothed, {"up": True}),
        ("nonlinearity", "relu", nn.ReLU, {}),
        ("nonlinearity", "lrelu", nn.LeakyReLU, {}),
        ("nonlinearity", "swish", nn.SiLU, {}),
        ("nonlinearity", "gelu", nn.GELU, {}),
        ("normalisation", "group", nn.GroupNorm, {}),
        ("normalisation", "instance", nn.InstanceNorm2d, {}),
        ("downsampling", "average", nn.AvgPool2d, {}),
        ("downsampling", "fir", Smoothed, {"up": False}),
    ],
)
def test_a_design_decides_the_layers(
    architecture: str, field: str, value: str, kind: type[nn.Module], settings: dict[str, object]
) -> None:
    def has(choice: str) -> bool:
        parts = [p for network in built(architecture, **{field: choice}).networks.values() for p in network.modules()]
        return any(isinstance(p, kind) and all(getattr(p, k) == v for k, v in settings.items()) for p in parts)

    other = {"upsampling": "nearest", "nonlinearity": "swish", "normalisation": "none", "downsampling": "strided"}[
        field
    ]
    assert has(value)
    assert other == value or not has(other)


@each
@pytest.mark.parametrize(
    "choices",
    [{"normalisation": "none", "downsampling": "average"}, {"normalisation": "instance", "nonlinearity": "gelu"}],
)
def test_networks_learn_without_groups_too(architecture: str, choices: dict[str, str]) -> None:
    objective = built(architecture, **choices)
    for name, step in stages(objective):
        assert bool(objective.loss(name, photographs(2), seeded(), step).isfinite())
    assert bool(sampled(objective, latents(objective, 2)).isfinite().all())


@each
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("upsampling", "unsqueeze"),
        ("normalisation", "batch"),
        ("downsampling", "squeeze"),
        ("skip", "none"),
        ("loss", "bce"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(architecture: str, field: str, value: str) -> None:
    with pytest.raises(ManifptError, match=f"'tiny' cannot honour {field} '{value}'; expected {field} "):
        built(architecture, **{field: value})


def test_noise_and_clean_image_add_up_to_the_noisy_one() -> None:
    denoiser = built("ddpm").generator
    assert isinstance(denoiser, ddpm.Denoiser)
    noisy, time = photographs(3), torch.tensor([0.1, 0.5, 0.9])
    signal, spread = (f(time)[:, None, None, None] for f in (denoiser.schedule.signal, denoiser.schedule.spread))
    rebuilt = signal * denoiser.clean(noisy, time) + spread * denoiser.noise(noisy, time)
    torch.testing.assert_close(rebuilt, noisy, atol=1e-5, rtol=0)


def test_the_loss_of_diffusion_is_the_squared_error_of_the_noise() -> None:
    objective, images = built("ddpm"), photographs()
    denoiser = objective.generator
    assert isinstance(denoiser, ddpm.Denoiser)
    random = seeded()
    time, noise = strata(images, random), noise_like(images, random)
    signal, spread = (f(time)[:, None, None, None] for f in (denoiser.schedule.signal, denoiser.schedule.spread))
    expected = (denoiser.noise(signal * images + spread * noise, time) - noise).square().mean()
    torch.testing.assert_close(objective.loss("generator", images, seeded(), 0), expected)


def test_an_untrained_score_is_the_one_of_a_gaussian_with_the_pixels_deviation() -> None:
    model = built("score-matching").generator
    assert isinstance(model, score_matching.Score)
    nn.init.zeros_(model.unet.last[-1].weight)
    noisy, spread = photographs(3), torch.tensor([0.02, 0.5, 20.0])
    variance = (spread.square() + 0.25)[:, None, None, None]
    torch.testing.assert_close(model.score(noisy, spread), -noisy / variance, rtol=1e-3, atol=1e-3)


def test_the_loss_of_score_matching_is_the_weighted_error_of_the_score() -> None:
    objective, images = built("score-matching"), photographs()
    model = objective.generator
    assert isinstance(model, score_matching.Score)
    random = seeded()
    spread = torch.distributions.Normal(-1.2, 1.2).icdf(strata(images, random)).exp()[:, None, None, None]
    noise = noise_like(images, random)
    error = model.score(images + spread * noise, spread.flatten()) + noise / spread
    expected = (spread.square() * (spread.square() + 0.25) / 0.25 * error.square()).mean()
    torch.testing.assert_close(objective.loss("generator", images, seeded(), 0), expected, rtol=1e-3, atol=0)


def test_the_divergence_of_codes_is_the_one_between_normal_distributions() -> None:
    mean, logarithm = torch.randn(2, 50, generator=seeded())
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(
        normal(mean, (logarithm / 2).exp()), normal(torch.zeros(50), torch.ones(50))
    )
    torch.testing.assert_close(latent_diffusion.divergence(mean, logarithm), expected)


def test_observed_codes_are_standardised_channel_by_channel() -> None:
    model = built("latent-diffusion").generator
    assert isinstance(model, latent_diffusion.LatentDiffusion)
    scale = torch.tensor([0.1, 1.0, 3.0, 10.0])[:, None, None]
    codes = torch.randn(64, 4, 8, 8, generator=seeded()) * scale + scale
    for _ in range(400):
        model.observe(codes)
    standard = model.standardised(codes)
    torch.testing.assert_close(standard.mean((0, 2, 3)), torch.zeros(4), atol=1e-2, rtol=0)
    torch.testing.assert_close(standard.std((0, 2, 3)), torch.ones(4), atol=1e-2, rtol=0)


def test_sampled_codes_regain_their_mean_and_deviation_before_they_are_decoded() -> None:
    objective = built("latent-diffusion")
    model = objective.generator
    assert isinstance(model, latent_diffusion.LatentDiffusion)
    model.mean.fill_(0.5)
    model.deviation.fill_(2.0)
    latent = latents(objective, 2)
    with torch.no_grad():
        expected = model.decoder(model.denoiser.sampled(latent) * 2 + 0.5).clamp(-1, 1)
    torch.testing.assert_close(sampled(objective, latent), expected)


def test_the_denoisers_loss_leaves_no_gradient_in_the_autoencoder() -> None:
    objective = built("latent-diffusion")
    objective.loss("generator", photographs(2), seeded(), LATE).backward()
    assert all(parameter.grad is None for parameter in objective.networks["autoencoder"].parameters())


@pytest.mark.parametrize("half", ["scale", "shift"])
def test_an_embedding_scales_and_shifts_a_blocks_maps(half: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        block = Block(designed("ddpm"), 8, 8, 4)
    other = slice(8, None) if half == "scale" else slice(0, 8)
    nn.init.zeros_(block.modulation.weight[other].detach())
    maps = torch.randn(1, 8, 4, 4, generator=seeded())
    assert not torch.equal(block(maps, torch.ones(1, 4)), block(maps, torch.zeros(1, 4)))


def test_the_second_stage_of_latent_diffusion_moves_the_denoiser_alone() -> None:
    objective = built("latent-diffusion")
    assert isinstance(objective, latent_diffusion.LatentDenoising)
    optimisers = {name: torch.optim.Adam(n.parameters(), lr=1e-2) for name, n in objective.networks.items()}
    denoiser = [p.detach().clone() for p in objective.model.denoiser.parameters()]

    def stepped(step: int) -> None:
        for name, optimiser in optimisers.items():
            optimiser.zero_grad()
            objective.loss(name, photographs(2), seeded(), step).backward()
            optimiser.step()

    stepped(0)
    assert all(map(torch.equal, denoiser, objective.model.denoiser.parameters()))
    trained, kept = objective.autoencoder.decoder.state_dict(), objective.model.decoder.state_dict()
    assert all(torch.equal(trained[path], kept[path]) for path in trained)
    autoencoder = [p.detach().clone() for p in objective.autoencoder.parameters()]
    statistics = objective.model.mean.clone()
    stepped(objective.stage)
    assert all(map(torch.equal, autoencoder, objective.autoencoder.parameters()))
    assert torch.equal(statistics, objective.model.mean)
    assert not all(map(torch.equal, denoiser, objective.model.denoiser.parameters()))


def test_each_part_of_a_stepwise_latent_changes_the_image() -> None:
    objective = built("diffusion-gan")
    pixels, style = 3 * 32 * 32, diffusion_gan.STYLE
    latent = latents(objective, 1)
    image = sampled(objective, latent)
    lengths = [pixels] * diffusion_gan.STEPS + [style] * diffusion_gan.STEPS
    assert sum(lengths) == latent.shape[1]
    for index, part in enumerate(latent.split(lengths, 1)):
        before, after = latent[:, : sum(lengths[:index])], latent[:, sum(lengths[: index + 1]) :]
        assert not torch.equal(image, sampled(objective, torch.cat([before, -part, after], 1))), index


def test_pairs_of_stages_have_the_marginals_of_the_process() -> None:
    images = torch.full((200_000, 1), 0.7)
    earlier, later, stage = diffusion_gan.stepped(images, seeded())
    for index in range(1, diffusion_gan.STEPS + 1):
        for found, when in ((earlier, index - 1), (later, index)):
            chosen, time = found[stage == index], torch.tensor(when / diffusion_gan.STEPS)
            assert float(chosen.mean()) == pytest.approx(0.7 * float(Linear().signal(time)), abs=0.03)
            assert float(chosen.std()) == pytest.approx(float(Linear().spread(time)), abs=0.03)


def test_the_discriminators_loss_leaves_the_generator_alone() -> None:
    objective = built("diffusion-gan")
    objective.loss("discriminator", photographs(), seeded(), 0).backward()
    assert all(parameter.grad is None for parameter in objective.generator.parameters())


def test_the_discriminators_gradient_is_looked_at_in_every_sixteenth_step() -> None:
    objective, images = built("diffusion-gan"), photographs()
    assert isinstance(objective, diffusion_gan.AdversarialDenoising)
    rough, smooth, again = (objective.loss("discriminator", images, seeded(), step).item() for step in (16, 17, 32))
    earlier, later, stage = diffusion_gan.stepped(images, seeded())
    earlier.requires_grad_()
    penalty = diffusion_gan.roughness(objective.discriminator(earlier, later, stage), earlier)
    assert rough - smooth == pytest.approx(16 * diffusion_gan.ROUGHNESS / 2 * penalty.item(), rel=1e-3, abs=1e-6)
    assert rough == again > smooth


def test_roughness_is_the_squared_length_of_a_linear_scores_weights() -> None:
    weights = torch.randn(3, 4, 4, generator=seeded())
    images = photographs(2)[:, :, :4, :4].clone().requires_grad_()
    found = diffusion_gan.roughness((images * weights).flatten(1).sum(1), images)
    torch.testing.assert_close(found, weights.square().sum())
