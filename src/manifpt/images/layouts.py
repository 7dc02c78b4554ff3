"""How a folder or file of images is laid out: detected, or named by the user."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from manifpt.errors import DataError
from manifpt.images import arrays, folders, huggingface, manifest
from manifpt.images.inputs import matches
from manifpt.images.record import REAL, ImageRecord

Paths = str | Path | Sequence[str | Path]

READERS: dict[str, Callable[[Path], list[ImageRecord]]] = {
    "manifest": lambda path: manifest.by_manifest(manifest.manifest_in(path) or path),
    "arrays": arrays.by_arrays,
    "datasets": huggingface.by_dataset,
    "real-fake": folders.by_truth,
    "release": folders.by_release,
    "folders": folders.by_generator,
    "files": folders.unlabelled,
}
WORDS = {
    "manifest": "a manifest",
    "arrays": "arrays with labels",
    "datasets": "a Hugging Face data set",
    "real-fake": "0_real/1_fake trees",
    "release": "family-model folders",
    "folders": "one folder per generator",
    "files": "unlabelled images",
}
# In this order: a Parquet file is a manifest unless it holds the images themselves, and a manifest wins over folders.
SIGNS: dict[str, Callable[[Path], object]] = {
    "arrays": lambda path: path.suffix.lower() in (".npz", ".npy"),
    "datasets": huggingface.is_dataset,
    "manifest": manifest.manifest_in,
    "real-fake": folders.is_truth,
    "release": folders.is_release,
    "folders": folders.subfolders,
    "files": lambda path: path.is_file() or folders.image_files(path),
}
# Where images may stand outside of every generator's folder.
LOOSE = ("real-fake", "release", "folders")


@dataclass(frozen=True, slots=True)
class Listing:
    """The images of some paths, before any is read.

    Args:
        records: What is known of each.
        layout: How they are laid out, in words.
        notes: What the user should know about how the paths were understood.
    """

    records: list[ImageRecord]
    layout: str
    notes: tuple[str, ...] = ()


def detected(path: Path) -> str:
    """Return the layout of a path.

    Raises:
        DataError: There is nothing, or no image.
    """
    if not path.exists():
        raise DataError(
            f"{path} does not exist", expected="a folder, manifest, Parquet or .npz of images", remedy="check the path"
        )
    found = next((layout for layout, fits in SIGNS.items() if fits(path)), None)
    if found:
        return found
    raise DataError(
        f"{path} holds no image",
        expected="PNG, JPEG, WebP, TIFF, … files, a manifest, Parquet or arrays",
        remedy="check the path",
    )


def laid_out(path: str | Path, layout: str = "auto") -> tuple[str, list[ImageRecord]]:
    """Return the layout of a path and the records of its images.

    Raises:
        DataError: The layout is unknown, the path does not have it, or may not be looked into.
    """
    try:
        return _found(Path(path), layout)
    except OSError as error:
        raise DataError(
            f"{error.filename or path} cannot be looked into ({error.strerror or error})",
            expected="a file or folder that may be read",
            remedy="check its path and permissions",
        ) from error


def _found(place: Path, layout: str) -> tuple[str, list[ImageRecord]]:
    if layout == "auto":
        layout = detected(place)
    if layout not in READERS:
        near = difflib.get_close_matches(layout, READERS, n=1) or ["auto"]
        raise DataError(
            f"{layout!r} is not a layout",
            expected=f"auto or one of {', '.join(READERS)}",
            remedy=f"did you mean {near[0]}?",
        )
    if not place.exists():
        detected(place)
    records = READERS[layout](place)
    if not records:
        raise DataError(
            f"{place} holds no image laid out as {WORDS[layout]}",
            expected="at least one",
            remedy="check the path, or give another --layout",
        )
    return layout, records


def labelled(data: Paths, layout: str = "auto") -> Listing:
    """Return the images of one or several paths, each with its generator.

    Raises:
        DataError: An image has no generator, the layout is unknown, or a path does not have it.
    """
    many = [Path(data)] if isinstance(data, (str, Path)) else [Path(path) for path in data]
    found = [laid_out(path, layout) for path in many]
    for path, (_, records) in zip(many, found, strict=True):
        if any(not record.generator for record in records):
            raise DataError(
                f"{path} holds images without generators",
                expected="one folder per generator, family-model folders, 0_real/1_fake, a manifest, Parquet or .npz",
                remedy="sort the images into folders named after their generators, "
                "or write a manifest.csv (path, generator)",
            )
    return _pooled(many, found)


def reals(paths: Paths, *, reference: bool) -> Listing:
    """Return the images of one or several paths or globs as reals, whatever their layout.

    Args:
        paths: Files, folders or globs.
        reference: Whether they estimate the manifold.

    Raises:
        DataError: A path is not there, or one of its images is labelled with a generator.
    """
    many = [paths] if isinstance(paths, (str, Path)) else list(paths)
    places = [place for path in many for place in matches(path)]
    found = [laid_out(place) for place in places]
    for place, (layout, records) in zip(places, found, strict=True):
        _refuse_generated(place, layout, records)
    listing = _pooled(places, found)
    return replace(
        listing,
        records=[
            replace(record, generator=REAL, family=REAL, role="reference" if reference else record.role)
            for record in listing.records
        ],
    )


def _refuse_generated(place: Path, layout: str, records: list[ImageRecord]) -> None:
    # Folders of reals may have any names (cats, dogs), as long as none of them is set apart by the name real.
    if layout == "folders" and not any(record.generator == REAL for record in records):
        return
    made = next((record for record in records if record.generator not in (None, REAL)), None)
    if made:
        raise DataError(
            f"{made.path} of {place} is labelled {made.generator!r}",
            expected="only reals as reference and real class",
            remedy="give a folder that holds reals only",
        )


def _pooled(places: list[Path], found: list[tuple[str, list[ImageRecord]]]) -> Listing:
    return Listing(
        [record for _, records in found for record in records],
        ", ".join(dict.fromkeys(WORDS[layout] for layout, _ in found)),
        tuple(
            note
            for place, (layout, records) in zip(places, found, strict=True)
            if layout in LOOSE
            for note in folders.left_out(place, records)
        ),
    )
