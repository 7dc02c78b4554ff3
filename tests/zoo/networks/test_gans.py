"""Every adversarial design keeps the laws of a generator and of an objective, and is built as its paper says."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional

from manifpt.errors import ManifptError
from manifpt.zoo.design import Design
from manifpt.zoo.networks import biggan, dcgan, stylegan2
from manifpt.zoo.networks.adversarial import Adversarial, penalised
from manifpt.zoo.networks.objective import Generator, Objective

ARCHITECTURES: dict[str, Callable[[Design], Adversarial]] = {
    "dcgan": dcgan.objective,
    "biggan": biggan.objective,
    "stylegan2": stylegan2.objective,
}
DCGAN = Design("dcgan", "gan", "dcgan", "transposed", "relu", "batch", "strided", "none", "bce", width=8)
BIGGAN = Design("biggan", "gan", "biggan", "nearest", "relu", "batch", "average", "residual", "hinge", width=8)
STYLEGAN2 = Design("stylegan2", "gan", "stylegan2", "fir", "lrelu", "demodulation", "fir", "output", "r1", width=8)
VARIANTS = {
    "upsampling": ("nearest", "bilinear", "shuffle", "fir"),
    "nonlinearity": ("lrelu", "swish", "gelu"),
    "normalisation": ("group", "instance", "none"),
    "downsampling": ("average", "fir"),
    "skip": ("residual", "output"),
    "loss": ("least-squares", "hinge", "wgan-gp", "wgan-lp", "dragan-gp", "dragan-lp", "r1"),
}
DESIGNS = [
    DCGAN,
    *(DCGAN.but(name=f"dcgan {choice}", **{field: choice}) for field, all_ in VARIANTS.items() for choice in all_),
    DCGAN.but(
        name="dcgan far from its centre",
        upsampling="fir", nonlinearity="gelu", normalisation="instance", downsampling="fir", skip="output", loss="r1",
    ),
    BIGGAN,
    *(BIGGAN.but(name=f"biggan {choice}", upsampling=choice) for choice in VARIANTS["upsampling"][1:]),
    STYLEGAN2,
    *(STYLEGAN2.but(name=f"stylegan2 {choice}", upsampling=choice) for choice in ("bilinear", "nearest")),
]  # fmt: skip
CENTRES = [DCGAN, BIGGAN, STYLEGAN2]

every_design = pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
every_centre = pytest.mark.parametrize("design", CENTRES, ids=lambda design: design.name)


def built(design: Design) -> Adversarial:
    return ARCHITECTURES[design.architecture](design)


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def reals(design: Design, images: int = 4) -> Tensor:
    return torch.rand(images, 3, design.size, design.size, generator=seeded()) * 2 - 1


def noise(game: Adversarial, images: int = 4) -> Tensor:
    assert isinstance(game.generator, Generator)
    return torch.randn(images, *game.generator.latent_shape, generator=seeded())


def samples(game: Adversarial, latent: Tensor) -> Tensor:
    assert isinstance(game.generator, Generator)
    with torch.no_grad():
        return game.generator.sampled(latent)


def trained(game: Adversarial, design: Design, steps: int = 2) -> Adversarial:
    for name, network in game.networks.items():
        optimiser = torch.optim.Adam(network.parameters(), 1e-3)
        for step in range(steps):
            optimiser.zero_grad()
            game.loss(name, reals(design), seeded(step), step).backward()
            optimiser.step()
    return game


@pytest.mark.parametrize("size", [32, 64])
@every_design
def test_samples_are_images_of_the_designs_size_within_their_range(design: Design, size: int) -> None:
    game = built(design.but(size=size))
    assert isinstance(game, Objective)
    assert isinstance(game.generator, Generator)
    found = samples(game, noise(game, 2))
    assert found.shape == (2, 3, size, size)
    assert found.abs().max() <= 1
    assert (found[0] != found[1]).any()


@pytest.mark.parametrize("size", [32, 64])
@every_design
def test_a_discriminator_gives_each_image_one_score(design: Design, size: int) -> None:
    design = design.but(size=size)
    scores = built(design).discriminator(reals(design, 2))
    assert scores.shape == (2,)
    assert scores.isfinite().all()


@every_design
def test_losses_are_finite_scalars_whose_gradients_reach_every_parameter_of_the_network(design: Design) -> None:
    game = built(design)
    for name, network in game.networks.items():
        network.zero_grad()
        loss = game.loss(name, reals(design), seeded(), 0)
        assert loss.shape == ()
        assert loss.isfinite()
        loss.backward()
        unreached = [
            part for part, weight in network.named_parameters() if weight.grad is None or not weight.grad.abs().sum()
        ]
        # Wasserstein and, within its margins, hinge are differences of scores, in which a common bias has no part.
        difference = design.loss.startswith("wgan") or design.loss == "hinge"
        free = {"score.bias"} if difference and name == "discriminator" else set()
        assert set(unreached) <= free


@every_design
def test_every_number_of_the_latent_moves_the_image(design: Design) -> None:
    game = built(design)
    latent = noise(game).requires_grad_(True)
    assert isinstance(game.generator, Generator)
    (game.generator.sampled(latent) * reals(design)).sum().backward()
    assert latent.grad is not None
    assert (latent.grad.abs().sum(0) > 0).all()


@every_design
def test_the_same_noise_gives_the_same_image_whatever_else_is_in_the_batch(design: Design) -> None:
    game = trained(built(design), design)
    game.generator.eval()
    latent = noise(game)
    torch.testing.assert_close(samples(game, latent)[1:2], samples(game, latent[1:2]), atol=1e-5, rtol=0)


@every_design
def test_a_few_steps_on_one_batch_lower_either_loss(design: Design) -> None:
    game = built(design)
    for name, network in game.networks.items():
        optimiser = torch.optim.Adam(network.parameters(), game.recipe.rate, betas=game.recipe.betas)
        losses = []
        for _ in range(6):
            optimiser.zero_grad()
            loss = game.loss(name, reals(design), seeded(), 0)
            losses.append(float(loss.detach()))
            loss.backward()
            optimiser.step()
        assert losses[-1] < losses[0], name


@every_centre
def test_building_and_losses_leave_the_global_random_numbers_alone(design: Design) -> None:
    before = torch.get_rng_state()
    trained(built(design), design)
    assert torch.equal(torch.get_rng_state(), before)


@every_centre
def test_weights_depend_on_the_seed_and_on_nothing_else(design: Design) -> None:
    one, same, other = built(design), built(design), built(design.but(seed=1))
    for name, network in one.networks.items():
        weights = network.state_dict()
        assert all(torch.equal(weight, same.networks[name].state_dict()[key]) for key, weight in weights.items())
        assert any((weight != other.networks[name].state_dict()[key]).any() for key, weight in weights.items())


@every_centre
def test_losses_depend_on_the_random_numbers_given_and_on_nothing_else(design: Design) -> None:
    for name in ("discriminator", "generator"):
        one, same, other = (
            float(built(design).loss(name, reals(design), seeded(seed), 1).detach()) for seed in (3, 3, 4)
        )
        assert one == same != other


@every_design
def test_saved_weights_in_another_network_give_equal_samples(design: Design) -> None:
    game, other = trained(built(design), design), built(design.but(seed=1))
    for name, network in game.networks.items():
        other.networks[name].load_state_dict(load(save(network.state_dict())))
        network.eval()
        other.networks[name].eval()
    latent, images = noise(game), reals(design)
    assert torch.equal(samples(game, latent), samples(other, latent))
    assert torch.equal(game.discriminator(images), other.discriminator(images))


@every_centre
def test_a_copy_for_averaged_weights_gives_equal_samples(design: Design) -> None:
    game = trained(built(design), design)
    game.generator.eval()
    twin = copy.deepcopy(game.generator)
    assert isinstance(twin, Generator)
    assert torch.equal(twin.sampled(noise(game)), samples(game, noise(game)))


@pytest.mark.parametrize("size", [32, 64])
@every_design
def test_a_generator_of_width_32_is_within_1_5_megabytes_of_fp16(design: Design, size: int) -> None:
    game = built(design.but(size=size, width=32))
    assert sum(weight.numel() for weight in game.generator.parameters()) <= 750_000


@every_design
def test_no_discriminator_normalises_over_the_batch_and_none_under_a_penalty_has_spectral_norm(design: Design) -> None:
    parts = list(built(design).discriminator.modules())
    assert not any(isinstance(part, nn.BatchNorm2d) for part in parts)
    assert any(nn.utils.parametrize.is_parametrized(part) for part in parts) != penalised(design.loss)


@pytest.mark.parametrize("design", [DCGAN, BIGGAN], ids=lambda design: design.name)
def test_spectral_norm_makes_every_weight_of_an_unpenalised_discriminator_1_long(design: Design) -> None:
    discriminator = built(design).discriminator
    for _ in range(50):
        discriminator(reals(design))
    weights = [part.weight for part in discriminator.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    for weight in weights:
        assert float(torch.linalg.matrix_norm(weight.detach().flatten(1), 2)) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("skip", ["residual", "output"])
def test_a_skip_adds_to_the_plain_network_what_its_bridges_carry(skip: str) -> None:
    plain, bridged = dcgan.Generator(DCGAN), dcgan.Generator(DCGAN.but(skip=skip))
    bridged.load_state_dict(plain.state_dict(), strict=False)
    latent = torch.randn(2, 64, generator=seeded())
    assert not torch.allclose(plain(latent), bridged(latent), atol=1e-3)
    for weight in bridged.bridges.parameters():
        nn.init.zeros_(weight)
    assert torch.equal(plain(latent), bridged(latent))


def test_the_output_skip_adds_enlarged_pictures_of_every_resolution() -> None:
    generator = dcgan.Generator(DCGAN.but(skip="output", upsampling="nearest"))
    for weight in generator.parameters():
        nn.init.zeros_(weight)
    for bridge, colour in zip(generator.bridges, (0.1, 0.2, 0.4), strict=True):
        assert isinstance(bridge, nn.Conv2d)
        assert bridge.bias is not None
        nn.init.constant_(bridge.bias, colour)
    image = generator(torch.zeros(1, 64))
    torch.testing.assert_close(image, torch.full_like(image, 0.7).tanh())


def test_modulation_is_batch_norm_times_one_plus_gain_plus_bias() -> None:
    layer = biggan.Modulated(2)
    nn.init.constant_(layer.gain.weight, 0.5)
    nn.init.constant_(layer.bias.weight, 0.25)
    maps = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1).expand(2, 2, 1, 1)
    latent = torch.zeros(2, 16)
    latent[1, :2] = 1.0
    found = layer(maps, latent)
    torch.testing.assert_close(found[:, 0, 0, 0], torch.tensor([-1.0, 1.0 * (1 + 1.0) + 0.5]), atol=1e-4, rtol=0)


def test_each_block_of_biggan_is_modulated_by_its_own_part_of_the_latent() -> None:
    generator = biggan.Generator(BIGGAN).eval()
    latent = torch.randn(1, 64, generator=seeded())
    reached: list[list[bool]] = []
    for part in range(4):
        other = latent.clone()
        other[:, 16 * part : 16 * (part + 1)] += 1
        maps, moved = ([], [])
        for inputs, outputs in ((latent, maps), (other, moved)):
            hooks = [
                block.register_forward_hook(lambda _, __, found, outputs=outputs: outputs.append(found))
                for block in generator.blocks
            ]
            generator(inputs)
            for hook in hooks:
                hook.remove()
        reached.append([bool((one != two).any()) for one, two in zip(maps, moved, strict=True)])
    assert reached == [[True, True, True], [True, True, True], [False, True, True], [False, False, True]]


@pytest.mark.parametrize("side", [1, 3])
@pytest.mark.parametrize("demodulated", [True, False])
def test_a_styled_convolution_is_one_with_each_images_own_weights(side: int, demodulated: bool) -> None:
    layer = stylegan2.Styled(8, 4, side, demodulated=demodulated)
    nn.init.constant_(layer.convolution.bias, 0.5)  # type: ignore[arg-type]
    maps, latent = torch.randn(3, 8, 5, 5, generator=seeded()), torch.randn(3, 64, generator=seeded())
    styles = latent @ layer.style.weight.T / 8 + 1
    for image, style, found in zip(maps, styles, layer(maps, latent), strict=True):
        weight = layer.convolution.weight / (8 * side * side) ** 0.5 * style[None, :, None, None]
        if demodulated:
            weight = weight / weight.flatten(1).norm(dim=1)[:, None, None, None]
        expected = functional.conv2d(image[None], weight, padding=side // 2)[0] + 0.5
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("slowness", [1.0, 0.01])
def test_an_equalised_layer_keeps_variance_and_learns_at_its_own_rate(slowness: float) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        layer = stylegan2.Dense(256, 512, slowness=slowness, bias=1.0)
    features = torch.randn(64, 256, generator=seeded())
    found = layer(features)
    assert float(found.std().detach()) == pytest.approx(1, abs=0.05)
    assert float(found.mean().detach()) == pytest.approx(1, abs=0.05)
    (gradient,) = torch.autograd.grad(layer(features[:1])[0, 0], layer.weight)
    torch.testing.assert_close(gradient[0], slowness * features[0] / 16)


@pytest.mark.parametrize("design", [DCGAN, STYLEGAN2], ids=lambda design: design.name)
def test_a_discriminator_sees_how_much_the_batch_varies(design: Design) -> None:
    discriminator = built(design).discriminator.eval()
    image, other = reals(design, 2).split(1)
    varied, collapsed = discriminator(torch.cat([image, other])), discriminator(torch.cat([image, image]))
    assert not torch.allclose(varied[0], collapsed[0], atol=1e-4)


def test_the_batchs_deviation_is_the_mean_over_the_maps_numbers() -> None:
    maps = torch.zeros(2, 2, 4, 4)
    maps[1, 0] = 4.0  # deviation 2 in one of two maps, 0 in the other
    found = dcgan.deviation(maps)
    assert found.shape == (2, 1, 4, 4)
    torch.testing.assert_close(found, torch.ones_like(found), atol=1e-3, rtol=0)


@pytest.mark.parametrize("upsampling", ["transposed", "nearest", "shuffle"])
def test_without_norms_initial_maps_neither_fade_nor_grow(upsampling: str) -> None:
    generator = dcgan.Generator(DCGAN.but(normalisation="none", upsampling=upsampling, width=32))
    maps = generator.stem(torch.randn(64, 64, generator=seeded()))
    for grown in generator.grown[:-1]:
        maps = grown(maps)
        assert 0.4 < float(maps.detach().square().mean()) < 1.6


@pytest.mark.parametrize("normalisation", ["batch", "none"])
@pytest.mark.parametrize("skip", ["none", "residual", "output"])
def test_initial_images_vary_and_are_not_saturated(skip: str, normalisation: str) -> None:
    generator = dcgan.Generator(DCGAN.but(skip=skip, normalisation=normalisation, width=32))
    images = generator(torch.randn(64, 64, generator=seeded())).detach()
    assert images.std(0).mean() > 0.2
    assert (images.abs() > 0.95).float().mean() < 0.2


def test_a_residual_block_of_stylegan2_keeps_the_variance_of_smooth_maps() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        block = stylegan2.Shrunk(64, 64)
    smooth = torch.randn(64, 64, 1, 1, generator=seeded()).expand(-1, -1, 12, 12)
    inside = block(smooth).detach()[:, :, 2:-2, 2:-2]
    assert float(inside.square().mean()) == pytest.approx(1, abs=0.2)


def test_the_mapping_sees_the_direction_of_the_latent_alone() -> None:
    generator = stylegan2.Generator(STYLEGAN2)
    latent = torch.randn(2, 64, generator=seeded())
    torch.testing.assert_close(generator(latent), generator(3 * latent), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("design", "field"),
    [
        (DCGAN.but(upsampling="unsqueeze"), "upsampling 'unsqueeze'"),
        (DCGAN.but(normalisation="demodulation"), "normalisation 'demodulation'"),
        (DCGAN.but(skip="unet"), "skip 'unet'"),
        (DCGAN.but(downsampling="squeeze"), "downsampling 'squeeze'"),
        (DCGAN.but(loss="elbo"), "loss 'elbo'"),
        (DCGAN.but(normalisation="group", width=12), "width 12"),
        (BIGGAN.but(skip="none"), "skip 'none'"),
        (BIGGAN.but(loss="wgan-gp"), "loss 'wgan-gp'"),
        (BIGGAN.but(downsampling="strided"), "downsampling 'strided'"),
        (STYLEGAN2.but(upsampling="transposed"), "upsampling 'transposed'"),
        (STYLEGAN2.but(normalisation="batch"), "normalisation 'batch'"),
        (STYLEGAN2.but(loss="hinge"), "loss 'hinge'"),
    ],
    ids=str,
)
def test_a_design_that_cannot_be_built_is_refused_by_the_name_of_the_choice(design: Design, field: str) -> None:
    with pytest.raises(ManifptError, match=field):
        built(design)
