"""References and queries of the projection benchmark: reals at their own resolution, and generated images."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.images import ImageSet
from manifpt.registry import built
from manifpt.storage import allocated

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("MANIFPT_DATA") or ROOT.parent / "shared" / "data")
os.environ.setdefault("MANIFPT_WEIGHTS", str(DATA / "weights"))
SHIFTS = ((0, 0), (1, 2), (-2, 1))  # pixels down and to the right
SIDE = 256
PHOTOGRAPHS = {"references": ("astronaut", "coffee", "rocket"), "queries": ("chelsea",)}
Pair = tuple[Points, Points]


def reals(count: int, *, shifts: Iterable[tuple[int, int]] = SHIFTS) -> NDArray[np.uint8]:
    """Return CIFAR-10 training reals with their flips and shifts, uint8 (count, 32, 32, 3)."""
    own = ImageSet.photographs([str(DATA / "reals" / "cifar10-train")]).pixels()
    variants = [np.roll(own[:, :, ::step], shift, (1, 2)) for shift in shifts for step in (1, -1)]
    return np.ascontiguousarray(np.concatenate(variants)[:count])


def held_out(count: int) -> NDArray[np.uint8]:
    """Return CIFAR-10 test reals and their flips, none of which any reference shows."""
    own = ImageSet.photographs([str(DATA / "reals" / "cifar10-test")]).pixels()
    return np.ascontiguousarray(np.concatenate([own, own[:, :, ::-1]])[:count])


def generated(count: int) -> NDArray[np.uint8]:
    """Return images of published generators of CIFAR-10, as many of each."""
    opened = ImageSet.open(str(DATA / "gm-cifar10-wild"), reference_needed=False)
    places = np.flatnonzero(np.array(opened.generators) != "real")
    chosen = np.random.default_rng(0).choice(places, min(count, len(places)), replace=False)
    return opened.subset(np.sort(chosen)).pixels()


def embedded(space: str, images: NDArray[np.uint8], **options: Any) -> Points:
    """Return the points of images in a space of the registry."""
    embedding = built("embeddings", space, **options)
    first = embedding(images[:1])
    values = allocated((len(images), *first.values.shape[1:]), first.values.dtype)
    for start in range(0, len(images), 512):
        values[start : start + 512] = embedding(images[start : start + 512]).values
    return Points(np.asarray(values), first.scale)


def crops(role: str, count: int) -> Points:
    """Return crops of 256 × 256 pixels of scikit-image's photographs; queries are of other photographs."""
    from skimage import data

    pictures = [getattr(data, name)() for name in PHOTOGRAPHS[role]]
    rng = np.random.default_rng(len(role))
    values = allocated((count, 3, SIDE, SIDE), np.uint8)
    for place in range(count):
        picture = pictures[place % len(pictures)]
        top, left = (int(rng.integers(0, side - SIDE + 1)) for side in picture.shape[:2])
        values[place] = picture[top : top + SIDE, left : left + SIDE].transpose(2, 0, 1)
    return Points(values, 1 / 255)


def noise(count: int, seed: int) -> Points:
    """Return white noise of 8 bits."""
    return Points(np.random.default_rng(seed).integers(0, 256, (count, 3, 32, 32), np.uint8), 1 / 255)
