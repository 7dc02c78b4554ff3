"""Random numbers of a training: from seeds alone, and resumed where they were left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@contextmanager
def seeded(*seeds: int) -> Iterator[np.random.Generator]:
    """Yield a generator, with torch's global one seeded alike; the latter is put back at the end."""
    rng = np.random.default_rng(seeds)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(int(rng.integers(2**62)))
        yield rng


@dataclass(frozen=True, slots=True)
class Drawn:
    """How far random numbers have been drawn.

    Args:
        order: State of numpy's generator, as JSON.
        dropout: State of torch's generators: the processor's, then each GPU's.
    """

    order: str
    dropout: tuple[Tensor, ...]

    @classmethod
    def so_far(cls, rng: np.random.Generator) -> Drawn:
        """Return the current state of ``rng`` and of torch's global generators."""
        return cls(json.dumps(rng.bit_generator.state), (torch.get_rng_state(), *torch.cuda.get_rng_state_all()))

    def restore(self, rng: np.random.Generator) -> None:
        """Put ``rng`` and torch's global generators into this state."""
        rng.bit_generator.state = json.loads(self.order)
        torch.set_rng_state(self.dropout[0])
        for index, state in enumerate(self.dropout[1:]):
            torch.cuda.set_rng_state(state, index)
