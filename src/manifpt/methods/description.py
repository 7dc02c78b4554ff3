"""``model.json``: what it must hold, the digest that seals it, and how it is read without trust."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from manifpt.errors import ModelError

SCHEMA = 2
DESCRIPTION = "model.json"
# A million references have shorter descriptions.
MOST_BYTES = 2**28
LARGEST_SIDE = 2**16
FEWEST_CLASSES = 2
SHOWN = 80
EXPECTED, REMEDY = "a model folder that `manifpt fit` wrote", "check the path, or fit the model again"


def sealed(description: dict[str, Any]) -> dict[str, Any]:
    """Return a description with the digest of its content."""
    return description | {"digest": _digest(description)}


def read(folder: Path) -> dict[str, Any]:
    """Return the description of a model folder.

    Raises:
        ModelError: It is absent, no regular file, no strict JSON, of another schema, damaged, or lacks a field.
    """
    path = folder / DESCRIPTION
    try:
        description = _parsed(_content(path))
        found = description.get("schema") if isinstance(description, dict) else None
        if type(found) is int and found == SCHEMA and description.pop("digest", None) != _digest(description):
            raise ValueError("its content does not have the digest that it names")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(f"{folder} holds no {DESCRIPTION}", expected=EXPECTED, remedy=REMEDY) from error
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise ModelError(f"{path} is damaged ({reason})", expected=EXPECTED, remedy=REMEDY) from error
    if type(found) is not int or found != SCHEMA:
        raise ModelError(
            f"{folder} has schema {shown(found)}",
            expected=f"schema {SCHEMA}",
            remedy="fit the model again with this version of manifpt",
        )
    _refuse_fields(path, description)
    return dict(description)


def listed(folder: Path) -> tuple[str, ...]:
    """Return the files that a model in a folder consists of, relative to it; none where the folder holds no model."""
    try:
        description = _parsed(_content(folder / DESCRIPTION))
    except (OSError, ValueError, RecursionError):
        return ()
    files = description.get("files") if isinstance(description, dict) else None
    known = isinstance(files, dict) and type(description.get("schema")) is int
    return (DESCRIPTION, *map(str, files)) if known and files else ()


def shown(value: object) -> str:
    """Return a value of a file as one short line."""
    text = ascii(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def file_handle(path: Path) -> int:
    """Return a handle to read a regular file that is no link; a pipe without a writer does not hang it.

    Raises:
        OSError: It is absent, unreadable, a link, or no regular file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError("it is no regular file")


def _content(path: Path) -> bytes:
    if path.is_symlink():
        raise OSError("it is a link")
    with open(file_handle(path), "rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES // 2**20} MiB")
    return content


def _parsed(content: bytes) -> Any:
    return json.loads(content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _digest(description: dict[str, Any]) -> str:
    """Return the SHA-256 of the content, however it is laid out."""
    text = json.dumps(description, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _refuse_fields(path: Path, description: dict[str, Any]) -> None:
    wrong = [name for name, fits in FIELDS.items() if name not in description or not fits(description[name])]
    unknown = sorted(description.keys() - FIELDS.keys() - {"schema"})
    if wrong or unknown:
        name = (wrong or unknown)[0]
        held = f"holds {shown(name)}: {shown(description[name])}" if name in description else f"lacks {name!r}"
        raise ModelError(f"{path} {held}", expected=EXPECTED, remedy=REMEDY)

    prepared = description["preparation"]["crop"] or description["preparation"]["resize"]
    if prepared is not None and {description["height"], description["width"]} != {prepared}:
        raise ModelError(
            f"{path} has images of {description['width']} × {description['height']} pixels, prepared to {prepared}",
            expected=EXPECTED,
            remedy=REMEDY,
        )


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef")  # noqa: PLR2004


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str)


def _is_classes(value: Any) -> bool:
    return _is_texts(value) and len(value) >= FEWEST_CLASSES and value == sorted(set(value))


def _is_side(value: Any) -> bool:
    return type(value) is int and 0 < value <= LARGEST_SIDE


def _is_preparation(value: Any) -> bool:
    if not isinstance(value, dict) or value.keys() != {"resize", "crop"}:
        return False
    return all(size is None or _is_side(size) for size in value.values())


def _is_reference(value: Any) -> bool:
    known = isinstance(value, dict) and value.keys() == {"digest", "paths"}
    return known and _is_digest(value["digest"]) and _is_texts(value["paths"])


def _is_counts(value: Any) -> bool:
    known = isinstance(value, dict) and value.keys() == {"images", "reals"}
    return known and all(type(count) is int and count >= 0 for count in value.values())


def _is_files(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(_is_digest, value.values()))


def _is_versions(value: Any) -> bool:
    return isinstance(value, dict) and _is_texts(list(value.values()))


FIELDS: dict[str, Callable[[Any], bool]] = {
    "written": lambda value: isinstance(value, str),
    "versions": _is_versions,
    "extractor": _is_named,
    "attributor": _is_named,
    "classes": _is_classes,
    "height": _is_side,
    "width": _is_side,
    "preparation": _is_preparation,
    "reference": _is_reference,
    "training": _is_counts,
    "files": _is_files,
}
