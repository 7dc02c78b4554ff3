"""Judge the demo's generators: neither collapsed, nor noise, nor copies.

    python benchmarks/demo_generators.py [--grid grid.png]

Prints one row per generator and, as controls, what the same numbers are for the training patches, white noise, a
collapsed generator and one that copies its training images.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manifpt.zoo.demo import demo_generators, sampled
from manifpt.zoo.photographs import blocks, patches
from manifpt.zoo.quality import quality


def training_crops(stride: int = 4) -> NDArray[np.uint8]:
    """Return crops of the reference blocks on a fine grid, as they are and flipped."""
    cut = [
        block.pixels[row : row + 32, column : column + 32]
        for block in blocks()
        if block.role == "reference"
        for row in range(0, block.height - 31, stride)
        for column in range(0, block.width - 31, stride)
    ]
    crops = np.stack(cut)
    return np.concatenate([crops, crops[:, :, ::-1]])


def controls(reference: NDArray[np.uint8], count: int) -> dict[str, NDArray[np.uint8]]:
    """Return sets of images whose verdict is known."""
    random = np.random.default_rng(0)
    jitter = random.integers(-2, 3, (count, 32, 32, 3))
    return {
        "(reference patches)": reference[random.permutation(len(reference))[:count]],
        "(white noise)": random.integers(0, 256, (count, 32, 32, 3)).astype(np.uint8),
        "(collapsed)": np.clip(reference[:1].astype(int) + jitter, 0, 255).astype(np.uint8),
    }


def grid(images: NDArray[np.uint8], columns: int = 20) -> NDArray[np.uint8]:
    """Return images side by side, as many whole rows as there are."""
    rows = len(images) // columns
    tiles = images[: rows * columns].reshape(rows, columns, 32, 32, 3)
    return tiles.transpose(0, 2, 1, 3, 4).reshape(rows * 32, columns * 32, 3)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stride", type=int, default=4, help="of the training crops")
    parser.add_argument("--grid", type=Path, help="picture of samples to write, one file per generator")
    options = parser.parse_args()
    cut = patches()
    real = np.stack([patch.pixels for patch in cut if patch.role == "real"])
    reference = np.stack([patch.pixels for patch in cut if patch.role == "reference"])
    training = training_crops(options.stride)
    sets = {"(held-out reals)": real}
    for name in demo_generators():
        begun = time.perf_counter()
        sets[name] = sampled(name, options.count, options.seed)
        print(f"{name}: {options.count} images in {time.perf_counter() - begun:.1f} s")
        if options.grid:
            path = options.grid.with_name(f"{options.grid.stem}-{name}.png")
            Image.fromarray(grid(sets[name][:200])).save(path)
    sets |= controls(reference, options.count)
    for index, (name, images) in enumerate(sets.items()):
        row = asdict(quality(images, real=real, training=training))
        if index == 0:
            print(f"| {'images':20} | " + " | ".join(row) + " |\n|---|" + "---:|" * len(row))
        print(f"| {name:20} | " + " | ".join(f"{value:.2f}" for value in row.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
