"""The reals of each step of a training, a function of its seed and the step alone."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manifpt.errors import DataError
from manifpt.zoo.design import Design

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


def batch(images: Images, size: int, *, seed: int, step: int) -> Tensor:
    """Return the reals of one step, half of them mirrored, in [−1, 1], (size, 3, h, w).

    Args:
        images: uint8 (n, h, w, 3).
        size: Images in the batch, drawn with replacement.
        seed: Of the training.
        step: Which step.
    """
    rng, places = _drawn(len(images), size, seed, step)
    chosen = images[places]
    mirrored = rng.random(size) < 0.5  # noqa: PLR2004  (half of them)
    chosen = np.where(mirrored[:, None, None, None], chosen[:, :, ::-1], chosen)
    return torch.from_numpy(np.ascontiguousarray(chosen.transpose(0, 3, 1, 2), np.float32) / 127.5 - 1)


def batch_labels(labels: Labels, size: int, *, seed: int, step: int) -> Tensor:
    """Return the classes of the reals that ``batch`` returns for the same arguments, (size,)."""
    return torch.from_numpy(labels[_drawn(len(labels), size, seed, step)[1]])


def refuse_unfit(design: Design, images: Images, labels: Labels | None) -> None:
    """Raise where reals or their classes are not what a design learns from.

    Args:
        design: What is to be trained.
        images: uint8 (n, h, w, 3).
        labels: Their classes, (n,), or None.

    Raises:
        DataError: There is no image, or one of another size, or a label is missing or beyond the design's classes.
    """
    if not len(images) or images.shape[1:] != (design.size, design.size, 3):
        raise DataError(
            f"{len(images)} images of shape {images.shape[1:]}",
            expected=f"reals of {design.size} × {design.size} pixels, which {design.name} learns from",
            remedy=f"give reals of that size, or --resize {design.size}",
        )
    if not design.classes and labels is None:
        return
    if labels is None or len(labels) != len(images) or not set(labels.tolist()) <= set(range(design.classes)):
        told = "no labels" if labels is None else f"{len(labels)} labels up to {labels.max(initial=0)}"
        raise DataError(
            f"{told} of {len(images)} reals for the {design.classes} classes of {design.name}",
            expected="one label per real, from 0 up to the number of classes",
            remedy="give the reals' classes with --classes, or a design without",
        )


def _drawn(count: int, size: int, seed: int, step: int) -> tuple[np.random.Generator, NDArray[np.int64]]:
    rng = np.random.default_rng([seed, step])
    return rng, rng.integers(count, size=size)
