"""Whether the files of a model folder are those that its description names, and none of them is a pickle."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from manifpt.errors import ModelError
from manifpt.methods.description import DESCRIPTION, EXPECTED, REMEDY, SHOWN, file_handle
from manifpt.methods.pickles import is_pickle


def sound_content(folder: Path, files: dict[str, str], *, needed: str) -> bytes:
    """Return one file's bytes, whose digest is right; refuse a folder that is not as described.

    Args:
        folder: A model folder; it may itself be a link.
        files: Name of each file, relative to the folder, and the SHA-256 of its bytes.
        needed: The file to return, which every model has; it is read once, so that it is what was checked.

    Raises:
        ModelError: It lacks a file, or holds a changed one, a link in its place, or a pickle anywhere.
    """
    if needed not in files:
        raise ModelError(f"{folder / DESCRIPTION} lists no {needed}", expected=EXPECTED, remedy=REMEDY)
    # Without following links, so that nothing outside is ever read.
    places = (Path(root) / name for root, _, names in os.walk(folder) for name in names)
    present = {path.relative_to(folder).as_posix(): path for path in places if not path.is_symlink()}
    content = b""
    for name, recorded in files.items():
        digest = ""
        if name == needed and name in present:
            content = _bytes(present[name])
            digest = hashlib.sha256(content).hexdigest()
        elif name in present:
            digest = file_digest(present[name])
        if digest != recorded:
            raise ModelError(
                f"{folder / name[:SHOWN]} is missing or damaged",
                expected=f"the file whose digest {DESCRIPTION} records",
                remedy="copy the model again from its source, or fit it again",
            )
    pickled = next((path for path in present.values() if path.is_file() and is_pickle(path)), None)
    if pickled:
        raise ModelError(
            f"{pickled} is or holds a pickle",
            expected="JSON and safetensors alone: a pickle can run any code",
            remedy="remove it, or fit the model again if a stranger made it",
        )
    return content


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a regular file's bytes, 64 hexadecimal digits.

    Raises:
        ModelError: It cannot be read, or is no regular file.
    """
    with _opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bytes(path: Path) -> bytes:
    with _opened(path) as file:
        return file.read()


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    try:
        with open(file_handle(path), "rb") as file:
            yield file
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror or error})",
            expected="a readable file",
            remedy="check its permissions, or copy the model again",
        ) from error
