"""Opening a set without refusing what an audit is there to find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from manifpt.images import layouts
from manifpt.images.choice import chosen
from manifpt.images.imageset import ImageSet
from manifpt.images.opening import opened
from manifpt.images.preparation import Preparation

Paths = str | Path | Sequence[str | Path]


def suspects(
    data: Paths,
    *,
    reference: Paths | None = None,
    real: Paths | None = None,
    layout: str = "auto",
    resize: int | None = None,
    crop: int | None = None,
    generators: str | Sequence[str] | None = None,
) -> ImageSet:
    """Return a set as `ImageSet.open` does, but with images of the same pixels in two classes or roles.

    Reals are references only where they are given or marked as such.

    Args:
        data: Generated images, and reals if any, in one of the layouts; several are pooled.
        reference: Reals that estimate the manifold, in any layout.
        real: Reals that form the class ``real``, in any layout.
        layout: auto, manifest, arrays, datasets, real-fake, release or folders.
        resize: Scale the shorter side to this and cut out the middle square.
        crop: Cut out the middle square of this size.
        generators: Only these names or globs.

    Raises:
        DataError: Nothing is there, the layout is unknown or without labels, or a generated image is given as a real.
        ImageError: Images differ in size.
    """
    listing, preparation = layouts.labelled(data, layout), Preparation(resize, crop)
    parts = [replace(listing, records=chosen(listing.records, generators, reals_needed=False))]
    parts += [layouts.reals(real, reference=False)] if real else []
    parts += [layouts.reals(reference, reference=True)] if reference else []
    found = opened([record for part in parts for record in part.records], preparation, strict=False)
    notes = (*(note for part in parts for note in part.notes), *found.notes)
    return ImageSet(
        found.records, found.height, found.width, listing.layout, preparation, found.skipped, notes, found.thumbnails
    )
