"""The mathematics of the VAEs: evidence bounds, vector quantisation, the prior over codes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from manifpt.zoo.design import Design
from manifpt.zoo.networks.beta_vae import BetaVAE
from manifpt.zoo.networks.code_prior import CodePrior, inverted
from manifpt.zoo.networks.gaussian import SMALLEST_ERROR, Gaussian, nats
from manifpt.zoo.networks.hierarchical_vae import HierarchicalVAE
from manifpt.zoo.networks.perceptual import FeatureDistance
from manifpt.zoo.networks.vq_vae import VQVAE, quantised

BETA = Design("b", "vae", "beta-vae", "nearest", "relu", "none", "strided", "none", "elbo", width=8)
LEVELS = BETA.but(architecture="hierarchical-vae", skip="residual")
CODES = BETA.but(architecture="vq-vae", loss="vq")


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_divergence_from_the_standard_normal_is_that_of_torch_and_of_a_sum_by_hand() -> None:
    code = Gaussian(noise(4, 3, 2), noise(4, 3, 2, seed=1))
    normal = Normal(code.mean, (code.log_variance / 2).exp())
    expected = kl_divergence(normal, Normal(0.0, 1.0)).sum((1, 2))
    torch.testing.assert_close(code.divergence(), expected)
    # (σ² + µ² − 1 − ln σ²) / 2 with µ = 2, σ² = 4
    by_hand = Gaussian(torch.tensor([[2.0]]), torch.tensor([[math.log(4)]])).divergence()
    assert by_hand.item() == pytest.approx((4 + 4 - 1 - math.log(4)) / 2)


def test_the_divergence_from_another_gaussian_is_that_of_torch_and_not_symmetric() -> None:
    posterior = Gaussian(noise(4, 3), noise(4, 3, seed=1))
    prior = Gaussian(noise(4, 3, seed=2), noise(4, 3, seed=3))
    p, q = (Normal(gaussian.mean, (gaussian.log_variance / 2).exp()) for gaussian in (posterior, prior))
    torch.testing.assert_close(posterior.divergence(prior), kl_divergence(p, q).sum(1))
    torch.testing.assert_close(prior.divergence(posterior), kl_divergence(q, p).sum(1))
    torch.testing.assert_close(posterior.divergence(posterior), torch.zeros(4), atol=1e-6, rtol=0)


def test_samples_have_the_gaussians_moments_and_gradients_to_both() -> None:
    mean, log_variance = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, math.log(9)]])
    code = Gaussian(mean.expand(20_000, 2), log_variance.expand(20_000, 2))
    drawn = code.drawn(source())
    torch.testing.assert_close(drawn.mean(0), mean[0], atol=0.07, rtol=0)
    torch.testing.assert_close(drawn.std(0), torch.tensor([1.0, 3.0]), atol=0.06, rtol=0)
    assert torch.equal(Gaussian(mean, log_variance).at(torch.tensor([[2.0, 2.0]])), torch.tensor([[3.0, 4.0]]))


def test_the_reconstruction_term_is_the_likelihood_at_the_noise_level_that_is_best() -> None:
    errors = noise(1000) * 0.3
    square = errors.square().mean()
    best = -Normal(0.0, square.sqrt()).log_prob(errors).mean()
    torch.testing.assert_close(nats(square), best)
    for other in (0.9, 1.1):
        assert -Normal(0.0, other * square.sqrt()).log_prob(errors).mean() > best


def test_an_error_below_what_eight_bits_show_is_worth_nothing_more() -> None:
    assert nats(torch.tensor(0.0)) == nats(torch.tensor(SMALLEST_ERROR))


class Silent(torch.nn.Module):
    """A decoder of grey images."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.new_zeros(len(maps), 3, 32, 32)


@pytest.mark.parametrize("beta", [1.0, 10.0])
def test_the_bound_is_the_reconstruction_and_beta_times_the_divergence_over_the_pixels(beta: float) -> None:
    network = BetaVAE(BETA, beta)
    network.decoder = Silent()
    with torch.no_grad():
        network.to_code.weight.zero_()
        network.to_code.bias.copy_(torch.cat([torch.full((64,), 2.0), torch.full((64,), math.log(4))]))
    images = torch.full((2, 3, 32, 32), 0.5)
    reconstruction = -Normal(0.0, 0.5).log_prob(torch.tensor(0.5)).item()
    divergence = 64 * (4 + 4 - 1 - math.log(4)) / 2
    expected = reconstruction + beta * divergence / 3072
    assert network.bound(images, source()).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.usefixtures("feature_weights")
