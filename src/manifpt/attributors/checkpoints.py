"""Checkpoints of a training, so that one that was killed goes on from a step not long before."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from manifpt.attributors.examples import Examples, blocks
from manifpt.attributors.inference import chosen_device
from manifpt.attributors.randomness import Drawn
from manifpt.errors import ModelError
from manifpt.sealed import label, seal, unsealed

if TYPE_CHECKING:
    from manifpt.attributors.training import Training

MOMENTS = ("step", "exp_avg", "exp_avg_sq")
NETWORK, AVERAGE, OPTIMIZER, DRAWN = "network.", "average.", "optimizer.", "drawn."
# Raised when the training changes, so that no checkpoint of the old one is taken up.
VERSION = 2
STEPS, SECONDS = 100, 60.0
logger = logging.getLogger("manifpt")


class Checkpoint:
    """One file that holds how far a training has come.

    Args:
        path: The file; it need not exist yet.
        key: What the training depends on; a file with another key is refused.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self._step, self._time, self._reported = 0, time.monotonic(), False

    def before(self) -> Checkpoint:
        """Return the checkpoint of the pre-training that goes before this training."""
        return Checkpoint(self.path.with_name(f"pretraining-{self.path.name}"), self.key)

    def due(self, state: Training) -> bool:
        """Return whether it is time to save: after 100 steps or 60 seconds, and when the training is over."""
        steps, seconds = state.step - self._step, time.monotonic() - self._time
        return steps >= STEPS or seconds >= SECONDS or state.step == state.total

    def save(self, state: Training) -> None:
        """Write the training, whole or not at all; where that fails, say so once and let the training go on."""
        order = "" if state.drawn is None else state.drawn.order
        self._step, self._time = state.step, time.monotonic()
        try:
            seal(self.path, _tensors(state), {"key": self.key, "step": str(state.step), "order": order})
        except OSError as error:
            # Not the training's last word: space may be free again at the next save.
            if not self._reported:
                logger.warning("the checkpoint %s cannot be written (%s), going on", self.path, error.strerror)
            self._reported = True

    def resume(self, state: Training) -> None:
        """Take over what the file holds; where there is none, or a damaged one, the training starts anew.

        Raises:
            ModelError: The file belongs to another training.
        """
        found = unsealed(self.path)
        if found is None:
            return
        saved, progress = found
        if progress["key"] != self.key:
            raise _other(self.path.parent)
        _restore(state, saved, progress["order"])
        self._step = state.step = int(progress["step"])
        if state.step < state.total:
            logger.warning("going on from step %d of %d (%s)", state.step, state.total, self.path)


class Folder:
    """The checkpoints of one fit: a file for each of its trainings.

    Args:
        path: Made when the first file is saved.
        settings: Of the attributor.
        learned: What it learns from. Settings and examples are hashed into a key, which every file carries.
    """

    def __init__(self, path: Path, settings: dict[str, Any], learned: Examples) -> None:
        self.path = Path(path)
        device = str(chosen_device(str(settings.get("device", "auto"))))
        about = [settings, learned.features.shape, learned.classes.tolist(), device, torch.__version__, VERSION]
        key = hashlib.blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16)
        key.update(learned.labels.tobytes() + (b"" if learned.groups is None else learned.groups.tobytes()))
        for block in blocks(learned.features):
            key.update(np.ascontiguousarray(learned.features[block]).tobytes())
        self.key = key.hexdigest()
        # All at once, so that the user is not told of one file after the other.
        for file in sorted(self.path.glob("*.safetensors")):
            found = label(file)
            if found is not None and found.get("key") != self.key:
                raise _other(self.path)

    def file(self, name: str) -> Checkpoint:
        """Return the checkpoint of one training."""
        return Checkpoint(self.path / f"{name}.safetensors", self.key)


def _other(folder: Path) -> ModelError:
    return ModelError(
        f"{folder} belongs to a training with other settings, images, device or versions",
        expected="the checkpoints of this very training",
        remedy="delete the folder to start again, or name another",
    )


def _tensors(state: Training) -> dict[str, torch.Tensor]:
    tensors = {NETWORK + name: value for name, value in state.network.state_dict().items()}
    tensors |= {AVERAGE + name: value for name, value in state.average.state_dict().items()}
    for number, (_, moments) in enumerate(_moments(state)):
        tensors |= {f"{OPTIMIZER}{number}.{name}": moments[name] for name in MOMENTS}
    if state.drawn is not None:
        tensors |= {f"{DRAWN}{number}": value for number, value in enumerate(state.drawn.dropout)}
    return tensors


def _moments(state: Training) -> list[tuple[torch.nn.Parameter, dict[str, torch.Tensor]]]:
    weights = [weight for group in state.optimizer.param_groups for weight in group["params"]]
    return [(weight, state.optimizer.state[weight]) for weight in weights]


def _restore(state: Training, saved: dict[str, torch.Tensor], order: str) -> None:
    for part, module in ((NETWORK, state.network), (AVERAGE, state.average)):
        module.load_state_dict({name[len(part) :]: value for name, value in saved.items() if name.startswith(part)})
    for number, (weight, moments) in enumerate(_moments(state)):
        for name in MOMENTS:
            value = saved[f"{OPTIMIZER}{number}.{name}"]
            moments[name] = value if name == "step" else torch.empty_like(weight).copy_(value)
    if order:
        dropout = [name for name in saved if name.startswith(DRAWN)]
        state.drawn = Drawn(order, tuple(saved[f"{DRAWN}{number}"] for number in range(len(dropout))))
