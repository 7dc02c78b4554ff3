"""Several attributors that answer together: the mean of their log-probabilities, calibrated as one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax

from manifpt.attributors import calibration
from manifpt.attributors.attributor import Attributor, Features
from manifpt.attributors.examples import examples, refuse_other_shape, shape_read
from manifpt.errors import ModelError, NumbersError
from manifpt.registry import built

# What a part thinks impossible must not outweigh all that the others think.
LEAST = 2.0**-25
PARTS: tuple[Mapping[str, Any], ...] = ({"name": "linear"}, {"name": "lda"})


class Late:
    """Late fusion: each part answers by itself, and the mean of their log-probabilities is the common answer.

    Every part is trained on inner folds and answers for what it did not see. These answers give each part its
    temperature and then the mean its own, so that parts that are surer than right do not drown the others, and the
    mean, which is less sure than its parts, means what it says. Networks among the parts therefore need no calibration
    of their own. At the end each part is trained on everything.

    Args:
        parts: Settings of the attributors, each with its ``name`` in the registry.
        shapes: Shape of the features of each part; a feature holds them, flattened, one after the other. Without it,
            every part takes the whole feature.
        calibration_folds: Inner folds; 0 leaves all temperatures at 1.
        seed: Of the inner folds.

    Attributes:
        classes_: Sorted generators.
        temperatures_: What the log-probabilities of each part are divided by.
        temperature_: What their mean is divided by.

    Raises:
        NumbersError: There is no part, one has no name, or there is another number of shapes.
        UnknownNameError: The registry has no such attributor.
    """

    name = "late"

    classes_: NDArray[np.str_]
    temperatures_: NDArray[np.float64]
    temperature_: float
    _whole: tuple[int, ...]

    def __init__(
        self,
        *,
        parts: Sequence[Mapping[str, Any]] = PARTS,
        shapes: Sequence[Sequence[int]] | None = None,
        calibration_folds: int = 2,
        seed: int = 0,
    ) -> None:
        if not parts or not all(isinstance(part.get("name"), str) for part in parts):
            raise NumbersError(
                "a part of late without a name" if parts else "no attributor to fuse",
                expected="at least one row of the registry, each with its name",
                remedy='pass parts such as {"name": "linear"}',
            )
        if shapes is not None and len(shapes) != len(parts):
            raise NumbersError(
                f"{len(shapes)} shapes for {len(parts)} attributors",
                expected="one shape for each",
                remedy="pass the shapes of the joined extractor, or none",
            )
        self.parts = tuple(_built(part) for part in parts)
        self.shapes = None if shapes is None else tuple(tuple(shape) for shape in shapes)
        self.calibration_folds = calibration_folds
        self.seed = seed

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            "parts": [_settings(part) for part in self.parts],
            "shapes": None if self.shapes is None else [list(shape) for shape in self.shapes],
            "calibration_folds": self.calibration_folds,
            "seed": self.seed,
        }

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
            features: float32; each part reads its share of a memory map where it lies.
            generators: Names.
            groups: What must stay together in cross-fitting, (n,).
            checkpoint: Folder that keeps the progress of parts that are networks, in a folder for each training.

        Raises:
            DataError: There is only one generator, or the lengths differ.
            NumbersError: A feature is NaN or infinite, or does not fit a part.
            ModelError: The checkpoints belong to other features, settings or classes.
        """
        learned = examples(features, generators, groups)
        self._refuse(features)
        names, tied = learned.classes[learned.labels], learned.groups
        folds = calibration.inner_folds(learned.labels, tied, self.calibration_folds, seed=self.seed)
        logs: list[list[NDArray[np.float64]]] = [[] for _ in self.parts]
        for number, share in enumerate(self._shares(features)):
            for turn, fold in enumerate(folds):
                inner = _built(_settings(self.parts[number]))
                inner.fit(
                    share[fold.train],
                    names[fold.train],
                    groups=None if tied is None else tied[fold.train],
                    checkpoint=_below(checkpoint, number, f"fold-{turn}"),
                )
                logs[number].append(_logarithms(inner, share[fold.held_out]))
            self.parts[number].fit(share, names, groups=tied, checkpoint=_below(checkpoint, number, "all"))
        held_out = np.concatenate([fold.held_out for fold in folds]) if folds else np.empty(0, np.int64)
        self._calibrated(
            [np.concatenate(part) for part in logs if part], learned.labels[held_out], len(learned.classes)
        )
        self.classes_ = learned.classes
        self._whole = features.shape[1:]
        return self

    def _calibrated(self, logs: list[NDArray[np.float64]], truth: NDArray[np.int64], classes: int) -> None:
        if not logs:
            self.temperatures_, self.temperature_ = np.ones(len(self.parts)), 1.0
            return
        self.temperatures_ = np.array([calibration.tempered(part, truth, classes).heat for part in logs])
        self.temperature_ = calibration.tempered(_fused(logs, self.temperatures_), truth, classes).heat

    def predict_proba(self, features: Features) -> NDArray[np.float64]:
        """Return calibrated probabilities, (n, classes)."""
        return calibration.probabilities(self._mean(features), self.temperature_)

    def features(self, features: Features) -> NDArray[np.float32]:
        """Return the mean log-probabilities before their temperature, (n, classes)."""
        return self._mean(features).astype(np.float32)

    def _mean(self, features: Features) -> NDArray[np.float64]:
        refuse_other_shape(features, self._whole)
        shares = zip(self.parts, self._shares(features), strict=True)
        return _fused([_logarithms(part, share) for part, share in shares], self.temperatures_)

    def _refuse(self, features: Features) -> None:
        if self.shapes is not None:
            refuse_other_shape(features, (sum(math.prod(shape) for shape in self.shapes),))

    def _shares(self, features: Features) -> list[Features]:
        """Return what each part sees; views, which copy nothing."""
        if self.shapes is None:
            return [features] * len(self.parts)
        ends = np.cumsum([0, *(math.prod(shape) for shape in self.shapes)])
        return [
            features[:, start:end].reshape(len(features), *shape)
            for start, end, shape in zip(ends[:-1], ends[1:], self.shapes, strict=True)
        ]

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return all that ``fit`` learned, as named arrays."""
        parts = {
            f"{place}.{name}": value for place, part in enumerate(self.parts) for name, value in part.state().items()
        }
        return {
            "shape": np.array(self._whole, np.int64),
            "temperatures": np.append(self.temperatures_, self.temperature_),
            **parts,
        }

    def restore(self, state: dict[str, NDArray[np.generic]]) -> Self:
        """Take over what ``state`` returned.

        Raises:
            ModelError: The arrays do not fit the settings, or each other.
        """
        self._whole = shape_read(state["shape"])
        heats = np.asarray(state["temperatures"])
        if heats.shape != (len(self.parts) + 1,):
            raise ModelError(
                f"{heats.size} temperatures for {len(self.parts)} attributors",
                expected="one for each and one for their mean",
                remedy="fit the model again",
            )
        *read, self.temperature_ = (calibration.temperature_read(heat) for heat in heats)
        self.temperatures_ = np.array(read)
        for place, part in enumerate(self.parts):
            begin = f"{place}."
            part.restore({name.removeprefix(begin): value for name, value in state.items() if name.startswith(begin)})
        if any(part.classes_.tolist() != self.parts[0].classes_.tolist() for part in self.parts):
            raise ModelError(
                "the fused attributors know other generators", expected="the same ones", remedy="fit the model again"
            )
        self.classes_ = self.parts[0].classes_
        return self


def _built(part: Mapping[str, Any]) -> Attributor:
    settings = dict(part)
    attributor: Attributor = built("attributors", settings.pop("name"), **settings)
    return attributor


def _settings(part: Attributor) -> dict[str, Any]:
    return {"name": part.name, **part.settings()}


def _below(checkpoint: Path | None, number: int, turn: str) -> Path | None:
    return None if checkpoint is None else checkpoint / f"part-{number}-{turn}"


def _logarithms(part: Attributor, features: Features) -> NDArray[np.float64]:
    return np.log(np.maximum(part.predict_proba(features), LEAST))


def _fused(logs: list[NDArray[np.float64]], temperatures: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the parts' log-probabilities at their temperatures, (n, classes)."""
    tempered = [log_softmax(part / heat, axis=1) for part, heat in zip(logs, temperatures, strict=True)]
    return np.asarray(np.mean(tempered, axis=0))
