"""An autoregressive prior over grids of codes: a small causal transformer, sampled by inverting cumulative sums."""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

HEADS = 4
Past = tuple[Tensor, Tensor]


class CausalBlock(nn.Module):
    """Attention to what came before and a network of two layers, each added to its input: (n, length, width).

    Args:
        width: Length of a token, a multiple of four.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.mixing = nn.Linear(width, 3 * width)
        self.mixed = nn.Linear(width, width)
        self.layers = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, tokens: Tensor, past: Past | None = None) -> tuple[Tensor, Past]:
        """Return the tokens, and the keys and values by which later ones attend to them.

        Args:
            tokens: A whole sequence, or with ``past`` the one token that continues it.
            past: Keys and values of the tokens before, (n, heads, length, width / heads).
        """
        asked, keys, values = (
            part.unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for part in self.mixing(self.attention_norm(tokens)).chunk(3, -1)
        )
        if past is not None:
            keys, values = torch.cat([past[0], keys], 2), torch.cat([past[1], values], 2)
        heard = functional.scaled_dot_product_attention(asked, keys, values, is_causal=past is None)
        tokens = tokens + self.mixed(heard.transpose(1, 2).flatten(2))
        return tokens + self.layers(tokens), (keys, values)


class CodePrior(nn.Module):
    """The probability of each code given those before it in reading order.

    Args:
        codes: How many codes there are.
        length: Codes of an image.
        width: Length of a token.
        depth: Blocks.

    Example:
        >>> CodePrior(codes=5, length=4, width=8, depth=1)(torch.zeros(2, 4, dtype=torch.int64)).shape
        torch.Size([2, 4, 5])
    """

    def __init__(self, codes: int, length: int, width: int = 96, depth: int = 2) -> None:
        super().__init__()
        self.start = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.token = nn.Embedding(codes, width)
        self.position = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.ModuleList(CausalBlock(width) for _ in range(depth))
        self.to_logits = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, codes))

    def forward(self, codes: Tensor) -> Tensor:
        """Return the logits of each code, (n, length, codes), of sequences of codes (n, length)."""
        before = self.token(codes[:, :-1])
        tokens = torch.cat([self.start.expand(len(codes), -1, -1), before], 1) + self.position
        for block in self.blocks:
            tokens, _ = block(tokens)
        logits: Tensor = self.to_logits(tokens)
        return logits

    def nats(self, codes: Tensor) -> Tensor:
        """Return the mean negative log-probability of a code, a scalar."""
        return functional.cross_entropy(self(codes).flatten(0, 1), codes.flatten())

    @torch.no_grad()
    def sampled(self, uniform: Tensor) -> Tensor:
        """Return codes (n, length) of uniform numbers in [0, 1], (n, length).

        Computed in float64: in float32 the rounding of another batch size now and then gives another code, and with it
        another image.
        """
        exact = copy.deepcopy(self).double()
        token = exact.start.expand(len(uniform), -1, -1)
        pasts: list[Past | None] = [None] * len(self.blocks)
        found: list[Tensor] = []
        for position, chance in enumerate(uniform.double().unbind(1)):
            logits, pasts = exact.continued(token + exact.position[position], pasts)
            found.append(inverted(logits, chance))
            token = exact.token(found[-1])[:, None]
        return torch.stack(found, 1)

    def continued(self, token: Tensor, pasts: list[Past | None]) -> tuple[Tensor, list[Past | None]]:
        """Return the logits after one more token (n, 1, width), (n, codes), and each block's past with it."""
        news: list[Past | None] = []
        for block, past in zip(self.blocks, pasts, strict=True):
            token, new = cast("CausalBlock", block)(token, past)
            news.append(new)
        return self.to_logits(token[:, 0]), news


def inverted(logits: Tensor, chance: Tensor) -> Tensor:
    """Return the first code whose cumulative probability exceeds a chance, (n,), of logits (n, codes).

    Example:
        >>> inverted(torch.zeros(3, 4), torch.tensor([0.0, 0.3, 0.99]))
        tensor([0, 1, 3])
    """
    cumulative = logits.softmax(-1).cumsum(-1)
    # Rounding can leave the last sum below a chance close to 1.
    return (cumulative <= chance[:, None]).sum(-1).clamp(max=logits.shape[-1] - 1)
