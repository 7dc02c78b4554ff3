"""Trained generators as files: half-precision weights beside a sidecar that says what they are and where from."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from manifpt.errors import ManifptError, UnknownNameError, WeightsError
from manifpt.registry import suggestion
from manifpt.writing import replaced_file
from manifpt.zoo.architectures import untrained
from manifpt.zoo.design import Design
from manifpt.zoo.run import Run

FOLDER = "MANIFPT_ZOO"
HERE = Path("zoo") / "weights"
# Of a design: a folder of images, too, is called so.
NAME = re.compile(r"(?!real|reference)[A-Za-z0-9][A-Za-z0-9@-]*")


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained generator.

    Args:
        design: What it is.
        network: In evaluation mode, with its averaged weights.
        digest: SHA-256 of the file of its weights, 64 hexadecimal digits.
        sidecar: All that is recorded about its training.
    """

    design: Design
    network: nn.Module
    digest: str
    sidecar: dict[str, Any]


def folder() -> Path:
    """Return where trained generators lie: ``$MANIFPT_ZOO``, or ``zoo/weights`` of the current folder."""
    return Path(os.environ.get(FOLDER) or HERE)


def written(run: Run, design: Design, place: Path, about: dict[str, Any]) -> Path:
    """Write a generator's averaged weights in half precision, and its sidecar; return the weights' path.

    Args:
        run: A finished training.
        design: What was trained.
        place: Folder to write into.
        about: What else the sidecar shall record: the data, the command.
    """
    halves = {name: _half(value) for name, value in run.average.state_dict().items()}
    content = save(halves)
    sidecar = {
        "design": design.record(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "parameters": sum(weight.numel() for weight in run.average.parameters()),
        "steps": run.step,
        "batch": run.objective.recipe.batch,
        "seconds": round(run.seconds),
        "bf16": run.objective.recipe.bf16,
        "torch": torch.__version__,
        **about,
    }
    path = place / f"{design.name}.safetensors"
    with replaced_file(path) as beside:
        beside.write_bytes(content)
    # Second, so that a sidecar never names weights that are not there.
    with replaced_file(path.with_suffix(".json")) as beside:
        beside.write_text(json.dumps(sidecar, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path


def is_written(name: str, place: Path, training: str) -> bool:
    """Return whether a folder holds the whole result of a training, by what ``training.key`` says of it."""
    path = place / f"{name}.safetensors"
    try:
        sidecar = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return False
    return isinstance(sidecar, dict) and (sidecar.get("training"), sidecar.get("sha256")) == (training, found)


def names(place: Path | None = None) -> tuple[str, ...]:
    """Return the names of the trained generators in a folder, sorted."""
    return tuple(sorted(path.stem for path in (place or folder()).glob("*.json")))


def generator(name: str, place: Path | None = None) -> Trained:
    """Return a trained generator.

    Args:
        name: Of its design.
        place: Folder of the weights; None for the usual one.

    Raises:
        UnknownNameError: No generator of that name was trained; the nearest are suggested.
        WeightsError: The weights are damaged, or do not fit their design.
    """
    place = place or folder()
    path = place / f"{name}.safetensors"
    if not NAME.fullmatch(name) or not path.with_suffix(".json").is_file():
        known = names(place)
        raise UnknownNameError(
            f"{place} holds no trained generator {name!r}",
            expected=f"one of {', '.join(known)}" if known else f"trained generators in {place}",
            remedy=suggestion(name, known) if known else f"train it with `manifpt zoo train {name}`, or set {FOLDER}",
        )
    try:
        sidecar = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        design = Design(**sidecar["design"])
        if design.name != name:
            raise ValueError(f"their record is that of {str(design.name)[:40]!r}")
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if digest != sidecar["sha256"]:
            raise ValueError(f"their SHA-256 is {digest[:12]}…, not {str(sidecar['sha256'])[:12]}…")
        network = untrained(design)
        network.load_state_dict(load(content))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError, ManifptError) as error:
        reason = " ".join(str(error).split())[:160]
        raise WeightsError(
            f"the weights {path} cannot be used ({reason})",
            expected="weights as `manifpt zoo train` wrote them, beside their sidecar",
            remedy="copy both files again from their source, or train the generator again",
        ) from error
    return Trained(design, network.eval().requires_grad_(False), digest, sidecar)


def _half(value: Tensor) -> Tensor:
    return (value.half() if value.is_floating_point() else value).contiguous().cpu()
