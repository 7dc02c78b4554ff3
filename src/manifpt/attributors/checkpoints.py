"""Checkpoints of a training, so that one that was killed goes on where its last epoch ended."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from manifpt.attributors.examples import Examples, blocks
from manifpt.errors import ModelError

if TYPE_CHECKING:
    from manifpt.attributors.training import Training

MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One file that holds a training's last finished epoch.

    Args:
        path: The file; it need not exist yet.
        key: What the training depends on; a file with another key is refused.
    """

    path: Path
    key: str

    def save(self, state: Training) -> None:
        """Write the training, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        progress = {"key": self.key, "step": str(state.step), "epoch": str(state.epoch)}
        save_file({name: value.detach().contiguous() for name, value in _tensors(state).items()}, beside, progress)
        beside.replace(self.path)

    def resume(self, state: Training) -> None:
        """Take over what the file holds; nothing happens where there is none.

        Raises:
            ModelError: The file is damaged, or belongs to another training.
        """
        if not self.path.exists():
            return
        try:
            with safe_open(self.path, "pt") as file:
                progress, saved = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
        except (SafetensorError, OSError) as error:
            raise self._refusal("cannot be read") from error
        if progress.get("key") != self.key:
            raise self._refusal("belongs to a training with other settings or images")
        _restore(state, saved)
        state.step, state.epoch = int(progress["step"]), int(progress["epoch"])

    def _refusal(self, what: str) -> ModelError:
        return ModelError(
            f"the checkpoint {self.path} {what}",
            expected="the checkpoint of this very training",
            remedy="delete it to start again, or name another folder",
        )


class Folder:
    """The checkpoints of one fit: a file for each of its trainings.

    Args:
        path: Made when the first file is saved.
        settings: Of the attributor.
        learned: What it learns from. Settings and examples are hashed into a key, which every file carries.
    """

    def __init__(self, path: Path, settings: dict[str, Any], learned: Examples) -> None:
        self.path = Path(path)
        about = [settings, learned.features.shape, learned.classes.tolist()]
        key = hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16)
        key.update(learned.labels.tobytes() + (b"" if learned.groups is None else learned.groups.tobytes()))
        for block in blocks(learned.features):
            key.update(np.ascontiguousarray(learned.features[block]).tobytes())
        self.key = key.hexdigest()

    def file(self, name: str) -> Checkpoint:
        """Return the checkpoint of one training."""
        return Checkpoint(self.path / f"{name}.safetensors", self.key)


def _tensors(state: Training) -> dict[str, torch.Tensor]:
    tensors = {f"network.{name}": value for name, value in state.network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in state.average.state_dict().items()}
    for number, (_, moments) in enumerate(_moments(state)):
        tensors |= {f"optimizer.{number}.{name}": moments[name] for name in MOMENTS}
    return tensors


def _moments(state: Training) -> list[tuple[torch.nn.Parameter, dict[str, torch.Tensor]]]:
    weights = [weight for group in state.optimizer.param_groups for weight in group["params"]]
    return [(weight, state.optimizer.state[weight]) for weight in weights]


def _restore(state: Training, saved: dict[str, torch.Tensor]) -> None:
    for part, module in (("network.", state.network), ("average.", state.average)):
        module.load_state_dict({name[len(part) :]: value for name, value in saved.items() if name.startswith(part)})
    for number, (weight, moments) in enumerate(_moments(state)):
        for name in MOMENTS:
            value = saved[f"optimizer.{number}.{name}"]
            moments[name] = value if name == "step" else torch.empty_like(weight).copy_(value)
