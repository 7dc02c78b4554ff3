"""How well the zoo's decoders reconstruct reals that they have not seen, and one picture of all runs.

``benchmarks/zoo_cards.py`` calls this.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manifpt.zoo.decoders import LEVELS
from manifpt.zoo.grid import grid
from manifpt.zoo.reconstruction import reconstructed
from manifpt.zoo.trained import Trained

Images = NDArray[np.uint8]
SHOWN = 8
SCALE = 2
# Titles of the choices, and where their columns begin, pixels; last, where the images begin.
TITLES = ("upsampling", "non-linearity", "normalisation", "skip", "loss")
COLUMNS = (8, 96, 194, 298, 368, 454)
HEADING, POINTS = 32, 9.75


def entry(one: Trained, originals: Images) -> dict[str, object]:
    """Return what is told of one decoder.

    Args:
        one: A trained decoder.
        originals: Held-out reals, uint8 (n, size, size, 3).
    """
    found = np.concatenate(list(reconstructed(one, originals)))
    rmse, ssim = errors(found, originals)
    return {
        "design": one.design.record(),
        "sha256": one.digest,
        "parameters": one.sidecar["parameters"],
        "steps": one.sidecar["steps"],
        "training_seconds": one.sidecar["seconds"],
        "reals": len(originals),
        "rmse": rmse,
        "ssim": ssim,
    }


def errors(images: Images, originals: Images) -> tuple[float, float]:
    """Return the root-mean-square error in grey levels, over all pixels, and the mean structural similarity.

    Args:
        images: Reconstructions, uint8 (n, h, w, 3).
        originals: What they should be, the same shape.
    """
    from skimage.metrics import structural_similarity

    rmse = float(np.sqrt(np.square(images.astype(float) - originals).mean()))
    pairs = zip(images, originals, strict=True)
    return rmse, float(np.mean([structural_similarity(*pair, channel_axis=-1, data_range=255) for pair in pairs]))


def picture(runs: Sequence[Trained], originals: Images) -> Images:
    """Return a sheet with a row of reals and a row of reconstructions for each decoder, labelled with its choices.

    Args:
        runs: Decoders, from top to bottom.
        originals: The reals of the columns, uint8 (n, size, size, 3).
    """
    from matplotlib.figure import Figure

    rows = [originals, *(np.concatenate(list(reconstructed(one, originals))) for one in runs)]
    sheet = grid(np.concatenate(rows), columns=len(originals)).repeat(SCALE, 0).repeat(SCALE, 1)
    height, width = HEADING + sheet.shape[0], COLUMNS[-1] + sheet.shape[1]
    figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor="white")
    figure.figimage(sheet, COLUMNS[-1], 0)
    step = SCALE * (originals.shape[1] + 2)

    def told(texts: Sequence[str], middle: float, **style: Any) -> None:
        for column, text in zip(COLUMNS, texts, strict=False):
            figure.text(column / width, 1 - middle / height, text, fontsize=POINTS, va="center", **style)

    told(TITLES, HEADING / 2, color="#555555")
    told(["reals"], HEADING + step / 2, weight="bold")
    for row, one in enumerate(runs, 1):
        told([str(getattr(one.design, field)) for field in LEVELS], HEADING + (row + 0.5) * step)
    with io.BytesIO() as content:
        figure.savefig(content, format="png")
        return np.array(Image.open(content).convert("RGB"))
