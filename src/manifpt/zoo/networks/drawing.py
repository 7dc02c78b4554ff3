"""Random numbers of a training step, drawn where its source is and brought to where its images are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def normal(shape: Sequence[int], random: torch.Generator, like: Tensor) -> Tensor:
    """Return standard normal numbers of this shape, of the device and dtype of ``like``.

    Example:
        >>> normal((2, 3), torch.Generator().manual_seed(0), torch.zeros(1)).shape
        torch.Size([2, 3])
    """
    return torch.randn(tuple(shape), generator=random, device=random.device).to(like)


def uniform(shape: Sequence[int], random: torch.Generator, like: Tensor) -> Tensor:
    """Return numbers of this shape, uniform in [0, 1), of the device and dtype of ``like``."""
    return torch.rand(tuple(shape), generator=random, device=random.device).to(like)
