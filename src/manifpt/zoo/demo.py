"""The demo's four small generators, and their images."""

from __future__ import annotations

import hashlib
import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import NumbersError, UnknownNameError, WeightsError

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = Path(__file__).parent / "weights"

# Images are made in batches of one size: a network's last bits depend on the size of its batch.
BATCH = 20
SIZE = 32

_NETWORKS = {
    "gan-demo": "manifpt.zoo.gan:Generator",
    "vae-demo": "manifpt.zoo.vae:VAE",
    "flow-demo": "manifpt.zoo.flow:Glow",
    "score-demo": "manifpt.zoo.score:Diffusion",
}


def demo_generators() -> tuple[str, ...]:
    """Return the names of the generators, each the name of its family before ``-demo``.

    Example:
        >>> demo_generators()
        ('gan-demo', 'vae-demo', 'flow-demo', 'score-demo')
    """
    return tuple(_NETWORKS)


def family(name: str) -> str:
    """Return the family of a generator.

    Example:
        >>> family("flow-demo")
        'flow'
    """
    return name.partition("-")[0]


def untrained(name: str, *, seed: int = 0) -> nn.Module:
    """Return a generator's network with fresh weights drawn from ``seed``.

    Raises:
        UnknownNameError: No generator has this name.
    """
    if name not in _NETWORKS:
        raise UnknownNameError(
            f"{name!r} is not one of the demo's generators",
            expected=f"one of {', '.join(_NETWORKS)}",
            remedy="choose one of these names",
        )
    import torch  # noqa: PLC0415  (torch loads when first used)

    module, _, attribute = _NETWORKS[name].partition(":")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network: nn.Module = getattr(import_module(module), attribute)()
    return network


def trained(name: str) -> nn.Module:
    """Return a generator's network with the weights that the package carries, in evaluation mode.

    Raises:
        UnknownNameError: No generator has this name.
        WeightsError: The weights are absent, are not those of their sidecar, or do not fit the network.
    """
    network = untrained(name)
    content = _verified_content(WEIGHTS / f"{name}.safetensors")
    from safetensors.torch import load  # noqa: PLC0415  (torch loads when first used)

    try:
        state = load(content)
        # Copying into the network turns half precision into single.
        network.load_state_dict(state)
    except Exception as error:  # safetensors and torch each raise several kinds
        raise WeightsError(
            f"the weights of {name} do not fit its network ({' '.join(str(error).split())[:160]})",
            expected="weights of this version of manifpt",
            remedy="reinstall manifpt, or train them again with benchmarks/train_demo_generators.py",
        ) from error
    return network.eval().requires_grad_(False)


def sampled(name: str, count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return the first ``count`` images of a generator's endless sequence for ``seed``.

    Image i depends on the generator, the seed and i, not on ``count``: its noise is drawn for itself, and every batch
    has the same size. On one machine the bits are the same every time, whatever the number of threads.

    Args:
        name: One of `demo_generators`.
        count: How many images.
        seed: Not negative.

    Returns:
        uint8 ``(count, 32, 32, 3)``.

    Raises:
        UnknownNameError: No generator has this name.
        WeightsError: The weights are absent or damaged.
        NumbersError: ``count`` or ``seed`` is negative.
    """
    if count < 0 or seed < 0:
        raise NumbersError(
            f"count {count} with seed {seed}", expected="two numbers from 0 up", remedy="correct the negative one"
        )
    network = trained(name)
    starts = range(0, count, BATCH)
    batches = [_batch(network, name, seed, start) for start in starts]
    empty = np.empty((0, SIZE, SIZE, 3), np.uint8)
    return np.concatenate([empty, *batches])[:count]


def _batch(network: nn.Module, name: str, seed: int, start: int) -> NDArray[np.uint8]:
    import torch  # noqa: PLC0415  (torch loads when first used)

    from manifpt.zoo.sampling import pixels  # noqa: PLC0415
    from manifpt.zoo.threads import one_thread  # noqa: PLC0415

    noise = np.stack([_noise(network, name, seed, index) for index in range(start, start + BATCH)])
    with torch.inference_mode(), one_thread():
        return pixels(network.sampled(torch.from_numpy(noise)))  # type: ignore[operator]  # typed as module or tensor


def _noise(network: nn.Module, name: str, seed: int, index: int) -> NDArray[np.float32]:
    # The name too: two generators with latents of one shape must not share their noise.
    random = np.random.default_rng([seed, index, *name.encode()])
    return random.standard_normal(network.latent_shape, np.float32)  # type: ignore[arg-type]


def _verified_content(path: Path) -> bytes:
    sidecar = path.with_suffix(".json")
    for needed in (path, sidecar):
        if not needed.is_file():
            raise WeightsError(
                f"{needed} is absent",
                expected="the weights that manifpt's wheel carries",
                remedy="reinstall manifpt, or train them again with benchmarks/train_demo_generators.py",
            )
    content = path.read_bytes()
    digest, recorded = hashlib.sha256(content).hexdigest(), json.loads(sidecar.read_text())["sha256"]
    if digest != recorded:
        raise WeightsError(
            f"{path} has the SHA-256 {digest[:12]}…",
            expected=f"{recorded[:12]}…, as its sidecar records",
            remedy="reinstall manifpt, or train them again with benchmarks/train_demo_generators.py",
        )
    return content
