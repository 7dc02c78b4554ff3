"""What a decoder makes of a real image: a generated image whose real counterpart is at hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor

from manifpt.errors import DataError, ImageError
from manifpt.zoo.sampling import pixels
from manifpt.zoo.source import Images
from manifpt.zoo.threads import one_thread
from manifpt.zoo.trained import Trained

BATCH = 50


class Reconstructing(Protocol):
    """A network with an encoder."""

    def reconstructed(self, images: Tensor) -> Tensor:
        """Return decoder(encoder(x)) of images x in [−1, 1], the same shape."""
        ...


def reconstructed(made: Trained, images: Images) -> Iterator[Images]:
    """Yield what a decoder makes of images, in blocks, uint8 (n, size, size, 3).

    Args:
        made: A trained decoder.
        images: uint8 (n, size, size, 3).

    Raises:
        DataError: The generator has no encoder, or the images have another size than its own.
        ImageError: It returns values that are not finite.
    """
    name, side = made.design.name, made.design.size
    if not hasattr(made.network, "reconstructed"):
        raise DataError(f"{name} has no encoder", expected="a decoder", remedy="see `manifpt zoo list --decoders`")
    if images.shape[1:] != (side, side, 3):
        raise DataError(
            f"images of {images.shape[2]} × {images.shape[1]} pixels for {name}",
            expected=f"{side} × {side}",
            remedy=f"give --resize {side}",
        )
    network = cast(Reconstructing, made.network)
    for start in range(0, len(images), BATCH):
        shown = images[start : start + BATCH]
        # Always as many, so that what is beside an image decides no bit of it.
        padded = np.concatenate([shown, np.zeros((BATCH - len(shown), side, side, 3), np.uint8)])
        block = np.ascontiguousarray(padded.transpose(0, 3, 1, 2), np.float32)
        with torch.inference_mode(), one_thread():
            found = network.reconstructed(torch.from_numpy(block) / 127.5 - 1).float()[: len(shown)]
        if not bool(found.isfinite().all()):
            raise ImageError(f"{name} returned values that are not finite", expected="pixels", remedy="train it again")
        yield pixels(found)