def test_the_perceptual_bound_reconstructs_each_stage_at_its_own_noise_level() -> None:
    network, features = BetaVAE(BETA, beta=0), FeatureDistance()
    network.decoder = Silent()
    images = noise(2, 3, 32, 32).clamp(-1, 1)
    expected = nats(features(torch.zeros_like(images), images)).mean()
    torch.testing.assert_close(network.bound(images, source(), features), expected)


def test_the_bound_of_two_levels_holds_both_divergences() -> None:
    network = HierarchicalVAE(LEVELS, beta=3.0)
    images = noise(3, 3, 32, 32).clamp(-1, 1)
    decoded, coarse, fine = network.terms(images, source())
    assert coarse.shape == fine.shape == (3,)
    assert coarse.min() > 0
    assert fine.min() > 0
    expected = nats((decoded - images).square().mean()) + 3 * (coarse + fine).mean() / 3072
    torch.testing.assert_close(network.bound(images, source()), expected)


def test_a_posterior_that_adds_nothing_has_the_priors_divergence_of_zero() -> None:
    network = HierarchicalVAE(LEVELS)
    for layer in (network.fine_posterior[-1], network.coarse_posterior):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    _, coarse, fine = network.terms(noise(2, 3, 32, 32), source())
    torch.testing.assert_close(torch.stack([coarse, fine]), torch.zeros(2, 2), atol=1e-5, rtol=0)


def test_both_levels_of_noise_shape_the_image_and_the_fine_codes_prior_depends_on_the_coarse_one() -> None:
    network = HierarchicalVAE(LEVELS).eval()
    latent = noise(1, 512)
    with torch.no_grad():
        image = network.sampled(latent)
        for part in (slice(0, 256), slice(256, 512)):
            changed = latent.clone()
            changed[:, part] = 0
            assert (network.sampled(changed) - image).abs().max() > 1e-4
        priors = [network._prior(network._coarse_maps(noise(1, 16, 4, 4, seed=seed))).mean for seed in (0, 1)]
    assert (priors[0] - priors[1]).abs().max() > 1e-4


def test_a_sample_of_two_levels_is_a_sample_of_the_prior_decoded() -> None:
    network = HierarchicalVAE(LEVELS).eval()
    latent = noise(2, 512)
    maps = network._coarse_maps(latent[:, :256].reshape(2, 16, 4, 4))
    prior = network._prior(maps)
    fine = prior.mean + (prior.log_variance / 2).exp() * latent[:, 256:].reshape(2, 4, 8, 8)
    torch.testing.assert_close(network.sampled(latent), network._decoded(maps, fine))


def test_each_position_gets_the_nearest_code() -> None:
    codebook = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 5.0]])
    maps = torch.tensor([[0.4, 0.1], [0.6, 0.1], [0.0, 2.6]]).T.reshape(1, 2, 1, 3)
    found = quantised(maps, codebook)
    assert found.codes.tolist() == [[[0, 1, 2]]]
    torch.testing.assert_close(found.maps, codebook.T.reshape(1, 2, 1, 3))
    # Squared distances 0.16 + 0.01, 0.16 + 0.01 and 2.4², of six numbers.
    expected = (0.17 + 0.17 + 5.76) / 6
    assert found.codebook.item() == pytest.approx(expected, rel=1e-5)
    assert found.commitment.item() == pytest.approx(expected, rel=1e-5)


def test_the_decoders_gradient_goes_straight_through_and_not_into_the_codebook() -> None:
    maps, codebook = noise(2, 3, 4, 4).requires_grad_(), noise(7, 3, seed=1).requires_grad_()
    found = quantised(maps, codebook)
    weight = noise(2, 3, 4, 4, seed=2)
    (found.maps * weight).sum().backward()
    torch.testing.assert_close(maps.grad, weight)
    assert codebook.grad is None


def test_the_codebook_and_the_encoder_each_learn_from_their_own_term() -> None:
    maps, codebook = noise(2, 3, 4, 4).requires_grad_(), noise(7, 3, seed=1).requires_grad_()
    found = quantised(maps, codebook)
    nearest = codebook.detach()[found.codes].movedim(-1, 1)
    (moved,) = torch.autograd.grad(found.commitment, maps)
    torch.testing.assert_close(moved, 2 * (maps.detach() - nearest) / maps.numel())
    found.codebook.backward()
    assert maps.grad is None
    for code in range(7):
        theirs = maps.detach().movedim(1, -1)[found.codes == code]
        expected = 2 * (codebook.detach()[code] - theirs).sum(0) / maps.numel()
        torch.testing.assert_close(codebook.grad[code], expected)


