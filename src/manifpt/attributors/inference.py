"""Where and in which precision a network works, and its answers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manifpt.attributors.architectures import Classifier
from manifpt.attributors.attributor import Features
from manifpt.device import device

BATCH = 256
SMALLEST_IN_BF16 = 32


def chosen_device(name: str) -> torch.device:
    """Return the device of this name; ``auto`` is the one chosen for all, or a GPU where there is one."""
    return torch.device(device() if name == "auto" else name)


def placed(network: Classifier, device: str) -> Classifier:
    """Move a network to the device, in the memory format that convolutions like best there."""
    network.to(chosen_device(device)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def chosen_precision(name: str, device: torch.device, shape: tuple[int, ...] = ()) -> torch.dtype:
    """Return the type in which convolutions are trained.

    Attributors are trained in float32 on every processor, though with native bf16 a step of the small residual network
    takes 0.55 to 0.67 of the time: what they learn of few images would be worth a little less
    (`benchmarks/stable_training.py`), and differ from one processor to the next. Maps of less than 32 px train in
    float32 whatever is asked for: deep networks pool them to single pixels, over which oneDNN's bf16 weight gradients
    of strided and of wide convolutions hold whatever the memory held before (seen with torch 2.13.0).

    Args:
        name: ``bf16``, ``fp32``, ``native`` (bf16 where the device multiplies it) or ``auto`` (the same on a GPU, fp32
            on a processor).
        device: Where the network is.
        shape: Of one input, (c, h, w) or (d,).
    """
    if device.type == "cpu" and shape[1:] and min(shape[1:]) < SMALLEST_IN_BF16:
        return torch.float32
    if name in ("bf16", "fp32"):
        return torch.bfloat16 if name == "bf16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if name == "auto":
        return torch.float32
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32


def on(inputs: Features, device: torch.device) -> Tensor:
    """Return a batch as a tensor on the device, maps with their channels last in memory."""
    tensor = torch.from_numpy(np.ascontiguousarray(inputs, np.float32)).to(device)
    maps = tensor.ndim == 4  # noqa: PLR2004  (n, c, h, w)
    return tensor.contiguous(memory_format=torch.channels_last) if maps else tensor


@torch.inference_mode()
def answers(
    network: Classifier, features: Features, *, rows: NDArray[np.int64] | None = None, penultimate: bool = False
) -> NDArray[np.float32]:
    """Return logits, or penultimate features, in float32 whatever the training's precision was.

    Args:
        network: In evaluation mode.
        features: (n, *shape), read batch by batch.
        rows: Which features to answer for; all when omitted.
        penultimate: Whether to return the penultimate features.
    """
    device = network.head.weight.device
    ask = network.features if penultimate else network
    width = network.head.in_features if penultimate else network.head.out_features
    chosen = np.arange(len(features)) if rows is None else rows
    found = np.empty((len(chosen), width), np.float32)
    for start in range(0, len(chosen), BATCH):
        batch = slice(start, start + BATCH)
        found[batch] = ask(on(features[chosen[batch]], device)).cpu().numpy()
    return found
