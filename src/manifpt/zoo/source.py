"""The contract of whatever gives a generator's images: weights trained here, somebody's pipeline, a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]


class Draw(Protocol):
    """Images of an endless, or long enough, sequence for every seed."""

    def __call__(self, count: int, /, *, seed: int = 0, start: int = 0) -> Iterator[Images]:
        """Yield the ``count`` images of a seed's sequence from ``start`` on, in blocks, uint8 (n, h, w, 3).

        Image i depends on the seed and i alone, as far as the generator allows it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """A generator whose images can be drawn.

    Args:
        name: What its images are labelled with.
        family: ``gan``, ``vae``, ``flow``, ``score``, ``decoder``, or another word.
        digest: What its weights are known by, hexadecimal; empty where there is nothing to hash.
        draw: Gives its images.
    """

    name: str
    family: str
    digest: str
    draw: Draw
