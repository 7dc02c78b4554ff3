"""The losses of a game and the penalties on slopes are what their papers' formulas say."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from manifpt.zoo.networks import adversarial
from manifpt.zoo.networks.objective import Objective, Recipe

LOSSES = ("bce", "least-squares", "hinge", "wgan-gp", "wgan-lp", "dragan-gp", "dragan-lp", "r1")
PENALISED = ("wgan-gp", "wgan-lp", "dragan-gp", "dragan-lp", "r1")
# softplus(0) + softplus(0), softplus(−2) + … as mean over scores (0, 2) of reals and (−1, 1) of generated images.
LOGISTIC = (math.log(2) + math.log1p(math.exp(-2))) / 2 + (math.log1p(math.exp(-1)) + math.log1p(math.e)) / 2
DISCRIMINATOR = {"least-squares": ((1 + 1) / 2 + (1 + 1) / 2) / 2, "hinge": (1 + 0) / 2 + (0 + 2) / 2, "wgan": -1.0}
GENERATOR = {"least-squares": (4 + 0) / 2 / 2, "hinge": 0.25, "wgan": 0.25}
NON_SATURATING = (math.log1p(math.e) + math.log1p(math.exp(-1.5))) / 2


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def linear(length: float) -> tuple[nn.Module, Tensor]:
    """A discriminator whose gradient is everywhere the same and has this length."""
    layer = nn.Linear(48, 1)
    direction = torch.randn(48, generator=seeded())
    layer.weight.data = (length * direction / direction.norm())[None]
    return nn.Sequential(nn.Flatten(), layer, nn.Flatten(0)), layer.weight


def quadratic(images: Tensor) -> Tensor:
    """A discriminator whose gradient is the image."""
    return images.square().flatten(1).sum(1) / 2


def images_of_length(length: float, images: int = 3) -> Tensor:
    made = torch.randn(images, 3, 4, 4, generator=seeded())
    return length * made / made.flatten(1).norm(dim=1)[:, None, None, None]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_discriminators_loss_is_its_formula(loss: str) -> None:
    found = adversarial.discriminator_loss(loss, torch.tensor([0.0, 2.0]), torch.tensor([-1.0, 1.0]))
    assert float(found.detach()) == pytest.approx(
        DISCRIMINATOR.get(loss.removesuffix("-gp").removesuffix("-lp"), LOGISTIC)
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_a_generators_loss_is_its_formula(loss: str) -> None:
    scores = torch.tensor([-1.0, 1.5]) if loss != "least-squares" else torch.tensor([-1.0, 1.0])
    expected = GENERATOR.get(loss.removesuffix("-gp").removesuffix("-lp"), NON_SATURATING)
    expected = -expected if loss in ("hinge", "wgan-gp", "wgan-lp") else expected
    assert float(adversarial.generator_loss(loss, scores)) == pytest.approx(expected)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_discriminator_wants_reals_up_and_generated_down_and_the_generator_wants_them_up(loss: str) -> None:
    real, generated = torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True)
    of_real, of_generated = torch.autograd.grad(
        adversarial.discriminator_loss(loss, real, generated + 0.1), (real, generated)
    )
    (of_generator,) = torch.autograd.grad(adversarial.generator_loss(loss, generated), generated)
    assert (of_real < 0).all()
    assert (of_generated > 0).all()
    assert (of_generator < 0).all()


def test_the_slope_of_a_linear_discriminator_is_the_length_of_its_weights() -> None:
    discriminator, _ = linear(2.5)
    torch.testing.assert_close(adversarial.slopes(discriminator, images_of_length(7)), torch.full((3,), 2.5))


def test_the_slope_of_half_the_square_is_each_images_own_length() -> None:
    images = images_of_length(1) * torch.tensor([0.5, 1.0, 4.0])[:, None, None, None]
    torch.testing.assert_close(adversarial.slopes(quadratic, images), torch.tensor([0.5, 1.0, 4.0]))


def test_slopes_below_1_are_penalised_by_the_two_sided_penalty_alone() -> None:
    slope = torch.tensor([0.5, 1.0, 3.0])
    assert float(adversarial.two_sided(slope)) == pytest.approx((0.25 + 0 + 4) / 3)
    assert float(adversarial.one_sided(slope)) == pytest.approx((0 + 0 + 4) / 3)
    assert float(adversarial.one_sided(slope[:2])) == 0


@pytest.mark.parametrize(
    ("loss", "length", "expected"),
    [
        ("wgan-gp", 3.0, 40.0),
        ("wgan-gp", 0.5, 2.5),
        ("wgan-lp", 3.0, 40.0),
        ("wgan-lp", 0.5, 0.0),
        ("dragan-gp", 3.0, 40.0),
        ("dragan-gp", 0.5, 2.5),
        ("dragan-lp", 3.0, 40.0),
        ("dragan-lp", 0.5, 0.0),
        ("r1", 3.0, 8 * 0.5 * 9),
        ("bce", 3.0, 0.0),
        ("hinge", 3.0, 0.0),
        ("least-squares", 3.0, 0.0),
    ],
)
def test_the_penalty_of_a_linear_discriminator_is_ten_times_that_of_its_slope(
    loss: str, length: float, expected: float
) -> None:
    discriminator, _ = linear(length)
    found = adversarial.penalty(loss, discriminator, images_of_length(2), images_of_length(5), random=seeded(), step=0)
    assert float(found.detach()) == pytest.approx(expected, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize(
    ("loss", "real", "generated", "expected"),
    [
        ("wgan-gp", 3.0, 3.0, 40.0),  # the way from an image to itself is the image
        ("wgan-lp", 0.5, 0.5, 0.0),
        ("r1", 3.0, 100.0, 36.0),  # at reals alone
    ],
)
def test_the_penalty_of_a_quadratic_discriminator_tells_where_slopes_are_taken(
    loss: str, real: float, generated: float, expected: float
) -> None:
    found = adversarial.penalty(
        loss, quadratic, images_of_length(real), images_of_length(generated), random=seeded(), step=0
    )
    assert float(found.detach()) == pytest.approx(expected, rel=1e-5, abs=1e-8)


def test_the_dragan_penalty_ignores_generated_images_and_is_taken_at_reals_that_do_not_vary() -> None:
    real = torch.full((3, 3, 4, 4), 3 / math.sqrt(48))
    found = adversarial.penalty("dragan-gp", quadratic, real, images_of_length(100), random=seeded(), step=0)
    assert float(found.detach()) == pytest.approx(40, rel=1e-5)


def test_r1_over_eight_steps_is_as_strong_as_if_it_were_applied_in_each() -> None:
    discriminator, _ = linear(3)
    real = images_of_length(1)
    total = sum(
        float(adversarial.penalty("r1", discriminator, real, real, random=seeded(), step=step).detach())
        for step in range(8)
    )
    assert total / 8 == pytest.approx(0.5 * 9)
    assert float(adversarial.penalty("r1", discriminator, real, real, random=seeded(), step=1).detach()) == 0


def test_the_gradient_of_the_penalty_is_that_of_its_formula() -> None:
    discriminator, weight = linear(3)
    real = images_of_length(1)
    adversarial.penalty("wgan-gp", discriminator, real, real, random=seeded(), step=0).backward()
    torch.testing.assert_close(weight.grad, 20 * (3 - 1) * weight.detach() / 3)


@pytest.mark.parametrize("loss", PENALISED)
def test_a_flat_discriminator_has_a_finite_penalty_with_finite_gradients(loss: str) -> None:
    discriminator, weight = linear(0)
    real = images_of_length(1)
    found = adversarial.penalty(loss, discriminator, real, real, random=seeded(), step=0)
    assert float(found.detach()) == (10.0 if loss.endswith("gp") else 0.0)
    found.backward()
    assert weight.grad is not None
    assert weight.grad.isfinite().all()


def test_interpolated_images_lie_each_at_one_place_between_its_real_and_its_generated_image() -> None:
    real, generated = torch.full((4000, 3, 2, 2), 1.0), torch.full((4000, 3, 2, 2), 3.0)
    places = (adversarial.interpolated(real, generated, seeded()) - 1) / 2
    assert (places == places[:, :1, :1, :1]).all()
    first = places[:, 0, 0, 0]
    assert 0 <= first.min() < 0.01
    assert 0.99 < first.max() <= 1
    assert float(first.mean()) == pytest.approx(0.5, abs=0.03)


def test_perturbed_reals_move_by_half_the_batchs_deviation_at_most_and_by_an_eighth_on_average() -> None:
    real = torch.randn(500, 3, 4, 4, generator=seeded()) * 2
    moved = (adversarial.perturbed(real, seeded()) - real) / real.std()
    assert moved.min() >= -1e-6
    assert 0.45 < moved.max() <= 0.5
    assert float(moved.mean()) == pytest.approx(1 / 8, abs=0.01)
    assert (moved.flatten(1).std(1) > 0).all()


class Noise(nn.Module):
    """A generator of flat images."""

    latent_shape = (1,)

    def __init__(self) -> None:
        super().__init__()
        self.colour = nn.Linear(1, 3)

    def forward(self, latent: Tensor) -> Tensor:
        flat: Tensor = self.colour(latent)[:, :, None, None].expand(-1, -1, 4, 4)
        return flat

    def sampled(self, latent: Tensor) -> Tensor:
        flat: Tensor = self(latent)
        return flat


@pytest.mark.parametrize("loss", LOSSES)
def test_each_move_has_gradients_for_its_own_network_alone(loss: str) -> None:
    discriminator, _ = linear(0.5)
    game = adversarial.Adversarial(Noise(), discriminator, loss, Recipe())
    assert isinstance(game, Objective)
    assert list(game.networks) == ["discriminator", "generator"]
    for name, other in (("discriminator", "generator"), ("generator", "discriminator")):
        for network in game.networks.values():
            network.zero_grad()
        game.loss(name, images_of_length(2), seeded(), 0).backward()
        weights = [weight for module in game.networks.values() for weight in module.parameters()]
        assert all(weight.requires_grad for weight in weights)
        assert any(weight.grad is not None for weight in game.networks[name].parameters())
        assert all(weight.grad is None for weight in game.networks[other].parameters())


def test_the_discriminators_loss_is_that_of_the_scores_with_the_penalty() -> None:
    discriminator, _ = linear(3)
    generator, real = Noise(), images_of_length(2)
    game = adversarial.Adversarial(generator, discriminator, "wgan-gp", Recipe())
    generated = generator(torch.randn(3, 1, generator=seeded()))
    expected = (discriminator(generated) - discriminator(real)).mean() + 40
    torch.testing.assert_close(game.loss("discriminator", real, seeded(), 0), expected)


def test_a_failed_move_leaves_the_discriminator_able_to_learn() -> None:
    discriminator, weight = linear(1)
    game = adversarial.Adversarial(Noise(), nn.Sequential(discriminator, nn.Linear(7, 1)), "bce", Recipe())
    with pytest.raises(RuntimeError):
        game.loss("generator", images_of_length(1), seeded(), 0)
    assert weight.requires_grad
