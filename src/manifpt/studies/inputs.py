"""What decides the answers of a run, and what its images are called."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import plain
from manifpt.extractors.artifacts import digest
from manifpt.images import ImageSet
from manifpt.methods.presets import Preset, preset
from manifpt.registry import built


def below(paths: Sequence[str]) -> NDArray[np.str_]:
    """Return paths below the folder that all lie in: a table that is passed on names no folders of one machine.

    Bytes of a name that are no Unicode are written out, for a table holds text.
    """
    given = [PurePath(path) for path in paths]
    if len({path.is_absolute() for path in given}) > 1:
        given = [PurePath(os.path.abspath(path)) for path in given]
    above = PurePath(os.path.commonpath([path.parent for path in given]))
    return np.array([plain(path.relative_to(above).as_posix()) for path in given])


def content(images: ImageSet) -> str:
    """Return a digest of what a study sees of a set: references, and content, labels, roles and groups of the rest."""
    scored = images.scored
    parts = [digest(images.reference), scored.digests, scored.generators, scored.roles, scored.groups]
    listed = [part if isinstance(part, str) else [str(value) for value in part] for part in parts]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def described(made: Preset) -> dict[str, Any]:
    """Return all of a preset that decides an answer, JSON-able."""
    # A fusion answers otherwise where a member does.
    said = asdict(made) | {"about": "", "fusion": [described(preset(one)) for one in made.fusion]}
    learning = None if made.fusion else getattr(built("attributors", made.attributor), "learning", None)
    return said if learning is None else said | {"learning": learning}
