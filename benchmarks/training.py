"""How fast attributors are trained, against a plain float32 PyTorch loop, in the same run.

    python benchmarks/training.py [--only WORD …] [--pairs 5] [--steps 24] [--json] [--keep]

The loop trains the same network with the same batches, learning rates, losses and AdamW, and clips alike; it has
neither averaged weights nor checks. In float32 both must have the same losses in the first steps: rounding lets AdamW
move a weight either way where its gradient is almost nothing, which no loss shows, while the weights themselves do.
Both take the threads of ``OMP_NUM_THREADS``, or as many as there are processors.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import torch
from figures import add_options, report
from interleaved import PAIRS, Measured, measured
from torch.nn import functional

from manifpt.attributors import inference, training
from manifpt.attributors.architectures import Classifier, perceptron, small_resnet
from manifpt.attributors.attributor import Features
from manifpt.attributors.randomness import seeded
from manifpt.attributors.recipe import Recipe
from manifpt.attributors.whitening import whitening_filters
from manifpt.manifolds.threads import threads

CLASSES = 8
SHAPES = {"resnet-small": (3, 32, 32), "mlp": (512,)}
RECIPES = {"resnet-small": Recipe(epochs=1, learning_rate=5e-3), "mlp": Recipe(epochs=1, learning_rate=1e-3)}
ROWS = {
    "resnet-small, 32², bf16": ("resnet-small", "bf16", 1),
    "resnet-small, 32², float32": ("resnet-small", "fp32", 1),
    "mlp, 512-d": ("mlp", "fp32", 10),
}
COMPARED = 4  # steps
ADMITTED = 1e-4  # of a loss


def network(name: str, features: Features) -> Classifier:
    """Return a network as the attributor of this name starts with it."""
    with seeded(0, 0):
        if name == "mlp":
            return perceptron(features.shape[1:], CLASSES, width=256, dropout=0.3)
        made = small_resnet(features.shape[1:], CLASSES, width=16, depth=2, dropout=0.1)
        first = made.body.whitened
        first.filters.copy_(torch.from_numpy(whitening_filters(features, np.arange(256), first.side)))
        return made


def plain(made: Classifier, features: Features, labels: np.ndarray, recipe: Recipe) -> list[float]:
    """Train as tutorials do, and return the losses."""
    inputs, truth = torch.from_numpy(features), torch.from_numpy(labels)
    wide, narrow = ([each for each in made.parameters() if (each.ndim > 1) is many] for many in (True, False))
    groups = [{"params": wide, "weight_decay": recipe.weight_decay}, {"params": narrow, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate)
    steps, losses = recipe.steps(len(features)), []
    made.train()
    with seeded(recipe.seed, 1) as rng:
        for step, batch in enumerate(np.array_split(rng.permutation(len(features)), steps)):
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * training.scheduled(step, steps, recipe.warm_up)
            loss = functional.cross_entropy(made(inputs[batch]), truth[batch], label_smoothing=recipe.smoothing)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(made.parameters(), recipe.clip)
            optimizer.step()
            losses.append(loss.item())
    return losses


def row(name: str, precision: str, steps: int, pairs: int) -> Measured:
    """Compare the training of one attributor's network."""
    recipe = replace(RECIPES[name], precision=precision)
    count = steps * recipe.batch
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, count)
    features = rng.normal(size=(count, *SHAPES[name])).astype(np.float32)
    features.reshape(count, -1)[np.arange(count), labels] += 3

    def ours(recipe: Recipe, examples: int) -> list[float]:
        losses: list[float] = []
        with patch.object(training.Meter, "seen", lambda _meter, loss, _right, _examples: losses.append(loss)):
            rows = np.arange(examples)
            training.trained(network(name, features), features, labels, np.ones(CLASSES), recipe, rows=rows)
        return losses

    few = COMPARED * recipe.batch
    own = np.array(ours(replace(recipe, precision="fp32"), few))
    theirs = np.array(plain(network(name, features), features[:few], labels[:few], recipe))
    apart = float(np.abs(own / theirs - 1).max())
    assert len(own) == COMPARED, len(own)
    assert apart <= ADMITTED, apart
    found = measured(
        lambda: ours(recipe, count),
        lambda: plain(network(name, features), features, labels, recipe),
        peer="a plain float32 loop",
        pairs=pairs,
    )
    about = {
        "data": f"drawn, {' × '.join(map(str, SHAPES[name]))}",
        "seed": 0,
        "threads": threads(),
        "images": count,
        "images_per_second": round(count / found.seconds),
        "peer_images_per_second": round(count / found.peer_seconds),
        "precision": str(inference.chosen_precision(precision, torch.device("cpu"))).removeprefix("torch."),
        "difference_of_losses": float(f"{apart:.1e}"),
    }
    return replace(found, about={**found.about, **about})


def main() -> None:
    """Print a row for each network and precision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument(
        "--only", nargs="+", metavar="WORD", default=[""], help="rows whose name has one of these words"
    )
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--steps", type=int, default=24, help="of resnet-small; mlp takes ten times as many")
    given = parser.parse_args()
    torch.set_num_threads(threads())

    def found() -> Iterator[tuple[str, Measured]]:
        for title, (name, precision, times) in ROWS.items():
            if any(word in title for word in given.only):
                yield title, row(name, precision, times * given.steps, given.pairs)

    report("training", found(), given)


if __name__ == "__main__":
    main()
