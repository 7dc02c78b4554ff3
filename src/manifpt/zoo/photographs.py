"""Real photographs that scikit-image carries in its wheel, cut into patches whose roles are disjoint by region.

Each picture is divided into square blocks. A block belongs to one role, ``reference`` or ``real``, and a patch lies
inside one block, so that no pixel is ever seen in both roles. The generators of the demo are trained on the
reference blocks alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manifpt.errors import DataError, ImageError

Role = Literal["reference", "real"]

# Of the motorcycle's stereo pair only the left picture: the right one shows the same scene again.
PICTURES = {
    "astronaut": "astronaut.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "ihc": "ihc.png",
    "motorcycle": "motorcycle_left.png",
}
BLOCK = 128
REFERENCE_SHARE = 0.62

# Patches without contrast (the astronaut's black background) look alike wherever they are cut, which would put
# near-duplicates into both roles; they are left out of both.
FLATTEST_DEVIATION = 4.0


@dataclass(frozen=True)
class Block:
    """A rectangle of one picture that belongs to one role.

    Args:
        picture: Name of the picture.
        row: Top edge in pixels.
        column: Left edge in pixels.
        height: Rows of pixels.
        width: Columns of pixels.
        role: ``reference`` or ``real``.
    """

    picture: str
    row: int
    column: int
    height: int
    width: int
    role: Role

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The block's pixels, uint8 ``(height, width, 3)``."""
        return photograph(self.picture)[self.row : self.row + self.height, self.column : self.column + self.width]


@dataclass(frozen=True)
class Patch:
    """A square cut out of one photograph.

    Args:
        pixels: uint8 ``(size, size, 3)``.
        picture: Name of the picture.
        row: Top edge in pixels.
        column: Left edge in pixels.
        role: ``reference`` or ``real``.
    """

    pixels: NDArray[np.uint8]
    picture: str
    row: int
    column: int
    role: Role


@cache
def photograph(picture: str) -> NDArray[np.uint8]:
    """Return one of the photographs, uint8 ``(height, width, 3)``, read-only.

    Raises:
        DataError: The name is unknown, or this scikit-image does not carry the file.

    Example:
        >>> photograph("chelsea").shape
        (300, 451, 3)
    """
    if picture not in PICTURES:
        raise DataError(
            f"there is no photograph {picture!r}",
            expected=f"one of {', '.join(PICTURES)}",
            remedy="choose one of these names",
        )
    # Read beside skimage.data instead of through it: its loader may ask the network.
    found = find_spec("skimage")
    path = Path(found.origin if found and found.origin else "skimage").parent / "data" / PICTURES[picture]
    if not path.is_file():
        raise DataError(
            f"{path} is absent",
            expected="the photographs in scikit-image's wheel",
            remedy="reinstall scikit-image from its wheel",
        )
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def blocks(size: int = 32) -> tuple[Block, ...]:
    """Return the blocks of all photographs, each with its role.

    A block is 128 pixels wide (or one patch, where that is more); those at the lower and right edge are cut to whole
    patches. Which block has which role depends on the picture's name alone: blocks are drawn in a fixed shuffled order
    until the reference holds 62 % of the picture's patches. Every picture with two blocks contributes to both roles.

    Args:
        size: Edge of a patch in pixels. Roles are disjoint for one size, not between different sizes.

    Raises:
        ImageError: No photograph is large enough for one patch.

    Example:
        >>> sorted({block.role for block in blocks()})
        ['real', 'reference']
    """
    smallest, largest = 1, min(max(photograph(picture).shape[:2]) for picture in PICTURES)
    if not smallest <= size <= largest:
        raise ImageError(
            f"patches of {size} pixels cannot be cut from the photographs",
            expected=f"a size of {smallest} to {largest} pixels",
            remedy="choose a smaller size",
        )
    return tuple(block for picture in PICTURES for block in _blocks_of(picture, size))


def patches(size: int = 32) -> tuple[Patch, ...]:
    """Return non-overlapping patches of all photographs, on a grid, picture by picture, block by block.

    Patches in which every channel deviates by less than 4 grey levels are left out.

    Args:
        size: Edge of a patch in pixels.

    Raises:
        ImageError: No photograph is large enough for one patch.

    Example:
        >>> patches(256)[0].pixels.shape
        (256, 256, 3)
    """
    return tuple(patch for block in blocks(size) for patch in _patches_of(block, size))


def _blocks_of(picture: str, size: int) -> list[Block]:
    height, width = (edge // size * size for edge in photograph(picture).shape[:2])
    edge = max(BLOCK // size, 1) * size
    corners = [(row, column) for row in range(0, height, edge) for column in range(0, width, edge)]
    sides = [(min(edge, height - row), min(edge, width - column)) for row, column in corners]
    reference = _reference_blocks(picture, [tall * wide for tall, wide in sides])
    return [
        Block(picture, row, column, tall, wide, "reference" if index in reference else "real")
        for index, ((row, column), (tall, wide)) in enumerate(zip(corners, sides, strict=True))
    ]


def _reference_blocks(picture: str, areas: list[int]) -> set[int]:
    seed = int.from_bytes(hashlib.sha256(picture.encode()).digest()[:8], "big")
    order = np.random.default_rng(seed).permutation(len(areas)).tolist()
    taken: set[int] = set()
    # The last block of the order always stays real, however large the others are.
    for index in order[:-1] if len(order) > 1 else order:
        if sum(areas[other] for other in taken) < REFERENCE_SHARE * sum(areas):
            taken.add(index)
    return taken


def _patches_of(block: Block, size: int) -> list[Patch]:
    pixels = block.pixels
    corners = [(row, column) for row in range(0, block.height, size) for column in range(0, block.width, size)]
    cut = [(row, column, pixels[row : row + size, column : column + size]) for row, column in corners]
    return [
        Patch(patch, block.picture, block.row + row, block.column + column, block.role)
        for row, column, patch in cut
        if patch.std((0, 1)).max() >= FLATTEST_DEVIATION
    ]
