"""Decoders whose choices are crossed on purpose: 25 runs over upsampling, non-linearity, normalisation, skip and loss.

The runs are an orthogonal array of strength 2 over five levels, OA(25, 5⁵): in any two of its columns every pair of
levels stands exactly once (Bose and Bush 1952). Upsampling has five levels. The others have four or three, so that one
or two levels of their columns stand for something else: in each of those runs for a level that the upsampling of the
run picks. The picks were searched for, and found so that nothing could be more balanced: of any two choices, the
numbers of runs in which their levels meet differ by at most one.
"""

from __future__ import annotations

from manifpt.zoo.design import Design

LEVELS: dict[str, tuple[str, ...]] = {
    "upsampling": ("nearest", "transposed", "bilinear", "shuffle", "fir"),
    "nonlinearity": ("relu", "lrelu", "swish", "gelu"),
    "normalisation": ("batch", "group", "instance", "none"),
    "skip": ("none", "residual", "output"),
    "loss": ("l2", "l1", "ssim", "perceptual"),
}
"""The levels of each choice; the first ones are the centre, which is the first run."""

ORDER = 5
SEEDS = 2
CENTRE_SEEDS = 8
# All 56 together weigh little, and learn in seconds.
WIDTH = 8

# Per choice and run's upsampling, what the column's levels beyond the choice's own stand for.
_PICKS: dict[str, tuple[tuple[int, ...], ...]] = {
    "upsampling": ((), (), (), (), ()),
    "nonlinearity": ((2,), (1,), (3,), (0,), (3,)),
    "normalisation": ((3,), (2,), (0,), (2,), (1,)),
    "skip": ((0, 1), (2, 0), (2, 1), (2, 1), (2, 0)),
    "loss": ((3,), (2,), (0,), (1,), (1,)),
}


def orthogonal_array() -> list[tuple[int, ...]]:
    """Return the 25 runs of OA(25, 5⁵), each with a level from 0 to 4 per column.

    Run (i, j) has i, j, i + j, i + 2j and i + 3j modulo 5; two columns determine i and j.

    Example:
        >>> orthogonal_array()[7]
        (1, 2, 3, 0, 2)
    """
    return [
        (i, *((factor * i + other * j) % ORDER for factor, other in ((0, 1), (1, 1), (1, 2), (1, 3))))
        for i in range(ORDER)
        for j in range(ORDER)
    ]


def runs() -> list[dict[str, str]]:
    """Return the choices of the 25 runs by name, the centre first.

    Example:
        >>> runs()[0]
        {'upsampling': 'nearest', 'nonlinearity': 'relu', 'normalisation': 'batch', 'skip': 'none', 'loss': 'l2'}
    """
    return [
        {field: _level(field, level, row[0]) for field, level in zip(LEVELS, row, strict=True)}
        for row in orthogonal_array()
    ]


def _level(field: str, level: int, upsampling: int) -> str:
    levels = LEVELS[field]
    return levels[level if level < len(levels) else _PICKS[field][upsampling][level - len(levels)]]


def decoders(size: int = 32, width: int = WIDTH) -> list[Design]:
    """Return the designs of all decoders: each run in 2 seeds, the centre in 8, 56 together.

    Args:
        size: Height and width of the images, pixels.
        width: Channels of the finest maps.

    Raises:
        ManifptError: Size or width is out of range.

    Example:
        >>> [design.name for design in decoders()][:2]
        ['decoder-nearest-relu-batch-none-l2-0', 'decoder-nearest-relu-batch-none-l2-1']
    """
    return [
        Design(
            name="-".join(["decoder", *run.values(), str(seed)]),
            family="decoder",
            architecture="autoencoder",
            downsampling="strided",
            size=size,
            width=width,
            seed=seed,
            upsampling=run["upsampling"],
            nonlinearity=run["nonlinearity"],
            normalisation=run["normalisation"],
            skip=run["skip"],
            loss=run["loss"],
        )
        for index, run in enumerate(runs())
        for seed in range(SEEDS if index else CENTRE_SEEDS)
    ]
