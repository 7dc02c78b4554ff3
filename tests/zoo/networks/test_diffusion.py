"""Laws of the noise schedules, the forward process, its posterior and the samplers."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from manifpt.zoo.networks.diffusion import (
    Cosine,
    Exploding,
    Linear,
    Schedule,
    ddim,
    falling_spreads,
    noised,
    posterior,
    probability_flow,
    strata,
    transition,
)

SCHEDULES = [Linear(), Cosine(), Exploding(0.05, 5.0)]
KEEPING = [Linear(), Cosine()]
MEAN, DEVIATION = 0.3, 0.4


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def at(time: float) -> Tensor:
    return torch.tensor([time], dtype=torch.float64)


@pytest.mark.parametrize("schedule", KEEPING)
def test_signal_and_noise_have_unit_energy_where_the_variance_is_kept(schedule: Schedule) -> None:
    time = torch.linspace(0, 1, 33, dtype=torch.float64)
    energy = schedule.signal(time).square() + schedule.spread(time).square()
    torch.testing.assert_close(energy, torch.ones_like(time))
    assert float(schedule.signal(time[:1])) == 1
    assert bool((schedule.signal(time).diff() < 0).all())


def test_the_linear_schedule_is_the_product_of_many_small_steps_of_ddpm() -> None:
    steps = 100_000
    rates = torch.linspace(0.1, 20.0, steps, dtype=torch.float64) / steps
    products = (1 - rates).cumprod(0).sqrt()
    for share in (0.1, 0.5, 1.0):
        expected = float(products[int(share * steps) - 1])
        assert float(Linear().signal(at(share))) == pytest.approx(expected, rel=1e-3)


def test_the_cosine_schedule_has_the_published_values() -> None:
    for time in (0.0, 0.25, 0.5, 0.9):
        share = math.cos((time + 0.008) / 1.008 * math.pi / 2) ** 2 / math.cos(0.008 / 1.008 * math.pi / 2) ** 2
        assert float(Cosine().signal(at(time))) == pytest.approx(math.sqrt(share))
    assert float(Cosine().signal(at(1.0))) == pytest.approx(0, abs=1e-12)


def test_exploding_noise_grows_by_the_same_factor_in_equal_times() -> None:
    schedule = Exploding(0.01, 100.0)
    spreads = schedule.spread(torch.linspace(0, 1, 5, dtype=torch.float64))
    torch.testing.assert_close(spreads, torch.tensor([0.01, 0.1, 1.0, 10.0, 100.0], dtype=torch.float64))
    torch.testing.assert_close(schedule.time(spreads), torch.linspace(0, 1, 5, dtype=torch.float64))


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("time", [0.1, 0.6, 0.95])
def test_noised_images_have_the_mean_and_variance_of_the_marginal(schedule: Schedule, time: float) -> None:
    images = torch.full((400_000, 1), 0.7, dtype=torch.float64)
    noise = torch.randn(images.shape, generator=seeded(), dtype=torch.float64)
    noisy = noised(schedule, images, noise, at(time).expand(len(images)))
    _assert_normal(noisy, 0.7 * float(schedule.signal(at(time))), float(schedule.spread(at(time))))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_composed_steps_have_the_mean_and_variance_of_one_long_step(schedule: Schedule) -> None:
    random = seeded(1)
    noisy = torch.full((400_000, 1), 0.7, dtype=torch.float64)
    noisy = noised(schedule, noisy, torch.randn(noisy.shape, generator=random, dtype=torch.float64), at(0.1))
    for earlier, later in ((0.1, 0.3), (0.3, 0.35), (0.35, 0.8)):
        factor, spread = transition(schedule, at(earlier), at(later))
        noisy = factor * noisy + spread * torch.randn(noisy.shape, generator=random, dtype=torch.float64)
    _assert_normal(noisy, 0.7 * float(schedule.signal(at(0.8))), float(schedule.spread(at(0.8))))


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("earlier", "later"), [(0.1, 0.2), (0.25, 0.75), (0.9, 0.99)])
def test_the_posterior_is_the_one_of_bayes_rule(schedule: Schedule, earlier: float, later: float) -> None:
    clean, noisy = 0.7, -0.4
    factor, width = transition(schedule, at(earlier), at(later))
    prior_mean, prior_width = clean * schedule.signal(at(earlier)), schedule.spread(at(earlier))
    grid = prior_mean + prior_width * torch.linspace(-12, 12, 200_001, dtype=torch.float64)
    exponent = -((grid - prior_mean) / prior_width).square() / 2 - ((noisy - factor * grid) / width).square() / 2
    density = (exponent - exponent.max()).exp()
    density /= density.sum()
    mean = float((density * grid).sum())
    deviation = float((density * (grid - mean).square()).sum().sqrt())
    found = posterior(schedule, at(earlier), at(later))
    assert float(found.of_noisy * noisy + found.of_clean * clean) == pytest.approx(mean, abs=1e-6)
    assert float(found.spread) == pytest.approx(deviation, rel=1e-5)


@pytest.mark.parametrize("schedule", KEEPING)
def test_the_posterior_of_the_start_is_the_clean_image(schedule: Schedule) -> None:
    clean, noisy, noise = torch.randn(3, 1, 5, generator=seeded())
    drawn = posterior(schedule, torch.zeros(1), torch.full((1,), 0.25)).drawn(noisy[None], clean[None], noise[None])
    torch.testing.assert_close(drawn, clean[None])


def test_a_posterior_draw_moves_by_its_spread_per_unit_of_noise() -> None:
    step = posterior(Linear(), at(0.25), at(0.5))
    images = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    moved = step.drawn(images, images, torch.ones_like(images))
    torch.testing.assert_close(moved, step.spread.expand(images.shape) * torch.ones_like(images))


def _gaussian(schedule: Schedule) -> Callable[[Tensor, Tensor], Tensor]:
    """The expected clean image under N(MEAN, DEVIATION²), by way of the exact noise of its noisy marginal."""

    def clean(noisy: Tensor, time: Tensor) -> Tensor:
        signal, spread = schedule.signal(time)[:, None], schedule.spread(time)[:, None]
        total = (signal * DEVIATION).square() + spread.square()
        return MEAN + signal * DEVIATION**2 / total * (noisy - signal * MEAN)

    return clean


@pytest.mark.parametrize("schedule", KEEPING)
def test_ddim_with_the_exact_noise_of_a_gaussian_makes_that_gaussian(schedule: Schedule) -> None:
    noise = torch.linspace(-3, 3, 25, dtype=torch.float64)[:, None]
    expected = MEAN + DEVIATION * noise
    errors = [float((ddim(_gaussian(schedule), noise, schedule, s) - expected).abs().max()) for s in (200, 400)]
    assert errors[1] < 0.02
    # Its steps are of the first order: half their size is half the error.
    assert errors[1] / errors[0] == pytest.approx(0.5, abs=0.1)


def test_the_probability_flow_with_the_exact_score_of_a_gaussian_makes_that_gaussian() -> None:
    def clean(noisy: Tensor, spread: Tensor) -> Tensor:
        share = DEVIATION**2 / (DEVIATION**2 + spread[:, None].square())
        return share * noisy + (1 - share) * MEAN

    noise = torch.linspace(-3, 3, 25, dtype=torch.float64)[:, None]
    errors = []
    for steps in (80, 160):
        spreads = falling_spreads(Exploding(1e-4, 400.0), steps).double()
        # The start forgets the mean, so that what it stands for is (400 ε − MEAN) / √(400² + DEVIATION²).
        expected = MEAN + DEVIATION * (400 * noise - MEAN) / math.hypot(400, DEVIATION)
        errors.append(float((probability_flow(clean, noise, spreads) - expected).abs().max()))
    assert errors[1] < 0.002
    # Heun's steps are of the second order: half their size is a quarter of the error.
    assert errors[1] / errors[0] == pytest.approx(0.25, abs=0.06)


def test_a_sampler_calls_the_network_as_often_as_asked_and_at_falling_times() -> None:
    times: list[float] = []

    def clean(noisy: Tensor, time: Tensor) -> Tensor:
        times.append(float(time[0]))
        return torch.zeros_like(noisy)

    ddim(clean, torch.ones(2, 3), Cosine(), 4)
    assert times == [1.0, 0.75, 0.5, 0.25]


@pytest.mark.parametrize("bound", [0.5, 1.0])
def test_bounded_samplers_stay_in_bounds(bound: float) -> None:
    def wild(noisy: Tensor, time: Tensor) -> Tensor:
        return 10 * noisy

    noise = torch.randn(8, 3, generator=seeded())
    assert float(ddim(wild, noise, Linear(), 5, bound=bound).abs().max()) <= bound
    flowed = probability_flow(wild, noise, falling_spreads(Exploding(), 5), bound=bound)
    assert float(flowed.abs().max()) <= bound + 1e-5


def test_strata_hold_one_number_each_and_depend_on_the_seed_alone() -> None:
    images = torch.zeros(16, 3)
    times = strata(images, seeded())
    assert (times * 16).floor().tolist() == list(range(16))
    assert torch.equal(times, strata(images, seeded()))
    assert not torch.equal(times, strata(images, seeded(1)))


def _assert_normal(drawn: Tensor, mean: float, deviation: float) -> None:
    """Refuse draws whose mean or deviation is off by more than five standard errors."""
    count = drawn.numel()
    assert float(drawn.mean()) == pytest.approx(mean, abs=5 * deviation / math.sqrt(count))
    assert float(drawn.std()) == pytest.approx(deviation, rel=5 / math.sqrt(2 * count))
