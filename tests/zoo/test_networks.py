"""The four small networks: shapes, gradients, and the mathematics that each is built on."""

from __future__ import annotations

import math

import pytest
import torch

from manifpt.zoo.demo import demo_generators, untrained
from manifpt.zoo.flow import Glow
from manifpt.zoo.gan import Discriminator, Generator, discriminator_loss, generator_loss, gradient_penalty
from manifpt.zoo.score import Diffusion, signal
from manifpt.zoo.vae import VAE


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def moved(network, scale=0.05):
    """Zero-initialised layers hide what lies before them."""
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(scale * torch.randn(parameter.shape, generator=random))
    return network


@pytest.mark.parametrize("name", demo_generators())
def test_a_sample_is_an_image_between_minus_one_and_one(name):
    network = moved(untrained(name))
    images = network.sampled(noise(2, *network.latent_shape))
    assert images.shape == (2, 3, 32, 32)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1


@pytest.mark.parametrize("name", demo_generators())
def test_fresh_weights_depend_on_their_seed_and_leave_the_global_generator_alone(name):
    before = torch.random.get_rng_state()
    first, again, other = (torch.cat([p.flatten() for p in untrained(name, seed=s).parameters()]) for s in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("kind", [VAE, Glow, Diffusion])
def test_the_loss_sends_a_gradient_to_every_parameter(kind):
    network = moved(kind())
    network.loss(noise(4, 3, 32, 32).clamp(-1, 1), torch.Generator().manual_seed(0)).backward()
    silent = [name for name, parameter in network.named_parameters() if not parameter.grad.abs().sum() > 0]
    assert silent == []


def test_the_adversarial_losses_send_a_gradient_to_every_parameter_of_their_network():
    generator, discriminator = Generator(width=8), Discriminator(width=8)
    fake = generator(noise(4, 64))
    discriminator_loss(discriminator(noise(4, 3, 32, 32)), discriminator(fake.detach())).backward()
    generator_loss(discriminator(fake)).backward()
    for network in (generator, discriminator):
        assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())


def test_the_adversarial_losses_have_their_closed_form():
    real, fake = torch.tensor([0.0, math.log(3)]), torch.tensor([0.0, -math.log(3)])
    assert discriminator_loss(real, fake).item() == pytest.approx(math.log(2) + math.log(4 / 3))
    assert generator_loss(fake).item() == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_the_gradient_penalty_of_a_linear_score_is_half_its_squared_length():
    class Linear(torch.nn.Module):
        def forward(self, images):
            return 3 * images.flatten(1)[:, 0] + 4 * images.flatten(1)[:, 1]

    assert gradient_penalty(Linear(), noise(5, 3, 2, 2)).item() == pytest.approx(12.5)


def test_the_gradient_penalty_sends_a_gradient_into_the_discriminator():
    discriminator = Discriminator(width=8)
    gradient_penalty(discriminator, noise(4, 3, 32, 32)).backward()
    assert all(layer.weight.grad.abs().sum() > 0 for layer in discriminator.convolutions)


def test_the_discriminator_sees_whether_a_batch_varies():
    discriminator = Discriminator(width=8)
    with torch.no_grad():
        discriminator.score.weight.zero_()
        discriminator.score.weight[0, -16:] = 1
    varied = noise(8, 3, 32, 32)
    assert discriminator(varied).mean() > discriminator(varied[:1].expand(8, -1, -1, -1)).mean() + 1e-3


def test_the_flows_inverse_undoes_it_in_both_directions():
    flow = moved(Glow(size=8, levels=2, steps=3, width=8)).double()
    images = noise(3, 3, 8, 8).double()
    torch.testing.assert_close(flow.inverse(flow(images)[0]), images, rtol=0, atol=1e-5)
    torch.testing.assert_close(flow(flow.inverse(images))[0], images, rtol=0, atol=1e-5)


def test_the_flows_log_determinant_is_that_of_its_jacobian():
    flow = moved(Glow(size=4, levels=2, steps=2, width=4), scale=0.2)
    image = noise(1, 3, 4, 4)
    jacobian = torch.autograd.functional.jacobian(lambda x: flow(x)[0].flatten(), image).reshape(48, 48)
    expected = torch.linalg.slogdet(jacobian.double()).logabsdet
    assert flow(image)[1].item() == pytest.approx(expected.item(), abs=1e-3)


