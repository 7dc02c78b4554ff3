"""What all attributors that are networks share: cross-fitted calibration around one training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from manifpt.attributors import calibration, checkpoints, inference, training
from manifpt.attributors.architectures import Classifier
from manifpt.attributors.attributor import Features
from manifpt.attributors.examples import (
    Examples,
    examples,
    read,
    refuse_other_shape,
    refuse_unfinished_numbers,
    shape_read,
    written,
)
from manifpt.attributors.randomness import seeded
from manifpt.attributors.recipe import Recipe
from manifpt.attributors.whitening import spread
from manifpt.errors import ModelError, NumbersError

MAP_AXES = 3


class TrainedNetwork(ABC):
    """A network, trained once per inner fold for its temperature, and then on everything.

    Inputs are normalised by the mean and deviation of each channel over the training features (of each coordinate, for
    vectors). For artifacts that moves zero, the point on the manifold, by the same amount for every image: what
    differs between two images differs by as much as before.

    Args:
        recipe: How to train.
        calibration_folds: Inner folds; 0 leaves the temperature at 1 and halves the time.
    """

    learning = 2
    """Raised when equal settings come to give other weights: what a study computed before is then computed again."""

    name: str
    classes_: NDArray[np.str_]
    temperature_: float
    network_: Classifier

    def __init__(self, recipe: Recipe, calibration_folds: int) -> None:
        self.recipe = recipe
        self.calibration_folds = calibration_folds

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments that all networks share."""
        shared = ("epochs", "least_steps", "batch", "learning_rate", "precision", "device", "seed")
        return {
            **{name: getattr(self.recipe, name) for name in shared},
            "calibration_folds": self.calibration_folds,
        }

    @abstractmethod
    def _checked(self, shape: tuple[int, ...]) -> None:
        """Raise NumbersError unless the network takes features of this shape."""

    def _refuse_values(self, features: Features) -> None:  # noqa: B027  (most networks take any finite ones)
        """Raise NumbersError where the training cannot use features of these values."""

    @abstractmethod
    def _built(self, shape: tuple[int, ...], classes: int) -> Classifier:
        """Return the network, with random weights."""

    def _initialised(  # noqa: B027  (some networks start at random)
        self, network: Classifier, features: Features, rows: NDArray[np.int64]
    ) -> None:
        """Take over what the network starts from, beyond random weights and the channels' mean and deviation."""

    def _pretrained(  # noqa: B027  (most networks learn generators at once)
        self,
        network: Classifier,
        features: Features,
        rows: NDArray[np.int64],
        description: str,
        part: checkpoints.Checkpoint | None,
    ) -> None:
        """Let the network learn from these rows what needs no label, before its training."""

    def fit(
        self,
        features: Features,
        generators: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        checkpoint: Path | None = None,
    ) -> Self:
        """Learn from features (n, *feature_shape) and their generators (n,).

        Args:
            features: float32; a memory map is read batch by batch.
            generators: Names.
            groups: What must stay together in cross-fitting, (n,).
            checkpoint: Folder that keeps how far each training has come, saved every 100 steps or 60 seconds. A fit
                that was killed goes on from there, to the same bits; delete the folder when the model is saved.

        Raises:
            DataError: There is only one generator, or the lengths differ.
            NumbersError: A feature is NaN or infinite, the shape is not one that the network takes, or the loss
                became NaN.
            ModelError: The checkpoints belong to other features, settings or classes.
        """
        self._checked(features.shape[1:])
        learned = examples(features, generators, groups)
        self._refuse_values(learned.features)
        saved = None if checkpoint is None else checkpoints.Folder(checkpoint, self.settings(), learned)
        self.temperature_ = self._cross_fitted(learned, saved)
        everything = np.arange(len(learned))
        self.network_ = self._trained(learned, everything, f"training {self.name}", _file(saved, "all"))
        self.classes_ = learned.classes
        self._shape = features.shape[1:]
        return self

    def _cross_fitted(self, learned: Examples, saved: checkpoints.Folder | None) -> float:
        """Return the temperature of networks that are each trained without the examples that they answer for."""
        folds = calibration.inner_folds(learned.labels, learned.groups, self.calibration_folds, seed=self.recipe.seed)
        logits = []
        for number, fold in enumerate(folds):
            description = f"calibrating {number + 1}/{len(folds)}"
            inner = self._trained(learned, fold.train, description, _file(saved, f"fold-{number}"))
            logits.append(inference.answers(inner, learned.features, rows=fold.held_out))
        if not folds:
            return 1.0
        truth = learned.labels[np.concatenate([fold.held_out for fold in folds])]
        return calibration.tempered(np.concatenate(logits), truth, len(learned.classes)).heat

    def _trained(
        self,
        learned: Examples,
        rows: NDArray[np.int64],
        description: str,
        part: checkpoints.Checkpoint | None,
    ) -> Classifier:
        with seeded(self.recipe.seed, 0):
            network = self._built(learned.features.shape[1:], len(learned.classes))
            network.normalised_by(*spread(learned.features, rows))
            self._initialised(network, learned.features, rows)
        self._pretrained(network, learned.features, rows, description, part)
        recipe = self.recipe.fitted_to(len(rows))
        return training.trained(
            network,
            learned.features,
            learned.labels,
            recipe,
            rows=rows,
            description=description,
            checkpoint=part,
        )

    def predict_proba(self, features: Features) -> NDArray[np.float64]:
        """Return calibrated probabilities, (n, classes)."""
        self._refuse(features)
        return calibration.probabilities(inference.answers(self.network_, features), self.temperature_)

    def features(self, features: Features) -> NDArray[np.float32]:
        """Return the penultimate features, (n, d)."""
        self._refuse(features)
        return inference.answers(self.network_, features, penultimate=True)

    def _refuse(self, features: Features) -> None:
        refuse_other_shape(features, self._shape)
        refuse_unfinished_numbers(features)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return all that ``fit`` learned, as named arrays."""
        weights = {f"network.{name}": value.cpu().numpy().copy() for name, value in self.network_.state_dict().items()}
        return {
            "classes": written(self.classes_),
            "shape": np.array(self._shape, np.int64),
            "temperature": np.array(self.temperature_),
            **weights,
        }

    def restore(self, state: dict[str, NDArray[np.generic]]) -> Self:
        """Take over what ``state`` returned.

        Raises:
            ModelError: The arrays do not fit the settings, or each other.
        """
        self.classes_ = read(state["classes"])
        self._shape = shape_read(state["shape"])
        self.temperature_ = calibration.temperature_read(state["temperature"])
        part = "network."
        weights = {
            name[len(part) :]: torch.from_numpy(np.array(value))
            for name, value in state.items()
            if name.startswith(part)
        }
        self._refuse_other_weights(weights)
        with seeded(self.recipe.seed, 0):
            network = self._built(self._shape, len(self.classes_))
        network.load_state_dict(weights)
        self.network_ = self._placed(network)
        return self

    def _refuse_other_weights(self, weights: dict[str, torch.Tensor]) -> None:
        """Raise ModelError unless these are the weights of the network that the settings describe."""
        # Its outline takes no memory, whatever the settings ask for.
        with torch.device("meta"):
            outline = self._built(self._shape, len(self.classes_)).state_dict()
        for name in sorted(outline.keys() | weights.keys()):
            one, other = outline.get(name), weights.get(name)
            if one is None or other is None or one.shape != other.shape or one.dtype != other.dtype:
                raise ModelError(
                    f"the weights {name[:80]} do not fit the settings of {self.name}",
                    expected="absent ones" if one is None else f"the shape {tuple(one.shape)} and {one.dtype}",
                    remedy="fit the model again",
                )

    def _placed(self, network: Classifier) -> Classifier:
        return inference.placed(network, self.recipe.device).eval()


def _file(saved: checkpoints.Folder | None, name: str) -> checkpoints.Checkpoint | None:
    return None if saved is None else saved.file(name)


def refuse_vectors(name: str, shape: tuple[int, ...]) -> None:
    """Raise NumbersError unless this is the shape of maps."""
    if len(shape) != MAP_AXES:
        raise NumbersError(
            f"the features have the shape {shape}",
            expected=f"maps (c, h, w): {name} takes no vectors",
            remedy="use linear or mlp",
        )
