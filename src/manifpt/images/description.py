"""What was found, in words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from manifpt.images.imageset import ImageSet

SHOWN = 5  # skipped images
CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), 127)}  # written out, lest a name steer a terminal


def described(images: ImageSet) -> str:
    """Return what was found, a line each: layout, classes with counts, reference, skipped images, notes."""
    counts = Counter(images.scored.generators.tolist())
    names = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    scored = sum(counts.values())
    size = f"{images.width} × {images.height} pixels"
    lines = [
        f"{images.layout}: {scored} images of {len(counts)} classes, {size} ({names})",
        f"reference: {len(images) - scored} reals",
        *(f"note: {note}" for note in images.notes),
        *(f"skipped: {skip.reason}" for skip in images.skipped[:SHOWN]),
    ]
    rest = [f"skipped in all: {len(images.skipped)}"] if len(images.skipped) > SHOWN else []
    return "\n".join(line.translate(CONTROLS) for line in lines + rest)
