"""Folders of images: one per generator, the authors' release, real-against-fake trees, or no labels at all."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from manifpt.errors import DataError
from manifpt.images.record import REAL, File, ImageRecord, is_real

READABLE = frozenset(
    [
        ".png",
        ".apng",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".mpo",
        ".webp",
        ".bmp",
        ".dib",
        ".gif",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".jp2",
        ".j2k",
        ".avif",
        ".tga",
    ]
)
# Those that cannot be read are looked at as well: whoever has such files is told.
SUFFIXES = READABLE | {".heic", ".heif", ".jxl"}
FAMILIES = ("gan", "vae", "flow", "score", "ar", "real")
TRUE, FAKE = "0_real", "1_fake"


def image_files(folder: Path) -> list[Path]:
    """Return what is named like an image anywhere below a folder, sorted by path; what is hidden is left out.

    Folders that may not be looked into, and links to folders, which are not followed, are among them: reading them
    tells why no image came from there.
    """
    found: list[Path] = []

    def closed(error: OSError) -> None:
        found.append(Path(error.filename or folder))

    for place, inside, files in os.walk(folder, onerror=closed):
        inside[:] = [name for name in inside if not name.startswith(".")]
        links = [name for name in inside if os.path.islink(os.path.join(place, name))]
        images = [name for name in (*inside, *files) if os.path.splitext(name)[1].lower() in SUFFIXES]
        found += [Path(place, name) for name in dict.fromkeys((*images, *links)) if not name.startswith(".")]
    return sorted(found, key=lambda path: path.as_posix())


def subfolders(folder: Path) -> list[Path]:
    """Return the folders directly inside that hold images, sorted by name; a file has none."""
    return [path for path in sorted(_inside(folder)) if image_files(path)]


def by_generator(folder: Path) -> list[ImageRecord]:
    """Return the images of one folder per generator; ``real`` and ``0_real`` hold the reals."""
    return [
        record for sub in subfolders(folder) for record in _labelled(sub, REAL if is_real(sub.name) else sub.name, None)
    ]


def by_release(folder: Path) -> list[ImageRecord]:
    """Return the images of ``family-model`` folders, as the paper's authors name them.

    The generator is the model, or the whole name where several families have a model of that name.

    Raises:
        DataError: A folder's name does not begin with a family.
    """
    records: list[ImageRecord] = []
    found = subfolders(folder)
    models = Counter(sub.name.partition("-")[2] for sub in found)
    for sub in found:
        family, dash, model = sub.name.partition("-")
        family = family.lower()
        if family not in FAMILIES or not dash or not model:
            raise DataError(
                f"{sub} is not named family-model",
                expected=f"a name that begins with {', '.join(f'{name}-' for name in FAMILIES)}",
                remedy="rename it, or give --layout folders",
            )
        generator = model if models[model] == 1 else sub.name
        records += _labelled(sub, REAL if family == REAL else generator, family)
    return records


def is_release(folder: Path) -> bool:
    """Return whether every folder inside is named ``family-model``."""
    names = [sub.name.partition("-") for sub in subfolders(folder)]
    return bool(names) and all(family.lower() in FAMILIES and model for family, _, model in names)


def by_truth(folder: Path) -> list[ImageRecord]:
    """Return the images of ``0_real``/``1_fake`` trees, below each generator or at the root (generator ``fake``)."""
    records: list[ImageRecord] = []
    for leaf in sorted(_truth_folders(folder)):
        parts = leaf.relative_to(folder).parts
        generator = REAL if is_real(leaf.name) else parts[0] if len(parts) > 1 else "fake"
        records += _labelled(leaf, generator, None)
    return records


def is_truth(folder: Path) -> bool:
    """Return whether there are ``1_fake`` folders below, or ``0_real`` ones inside others; one beside others is not."""
    return any(leaf.parent != folder or leaf.name.lower() == FAKE for leaf in _truth_folders(folder))


def left_out(folder: Path, records: list[ImageRecord]) -> tuple[str, ...]:
    """Return a note on the images below a folder that are in no generator's folder, if there are any."""
    known = {record.path for record in records}
    left = [path for path in map(Path.as_posix, image_files(folder)) if path not in known]
    return (f"{len(left)} images beside the generators' folders are left out: {left[0]}, …",) if left else ()


def unlabelled(place: Path) -> list[ImageRecord]:
    """Return all the images below a folder, or the one file, without generators."""
    files = [place] if place.is_file() else image_files(place)
    return [ImageRecord(path.as_posix(), File(path)) for path in files]


def _truth_folders(folder: Path) -> Iterator[Path]:
    """Yield the outermost folders below that are called ``0_real`` or ``1_fake``, hidden ones left out."""
    for sub in _inside(folder):
        for name, inside, _ in os.walk(sub):
            if os.path.basename(name).lower() in (TRUE, FAKE):
                yield Path(name)
                inside.clear()
            inside[:] = [below for below in inside if not below.startswith(".")]


def _inside(folder: Path) -> list[Path]:
    """Return the folders directly inside; a file has none."""
    found = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return [path for path in found if not path.name.startswith(".")]


def _labelled(folder: Path, generator: str, family: str | None) -> Iterator[ImageRecord]:
    family = REAL if generator == REAL else family
    return (ImageRecord(path.as_posix(), File(path), generator, family) for path in image_files(folder))
