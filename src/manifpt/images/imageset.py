"""A set of images of one size, with what is known of each; decoded when read, never held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.errors import DataError, ImageError
from manifpt.images import layouts
from manifpt.images.arrays import records as array_records
from manifpt.images.choice import chosen
from manifpt.images.description import described
from manifpt.images.opening import Skipped, opened
from manifpt.images.preparation import AS_IS, Preparation
from manifpt.images.reading import batches
from manifpt.images.record import ImageRecord, pixel_digest
from manifpt.images.roles import marked, refuse_leaks, with_reference
from manifpt.storage import allocated

Paths = str | Path | Sequence[str | Path]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of one size with their generators, roles and content digests.

    Args:
        records: What is known of each image.
        height: Height of every image, pixels.
        width: Width of every image, pixels.
        layout: How the images were found, in words.
        preparation: How they were resized or cropped.
        skipped: Images that could not be read, and why.
        notes: What the user should know about how the images were understood.
        thumbnails: uint8 (n, 768) small versions, from which near-duplicates are found.

    Example:
        >>> images = ImageSet.from_arrays(np.zeros((2, 8, 8, 3), np.uint8), ["gan", "real"])
        >>> len(images), images.pixels().shape
        (2, (2, 8, 8, 3))
    """

    records: tuple[ImageRecord, ...]
    height: int
    width: int
    layout: str = "arrays"
    preparation: Preparation = AS_IS
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    thumbnails: NDArray[np.uint8] = field(repr=False, default_factory=lambda: np.empty((0, 768), np.uint8))

    @classmethod
    def open(
        cls,
        data: Paths | ImageSet,
        *,
        reference: Paths | None = None,
        real: Paths | None = None,
        layout: str = "auto",
        resize: int | None = None,
        crop: int | None = None,
        strict: bool = False,
        generators: str | Sequence[str] | None = None,
        reference_needed: bool = True,
    ) -> ImageSet:
        """Return the images of a folder, manifest, data set or array, after reading each once.

        Args:
            data: Generated images, and reals if any, in one of the layouts; several are pooled. A set is
                given back as it is, and takes no other argument.
            reference: Reals that estimate the manifold, in any layout.
            real: Reals that form the class ``real``, in any layout.
            layout: auto, manifest, arrays, datasets, real-fake, release or folders.
            resize: Scale the shorter side to this and cut out the middle square.
            crop: Cut out the middle square of this size.
            strict: Raise at the first unreadable image instead of skipping it.
            generators: Only these names or globs. References stay, and so do reals where none is named or given apart.
            reference_needed: Whether some reals have to become references; not for testing a fitted model.

        Raises:
            DataError: Nothing is there, the layout is unknown or without labels, or reals are missing,
                or a generated image is given as a real one.
            ImageError: Images differ in size, or, if strict, one is unreadable.
            LeakError: The same pixels stand in two roles or under two generators.
        """
        if isinstance(data, ImageSet):
            given = (reference, real, layout, resize, crop, strict, generators, reference_needed)
            return _alone(data, given != (None, None, "auto", None, None, False, None, True))
        preparation, listing = Preparation(resize, crop), layouts.labelled(data, layout)
        reals_needed = reference_needed and not reference and not real
        parts = [replace(listing, records=chosen(listing.records, generators, reals_needed=reals_needed))]
        parts += [layouts.reals(real, reference=False)] if real else []
        parts += [layouts.reals(reference, reference=True)] if reference else []
        found = opened([record for part in parts for record in part.records], preparation, strict=strict)
        records, notes = list(found.records), tuple(note for part in parts for note in part.notes)
        if reference_needed:
            records, more = with_reference(records, found.thumbnails)
            notes += more
        refuse_leaks(records)
        notes += found.notes
        size = (found.height, found.width)
        whole = cls(tuple(records), *size, listing.layout, preparation, found.skipped, notes)
        return replace(whole, thumbnails=found.thumbnails)

    @classmethod
    def photographs(
        cls, places: Paths, *, resize: int | None = None, crop: int | None = None, strict: bool = False
    ) -> ImageSet:
        """Return reals as references, in any layout or without labels; arguments and errors are those of ``open``."""
        listing, preparation = layouts.reals(places, reference=True), Preparation(resize, crop)
        found = opened(listing.records, preparation, strict=strict)
        refuse_leaks(list(found.records))
        size, notes = (found.height, found.width), (*listing.notes, *found.notes)
        return cls(found.records, *size, listing.layout, preparation, found.skipped, notes, found.thumbnails)

    @classmethod
    def from_arrays(
        cls,
        images: NDArray[np.uint8],
        generators: ArrayLike,
        *,
        families: ArrayLike | None = None,
        roles: ArrayLike | None = None,
        latents: ArrayLike | None = None,
    ) -> ImageSet:
        """Return a set of images in memory.

        Args:
            images: uint8 (n, height, width, 3) or (n, height, width).
            generators: What made each, (n,).
            families: Family of each, (n,).
            roles: Role of each, (n,); "" for none.
            latents: Latent of each, (n,).

        Raises:
            DataError: The shapes, types or roles are not as described.
        """
        columns = {"generators": generators, "family": families, "role": roles, "latent": latents}
        given = {name: np.asarray(values) for name, values in columns.items() if values is not None}
        if not len(images):
            return cls((), *np.asarray(images).shape[1:3])
        found = opened(array_records("array", np.asarray(images), given), Preparation(), strict=True)
        return cls(found.records, found.height, found.width, thumbnails=found.thumbnails)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        record = self.records[index]
        pixels = record.source.read(record.path, self.preparation).pixels
        if pixel_digest(pixels) != record.digest:
            raise ImageError(
                f"{record.path} has other pixels than when it was first read",
                expected="images that stay as they are",
                remedy="do not change images during a run",
            )
        return pixels

    def batches(self, size: int = 256) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
        """Yield consecutive images, uint8 (≤ size, height, width, 3), with their place; decoded by threads."""
        return batches(self.__getitem__, len(self), size)

    def pixels(self) -> NDArray[np.uint8]:
        """Return all images at once, uint8 (n, height, width, 3)."""
        found = allocated((len(self), self.height, self.width, 3), np.uint8)
        for place, batch in self.batches():
            found[place] = batch
        return found

    @property
    def paths(self) -> list[str]:
        """Path of each image, as the user sees it."""
        return [record.path for record in self.records]

    @property
    def digests(self) -> tuple[str, ...]:
        """Digest of each image's pixels as they are used, 64 hexadecimal digits."""
        return tuple(record.digest for record in self.records)

    @property
    def generators(self) -> NDArray[np.str_]:
        """What made each image, (n,); "" where nobody says."""
        return np.array([record.generator or "" for record in self.records], dtype=np.str_)

    @property
    def families(self) -> NDArray[np.str_]:
        """Family of each image's generator, (n,); "" where nobody says."""
        return np.array([record.family or "" for record in self.records], dtype=np.str_)

    @property
    def roles(self) -> NDArray[np.str_]:
        """Role of each image, (n,); "" where the split decides."""
        return np.array([record.role or "" for record in self.records], dtype=np.str_)

    @property
    def classes(self) -> tuple[str, ...]:
        """Sorted generators of the scored images."""
        return tuple(sorted({record.generator or "" for record in self.records if record.role != "reference"}))

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """What must stay on one side of a split, (n,).

        Near-duplicates, equal images, and a generator's images of one latent share a group; latents of two generators
        are two spaces, in which equal names mean nothing.
        """
        from manifpt.images.duplicates import grouped  # noqa: PLC0415  (loads SciPy)

        latents = [record.latent and f"{record.generator} {record.latent}" for record in self.records]
        return grouped(self.thumbnails, same=(self.digests, latents))

    @property
    def reference(self) -> ImageSet:
        """The images that estimate the manifold."""
        return self.subset(np.flatnonzero(self.roles == "reference"))

    @property
    def scored(self) -> ImageSet:
        """The images that train or test an attributor: all but the reference."""
        return self.subset(np.flatnonzero(self.roles != "reference"))

    def subset(self, indices: Iterable[int] | NDArray[np.integer[Any]]) -> ImageSet:
        """Return the images at these indices, in this order; of a mask, those where it is true."""
        given = np.asarray(indices if isinstance(indices, np.ndarray) else list(indices))
        rows = (np.flatnonzero(given) if given.dtype == bool else given.astype(np.int64)).tolist()
        records = tuple(self.records[row] for row in rows)
        return replace(self, records=records, thumbnails=self.thumbnails[rows], skipped=())

    def with_roles(self, roles: Sequence[str | None] | NDArray[np.str_]) -> ImageSet:
        """Return the same images with other roles.

        Args:
            roles: Role of each, (n,); None or "" leaves it to the split.

        Raises:
            DataError: A role is unknown, there is not one for each image, or a generated image would be a reference.
            LeakError: The same pixels would stand in two roles.
        """
        return replace(self, records=marked(self.records, roles))

    def describe(self) -> str:
        """Return what was found, a line each: layout, classes with counts, reference, skipped images, notes."""
        return described(self)


def _alone(images: ImageSet, more: bool) -> ImageSet:
    if more:
        raise DataError(
            "a set that is open already was given together with other arguments",
            expected="the set alone, or paths with those arguments",
            remedy="open the paths with them, or use subset and with_roles",
        )
    return images
