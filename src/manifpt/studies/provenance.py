"""What a run was asked for and what it used, as a JSON file beside its results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from manifpt.errors import DataError
from manifpt.extractors.artifacts import digest
from manifpt.images import ImageSet
from manifpt.methods.provenance import versions
from manifpt.writing import replaced_file

FILE = "run.json"
SCHEMA = 1


def provenance(
    command: Sequence[str],
    *,
    seed: int | None,
    data: Mapping[str, ImageSet],
    method: Mapping[str, Any] | None = None,
    protocol: Sequence[str] = (),
) -> dict[str, Any]:
    """Return what a run was asked for and what it used, JSON-able.

    Args:
        command: The words of the command.
        seed: Of everything random; None where nothing is.
        data: What each set of images is called, and the set.
        method: Settings of the method; None where there are many, each with its own.
        protocol: How it was measured, a sentence each.
    """
    return {
        "schema": SCHEMA,
        "command": [str(word) for word in command],
        "seed": seed,
        "protocol": [*protocol],
        "method": None if method is None else dict(method),
        "data": {name: described_images(images) for name, images in data.items()},
        "versions": versions(),
    }


def described_images(images: ImageSet) -> dict[str, Any]:
    """Return what a set of images is: counts, size, preparation, and digests of its content.

    ``digest`` is the SHA-256 of the sorted lines ``PIXELS generator role`` as a JSON list, where PIXELS is the digest
    of an image's decoded pixels: it depends on neither paths nor order.
    """
    labelled = zip(images.digests, images.generators.tolist(), images.roles.tolist(), strict=True)
    lines = sorted(" ".join(parts) for parts in labelled)
    names, counts = np.unique(images.scored.generators, return_counts=True)
    return {
        "digest": hashlib.sha256(json.dumps(lines).encode()).hexdigest(),
        "reference_digest": digest(images.reference),
        "layout": images.layout,
        "width": images.width,
        "height": images.height,
        "preparation": asdict(images.preparation),
        "classes": dict(zip(names.tolist(), counts.tolist(), strict=True)),
        "references": len(images.reference),
        "skipped": len(images.skipped),
        "notes": [*images.notes],
    }


def written(record: Mapping[str, Any], folder: Path) -> Path:
    """Write ``run.json`` into a folder."""
    with replaced_file(folder / FILE) as path:
        path.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return folder / FILE


def read(folder: Path) -> dict[str, Any] | None:
    """Return what ``run.json`` of a folder holds; None where there is none.

    Raises:
        DataError: It is damaged, or of another schema.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["schema"] != SCHEMA or record.keys() < {"command", "seed", "protocol", "method", "data", "versions"}:
            raise ValueError("another schema")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} does not say how the run was made ({type(error).__name__})",
            expected=f"JSON of schema {SCHEMA} as manifpt writes it",
            remedy="run it again",
        ) from error
    return dict(record)
