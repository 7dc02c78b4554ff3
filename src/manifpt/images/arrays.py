"""NumPy arrays of images with their generators."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import DataError
from manifpt.images.archives import stored_array
from manifpt.images.record import ROLES, ImageRecord, Pixels, Role, label

COLUMNS = ("family", "role", "latent")
COLOUR, GREY = 4, 3  # axes
# What zipfile and NumPy raise on damaged or foreign archives (NotImplementedError: a compression that zipfile does not
# know); each becomes one DataError that names the file.
UNREADABLE = (OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error)


def by_arrays(path: Path) -> list[ImageRecord]:
    """Return the images of an ``.npz`` (``images``, ``generators``) or an ``.npy`` with a file of labels beside it.

    The images stay on disk; compressed ones are unpacked to a temporary file when they are many.

    Raises:
        DataError: It is unreadable, needs pickle, lacks an array, or holds something else than uint8 images.
    """
    try:
        found = _npz(path) if path.suffix.lower() == ".npz" else _npy(path)
    except UNREADABLE as error:
        raise DataError(
            f"{path} cannot be read without pickle ({type(error).__name__}: {' '.join(str(error).split())})",
            expected="arrays of numbers and fixed-width strings",
            remedy="save it again with numpy.savez(path, images=…, generators=…)",
        ) from error
    return records(str(path), found.pop("images"), found)


def records(name: str, images: NDArray[Any], columns: dict[str, NDArray[Any]]) -> list[ImageRecord]:
    """Return one record per image of an array.

    Args:
        name: What the images are called: ``name[index]``.
        images: uint8 (n, height, width, 3) or (n, height, width).
        columns: ``generators`` and optionally ``family``, ``role``, ``latent``, each (n,).

    Raises:
        DataError: The shapes, types or roles are not as described, or a generated image is a reference.
    """
    if images.dtype != np.uint8 or not (images.ndim == GREY or (images.ndim == COLOUR and images.shape[3] == 3)):  # noqa: PLR2004
        raise DataError(
            f"the images of {name} have type {images.dtype} and shape {images.shape}",
            expected="uint8 (n, height, width, 3) or (n, height, width)",
            remedy="scale floats to 0–255, round them and convert to uint8; move channels last",
        )
    wrong = {key: len(values) for key, values in columns.items() if values.shape != (len(images),)}
    if wrong:
        raise DataError(
            f"{name} has {len(images)} images and {wrong} labels",
            expected="one label per image",
            remedy="complete the labels",
        )
    table = {key: [_text(value) for value in values] for key, values in columns.items()}
    unknown = set(table.get("role", [])) - {None, *ROLES}
    if unknown:
        raise DataError(
            f"{name} has the role {min(map(str, unknown))!r}",
            expected=f"{', '.join(ROLES)} or nothing",
            remedy="correct it",
        )
    return [_record(name, images, index, table) for index in range(len(images))]


def _record(name: str, images: NDArray[np.uint8], index: int, table: dict[str, list[str | None]]) -> ImageRecord:
    row = {key: values[index] for key, values in table.items()}
    role = cast(Role | None, row.get("role"))
    generator, family = label(row.get("generators"), row.get("family"), role, where=f"{name}[{index}]")
    return ImageRecord(f"{name}[{index}]", Pixels(images, index), generator, family, role, row.get("latent"))


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text or None


def _npz(path: Path) -> dict[str, NDArray[Any]]:
    # Opened here, since NumPy leaves a damaged archive open; a single array under this name is no archive.
    with path.open("rb") as file:
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("one array without names")
        generators = archive["generators" if "generators" in archive.files else "labels"]
        columns = {name: archive[name] for name in COLUMNS if name in archive.files}
    return {"images": stored_array(path, "images"), "generators": generators, **columns}


def _npy(path: Path) -> dict[str, NDArray[Any]]:
    places = (path.with_suffix(".labels.npy"), path.with_name("labels.npy"), path.with_name("generators.npy"))
    labels = next((place for place in places if place.is_file()), None)
    if labels is None:
        raise DataError(
            f"{path} has no labels beside it",
            expected=f"{places[0].name} with one generator per image",
            remedy="write it with numpy.save",
        )
    images, names = (np.load(file, mmap_mode="r", allow_pickle=False) for file in (path, labels))
    if not isinstance(images, np.ndarray) or not isinstance(names, np.ndarray):
        raise ValueError("an archive under the name of an array")
    return {"images": images, "generators": names}
