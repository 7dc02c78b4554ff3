"""uint8 images → what a network expects: resized, cropped, normalised."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from manifpt.embeddings.embedding import Images

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
_BILINEAR, _BICUBIC = 2, 3  # Pillow's codes, as preprocessor configurations use them
_CROPPED_BELOW = 384  # ConvNeXt's rule: larger inputs are resized only


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Resize the shorter side, crop the centre, normalise.

    Args:
        shorter: Length of the shorter side after the resize; the ratio of the sides is kept.
        crop: Height and width of the crop.
        mean: Mean of each channel, for pixels in [0, 1].
        std: Deviation of each channel, likewise.
        mode: ``bilinear`` or ``bicubic``, antialiased.
    """

    shorter: int = 256
    crop: tuple[int, int] = (224, 224)
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    mode: str = "bilinear"

    def __call__(self, images: Images) -> Tensor:
        """Return float32 (n, 3, *crop) of uint8 images (n, height, width, 3)."""
        pixels = _cropped(resized(scaled(images), self.shorter, self.mode), self.crop)
        return normalised(pixels, self.mean, self.std)

    @classmethod
    def read(cls, folder: Path, side: int | tuple[int, int] | None) -> Preprocessing:
        """Return the preprocessing of a Hugging Face model folder.

        Also where the original stretches an image to a square, the ratio of its sides is kept here and the
        centre is cropped. Without ``preprocessor_config.json``: ImageNet's mean and deviation, the shorter side
        resized to the input of the network.

        Args:
            folder: The model's folder.
            side: The network's own input size, where its configuration has one.
        """
        path = folder / "preprocessor_config.json"
        config = json.loads(path.read_text("utf-8")) if path.exists() else {}
        size = config.get("size", side if side is not None else 224)
        crop = _sides(config.get("crop_size", size))
        shorter = size.get("shortest_edge", min(crop)) if isinstance(size, dict) else min(_sides(size))
        if "crop_pct" in config and shorter < _CROPPED_BELOW:
            shorter = round(shorter / float(config["crop_pct"]))
        normalise = config.get("do_normalize", True)
        return cls(
            shorter=max(shorter, *crop),
            crop=crop,
            mean=tuple(config.get("image_mean") or IMAGENET_MEAN) if normalise else (0.0, 0.0, 0.0),
            std=tuple(config.get("image_std") or IMAGENET_STD) if normalise else (1.0, 1.0, 1.0),
            mode="bilinear" if config.get("resample", _BICUBIC) == _BILINEAR else "bicubic",
        )


def scaled(images: Images) -> Tensor:
    """Return float32 pixels in [0, 1], (n, 3, h, w), of uint8 images (n, h, w, 3)."""
    return torch.tensor(images).permute(0, 3, 1, 2).float() / 255


def normalised(
    pixels: Tensor, mean: tuple[float, ...] = IMAGENET_MEAN, std: tuple[float, ...] = IMAGENET_STD
) -> Tensor:
    """Return pixels in [0, 1], (n, 3, h, w), less the mean and divided by the deviation of each channel."""
    return (pixels - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


def resized(pixels: Tensor, shorter: int, mode: str) -> Tensor:
    """Return pixels (n, 3, h, w) whose shorter side is ``shorter``, antialiased, still in [0, 1]."""
    height, width = pixels.shape[-2:]
    if min(height, width) == shorter:
        return pixels
    ratio = shorter / min(height, width)
    size = (max(shorter, round(height * ratio)), max(shorter, round(width * ratio)))
    # Bicubic interpolation overshoots at edges.
    return functional.interpolate(pixels, size, mode=mode, antialias=True, align_corners=False).clamp(0, 1)


def _cropped(pixels: Tensor, crop: tuple[int, int]) -> Tensor:
    top, left = (pixels.shape[-2] - crop[0]) // 2, (pixels.shape[-1] - crop[1]) // 2
    return pixels[..., top : top + crop[0], left : left + crop[1]]


def _sides(size: int | Sequence[int] | dict[str, int]) -> tuple[int, int]:
    """Return height and width of 224, (224, 224), {"height": …, "width": …} or {"shortest_edge": …}."""
    if isinstance(size, dict):
        edge: int = size.get("shortest_edge", 224)
        return int(size.get("height", edge)), int(size.get("width", edge))
    if not isinstance(size, int):
        return int(size[0]), int(size[1])
    return size, size
