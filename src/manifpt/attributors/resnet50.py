"""Transformers' ResNet-50 as an attributor's network, and its Hugging Face form on disk."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import ResNetConfig, ResNetForImageClassification, ResNetModel
from transformers.utils import logging

from manifpt.attributors.architectures import Classifier
from manifpt.errors import ModelError

IMAGENET_RESNET50 = "microsoft/resnet-50"
STEM = "embedder.embedder.convolution.weight"
PREPROCESSOR = "preprocessor_config.json"
# Never the hub, and never the pickled weights that transformers takes where there are no others.
TRUSTED: dict[str, Any] = {"local_files_only": True, "use_safetensors": True}
MOST_STAGES, MOST_BLOCKS, WIDEST = 8, 100, 2**16


class PooledResNet(nn.Module):
    """The pooled output of a transformers ResNet."""

    def __init__(self, resnet: ResNetModel) -> None:
        super().__init__()
        self.resnet = resnet

    def forward(self, inputs: Tensor) -> Tensor:
        """Return features (n, width)."""
        features: Tensor = self.resnet(inputs).pooler_output.flatten(1)
        return features


def resnet50(shape: tuple[int, ...], classes: int, *, sizes: dict[str, Any]) -> Classifier:
    """Return ResNet-50 for maps (c, h, w), randomly initialised.

    Args:
        shape: Of one map.
        classes: How many logits there are.
        sizes: Fields of ``ResNetConfig`` that differ from ResNet-50's.

    Raises:
        ModelError: The sizes are those of no network that a machine could hold.
    """
    _refuse_sizes(sizes)
    model = ResNetModel(ResNetConfig(num_channels=shape[0], **sizes))
    width = model.config.hidden_sizes[-1]
    return Classifier(
        PooledResNet(model), width=width, classes=classes, channels=shape[0], axes=len(shape), dropout=0.0
    )


def _refuse_sizes(sizes: dict[str, Any]) -> None:
    widths, depths = [*sizes.get("hidden_sizes", [1]), sizes.get("embedding_size", 1)], sizes.get("depths", [1])
    listed = [(widths, WIDEST), (depths, MOST_BLOCKS)]
    sound = all(type(size) is int and 0 < size <= most for values, most in listed for size in values)
    if not sound or max(len(widths) - 1, len(depths)) > MOST_STAGES:
        raise ModelError(
            f"the widths {widths!r} and depths {depths!r}",
            expected=f"up to {MOST_STAGES} stages of at most {MOST_BLOCKS} blocks and {WIDEST} channels",
            remedy="use smaller sizes, or none for ResNet-50's",
        )


def imagenet_initialised(network: Classifier) -> bool:
    """Load ImageNet weights into the network's body where they are at hand, and return whether they were.

    They are looked for in ``$MANIFPT_WEIGHTS/sl`` and in the Hugging Face cache, never on the network. A stem of 6
    channels gets the filters of 3 twice, halved.
    """
    weights = _imagenet_weights()
    own = network.body.state_dict()
    if weights is None or own["resnet." + STEM].shape[1] % weights[STEM].shape[1]:
        return False
    times = own["resnet." + STEM].shape[1] // weights[STEM].shape[1]
    weights[STEM] = weights[STEM].repeat(1, times, 1, 1) / times
    network.body.load_state_dict({f"resnet.{name}": value for name, value in weights.items()})
    return True


def _imagenet_weights() -> dict[str, Tensor] | None:
    named = os.environ.get("MANIFPT_WEIGHTS")
    source = str(Path(named) / "sl") if named and (Path(named) / "sl").is_dir() else IMAGENET_RESNET50
    try:
        with _quietly():
            weights: dict[str, Tensor] = ResNetModel.from_pretrained(source, **TRUSTED).state_dict()
    except (OSError, ValueError, SafetensorError):
        return None
    return weights


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep transformers from drawing bars and naming the unused head while weights load."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def write(network: Classifier, folder: Path, *, classes: list[str], heat: float, preprocessor: dict[str, Any]) -> None:
    """Write a folder that ``ResNetForImageClassification.from_pretrained`` loads.

    Args:
        network: A ResNet-50 attributor's.
        folder: Made where it does not exist.
        classes: Names of the logits.
        heat: Temperature, kept as ``config.calibration_temperature``.
        preprocessor: What stands in ``preprocessor_config.json`` beside ``image_mean`` and ``image_std``.
    """
    body = cast("PooledResNet", network.body).resnet
    config = ResNetConfig.from_dict(body.config.to_dict())
    config.id2label = dict(enumerate(classes))
    config.label2id = {name: index for index, name in enumerate(classes)}
    config.calibration_temperature = heat
    model = ResNetForImageClassification(config)
    model.resnet.load_state_dict(body.state_dict())
    model.classifier[1].load_state_dict(network.head.state_dict())
    with _quietly():
        model.save_pretrained(folder)
    spread = {
        "image_mean": network.mean.flatten().tolist(),
        "image_std": network.deviation.flatten().tolist(),
    }
    (folder / PREPROCESSOR).write_text(json.dumps(spread | preprocessor, indent=2), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Saved:
    """What ``write`` wrote."""

    network: Classifier
    classes: list[str]
    heat: float
    preprocessor: dict[str, Any]


def read(folder: Path) -> Saved:
    """Return what ``write`` wrote.

    Raises:
        ModelError: The folder is incomplete or damaged.
    """
    try:
        preprocessor = json.loads((folder / PREPROCESSOR).read_text(encoding="utf-8"))
        with _quietly():
            model = ResNetForImageClassification.from_pretrained(folder, **TRUSTED)
        return _assembled(model, preprocessor)
    except Exception as error:  # Transformers raises whatever a damaged file leads it into.
        raise ModelError(
            f"{folder} cannot be read: {type(error).__name__}: {' '.join(str(error).split())[:200]}",
            expected="config.json, model.safetensors and preprocessor_config.json of a ResNet-50 attributor",
            remedy="save the model again",
        ) from error


def _assembled(model: ResNetForImageClassification, preprocessor: dict[str, Any]) -> Saved:
    config = model.config
    classes = [config.id2label[index] for index in range(config.num_labels)]
    network = Classifier(
        PooledResNet(model.resnet), width=config.hidden_sizes[-1], classes=len(classes),
        channels=config.num_channels, axes=3, dropout=0.0,
    )  # fmt: skip
    network.head.load_state_dict(model.classifier[1].state_dict())
    network.normalised_by(np.array(preprocessor["image_mean"]), np.array(preprocessor["image_std"]))
    return Saved(network, classes, float(config.calibration_temperature), preprocessor)
