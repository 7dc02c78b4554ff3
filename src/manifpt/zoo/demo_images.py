"""The demo's images as a folder: four generators, held-out reals and the reference."""

from __future__ import annotations

import csv
import os
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manifpt.errors import DataError
from manifpt.progress import tracked
from manifpt.writing import replaced
from manifpt.zoo.demo import SIZE, demo_generators, family, sampled
from manifpt.zoo.photographs import Patch, patches


@dataclass(frozen=True)
class _Row:
    path: str
    generator: str
    family: str
    role: str
    latent: str


def demo_set(folder: str | os.PathLike[str], *, per_generator: int = 160, seed: int = 0) -> Path:
    """Write the demo's images as lossless PNG with a manifest, and return the folder.

    The manifest's columns are ``path, generator, family, role, latent``. A generated image's latent is
    ``seed:index``. The real class holds ``per_generator`` patches at most, evenly spread over the photographs; every
    reference patch has the role ``reference``. The folder appears whole or not at all.

    Args:
        folder: Where to write; it must not exist yet.
        per_generator: Images of each generator, and at most of the real class.
        seed: Of the generators' noise.

    Raises:
        DataError: The folder exists, or ``per_generator`` is less than 1.
        WeightsError: A generator's weights are absent or damaged.
    """
    target = Path(folder).absolute()
    if target.exists() or target.is_symlink():
        raise DataError(f"{target} exists", expected="a new folder", remedy="name another, or remove this one")
    if per_generator < 1:
        raise DataError(f"{per_generator} images per generator", expected="at least 1", remedy="ask for more images")
    with replaced(target) as beside:
        _write(beside, per_generator, seed)
    return target


def _write(folder: Path, per_generator: int, seed: int) -> None:
    rows: list[_Row] = []
    for name in tracked(demo_generators(), "sampling generators"):
        rows += _written_samples(folder, name, sampled(name, per_generator, seed), seed)
    cut = patches(SIZE)
    real = [patch for patch in cut if patch.role == "real"]
    spread = np.linspace(0, len(real) - 1, min(per_generator, len(real))).round().astype(int)
    rows += _written_patches(folder, "real", [real[index] for index in spread])
    rows += _written_patches(folder, "reference", [patch for patch in cut if patch.role == "reference"])
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(field.name for field in fields(_Row))
        writer.writerows(astuple(row) for row in rows)


def _written_samples(folder: Path, name: str, images: NDArray[np.uint8], seed: int) -> list[_Row]:
    (folder / name).mkdir()
    rows = [_Row(f"{name}/{index:04d}.png", name, family(name), "", f"{seed}:{index}") for index in range(len(images))]
    for row, image in zip(rows, images, strict=True):
        Image.fromarray(image).save(folder / row.path)
    return rows


def _written_patches(folder: Path, name: str, chosen: list[Patch]) -> list[_Row]:
    (folder / name).mkdir()
    role = "reference" if name == "reference" else ""
    rows = [
        _Row(f"{name}/{patch.picture}-{patch.row:03d}-{patch.column:03d}.png", "real", "real", role, "")
        for patch in chosen
    ]
    for row, patch in zip(rows, chosen, strict=True):
        Image.fromarray(patch.pixels).save(folder / row.path)
    return rows
