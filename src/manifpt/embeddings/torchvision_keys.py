"""Parameter names of torchvision's ResNet-50 → those of transformers' ``ResNetModel``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

_STAGE = re.compile(r"layer(\d)\.(\d+)\.(.+)")
_INNER = re.compile(r"(conv|bn)(\d)\.(.+)")
_PARTS = {"conv": "convolution", "bn": "normalization"}
_SHORTCUT = {"0": "convolution", "1": "normalization"}
_OUTER = re.compile(r"^(?:module\.|backbone\.|model\.|encoder\.)+")


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the same tensors under transformers' names, without classifier and projector.

    Both networks stride in the 3x3 convolution of a bottleneck, so equal tensors give equal features.

    Args:
        state: A state dict of torchvision's ResNet-50, also below ``module.backbone.``.

    Example:
        >>> list(renamed({"module.backbone.layer1.0.conv2.weight": None, "module.projector.0.weight": None}))
        ['encoder.stages.0.layers.0.layer.1.convolution.weight']
    """
    backbone = {name: tensor for name, tensor in state.items() if "backbone." in name} or state
    names = ((_renamed(_OUTER.sub("", name)), tensor) for name, tensor in backbone.items())
    return {name: tensor for name, tensor in names if name is not None}


def _renamed(name: str) -> str | None:
    if stage := _STAGE.fullmatch(name):
        return _in_stage(int(stage[1]) - 1, stage[2], stage[3])
    if inner := _INNER.fullmatch(name):
        return f"embedder.embedder.{_PARTS[inner[1]]}.{inner[3]}"
    return None


def _in_stage(stage: int, layer: str, rest: str) -> str | None:
    prefix = f"encoder.stages.{stage}.layers.{layer}"
    if inner := _INNER.fullmatch(rest):
        return f"{prefix}.layer.{int(inner[2]) - 1}.{_PARTS[inner[1]]}.{inner[3]}"
    _, position, parameter = rest.split(".", 2)
    return f"{prefix}.shortcut.{_SHORTCUT[position]}.{parameter}"