def test_the_flows_loss_of_the_identity_is_the_gaussians():
    flow = Glow(size=4, levels=1, steps=1, width=4)
    images = torch.zeros(512, 3, 4, 4)
    # A rotation keeps lengths; what is left is the variance (2/255)² / 12 of the dequantisation.
    expected = (math.log(2 * math.pi) + (2 / 255) ** 2 / 12) / 2
    assert flow.loss(images, torch.Generator().manual_seed(0)).item() == pytest.approx(expected, abs=1e-5)


def test_the_flows_activation_norms_start_at_mean_zero_and_deviation_one():
    flow = Glow(size=8, levels=1, steps=1, width=4)
    images = 3 * noise(64, 3, 8, 8) + 5
    flow.start(images)
    step = flow.levels[0][0]
    squeezed = torch.nn.functional.pixel_unshuffle(images, 2)
    normalised = (squeezed + step.shift[:, None, None]) * step.log_scale.exp()[:, None, None]
    deviation, mean = torch.std_mean(normalised, dim=(0, 2, 3))
    torch.testing.assert_close(mean, torch.zeros(12), rtol=0, atol=1e-4)
    torch.testing.assert_close(deviation, torch.ones(12), rtol=0, atol=1e-4)


def test_the_forward_processes_marginals_have_their_closed_form():
    time = torch.full((20000,), 0.4)
    noisy = Diffusion(width=8, deep=8).noisy(torch.full((20000, 1, 1, 1), 0.7), noise(20000, 1, 1, 1), time)
    level = math.cos(math.pi / 2 * 0.408 / 1.008)
    assert noisy.mean().item() == pytest.approx(0.7 * level, abs=0.02)
    assert noisy.var().item() == pytest.approx(1 - level**2, abs=0.02)


def test_the_signal_falls_from_nearly_one_to_zero():
    level = signal(torch.linspace(0, 1, 50))
    assert level[0] > 0.999
    assert level[-1].abs() < 1e-6
    assert (level.diff() < 0).all()


def test_the_sampler_recovers_the_image_when_the_noise_is_known():
    diffusion = Diffusion(steps=5, width=8, deep=8)
    clean = noise(2, 3, 32, 32).clamp(-0.9, 0.9)

    def oracle(images, time):
        level = signal(time)[:, None, None, None]
        return (images - level * clean) / (1 - level.square()).sqrt()

    diffusion.network.forward = oracle
    torch.testing.assert_close(diffusion.sampled(noise(2, 6, 3, 32, 32, seed=2)), clean, rtol=0, atol=1e-3)


def test_the_sampler_keeps_the_marginals_of_the_forward_process():
    diffusion = Diffusion(steps=6, width=8, deep=8)
    seen = []

    def oracle(images, time):
        level = signal(time)[:, None, None, None]
        seen.append((level.flatten()[0], images.clone()))
        return (images - level * 0.5) / (1 - level.square()).sqrt()

    diffusion.network.forward = oracle
    latent = noise(8, 7, 3, 32, 32)
    level = signal(diffusion.times[0])
    latent[:, 0] = level * 0.5 + (1 - level.square()).sqrt() * latent[:, 0]
    diffusion.sampled(latent)
    for level, images in seen:
        assert images.mean().item() == pytest.approx(0.5 * level.item(), abs=0.03)
        assert images.var().item() == pytest.approx(1 - level.item() ** 2, abs=0.03)


def test_the_diffusion_loss_of_a_silent_network_is_the_noises_variance():
    loss = Diffusion(width=8, deep=8).loss(torch.zeros(64, 3, 32, 32), torch.Generator().manual_seed(0))
    assert loss.item() == pytest.approx(1.0, abs=0.02)


def test_the_vaes_divergence_is_zero_exactly_at_the_prior():
    images = torch.zeros(2, 3, 32, 32)

    def loss(mean, log_variance, beta):
        network = VAE(width=8, beta=beta)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.zero_()
            network.encoder[-1].bias.copy_(torch.tensor([mean] * 32 + [log_variance] * 32))
        return network.loss(images, torch.Generator().manual_seed(0)).item()

    exact = (2 * math.log(0.2 / 127.5) + 1 + math.log(2 * math.pi)) / 2
    assert loss(0.0, 0.0, 1.0) == pytest.approx(exact, abs=1e-5)
    divergence = 32 * (math.exp(0.5) + 1.0 - 1 - 0.5) / 2
    assert loss(1.0, 0.5, 2.0) - loss(0.0, 0.0, 2.0) == pytest.approx(2 * divergence / 3072, abs=1e-5)
