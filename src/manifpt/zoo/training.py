"""Training of a generator: resumable at any checkpoint, with averaged weights and a grid of samples every minute."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from manifpt.attributors.inference import chosen_device, chosen_precision
from manifpt.attributors.randomness import seeded
from manifpt.errors import NumbersError, UnknownNameError
from manifpt.zoo.architectures import objective
from manifpt.zoo.batches import Images, Labels, batch, batch_labels, refuse_unfit
from manifpt.zoo.design import Design
from manifpt.zoo.meter import Meter
from manifpt.zoo.networks.objective import Conditioned, Objective, Staged
from manifpt.zoo.run import Run, kept, key, resumed

WARM_UP = 200
CLIP = 1.0
STAGE = 0.3  # of all steps, for what has to be trained before the rest
PREPARED_ON = 256
TIMED = 30  # steps after which a time limit is turned into a number of steps
BEFORE = 2**32  # the step whose batch sets what depends on data
SAVED_AFTER = 60.0  # seconds


def trained(
    design: Design,
    images: Images,
    labels: Labels | None = None,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    bf16: bool = False,
    checkpoint: Path | None = None,
    watched: Callable[[Run], None] | None = None,
) -> Run:
    """Return a generator after training.

    Every step draws its batch and its noise from (seed, step) alone, so that a training resumed from a checkpoint gives
    the same bits as one that was never interrupted. A time limit becomes a number of steps after the first thirty, by
    their speed, and the checkpoint keeps that number.

    Args:
        design: What to build.
        images: Reals to learn from, uint8 (n, size, size, 3).
        labels: Their classes, int64 (n,), where the design has classes.
        steps: How many steps to take, or
        minutes: how long to train.
        bf16: Whether steps run in mixed precision where the processor has it: faster, and never quite the same bits on
            another processor.
        checkpoint: File from which training goes on, and which is written every minute and at the end.
        watched: Called every minute and at the end, for instance to draw samples.

    Raises:
        DataError: There is no image, or it is of another size than the design's, or labels are not its classes.
        UnknownNameError: The design's architecture cannot be told classes.
        NumbersError: Neither or both limits are given, or a loss became NaN.
        ModelError: The checkpoint belongs to another training.
    """
    _refuse(steps, minutes)
    refuse_unfit(design, images, labels)
    run = _begun(design, steps, bf16=bf16)
    about = key(design, images, labels, steps=steps, minutes=minutes, bf16=bf16)
    if checkpoint is not None:
        resumed(run, checkpoint, about)
    _staged(run)
    saved = time.monotonic()
    with Meter(f"training {design.name}", run.total) as meter:
        while run.total == 0 or run.step < run.total:
            started = time.perf_counter()
            losses = _stepped(run, design, images, labels)
            run.seconds += time.perf_counter() - started
            if run.total == 0 and run.step == TIMED and minutes is not None:
                run.total = max(TIMED + 1, round(minutes * 60 / run.seconds * TIMED))
                _staged(run)
            meter.seen(run.step, run.total, losses)
            if run.step == run.total or time.monotonic() - saved >= SAVED_AFTER:
                kept(run, checkpoint, about)
                if watched is not None:
                    watched(run)
                saved = time.monotonic()
    run.average.eval()
    return run


def _refuse(steps: int | None, minutes: float | None) -> None:
    given = [limit for limit in (steps, minutes) if limit is not None]
    if len(given) != 1 or not 0 < given[0] < math.inf:
        raise NumbersError(
            f"{steps} steps and {minutes} minutes",
            expected="one of them, above 0",
            remedy="give --steps or --minutes",
        )


def untrained_objective(design: Design) -> Objective:
    """Return a design's objective before any training.

    Raises:
        UnknownNameError: The design has classes, and its architecture cannot be told them.
        ManifptError: The architecture cannot honour the design, or lacks weights that it is trained with.
    """
    built = objective(design)
    if design.classes and not isinstance(built, Conditioned):
        raise UnknownNameError(
            f"{design.architecture} cannot be told the classes of its reals",
            expected="an architecture that can: most GANs, flows and score models",
            remedy=f"train {design.name} without --classes",
        )
    return built


def _begun(design: Design, steps: int | None, *, bf16: bool = False) -> Run:
    built = untrained_objective(design)
    device = chosen_device("auto")
    if bf16:
        # Not where the processor lacks it: the record says what was, and not what was asked for.
        found = chosen_precision("native", device)
        built.recipe = replace(built.recipe, bf16=found is torch.bfloat16)
    for network in built.networks.values():
        network.to(device).train()
    rate, betas = built.recipe.rate, built.recipe.betas
    optimisers = {name: torch.optim.Adam(network.parameters(), rate, betas) for name, network in built.networks.items()}
    return Run(built, copy.deepcopy(built.generator), optimisers, total=steps or 0)


def _staged(run: Run) -> None:
    if run.total and isinstance(run.objective, Staged):
        run.objective.stage = max(1, round(STAGE * run.total))


def _stepped(run: Run, design: Design, images: Images, labels: Labels | None) -> dict[str, float]:
    """Take one step of every network, and return their losses."""
    recipe, device = run.objective.recipe, chosen_device("auto")
    precision = chosen_precision("native" if recipe.bf16 else "fp32", device)
    if run.step == 0:
        run.objective.prepared(batch(images, PREPARED_ON, seed=design.seed, step=BEFORE).to(device))
        run.average.load_state_dict(run.objective.generator.state_dict())
    reals = batch(images, recipe.batch, seed=design.seed, step=run.step).to(device)
    if labels is not None and isinstance(run.objective, Conditioned):
        run.objective.labels = batch_labels(labels, recipe.batch, seed=design.seed, step=run.step).to(device)
    losses = {}
    with seeded(design.seed, run.step):
        random = torch.Generator(device).manual_seed(design.seed * 2**32 + run.step)
        for name, network in run.objective.networks.items():
            optimiser = run.optimisers[name]
            optimiser.param_groups[0]["lr"] = recipe.rate * _share(run, falling=recipe.falling)
            for other in run.optimisers.values():
                other.zero_grad(set_to_none=True)
            with torch.autocast(device.type, torch.bfloat16, enabled=precision is torch.bfloat16):
                loss = run.objective.loss(name, reals, random, run.step)
            if not math.isfinite(loss.item()):
                raise NumbersError(
                    f"the loss of {design.name}'s {name} is {loss.item()} at step {run.step + 1}",
                    expected="a finite loss",
                    remedy="choose another seed or width, or train with another loss",
                )
            loss.backward()  # type: ignore[no-untyped-call]  # torch's own annotation is missing
            nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimiser.step()
            losses[name] = loss.item()
    run.step += 1
    _take_average(run, recipe.average)
    return losses


def _share(run: Run, *, falling: bool) -> float:
    warm = min(1.0, (run.step + 1) / WARM_UP)
    if not falling or run.total == 0:
        return warm
    return warm * (1 + math.cos(math.pi * run.step / run.total)) / 2


@torch.no_grad()
def _take_average(run: Run, decay: float) -> None:
    # The average of the first steps reaches back less far, so that the random start is soon forgotten.
    decay = min(decay, (1 + run.step) / (10 + run.step))
    now = run.objective.generator.state_dict()
    for name, mean in run.average.state_dict().items():
        if mean.is_floating_point():
            mean.lerp_(now[name], 1 - decay)
        else:
            mean.copy_(now[name])
