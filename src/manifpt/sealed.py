"""Tensors in one file that is whole or not there, with a digest of all that it holds."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from manifpt.writing import replaced_file, safetensors_file

DIGEST = "digest"
logger = logging.getLogger("manifpt")


def seal(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> None:
    """Write tensors with some words about them.

    Args:
        path: The file; one that is there is replaced.
        tensors: By name.
        about: The file's label.

    Raises:
        OSError: The place cannot be written, or is full.
    """
    held = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with replaced_file(path) as beside, safetensors_file(beside):
        save_file(held, beside, {**about, DIGEST: _digest(held, about)})


def unsealed(path: Path) -> tuple[dict[str, Tensor], dict[str, str]] | None:
    """Return the tensors of a file and the words about them.

    A file that is damaged is reported, and gives None like one that is absent.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError) as error:
        logger.warning("%s cannot be read (%s), its training starts anew", path, error)
        return None
    if about.pop(DIGEST, None) != _digest(held, about):
        logger.warning("%s is damaged, its training starts anew", path)
        return None
    return held, about


def label(path: Path) -> dict[str, str] | None:
    """Return the label of a file, unverified; None where it cannot be read."""
    try:
        with safe_open(path, "pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError):
        return None


def _digest(tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> str:
    """Return a digest of all that a file holds; safetensors itself has no checksum."""
    found = hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16)
    for name in sorted(tensors):
        found.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        found.update(tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
