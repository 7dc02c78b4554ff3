"""The smallest generator that can be trained, for the tests of training, files and sampling."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from manifpt.zoo.design import Design
from manifpt.zoo.networks.objective import Recipe

DESIGN = Design("tiny", "gan", "dcgan", "transposed", "relu", "batch", "strided", "none", "bce")


class TinyGenerator(nn.Module):
    """One layer, a batch norm and dropout: weights, buffers and the global generator all matter."""

    latent_shape = (4,)

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.norm = nn.BatchNorm1d(3)
        self.dropout = nn.Dropout(0.3)

    def sampled(self, latent: Tensor) -> Tensor:
        colours = torch.tanh(self.dropout(self.norm(self.layer(latent))))
        return colours[:, :, None, None].expand(-1, -1, 32, 32)


class Tiny:
    """Two networks against each other."""

    recipe = Recipe(batch=8, average=0.9)

    def __init__(self, seed: int) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.generator = TinyGenerator()
            self.opponent = nn.Linear(3, 1)
        self.networks = {"opponent": self.opponent, "generator": self.generator}
        self.seen = 0

    def prepared(self, images: Tensor) -> None:
        self.seen += 1
        self.opponent.bias.data.fill_(float(images.mean()))

    def loss(self, name: str, images: Tensor, random: torch.Generator, step: int) -> Tensor:
        made = self.generator.sampled(torch.randn(len(images), 4, generator=random)).mean((2, 3))
        score = self.opponent(made if name == "generator" else made.detach())
        return -score.mean() if name == "generator" else score.mean() - self.opponent(images.mean((2, 3))).mean()
