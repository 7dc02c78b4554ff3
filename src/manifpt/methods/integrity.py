"""Whether the files of a model folder are those that its description names, and none of them is a pickle."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from manifpt.errors import ModelError
from manifpt.methods.description import DESCRIPTION, EXPECTED, REMEDY, SHOWN, file_handle
from manifpt.methods.pickles import is_pickle


def refuse_files(folder: Path, files: dict[str, str], *, needed: str) -> None:
    """Refuse a folder that lacks a file, or holds a changed one, a link in its place, or a pickle anywhere.

    Args:
        folder: A model folder; it may itself be a link.
        files: Name of each file, relative to the folder, and the SHA-256 of its bytes.
        needed: The one that every model has.

    Raises:
        ModelError: The folder is not as described.
    """
    if needed not in files:
        raise ModelError(f"{folder / DESCRIPTION} lists no {needed}", expected=EXPECTED, remedy=REMEDY)
    # Without following links, so that nothing outside is ever read.
    places = (Path(root) / name for root, _, names in os.walk(folder) for name in names)
    present = {path.relative_to(folder).as_posix(): path for path in places if not path.is_symlink()}
    for name, recorded in files.items():
        if name not in present or file_digest(present[name]) != recorded:
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


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a regular file's bytes, 64 hexadecimal digits.

    Raises:
        ModelError: It cannot be read, or is no regular file.
    """
    try:
        with open(file_handle(path), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror or error})",
            expected="a readable file",
            remedy="check its permissions, or copy the model again",
        ) from error
