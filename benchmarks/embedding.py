"""How many images a second are decoded and embedded, against plain loops, in the same run.

    python benchmarks/embedding.py [--only WORD …] [--pairs 5] [--json] [--keep]

Images of 32² and 64² px are looked for in ``MANIFPT_DATA`` (default: ``../shared/data`` beside the repository); those
of 256² are cut from scikit-image's photographs. The peers: NumPy one image at a time (`rgb`, `freq`) and in batches
(`freq`), a plain float32 loop over batches with the same network (`sl-cifar`, `ssl-cifar`), and one thread that decodes
one file after the other.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from figures import add_options, report
from interleaved import PAIRS, Measured, measured
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


def spectra(images: Images) -> NDArray[np.float32]:
    """Return the log-spectra of images by NumPy."""
    found = np.fft.fftshift(np.fft.fft2(images.transpose(0, 3, 1, 2) / 255), axes=(-2, -1))
    return np.log(np.abs(found) + 1e-12).astype(np.float32)


def in_batches(images: Images) -> NDArray[np.float32]:
    """Return the log-spectra, as many at a time as manifpt embeds."""
    return np.concatenate([spectra(images[start : start + BATCH]) for start in range(0, len(images), BATCH)])


def pictures(images: Images) -> NDArray[np.float32]:
    """Return the pixels of images in [0, 1]."""
    return np.asarray(images.transpose(0, 3, 1, 2), np.float32) / 255


def looped(some: Callable[[Images], NDArray[np.float32]]) -> Callable[[Images], NDArray[np.float32]]:
    """Return the same for one image after the other."""
    return lambda images: np.concatenate([some(images[place : place + 1]) for place in range(len(images))])


def plain_network(space: NetworkEmbedding) -> Callable[[Images], NDArray[np.float32]]:
    """Return a plain loop over batches with the network of a space."""
    network = space.loaded().eval()
    mean, deviation = (torch.tensor(each).view(3, 1, 1) for each in (IMAGENET_MEAN, IMAGENET_STD))

    @torch.no_grad()
    def plain(images: Images) -> NDArray[np.float32]:
        parts = []
        for start in range(0, len(images), BATCH):
            pixels = torch.from_numpy(images[start : start + BATCH]).permute(0, 3, 1, 2).float().contiguous() / 255
            pixels = functional.adaptive_avg_pool2d(pixels, 32)
            parts.append(network.penultimate((pixels - mean) / deviation))
        return torch.cat(parts).numpy()

    return plain


def plain_row(
    space: Embedding, plain: Callable[[Images], NDArray[np.float32]], images: Images, peer: str, pairs: int
) -> Measured:
    """Compare a space with a function of images."""
    apart = float(np.abs(space(images[:BATCH]).coordinates() - plain(images[:BATCH])).max())
    assert apart <= ADMITTED, apart
    found = measured(
        lambda: embedded(space, images),
        lambda: plain(images),
        peer=peer,
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


def rows(folder: Path, pairs: int, images: int) -> dict[str, Callable[[], Measured]]:
    """Return all rows, not yet measured."""
    small = ImageSet.photographs(DATA / "reals" / "cifar10-test")
    small = small.subset(range(min(images, len(small))))
    middle = ImageSet.open(DATA / "gm-celeba64-wild", reference_needed=False)
    middle = middle.subset(range(min(images, len(middle))))
    sets = {
        "32², PNG": small,
        "64², PNG": middle,
        "256², PNG": crops(folder, "png"),
        "256², JPEG": crops(folder, "jpeg"),
    }
    one, batches, loop = "NumPy, one image at a time", "NumPy, in batches", "a plain float32 loop"
    rgb, freq = (built("embeddings", name) for name in ("rgb", "freq"))
    found: dict[str, Callable[[], Measured]] = {}
    for side, pixels in (("32²", small.pixels()), ("256²", sets["256², PNG"].pixels())):
        found[f"rgb {side}"] = partial(plain_row, rgb, looped(pictures), pixels, one, pairs)
        found[f"freq {side}"] = partial(plain_row, freq, looped(spectra), pixels, one, pairs)
        found[f"freq {side}, in batches"] = partial(plain_row, freq, in_batches, pixels, batches, pairs)
    for space in (SupervisedCIFAR(weights=weights()), SelfSupervisedCIFAR()):
        found[f"{space.name} 32²"] = partial(plain_row, space, plain_network(space), small.pixels(), loop, pairs)
    return found | {f"decoding {name}": partial(decoding_row, each, pairs) for name, each in sets.items()}


def weights() -> Path | None:
    """Return the folder of published weights, where there is one."""
    given = DATA / "weights"
    return given if given.is_dir() else None


def _found(rows: dict[str, Callable[[], Measured]], words: list[str] | None) -> Iterator[tuple[str, Measured]]:
    for name, measure in rows.items():
        if words is None or any(word in name for word in words):
            yield name, measure()


def main() -> None:
    """Print a row for each comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--only", nargs="+", metavar="WORD", help="rows whose name has one of these words")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--images", type=int, default=2048, help="of 32² and 64² px, at most")
    given = parser.parse_args()
    if not DATA.is_dir():
        parser.error(f"{DATA} is no folder; set MANIFPT_DATA")
    with tempfile.TemporaryDirectory() as place:
        try:
            report("embedding", _found(rows(Path(place), given.pairs, given.images), given.only), given)
        except WeightsError as error:
            raise SystemExit(f"error: {error}") from None


if __name__ == "__main__":
    main()
