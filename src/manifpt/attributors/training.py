"""One training loop for every network: AdamW, warm-up and cosine, averaged weights, equal draws of all classes."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from manifpt.attributors import checkpoints
from manifpt.attributors.architectures import Classifier
from manifpt.attributors.attributor import Features
from manifpt.attributors.draws import balanced
from manifpt.attributors.inference import chosen_precision, on, placed
from manifpt.attributors.meter import Meter
from manifpt.attributors.randomness import Drawn, seeded
from manifpt.attributors.recipe import Recipe
from manifpt.errors import NumbersError


class Readable(Protocol):
    """Features that are read batch by batch."""

    def __getitem__(self, rows: NDArray[np.int64], /) -> Features:
        """Return the features of these rows, (len(rows), *shape)."""
        ...


@dataclass(slots=True)
class Training:
    """A network in training: all that a checkpoint has to hold.

    Args:
        network: With the current weights.
        average: With the averaged ones.
        optimizer: With its moments.
        total: Steps of the whole training.
        step: Steps that are done.
        drawn: State of the epoch's random numbers after that step.
    """

    network: Classifier
    average: Classifier
    optimizer: torch.optim.AdamW
    total: int
    step: int = 0
    drawn: Drawn | None = None


def trained(
    network: Classifier,
    features: Readable,
    labels: NDArray[np.int64],
    recipe: Recipe,
    *,
    rows: NDArray[np.int64],
    description: str = "training",
    checkpoint: checkpoints.Checkpoint | None = None,
) -> Classifier:
    """Return the network with its averaged weights after training, in evaluation mode.

    Epochs draw their randomness from (seed, epoch) alone, and a checkpoint holds how far they have drawn, so that a
    training resumed at any step gives the same bits as one that was never interrupted.

    Args:
        network: Initialised; it is trained in place.
        features: All features, (n, *shape), or what makes them when they are read; only ``rows`` are.
        labels: Class indices of all features, (n,).
        recipe: How to train.
        rows: Which examples to train on; an epoch draws as many of them, every class equally often.
        description: What the progress bar says.
        checkpoint: Where progress is saved, and from where training goes on.

    Raises:
        NumbersError: The loss became NaN or infinite.
    """
    placed(network, recipe.device).train()
    state = Training(
        network, copy.deepcopy(network), _optimizer(network, recipe), recipe.epochs * recipe.steps(len(rows))
    )
    if checkpoint is not None:
        checkpoint.resume(state)
    steps = recipe.steps(len(rows))
    with Meter(description, recipe.epochs, state.step // steps) as meter:
        for epoch in range(state.step // steps, recipe.epochs):
            with seeded(recipe.seed, 1 + epoch) as rng:
                order = rows[balanced(labels[rows], rng)]
                done = state.step - epoch * steps
                if done and state.drawn is not None:
                    state.drawn.restore(rng)
                for batch in np.array_split(order, steps)[done:]:
                    inputs = features[batch]
                    if recipe.augmentation is not None:
                        inputs = recipe.augmentation(inputs, rng)
                    loss, right = _stepped(state, inputs, labels[batch], recipe)
                    meter.seen(loss, right, len(batch))
                    if checkpoint is not None and checkpoint.due(state):
                        state.drawn = Drawn.so_far(rng)
                        checkpoint.save(state)
            meter.epoch_done()
    return state.average.eval()


def _stepped(
    state: Training,
    inputs: Features,
    labels: NDArray[np.int64],
    recipe: Recipe,
) -> tuple[float, int]:
    """Take one step, and return its loss and how many answers were right."""
    total = state.total
    for group in state.optimizer.param_groups:
        group["lr"] = recipe.learning_rate * scheduled(state.step, total, recipe.warm_up)
    device = next(state.network.parameters()).device
    truth = torch.from_numpy(labels).to(device)
    precision = chosen_precision(recipe.precision, device, inputs.shape[1:])
    with torch.autocast(device.type, torch.bfloat16, enabled=precision is torch.bfloat16):
        loss, logits = state.network.loss(on(inputs, device), truth, recipe.smoothing)
    if not math.isfinite(loss.item()):
        raise NumbersError(
            f"the loss is {loss.item()} at step {state.step + 1} of {total}",
            expected="a finite loss",
            remedy="lower the learning rate, or train with precision fp32",
        )
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch's own annotation is missing
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), recipe.clip)
    state.optimizer.step()
    state.step += 1
    _take_average(state, max(1.0, recipe.averaged * total))
    return loss.item(), int((logits.argmax(1) == truth).sum())


def scheduled(step: int, total: int, warm_up: float) -> float:
    """Return the share of the highest learning rate: a linear rise, then half a cosine down to zero.

    Example:
        >>> [round(scheduled(step, 10, 0.2), 2) for step in (0, 1, 2, 9)]
        [0.5, 1.0, 1.0, 0.04]
    """
    rising = max(1, round(warm_up * total))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / (total - rising)))


@torch.no_grad()
def _take_average(state: Training, horizon: float) -> None:
    """Move the averaged weights and buffers towards the current ones; unbiased from the first step on."""
    decay = 1 - 1 / horizon
    share = 1.0 if decay == 0 else (1 - decay) / (1 - decay**state.step)
    for mean, now in zip(state.average.state_dict().values(), state.network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, share)
        else:
            mean.copy_(now)


def _optimizer(network: Classifier, recipe: Recipe) -> torch.optim.AdamW:
    decayed = [weight for weight in network.parameters() if weight.ndim > 1]
    free = [weight for weight in network.parameters() if weight.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas)
