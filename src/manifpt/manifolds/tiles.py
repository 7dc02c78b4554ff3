"""What a network makes of images of any size: the same bits whatever the batch, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from manifpt.device import device
from manifpt.manifolds.unet import REACH

# Of the images that a network looks at together, and how many they are at most; of an image that is larger than SIDE it
# sees one tile after the other.
PIXELS, MOST = 2**14, 64
SIDE = 256
Maps = NDArray[np.float32]  # (n, channels, height, width)
Window = tuple[slice, slice]


def applied(
    network: Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor], images: Maps, noise: float | None = None
) -> Maps:
    """Return what a network answers to images, the same shape.

    Args:
        network: In evaluation mode. What it answers to an image depends on no other image.
        images: float32, in [0, 1].
        noise: Deviation of the noise, where the network is told it.
    """

    def answering(shown: torch.Tensor, _: Window) -> torch.Tensor:
        told = None if noise is None else torch.full((len(shown),), noise, device=shown.device)
        return network(shown, told)

    return tiled(answering, images)


@torch.inference_mode()
def tiled(answering: Callable[[torch.Tensor, Window], torch.Tensor], images: Maps) -> Maps:
    """Return the answers to images, put together from tiles, the same shape.

    Args:
        answering: Takes tiles (n, channels, height, width) and which rows and columns of its answer are kept, and
            answers in the tiles' shape. What it answers to an image depends on no other image.
        images: float32, in [0, 1].
    """
    answers = np.empty_like(images)
    size = max(1, min(MOST, PIXELS // (min(SIDE, images.shape[2]) * min(SIDE, images.shape[3]))))
    for start in range(0, len(images), size):
        batch = images[start : start + size]
        # Always as many, so that what is beside an image decides no bit of it.
        filled = np.concatenate([batch, np.zeros((size - len(batch), *images.shape[1:]), np.float32)])
        for seen, kept, place in _tiles(*images.shape[2:]):
            shown = torch.from_numpy(np.ascontiguousarray(filled[:, :, *seen])).to(device())
            answer = answering(shown, kept).cpu().numpy()
            answers[start : start + size][:, :, *place] = answer[: len(batch), :, *kept]
    return answers


def _tiles(height: int, width: int) -> Iterator[tuple[Window, Window, Window]]:
    """Yield what is seen of an image, which part of the answer is kept, and where in the image that part lies."""
    for down in range(0, height, SIDE):
        for across in range(0, width, SIDE):
            rows, columns = _along(down, height), _along(across, width)
            yield (rows[0], columns[0]), (rows[1], columns[1]), (rows[2], columns[2])


def _along(start: int, length: int) -> tuple[slice, slice, slice]:
    # Tiles begin at multiples of the network's coarsest step, as SIDE and REACH are.
    stop, first = min(start + SIDE, length), max(0, start - REACH)
    return slice(first, min(stop + REACH, length)), slice(start - first, stop - first), slice(start, stop)