def test_the_encoders_gradient_is_the_gradient_of_the_decoders_input() -> None:
    network = VQVAE(CODES)
    images = noise(2, 3, 32, 32).clamp(-1, 1)
    maps = network.encoded(images)
    found = quantised(maps, network.codebook)
    error = (network.decoded(found.maps) - images).square().mean()
    before, after = torch.autograd.grad(error, [maps, found.maps])
    assert after.abs().sum() > 0
    assert torch.equal(before, after)


def test_prepared_codes_are_maps_of_images() -> None:
    network = VQVAE(CODES)
    images = noise(4, 3, 32, 32).clamp(-1, 1)
    network.prepare(images)
    rows = network.encoded(images).movedim(1, -1).flatten(0, 2)
    torch.testing.assert_close(torch.cdist(network.codebook, rows).min(1).values, torch.zeros(256), atol=1e-3, rtol=0)
    assert len(quantised(network.encoded(images), network.codebook).codes.unique()) > 128


@pytest.fixture
def prior() -> CodePrior:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = CodePrior(codes=5, length=6, width=8, depth=2)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    return network


def test_a_codes_probability_depends_on_those_before_it_alone(prior: CodePrior) -> None:
    codes = torch.tensor([[0, 1, 2, 3, 4, 0]])
    logits = prior(codes)
    for position in range(6):
        changed = codes.clone()
        changed[0, position] = (codes[0, position] + 1) % 5
        moved = (prior(changed) - logits).abs().amax(-1)[0] > 1e-6
        assert not moved[: position + 1].any()
        assert moved[position + 1 :].all()


def test_writing_codes_one_by_one_gives_the_probabilities_of_the_whole(prior: CodePrior) -> None:
    exact = prior.double()
    codes = torch.tensor([[4, 0, 3, 1, 1, 2], [0, 0, 2, 4, 3, 3]])
    tokens = torch.cat([exact.start.expand(2, -1, -1), exact.token(codes[:, :-1])], 1) + exact.position
    pasts, found = [None, None], []
    for position in range(6):
        logits, pasts = exact.continued(tokens[:, position : position + 1], pasts)
        found.append(logits)
    torch.testing.assert_close(torch.stack(found, 1), exact(codes), rtol=0, atol=1e-10)


def test_the_priors_nats_are_the_mean_negative_log_probability(prior: CodePrior) -> None:
    codes = torch.tensor([[4, 0, 3, 1, 1, 2], [0, 0, 2, 4, 3, 3]])
    probabilities = prior(codes).softmax(-1).gather(-1, codes[..., None])
    torch.testing.assert_close(prior.nats(codes), -probabilities.log().mean())


def test_a_uniform_number_becomes_the_code_whose_interval_holds_it() -> None:
    logits = torch.tensor([0.2, 0.0, 0.5, 0.3], dtype=torch.float64).log().expand(6, -1)
    chances = torch.tensor([0.0, 0.199, 0.201, 0.699, 0.701, 1.0], dtype=torch.float64)
    assert inverted(logits, chances).tolist() == [0, 0, 2, 2, 3, 3]


def test_written_codes_are_as_frequent_as_their_probability(prior: CodePrior) -> None:
    codes = prior.sampled(torch.rand(4000, 6, generator=source()))
    first = prior(codes[:1])[0, 0].softmax(-1)
    torch.testing.assert_close(codes[:, 0].bincount(minlength=5) / 4000, first, atol=0.03, rtol=0)
    likeliest = codes[codes[:, 0] == first.argmax()]
    second = prior(likeliest[:1])[0, 1].softmax(-1)
    torch.testing.assert_close(likeliest[:, 1].bincount(minlength=5) / len(likeliest), second, atol=0.05, rtol=0)


def test_noise_beyond_all_bounds_still_is_a_code() -> None:
    network = VQVAE(CODES).eval()
    with torch.no_grad():
        images = network.sampled(torch.tensor([[-50.0], [50.0]]).expand(2, 64))
    assert torch.isfinite(images).all()


def test_the_prior_is_given_the_normal_distribution_function_of_the_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    network, seen = VQVAE(CODES).eval(), []

    def written(uniform: Tensor) -> Tensor:
        seen.append(uniform)
        return torch.zeros(uniform.shape, dtype=torch.int64)

    monkeypatch.setattr(network.prior, "sampled", written)
    network.sampled(noise(2, 64))
    torch.testing.assert_close(seen[0], Normal(0.0, 1.0).cdf(noise(2, 64)).double(), rtol=0, atol=1e-6)
