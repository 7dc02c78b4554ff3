"""What cheap decoders do to an image: pairs of an image and what its coding leaves of it, made on the fly.

A degradation shrinks a map, rounds it perhaps (a code of few levels), and grows it again as decoders do. Nothing of it
is learned: a restorer that undoes many of them has to know how reals look.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv_transpose2d, interpolate, pad

SHRINKING = ("average", "strided")
GROWING = ("nearest", "bilinear", "transposed", "shuffle", "fir")
STAGES = (1, 2)
LEVELS = (0, 24)  # of a code; 0 for one that is not rounded
# How much the weights of a kernel that was learned differ from the smooth one between the places of a grid.
UNEVEN = 0.15
BINOMIAL = (1.0, 3.0, 3.0, 1.0)


@dataclass(frozen=True, slots=True)
class Design:
    """The choices of one degradation.

    Args:
        shrinking: ``average``, or ``strided``, which leaves out every other pixel after a slight blur.
        growing: ``nearest``, ``bilinear``, ``transposed`` (an uneven kernel, hence a chequerboard), ``shuffle`` (each
            place of a cell has a gain of its own) or ``fir`` (binomial).
        stages: How often sides are halved and doubled.
        levels: To how many levels the small map is rounded; 0 for none.
    """

    shrinking: str
    growing: str
    stages: int
    levels: int

    @property
    def factor(self) -> int:
        """What sides must be multiples of."""
        return int(2**self.stages)


def designs() -> tuple[tuple[Design, ...], tuple[Design, ...]]:
    """Return the 20 designs that a restorer learns from, and the 20 that it is tested on.

    Each level of each choice stands equally often in both.

    Example:
        >>> seen, unseen = designs()
        >>> len(seen), len(unseen), sum(one.growing == "fir" for one in seen)
        (20, 20, 4)
    """
    places = list(product(*(range(len(levels)) for levels in (SHRINKING, GROWING, STAGES, LEVELS))))
    made = [
        (sum(place) % 2, Design(SHRINKING[place[0]], GROWING[place[1]], STAGES[place[2]], LEVELS[place[3]]))
        for place in places
    ]
    return tuple(one for odd, one in made if not odd), tuple(one for odd, one in made if odd)


def degraded(images: Tensor, design: Design, rng: np.random.Generator) -> Tensor:
    """Return what a coding of this design leaves of images, the same shape.

    Args:
        images: (n, channels, height, width) in [0, 1].
        design: The choices.
        rng: Of uneven kernels.
    """
    height, width = images.shape[-2:]
    maps = pad(images, (0, -width % design.factor, 0, -height % design.factor), mode="replicate")
    for _ in range(design.stages):
        maps = _shrunk(maps, design.shrinking)
    if design.levels:
        maps = (maps * (design.levels - 1)).round() / (design.levels - 1)
    for _ in range(design.stages):
        maps = _grown(maps, design.growing, rng)
    return maps[..., :height, :width]


def _shrunk(maps: Tensor, how: str) -> Tensor:
    if how == "average":
        return avg_pool2d(maps, 2)
    blurred = avg_pool2d(pad(maps, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return (blurred + maps)[..., ::2, ::2] / 2


def _grown(maps: Tensor, how: str, rng: np.random.Generator) -> Tensor:
    if how in ("nearest", "bilinear"):
        return interpolate(maps, scale_factor=2.0, mode=how)
    if how == "shuffle":
        gains = 1 + UNEVEN * torch.from_numpy(rng.uniform(-1, 1, (2, 2)).astype(np.float32))
        return interpolate(maps, scale_factor=2.0, mode="nearest") * gains.repeat(*maps.shape[-2:]).to(maps)
    smooth = np.outer(BINOMIAL, BINOMIAL) / sum(BINOMIAL) ** 2 * 4
    if how == "transposed":
        smooth = smooth * rng.uniform(1 - UNEVEN, 1 + UNEVEN, smooth.shape)
    kernel = torch.from_numpy(smooth.astype(np.float32)).to(maps).expand(maps.shape[1], 1, -1, -1)
    grown = conv_transpose2d(pad(maps, (1, 1, 1, 1), mode="replicate"), kernel, stride=2, groups=maps.shape[1])
    return grown[..., 3:-3, 3:-3]
