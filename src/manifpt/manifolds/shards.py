"""One file of reference points, which is written once and never changed."""

from __future__ import annotations

import errno
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from manifpt.embeddings.embedding import Points
from manifpt.errors import DataError
from manifpt.writing import replaced_file, safetensors_file

SCHEMA = "1"
BLOCK_ROWS = 1024
TENSOR, DIGEST = "points", "digest"
TYPES: Mapping[str, type[np.uint8] | type[np.float32]] = {"U8": np.uint8, "F32": np.float32}
FIELDS = {"schema", "scale", "settings", "first", "rows", "blocks", DIGEST}
REMEDY = "delete it and every shard after it, then append their rows again"


class ReferencesError(DataError):
    """A folder of references cannot be used as asked."""


class DamageError(ReferencesError):
    """References on disk are no longer as they were written."""


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """Consecutive references in one safetensors file.

    Args:
        path: The file.
        first: The index of its first reference.
        points: Its references; the values are mapped from the file, read-only, so that they cost no anonymous memory.
        settings: What decides their values, as JSON.
        digests: BLAKE2b of each block of 1,024 rows, 16 bytes in hexadecimal.
    """

    path: Path
    first: int
    points: Points
    settings: str
    digests: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.points)

    def is_sound(self, block: int) -> bool:
        """Return whether a block still has the bytes that were written."""
        rows = self.points.values[block * BLOCK_ROWS : (block + 1) * BLOCK_ROWS]
        return block_digest(rows) == self.digests[block]


def write(path: Path, first: int, points: Points, settings: str) -> None:
    """Write a shard beside its place, wait for the disk, and rename it.

    Args:
        path: The file.
        first: The index of its first reference.
        points: Its references, uint8 or float32.
        settings: What decides their values, as JSON.

    Raises:
        OSError: The disk is full, or the place cannot be written.
    """
    values = np.ascontiguousarray(points.values)
    blocks = [block_digest(values[start : start + BLOCK_ROWS]) for start in range(0, len(values), BLOCK_ROWS)]
    about = {
        "schema": SCHEMA,
        "scale": repr(float(points.scale)),
        "settings": settings,
        "first": str(first),
        "rows": str(len(values)),
        "blocks": " ".join(blocks),
    }
    name = next(name for name, kind in TYPES.items() if values.dtype == kind)
    about[DIGEST] = header_digest(name, values.shape, about)
    with replaced_file(path) as beside, safetensors_file(beside):
        save_file({TENSOR: values}, beside, about)


def opened(path: Path, first: int) -> Shard:
    """Open a shard: its header is read and checked, its points are only mapped.

    Args:
        path: The file.
        first: The index that its first reference has to have.

    Raises:
        DamageError: The file is no shard, is cut off, has another place, or its header is damaged.
        ReferencesError: It has another schema, or cannot be read.
    """
    if path.is_symlink() or not path.is_file():  # A link leads elsewhere, and a pipe would hang whoever reads it.
        raise _damaged(path, "no plain file")
    try:
        with safe_open(path, "np") as file:
            about, names = file.metadata() or {}, set(file.keys())
            tensor = file.get_slice(TENSOR) if names == {TENSOR} else None
            kind, shape = (tensor.get_dtype(), tuple(tensor.get_shape())) if tensor else ("", ())
    except OSError as error:
        raise _unreadable(path, error) from error
    except SafetensorError as error:
        raise _damaged(path, " ".join(str(error).split())) from error
    if about.get("schema", SCHEMA) != SCHEMA:
        raise ReferencesError(
            f"{path} has schema {about['schema'][:20]}",
            expected=f"schema {SCHEMA}",
            remedy="use the version of manifpt that wrote it, or choose another folder",
        )
    if set(about) != FIELDS or kind not in TYPES or about[DIGEST] != header_digest(kind, shape, about):
        raise _damaged(path, "its header is not as it was written")
    _refuse_contradiction(path, first, shape, about)
    values = _mapped(path, np.dtype(TYPES[kind]), shape)
    return Shard(path, first, Points(values, float(about["scale"])), about["settings"], tuple(about["blocks"].split()))


def block_digest(rows: NDArray[Any]) -> str:
    """Return the digest of the bytes of some rows, in C order and little-endian."""
    return hashlib.blake2b(rows.reshape(-1).view(np.uint8).data, digest_size=16).hexdigest()


def header_digest(kind: str, shape: tuple[int, ...], about: Mapping[str, str]) -> str:
    """Return the digest of what a header says: safetensors' name of the type, the shape and all other fields.

    Example:
        >>> header_digest("U8", (2, 3), {"schema": "1"})
        '53b7a7aca332455e5d4776f5d71e29c2'
    """
    fields = {name: text for name, text in about.items() if name != DIGEST}
    text = json.dumps([kind, list(shape), fields], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _refuse_contradiction(path: Path, first: int, shape: tuple[int, ...], about: Mapping[str, str]) -> None:
    """Refuse a header that is as somebody wrote it, but not what belongs here."""
    if about["first"] != str(first):
        raise _damaged(path, f"it begins with reference {about['first'][:20]}, not {first}")
    blocks = -(-shape[0] // BLOCK_ROWS) if shape else 0
    try:
        scale, settings = float(about["scale"]), json.loads(about["settings"])
    except (ValueError, RecursionError):
        scale, settings = math.nan, None
    sound = math.isfinite(scale) and scale > 0 and math.prod(shape) > 0 and isinstance(settings, dict)
    if not sound or about["rows"] != str(shape[0]) or len(about["blocks"].split()) != blocks or not blocks:
        raise _damaged(path, "its header contradicts itself")


def _mapped(path: Path, kind: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    # The format has no holes and no other tensor, so that the points are the end of the file.
    try:
        offset = path.stat().st_size - math.prod(shape) * kind.itemsize
        return np.memmap(path, dtype=kind, mode="r", offset=offset, shape=shape)
    except OSError as error:  # The file is sound: whoever takes this for damage makes all references again.
        raise _unreadable(path, error) from error
    except ValueError as error:
        raise _damaged(path, " ".join(str(error).split())) from error


def _unreadable(path: Path, error: OSError) -> ReferencesError:
    many = error.errno == errno.EMFILE
    return ReferencesError(
        f"{path} cannot be read ({error.strerror or error})",
        expected="one open file for each shard" if many else "a readable shard",
        remedy="raise `ulimit -n`" if many else "check its permissions and its disk",
    )


def _damaged(path: Path, reason: str) -> DamageError:
    return DamageError(f"{path} is damaged ({reason})", expected="a shard as it was written", remedy=REMEDY)
