"""The attributors that are networks: ``mlp``, ``resnet-small`` and ``resnet50``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray

from manifpt.attributors import architectures
from manifpt.attributors.architectures import Classifier, SmallBody
from manifpt.attributors.attributor import Features
from manifpt.attributors.augmentation import flipped
from manifpt.attributors.recipe import Recipe
from manifpt.attributors.trained_network import TrainedNetwork, refuse_vectors
from manifpt.attributors.whitening import whitening_filters
from manifpt.errors import NumbersError

LONGEST_VECTOR = 4096
LEAST_WIDTH = 16


class SmallResNet(TrainedNetwork):
    """A small residual network with a CIFAR stem, for maps (c, h, w) of 32 to 64 px (larger ones are averaged down).

    Its first layer is fixed: it makes 3 by 3 patches of the training maps white. On pixels of 33 generators, 10 epochs
    reached 52 % balanced accuracy with that layer and 14 % without.

    Args:
        epochs: Passes over the examples; few examples get more.
        least_steps: Until there are as many steps as this.
        batch: Examples in a step.
        learning_rate: The highest one.
        width: Channels of the first of three stages.
        flips: Whether to mirror half of the maps in training. Pixels and their artifacts keep their meaning; so do
            log-spectra, up to the one column by which an even, shifted spectrum is off centre.
        precision: ``bf16``, ``fp32``, or ``auto``: float32 on a processor, bf16 on a GPU that has it.
        calibration_folds: Inner folds for the temperature; 0 leaves it at 1 and halves the time.
        device: ``cpu``, ``cuda``, or ``auto``.
        seed: Of initial weights, order, flips, dropout and inner folds.
    """

    name = "resnet-small"

    def __init__(
        self,
        *,
        epochs: int = 20,
        least_steps: int = 600,
        batch: int = 64,
        learning_rate: float = 5e-3,
        width: int = 16,
        flips: bool = False,
        precision: str = "auto",
        calibration_folds: int = 2,
        device: str = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__(
            Recipe(
                epochs=epochs, least_steps=least_steps, batch=batch, learning_rate=learning_rate,
                augmentation=flipped if flips else None, precision=precision, device=device, seed=seed,
            ),
            calibration_folds,
        )  # fmt: skip
        # With fewer channels, oneDNN's channels-last kernels corrupt the heap at odd batches (seen with torch 2.13.0).
        if width < LEAST_WIDTH or width % LEAST_WIDTH:
            raise NumbersError(
                f"a width of {width}",
                expected=f"a multiple of {LEAST_WIDTH}",
                remedy=f"use {LEAST_WIDTH} or {2 * LEAST_WIDTH}",
            )
        self.width, self.flips = width, flips

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {**super().settings(), "width": self.width, "flips": self.flips}

    def _checked(self, shape: tuple[int, ...]) -> None:
        refuse_vectors(self.name, shape)

    def _built(self, shape: tuple[int, ...], classes: int) -> Classifier:
        return architectures.small_resnet(shape, classes, width=self.width, depth=2, dropout=0.1)

    def _initialised(self, network: Classifier, features: Features, rows: NDArray[np.int64]) -> None:
        first = cast("SmallBody", network.body).whitened
        filters = whitening_filters(features, rows, first.side)
        first.filters.copy_(torch.from_numpy(filters))


class MLP(TrainedNetwork):
    """A perceptron with two hidden layers, for vectors; maps of up to 4,096 values are flattened.

    Args:
        width: Of both hidden layers.
        dropout: Share of hidden values that training drops.
        epochs, least_steps, batch, learning_rate, precision, calibration_folds, device, seed: As of ``SmallResNet``.
    """

    name = "mlp"

    def __init__(
        self,
        *,
        epochs: int = 30,
        least_steps: int = 600,
        batch: int = 64,
        learning_rate: float = 1e-3,
        width: int = 256,
        dropout: float = 0.3,
        precision: str = "fp32",
        calibration_folds: int = 2,
        device: str = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__(
            Recipe(
                epochs=epochs, least_steps=least_steps, batch=batch, learning_rate=learning_rate,
                precision=precision, device=device, seed=seed,
            ),
            calibration_folds,
        )  # fmt: skip
        self.width = width
        self.dropout = dropout

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {**super().settings(), "width": self.width, "dropout": self.dropout}

    def _checked(self, shape: tuple[int, ...]) -> None:
        if len(shape) == 0 or (len(shape) > 1 and int(np.prod(shape)) > LONGEST_VECTOR):
            raise NumbersError(
                f"the features have the shape {shape}",
                expected=f"vectors, or maps of at most {LONGEST_VECTOR:,} values, for mlp",
                remedy="use resnet-small, resnet50 or linear",
            )

    def _built(self, shape: tuple[int, ...], classes: int) -> Classifier:
        return architectures.perceptron(shape, classes, width=self.width, dropout=self.dropout)


class ResNet50(TrainedNetwork):
    """Transformers' ResNet-50 for maps (c, h, w), the attributor of the paper.

    It starts from ImageNet weights where they are at hand (``$MANIFPT_WEIGHTS/sl``, or the Hugging Face cache) and from
    random ones otherwise; ``initialised_`` says from which.

    Args:
        sizes: Fields of ``ResNetConfig`` that differ from ResNet-50's; such a network starts from random weights.
        flips: Whether to mirror half of the maps in training.
        epochs, least_steps, batch, learning_rate, precision, calibration_folds, device, seed: As of ``SmallResNet``.
    """

    name = "resnet50"

    initialised_: str
    """``imagenet`` or ``random``."""

    def __init__(
        self,
        *,
        epochs: int = 30,
        least_steps: int = 600,
        batch: int = 64,
        learning_rate: float = 5e-4,
        sizes: dict[str, Any] | None = None,
        flips: bool = False,
        precision: str = "auto",
        calibration_folds: int = 2,
        device: str = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__(
            Recipe(
                epochs=epochs, least_steps=least_steps, batch=batch, learning_rate=learning_rate,
                augmentation=flipped if flips else None, precision=precision, device=device, seed=seed,
            ),
            calibration_folds,
        )  # fmt: skip
        self.sizes, self.flips = sizes, flips

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {**super().settings(), "sizes": self.sizes, "flips": self.flips}

    def _checked(self, shape: tuple[int, ...]) -> None:
        refuse_vectors(self.name, shape)

    def _built(self, shape: tuple[int, ...], classes: int) -> Classifier:
        from manifpt.attributors import resnet50  # noqa: PLC0415  (transformers loads for this row alone)

        return resnet50.resnet50(shape, classes, sizes=self.sizes or {})

    def _initialised(self, network: Classifier, features: Features, rows: NDArray[np.int64]) -> None:
        from manifpt.attributors import resnet50  # noqa: PLC0415  (transformers loads for this row alone)

        loaded = not self.sizes and resnet50.imagenet_initialised(network)
        self.initialised_ = "imagenet" if loaded else "random"

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return all that ``fit`` learned, as named arrays."""
        return {**super().state(), "imagenet": np.array(self.initialised_ == "imagenet")}

    def restore(self, state: dict[str, NDArray[np.generic]]) -> Self:
        """Take over what ``state`` returned."""
        self.initialised_ = "imagenet" if state["imagenet"] else "random"
        return super().restore(state)

    def save_pretrained(self, folder: Path) -> None:
        """Write a folder that ``transformers.ResNetForImageClassification.from_pretrained`` loads.

        That network takes inputs that are normalised already, by ``image_mean`` and ``image_std`` of the
        ``preprocessor_config.json`` beside it, and its logits are still to be divided by
        ``config.calibration_temperature``.
        """
        from manifpt.attributors import resnet50  # noqa: PLC0415  (transformers loads for this row alone)

        resnet50.write(
            self.network_,
            Path(folder),
            classes=self.classes_.tolist(),
            heat=self.temperature_,
            preprocessor={"input_shape": list(self._shape), "initialised": self.initialised_},
        )

    def from_pretrained(self, folder: Path) -> Self:
        """Take over what ``save_pretrained`` wrote.

        Raises:
            ModelError: The folder is incomplete or damaged.
        """
        from manifpt.attributors import resnet50  # noqa: PLC0415  (transformers loads for this row alone)

        saved = resnet50.read(Path(folder))
        self.classes_ = np.array(saved.classes, dtype=np.str_)
        self.temperature_ = saved.heat
        self.initialised_ = str(saved.preprocessor["initialised"])
        self._shape = tuple(saved.preprocessor["input_shape"])
        self.network_ = self._placed(saved.network)
        return self
