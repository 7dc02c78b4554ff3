"""How many images a second are decoded and embedded, against plain loops, in the same run.

    python benchmarks/embedding.py [--json]

Images of 32² and 64² px are looked for in ``MANIFPT_DATA`` (default: ``../shared/data`` beside the repository); those
of 256² are cut from scikit-image's photographs. The peers: NumPy one image at a time (`rgb`, `freq`), a plain float32
loop over batches with the same network (`sl-cifar`, `ssl-cifar`), and one thread that decodes one file after the other.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from interleaved import PAIRS, Measured, measured, report
from numpy.typing import NDArray
from PIL import Image
from skimage import data
from torch.nn import functional

from manifpt.embeddings.embedding import Embedding
from manifpt.embeddings.inference import NetworkEmbedding
from manifpt.embeddings.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from manifpt.embeddings.small import SelfSupervisedCIFAR, SupervisedCIFAR
from manifpt.errors import WeightsError
from manifpt.images import ImageSet
from manifpt.registry import built

DATA = Path(os.environ.get("MANIFPT_DATA", Path(__file__).parents[2] / "shared" / "data"))
Images = NDArray[np.uint8]
ADMITTED = 1e-5
BATCH = 256


def crops(folder: Path, kind: str, count: int = 256, side: int = 256) -> ImageSet:
    """Write square crops of photographs as files of this kind, and return their set."""
    rng = np.random.default_rng(0)
    photographs = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    (folder / kind).mkdir()
    for index in range(count):
        whole = photographs[index % len(photographs)]
        top, left = (int(rng.integers(0, length - side)) for length in whole.shape[:2])
        Image.fromarray(whole[top : top + side, left : left + side]).save(folder / kind / f"{index:04d}.{kind}")
    return ImageSet.photographs(folder / kind)


def per_second(found: Measured, images: int) -> Measured:
    """Return the row with both rates."""
    rates = {"images_per_second": images / found.seconds, "peer_images_per_second": images / found.peer_seconds}
    return replace(found, about={**found.about, **{name: round(rate) for name, rate in rates.items()}})


def embedded(space: Embedding, images: Images) -> NDArray[np.generic]:
    """Return the points, embedded in batches as manifpt does."""
    starts = range(0, len(images), BATCH)
    return np.concatenate([space(images[start : start + BATCH]).values for start in starts])


def one_spectrum(image: Images) -> NDArray[np.float32]:
    """Return the log-spectrum of one image by NumPy."""
    spectrum = np.fft.fftshift(np.fft.fft2(image.transpose(2, 0, 1) / 255), axes=(-2, -1))
    return np.asarray(np.log(np.abs(spectrum) + 1e-12), np.float32)


def one_picture(image: Images) -> NDArray[np.float32]:
    """Return the pixels of one image in [0, 1]."""
    return np.asarray(image.transpose(2, 0, 1), np.float32) / 255


def loop_row(name: str, one: Callable[[Images], NDArray[np.float32]], images: Images, pairs: int) -> Measured:
    """Compare a space of pixels with a function of one image."""
    space = built("embeddings", name)
    expected = np.stack([one(image) for image in images[:BATCH]])
    apart = float(np.abs(space(images[:BATCH]).coordinates() - expected).max())
    assert apart <= ADMITTED, apart
    found = measured(
        lambda: embedded(space, images),
        lambda: np.stack([one(image) for image in images]),
        peer="NumPy, one image at a time",
        pairs=pairs,
        difference=float(f"{apart:.1e}"),
    )
    return per_second(found, len(images))


def network_row(space: NetworkEmbedding, images: Images, pairs: int) -> Measured:
    """Compare a network's space with a plain loop."""
    network = space.loaded().eval()
    mean, deviation = (torch.tensor(each).view(3, 1, 1) for each in (IMAGENET_MEAN, IMAGENET_STD))

    @torch.no_grad()
    def plain() -> NDArray[np.float32]:
        parts = []
        for start in range(0, len(images), BATCH):
            pixels = torch.from_numpy(images[start : start + BATCH]).permute(0, 3, 1, 2).float().contiguous() / 255
            pixels = functional.adaptive_avg_pool2d(pixels, 32)
            parts.append(network.penultimate((pixels - mean) / deviation))
        return torch.cat(parts).numpy()

    apart = float(np.abs(embedded(space, images) - plain()).max())
    assert apart <= ADMITTED, apart
    found = measured(
        lambda: embedded(space, images),
        plain,
        peer="a plain float32 loop",
        pairs=pairs,
        difference=float(f"{apart:.1e}"),
    )
    return per_second(found, len(images))


def decoding_row(images: ImageSet, pairs: int) -> Measured:
    """Compare the threads that decode with one that does."""

    def alone() -> Images:
        return np.stack([images[index] for index in range(len(images))])

    def batches() -> Images:
        return np.concatenate([batch for _, batch in images.batches(BATCH)])

    assert np.array_equal(alone(), batches())
    return per_second(measured(batches, alone, peer="one thread", pairs=pairs), len(images))


def rows(folder: Path, pairs: int, images: int) -> dict[str, Measured]:
    """Return all rows."""
    small = ImageSet.photographs(DATA / "reals" / "cifar10-test")
    small = small.subset(range(min(images, len(small))))
    middle = ImageSet.open(DATA / "gm-celeba64-wild", reference_needed=False)
    middle = middle.subset(range(min(images, len(middle))))
    sets = {"32², PNG": small, "64², PNG": middle, **{f"256², {kind}": crops(folder, kind) for kind in ("png", "jpeg")}}
    found = {f"decoding {name}": decoding_row(each, pairs) for name, each in sets.items()}
    for side, pixels in (("32²", small.pixels()), ("256²", sets["256², png"].pixels())):
        found[f"rgb {side}"] = loop_row("rgb", one_picture, pixels, pairs)
        found[f"freq {side}"] = loop_row("freq", one_spectrum, pixels, pairs)
    for space in (SupervisedCIFAR(weights=_weights()), SelfSupervisedCIFAR()):
        found[f"{space.name} 32²"] = network_row(space, small.pixels(), pairs)
    return found


def _weights() -> Path | None:
    given = DATA / "weights"
    return given if given.is_dir() else None


def main() -> None:
    """Print a row for each comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one object: row → ratio and what it rests on")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--images", type=int, default=2048, help="of 32² and 64² px, at most")
    given = parser.parse_args()
    if not DATA.is_dir():
        parser.error(f"{DATA} is no folder; set MANIFPT_DATA")
    with tempfile.TemporaryDirectory() as place:
        try:
            report(rows(Path(place), given.pairs, given.images), as_json=given.json)
        except WeightsError as error:
            raise SystemExit(f"error: {error}") from None


if __name__ == "__main__":
    main()
