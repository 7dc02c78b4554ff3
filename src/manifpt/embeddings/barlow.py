"""Barlow Twins (Zbontar et al. 2021): the training of the small network behind ``ssl-cifar``."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from manifpt.embeddings.preprocessing import normalised
from manifpt.embeddings.residual import SmallResNet
from manifpt.embeddings.views import view


def redundancy(first: Tensor, second: Tensor, *, off_diagonal: float = 0.005) -> Tensor:
    """Return the Barlow Twins loss of two views' projections (equation 1 of the paper).

    Args:
        first: (n, d) projections of one view.
        second: (n, d) projections of the other view of the same images.
        off_diagonal: λ, the weight of the redundancy-reduction term.

    Example:
        >>> z = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
        >>> round(float(redundancy(z, z)), 3)
        0.0
        >>> round(float(redundancy(z, -z)), 3)
        8.0
    """
    first = (first - first.mean(0)) / first.std(0, correction=0).clamp(min=1e-5)
    second = (second - second.mean(0)) / second.std(0, correction=0).clamp(min=1e-5)
    correlation = first.T @ second / len(first)
    diagonal = correlation.diagonal()
    invariance = (1 - diagonal).square().sum()
    return invariance + off_diagonal * (correlation.square().sum() - diagonal.square().sum())


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the trained weights, apart from the images.

    Args:
        blocks: Residual blocks of each stage.
        widths: Channels of each stage.
        projection: Width of the projector's three layers, dropped after training.
        steps: Batches in all; the learning rate follows one cosine over them, after 5 % of warm-up.
        batch: Images of one step; each gives two views.
        rate: Highest learning rate of AdamW.
        decay: Weight decay.
        off_diagonal: λ of the loss.
        seed: Seed of initial weights, order and views.
    """

    blocks: tuple[int, int, int] = (1, 2, 2)
    widths: tuple[int, int, int] = (32, 64, 128)
    projection: int = 512
    steps: int = 1600
    batch: int = 256
    rate: float = 2e-3
    decay: float = 1e-4
    off_diagonal: float = 0.005
    seed: int = 0


class Training:
    """A run that can be stopped after any step and taken up again with the same outcome.

    Args:
        images: uint8 (n, 32, 32, 3), reference reals only.
        recipe: The settings of the run.
    """

    def __init__(self, images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], recipe: Recipe) -> None:
        self.images = torch.from_numpy(images).permute(0, 3, 1, 2)
        self.recipe = recipe
        self.step = 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.network = SmallResNet(recipe.blocks, recipe.widths)
            self.projector = _projector(recipe.widths[-1], recipe.projection)
        # torch does not declare this overload.
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.modules = nn.ModuleDict({"network": self.network, "projector": self.projector})
        self.optimiser = torch.optim.AdamW(self.modules.parameters(), lr=recipe.rate, weight_decay=recipe.decay)

    def advance(self) -> float:
        """Take one step and return its loss."""
        pixels = self.images[self._chosen()].float() / 255
        # A generator per step, so that a resumed run sees the views that it would have seen.
        generator = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + self.step)
        views = torch.cat([view(pixels, generator), view(pixels, generator)])
        views = normalised(views).contiguous(memory_format=torch.channels_last)
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.rate * self._schedule()
        with torch.autocast("cpu", torch.bfloat16):
            projections = self.projector(self.network.penultimate(views))
        loss = redundancy(*projections.float().chunk(2), off_diagonal=self.recipe.off_diagonal)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.step += 1
        return float(loss.detach())

    def _chosen(self) -> Tensor:
        """Return the indices of this step's images: epochs are seeded permutations, cut to whole batches."""
        per_epoch = max(1, len(self.images) // self.recipe.batch)
        epoch, position = divmod(self.step, per_epoch)
        order = np.random.default_rng([self.recipe.seed, epoch]).permutation(len(self.images))
        return torch.from_numpy(order[position * self.recipe.batch :][: self.recipe.batch])

    def _schedule(self) -> float:
        warm = max(1, self.recipe.steps // 20)
        if self.step < warm:
            return (self.step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (self.step - warm) / max(1, self.recipe.steps - warm)))

    def save(self, path: Path) -> None:
        """Write a checkpoint beside ``path``, then rename it."""
        tensors = {f"model.{name}": tensor.contiguous() for name, tensor in self.modules.state_dict().items()}
        for index, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": tensor.contiguous() for name, tensor in moments.items()}
        _written(path, tensors, {"step": str(self.step), "recipe": json.dumps(asdict(self.recipe))})

    def resume(self, path: Path) -> Self:
        """Take over the checkpoint at ``path``.

        Raises:
            ValueError: The checkpoint belongs to another recipe.
        """
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        if json.loads(metadata["recipe"]) != json.loads(json.dumps(asdict(self.recipe))):
            raise ValueError(f"{path} was written with the recipe {metadata['recipe']}; delete it to start afresh")
        self.modules.load_state_dict(_below("model.", tensors))
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _below("optimiser.", tensors).items():
            index, _, key = name.partition(".")
            moments.setdefault(int(index), {})[key] = tensor
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        self.step = int(metadata["step"])
        return self

    def export(self, path: Path) -> None:
        """Write the network without its projector: convolutions in float16, normalisation in float32."""
        tensors = {
            name: (tensor.half() if tensor.ndim > 1 else tensor).contiguous()
            for name, tensor in self.network.state_dict().items()
            if not name.endswith("num_batches_tracked")
        }
        _written(path, tensors, {"recipe": json.dumps(asdict(self.recipe))})


def _written(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file whole or not at all."""
    beside = path.with_name(path.name + ".part")
    save_file(tensors, beside, metadata)
    # safetensors writes for the owner only, which an installed package would keep.
    beside.chmod(0o644)
    os.replace(beside, path)


def _projector(width_in: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width_in, width, bias=False),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, width, bias=False),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, width, bias=False),
    )


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
