"""The demo's generators: their weights, their images, their quality."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from manifpt.errors import NumbersError, UnknownNameError, WeightsError
from manifpt.zoo import demo
from manifpt.zoo.demo import BATCH, WEIGHTS, demo_generators, family, sampled, trained
from manifpt.zoo.photographs import patches
from manifpt.zoo.quality import quality

MEGABYTE = 10**6


@pytest.fixture(scope="module")
def samples():
    return {name: sampled(name, 80, seed=7) for name in demo_generators()}


@pytest.fixture(scope="module")
def photographs():
    return {
        role: np.stack([patch.pixels for patch in patches() if patch.role == role]) for role in ("real", "reference")
    }


def judged(images, photographs):
    return quality(images, real=photographs["real"], training=photographs["reference"])


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A copy of one generator's weights that a test may damage."""
    for suffix in (".safetensors", ".json"):
        (tmp_path / f"gan-demo{suffix}").write_bytes((WEIGHTS / f"gan-demo{suffix}").read_bytes())
    monkeypatch.setattr(demo, "WEIGHTS", tmp_path)
    return tmp_path


def test_the_four_generators_are_of_four_families():
    assert [family(name) for name in demo_generators()] == ["gan", "vae", "flow", "score"]


@pytest.mark.parametrize("name", demo_generators())
def test_the_weights_are_at_most_a_megabyte_and_their_sidecar_says_how_they_were_made(name):
    assert (WEIGHTS / f"{name}.safetensors").stat().st_size <= MEGABYTE
    sidecar = json.loads((WEIGHTS / f"{name}.json").read_text())
    assert sidecar.keys() >= {"sha256", "command", "steps", "seconds", "seed"}
    assert sidecar["command"].endswith(f"{name} --steps {sidecar['steps']} --seed {sidecar['seed']}")


@pytest.mark.parametrize("name", demo_generators())
def test_sampling_gives_uint8_images(name, samples):
    assert samples[name].shape == (80, 32, 32, 3)
    assert samples[name].dtype == np.uint8


@pytest.mark.parametrize("name", demo_generators())
@pytest.mark.parametrize("count", [1, BATCH + 1])
def test_an_image_is_the_same_again_and_does_not_depend_on_how_many_are_asked_for(name, count, samples):
    np.testing.assert_array_equal(sampled(name, count, seed=7), samples[name][:count])


@pytest.mark.parametrize("name", demo_generators())
def test_another_seed_gives_other_images(name, samples):
    assert not np.array_equal(sampled(name, 1, seed=8)[0], samples[name][0])


@pytest.mark.parametrize("name", demo_generators())
def test_images_do_not_depend_on_the_number_of_threads_which_stays_as_it_was(name, samples):
    before = torch.get_num_threads()
    other = 1 if before > 1 else 2
    try:
        torch.set_num_threads(other)
        np.testing.assert_array_equal(sampled(name, 2, seed=7), samples[name][:2])
        assert torch.get_num_threads() == other
    finally:
        torch.set_num_threads(before)


def test_no_images_are_an_empty_set():
    assert sampled("gan-demo", 0).shape == (0, 32, 32, 3)


def test_sampling_leaves_the_global_generators_alone():
    of_torch, of_numpy = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    sampled("flow-demo", 1, seed=3)
    assert torch.equal(torch.random.get_rng_state(), of_torch)
    assert np.array_equal(np.random.get_state()[1], of_numpy)


def test_two_generators_do_not_share_their_noise():
    gan, vae = (demo._noise(trained(name), name, 0, 0) for name in ("gan-demo", "vae-demo"))
    assert not np.isclose(gan[: len(vae)], vae).any()


@pytest.mark.parametrize("name", demo_generators())
def test_a_generator_has_not_collapsed(name, samples, photographs):
    found = judged(samples[name], photographs)
    assert 0.5 <= found.diversity <= 1.5
    assert found.closest > 2.0
    assert found.recall > 0.2
    assert found.coverage > 0.1


@pytest.mark.parametrize("name", demo_generators())
def test_a_generator_does_not_make_noise(name, samples, photographs):
    found = judged(samples[name], photographs)
    assert found.slope < -1.5
    assert found.precision > 0.3


@pytest.mark.parametrize("name", demo_generators())
def test_a_generator_does_not_copy_its_training_patches(name, samples, photographs):
    assert judged(samples[name], photographs).novelty > 0.5


def test_the_quality_check_tells_noise_and_collapse_from_photographs(photographs):
    random = np.random.default_rng(0)
    noise = judged(random.integers(0, 256, (80, 32, 32, 3), np.uint8), photographs)
    assert abs(noise.slope) < 0.1
    assert noise.precision < 0.15
    assert noise.coverage < 0.1
    one = photographs["reference"][5].astype(int)
    jittered = np.clip(one + random.integers(-1, 2, (80, 32, 32, 3)), 0, 255).astype(np.uint8)
    collapsed = judged(jittered, photographs)
    assert collapsed.diversity < 0.1
    assert collapsed.closest < 2.0
    assert collapsed.coverage < 0.1
    assert collapsed.novelty < 0.2


def test_an_unknown_generator_is_refused_with_the_known_names():
    with pytest.raises(UnknownNameError, match=r"^'gan' is not one of the demo's generators; expected one of gan-demo"):
        sampled("gan", 1)


@pytest.mark.parametrize(("count", "seed"), [(-1, 0), (1, -1)])
def test_negative_numbers_are_refused(count, seed):
    with pytest.raises(NumbersError, match="expected two numbers from 0 up"):
        sampled("gan-demo", count, seed)


def test_tampered_weights_are_refused(weights):
    path = weights / "gan-demo.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        WeightsError, match=r"gan-demo\.safetensors has the SHA-256 .*expected .* as its sidecar records"
    ):
        trained("gan-demo")


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_absent_weights_are_named(weights, suffix):
    (weights / f"gan-demo{suffix}").unlink()
    with pytest.raises(WeightsError, match=rf"gan-demo\{suffix} is absent"):
        trained("gan-demo")


def test_weights_of_another_network_are_refused(weights):
    for suffix in (".safetensors", ".json"):
        (weights / f"gan-demo{suffix}").rename(weights / f"vae-demo{suffix}")
    with pytest.raises(WeightsError, match=r"^the weights of vae-demo do not fit its network"):
        trained("vae-demo")


def test_importing_the_zoo_does_not_load_torch():
    script = "import sys, manifpt.zoo; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
