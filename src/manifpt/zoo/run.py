"""A generator in training, and the file from which it goes on after a kill."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from manifpt.errors import ModelError
from manifpt.sealed import seal, unsealed
from manifpt.zoo.batches import Images, Labels
from manifpt.zoo.design import Design
from manifpt.zoo.networks.objective import Objective

AVERAGE, MOMENTS, NETWORK = "average.", "moments.", "network."


@dataclass(slots=True)
class Run:
    """A generator in training: all that a checkpoint has to hold.

    Args:
        objective: Networks and losses.
        average: The generator with its averaged weights.
        optimisers: One per network.
        total: Steps of the whole training; 0 while a time limit has not been turned into steps.
        step: Steps that are done.
        seconds: What they took.
    """

    objective: Objective
    average: nn.Module
    optimisers: dict[str, torch.optim.Adam] = field(default_factory=dict)
    total: int = 0
    step: int = 0
    seconds: float = 0.0


def key(
    design: Design,
    images: Images,
    labels: Labels | None,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    bf16: bool = False,
) -> str:
    """Return what a training is known by: 32 hexadecimal digits of all that decides it.

    Args:
        design: As of ``trained``, and so are the others.
        images: The reals.
        labels: Their classes.
        steps: The limit.
        minutes: The limit.
        bf16: The precision.
    """
    settings = [design.record(), steps, minutes, bf16, images.shape]
    found = hashlib.blake2b(json.dumps(settings).encode(), digest_size=16)
    for part in (images, labels):
        if part is not None:
            found.update(np.ascontiguousarray(part).data)
    return found.hexdigest()


def kept(run: Run, checkpoint: Path | None, known: str) -> None:
    """Write all that a training needs to go on, whole or not at all; nothing where there is no place for it.

    Args:
        run: The training.
        checkpoint: The file.
        known: What the training is known by.
    """
    if checkpoint is None:
        return
    tensors = {AVERAGE + name: value for name, value in run.average.state_dict().items()}
    for part, network in run.objective.networks.items():
        tensors |= {f"{NETWORK}{part}.{name}": value for name, value in network.state_dict().items()}
        for number, weight in enumerate(run.optimisers[part].param_groups[0]["params"]):
            moments = run.optimisers[part].state.get(weight, {})
            tensors |= {f"{MOMENTS}{part}.{number}.{name}": value for name, value in moments.items()}
    about = {"key": known, "step": str(run.step), "total": str(run.total), "seconds": str(run.seconds)}
    seal(checkpoint, tensors, about)


def resumed(run: Run, checkpoint: Path, known: str) -> None:
    """Bring a training to where its checkpoint was written, if there is one.

    Args:
        run: The training, just begun.
        checkpoint: The file.
        known: What the training is known by.

    Raises:
        ModelError: The checkpoint belongs to another training.
    """
    found = unsealed(checkpoint)
    if found is None:
        return
    saved, about = found
    if about["key"] != known:
        raise ModelError(
            f"the checkpoint {checkpoint} belongs to another training",
            expected="the same design, reals and limit",
            remedy="delete it to start again, or name another folder",
        )
    run.average.load_state_dict(_part(saved, AVERAGE))
    for part, network in run.objective.networks.items():
        network.load_state_dict(_part(saved, f"{NETWORK}{part}."))
        optimiser = run.optimisers[part]
        for number, weight in enumerate(optimiser.param_groups[0]["params"]):
            moments = _part(saved, f"{MOMENTS}{part}.{number}.")
            if moments:
                optimiser.state[weight] = moments
    run.step, run.total, run.seconds = int(about["step"]), int(about["total"]), float(about["seconds"])


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
