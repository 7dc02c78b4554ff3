"""One array of an ``.npz``, left on disk."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from manifpt.storage import allocated

BLOCK = 2**22  # bytes unpacked at a time
LOCAL_HEADER, NAME_LENGTH = 30, 26  # of a zip member, bytes


def stored_array(path: Path, name: str) -> NDArray[Any]:
    """Return an array of an archive: mapped where it is stored as it is, else unpacked outside anonymous memory.

    Raises:
        ValueError: The array is pickled or truncated.
        KeyError: The archive has no such array.
        zipfile.BadZipFile: The archive is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo(f"{name}.npy")
        with archive.open(place) as member:
            version = npy.read_magic(member)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            header: tuple[tuple[int, ...], bool, np.dtype[Any]] = read(member)
            shape, fortran, dtype = header
            if dtype.hasobject:
                raise ValueError(f"{name} is pickled")
            if place.compress_type == zipfile.ZIP_STORED and 0 not in shape:
                start = _content(path, place) + member.tell()
                return _mapped(path, start, shape, dtype, order="F" if fortran else "C")
            unpacked = allocated(shape[::-1] if fortran else shape, dtype)
            _fill(unpacked.reshape(-1).view(np.uint8), member)
    return unpacked.T if fortran else unpacked


def _content(path: Path, place: zipfile.ZipInfo) -> int:
    """Return where a member's bytes begin; its own header may be longer than the archive's list says."""
    with path.open("rb") as file:
        file.seek(place.header_offset + NAME_LENGTH)
        name, extra = (int.from_bytes(file.read(2), "little") for _ in range(2))
    return place.header_offset + LOCAL_HEADER + name + extra


def _mapped(path: Path, start: int, shape: tuple[int, ...], dtype: np.dtype[Any], *, order: Any) -> NDArray[Any]:
    if start + math.prod(shape) * dtype.itemsize > path.stat().st_size:
        raise ValueError("the array is truncated")
    return np.memmap(path, dtype, "r", start, shape, order)


def _fill(content: NDArray[np.uint8], member: Any) -> None:
    for start in range(0, content.size, BLOCK):
        block = member.read(min(BLOCK, content.size - start))
        if len(block) < min(BLOCK, content.size - start):
            raise ValueError("the array is truncated")
        content[start : start + len(block)] = np.frombuffer(block, np.uint8)
    if member.read(1):  # At the end the archive checks its sum, too.
        raise ValueError("the array is longer than it says")
