"""One training loop for the networks of manifolds: Adam, warm-up and cosine, averaged weights, resumable."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from manifpt.device import device
from manifpt.errors import NumbersError
from manifpt.manifolds.stored import Stored
from manifpt.manifolds.unet import UNet
from manifpt.progress import tracked
from manifpt.sealed import seal, unsealed

SIDE, PIXELS = 64, 2**15  # of a crop at most, and of all crops of a step: 32 of 32 px, 8 of 64 px
RATE, BETAS, CLIP = 2e-3, (0.9, 0.99), 1.0
WARM_UP, AVERAGED = 0.05, 0.05  # of all steps: in which the rate rises, and over which the weights are averaged
SAVED_AFTER = 60.0  # seconds
MOMENTS = ("step", "exp_avg", "exp_avg_sq")
logger = logging.getLogger("manifpt")
Network = TypeVar("Network", bound=UNet)
Loss = Callable[[UNet, int], Tensor]
"""Of a network and the number of the step: what the step shall make smaller."""


@dataclass(slots=True)
class Run:
    """A network in training: all that a checkpoint has to hold.

    Args:
        network: With the current weights.
        average: With the averaged ones.
        optimiser: With its moments.
        step: Steps that are done.
    """

    network: UNet
    average: UNet
    optimiser: torch.optim.Adam
    step: int = 0


def initialised(build: Callable[[], Network], *, seed: int) -> Network:
    """Return the network that ``build`` makes, with random weights, which depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(np.random.default_rng([seed, 0]).integers(2**62)))
        network = build()
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def trained(network: UNet, loss: Loss, *, steps: int, description: str, checkpoint: Path | None = None) -> UNet:
    """Return the network with its averaged weights after training, in evaluation mode.

    A loss that draws from (seed, step) alone lets a training that is resumed give the bits of one that never stopped.

    Args:
        network: Initialised.
        loss: What each step makes smaller.
        steps: How many there are.
        description: What the progress bar says.
        checkpoint: File from which the training goes on, written every minute; it belongs to this training alone.

    Raises:
        NumbersError: The loss became NaN or infinite.
    """
    network.to(device()).train()
    run = Run(network, copy.deepcopy(network), torch.optim.Adam(network.parameters(), RATE, BETAS))
    if checkpoint is not None:
        _resume(run, checkpoint)
    saved = time.monotonic()
    for step in tracked(range(run.step, steps), description):
        _stepped(run, loss(network, step), steps)
        if checkpoint is not None and time.monotonic() - saved >= SAVED_AFTER:
            _save(run, checkpoint)
            saved = time.monotonic()
    return run.average.eval().requires_grad_(False)


def _stepped(run: Run, loss: Tensor, steps: int) -> None:
    if not math.isfinite(loss.item()):
        raise NumbersError(
            f"the loss is {loss.item()} at step {run.step + 1} of {steps}",
            expected="a finite loss",
            remedy="check the references, or choose another seed or width",
        )
    for group in run.optimiser.param_groups:
        group["lr"] = RATE * _share(run.step, steps)
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch's own annotation is missing
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), CLIP)
    run.optimiser.step()
    run.step += 1
    _take_average(run, max(1.0, AVERAGED * steps))


@torch.no_grad()
def _take_average(run: Run, horizon: float) -> None:
    """Move the averaged weights towards the current ones; unbiased from the first step on."""
    decay = 1 - 1 / horizon
    share = 1.0 if decay == 0 else (1 - decay) / (1 - decay**run.step)
    for mean, now in zip(run.average.parameters(), run.network.parameters(), strict=True):
        mean.lerp_(now, share)


def _share(step: int, steps: int) -> float:
    rising = max(1, round(WARM_UP * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def crops(references: Stored, rng: np.random.Generator) -> Tensor:
    """Return crops of references, some of them mirrored, float32 (n, channels, side, side) in the space's own unit.

    Args:
        references: Maps (channels, height, width).
        rng: Decides which.
    """
    channels, height, width = references.blocks[0].values.shape[1:]
    side = min(SIDE, height, width)
    count = max(1, PIXELS // side**2)
    rows = references.points(rng.integers(len(references), size=count)).coordinates()
    cut = np.empty((count, channels, side, side), np.float32)
    downs, acrosses = (rng.integers(length - side + 1, size=count) for length in (height, width))
    for place, row, down, across, mirrored in zip(cut, rows, downs, acrosses, rng.random(count) < 0.5, strict=True):  # noqa: PLR2004
        found = row[:, down : down + side, across : across + side]
        place[...] = found[..., ::-1] if mirrored else found
    return torch.from_numpy(cut)


def _save(run: Run, path: Path) -> None:
    tensors = {f"network.{name}": value for name, value in run.network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in run.average.state_dict().items()}
    for number, weight in enumerate(run.network.parameters()):
        tensors |= {f"moments.{number}.{name}": run.optimiser.state[weight][name] for name in MOMENTS}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        seal(path, tensors, {"step": str(run.step)})
    except OSError as error:
        logger.warning("the checkpoint %s cannot be written (%s), going on", path, error.strerror)


def _resume(run: Run, path: Path) -> None:
    found = unsealed(path)
    if found is None:
        return
    tensors, about = found
    for part, network in (("network.", run.network), ("average.", run.average)):
        network.load_state_dict({name[len(part) :]: one for name, one in tensors.items() if name.startswith(part)})
    for number, weight in enumerate(run.network.parameters()):
        for name in MOMENTS:
            value = tensors[f"moments.{number}.{name}"]
            # Moments lie in memory as the weights do, which decides how they are added up.
            run.optimiser.state[weight][name] = value if name == "step" else torch.empty_like(weight).copy_(value)
    run.step = int(about["step"])
    logger.warning("going on from step %d (%s)", run.step, path)
