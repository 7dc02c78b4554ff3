"""Divide the photographs of cats and dogs, reduced to 32 × 32 pixels, into those that train generators and the others.

    python benchmarks/catsdogs_division.py OUT

writes OUT/train and OUT/held-out as PNG. The content of an image alone decides on which side it is. The photographs are
``reals/catsdogs64`` below ``--data`` (``MANIFPT_DATA``, else ``../shared/data`` beside the repository).
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

from PIL import Image

from manifpt.errors import DataError
from manifpt.images import ImageSet
from manifpt.outputs import refuse_unusable
from manifpt.writing import replaced
from manifpt.zoo.sets import TEST, held_out_role

DATA = Path(__file__).parents[2] / "shared" / "data"
FOLDER = Path("reals") / "catsdogs64"
SIZE = 32
TRAIN, HELD_OUT = "train", "held-out"


def divided(photographs: Path, *, size: int = SIZE) -> tuple[ImageSet, ImageSet]:
    """Return the photographs that train generators, and those that none has seen.

    Args:
        photographs: A folder.
        size: Height and width, pixels, to which they are reduced. Their content at 32 pixels decides, whatever this is.
    """
    # Not the same digits as for the roles of the held-out: those would then all be of one role.
    tests = [held_out_role(digest[::-1]) == TEST for digest in _opened(photographs, SIZE).digests]
    images = _opened(photographs, size)
    train, held_out = (
        replace(images, records=tuple(one for one, test in zip(images.records, tests, strict=True) if test is wanted))
        for wanted in (False, True)
    )
    return train, held_out


def written(out: Path, photographs: Path) -> dict[str, int]:
    """Write both parts, whole or not at all; return how many images each has.

    Raises:
        DataError: ``out`` holds something, or cannot be written.
    """
    if out.is_dir() and any(out.iterdir()):
        raise DataError(f"{out} is not empty", expected="a new folder", remedy="choose another, or remove it")
    refuse_unusable(out, ours=(), what="a division", sources=[str(photographs)])
    parts = dict(zip((TRAIN, HELD_OUT), divided(photographs), strict=True))
    with replaced(out) as beside:
        for name, images in parts.items():
            (beside / name).mkdir()
            for path, pixels in zip(images.paths, images.pixels(), strict=True):
                Image.fromarray(pixels).save(beside / name / f"{Path(path).stem}.png")
    return {name: len(images) for name, images in parts.items()}


def _opened(photographs: Path, size: int) -> ImageSet:
    return ImageSet.photographs([str(photographs)], resize=size)


def main() -> None:
    """Write both folders and print how many images each has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="a new or empty folder")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MANIFPT_DATA", DATA)))
    options = parser.parse_args()
    try:
        counts = written(options.out, options.data / FOLDER)
    except DataError as error:
        raise SystemExit(f"error: {error}") from None
    print(", ".join(f"{count} {name}" for name, count in counts.items()))


if __name__ == "__main__":
    main()
