"""An attributor with the setting and the temperature that one held-out part of its training images asks for.

All methods of a study are treated alike: the same training part, the same validation part, as many trials, no refit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from manifpt.attributors.attributor import Attributor, Features
from manifpt.attributors.calibration import Fold, inner_folds, tempered
from manifpt.errors import DataError, NumbersError
from manifpt.methods.presets import Preset
from manifpt.registry import built
from manifpt.storage import gathered

# One image in eight chooses the setting and the temperature.
PARTS = 8
TINY = 1e-30


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting that was compared.

    Args:
        setting: What was laid over the preset's settings.
        loss: Log-loss on the validation part at its best temperature, every class counting the same; nats. None where
            the training diverged.
    """

    setting: Mapping[str, Any]
    loss: float | None


@dataclass(frozen=True, slots=True)
class Tuned:
    """A fitted attributor, its temperature, and how it was chosen.

    Args:
        attributor: Fitted on the training part.
        heat: What its log-probabilities are divided by.
        trials: Every setting that was compared.
        chosen: Which of them the attributor has.
        validation: How many images the validation part holds.
    """

    attributor: Attributor
    heat: float
    trials: tuple[Trial, ...]
    chosen: int
    validation: int

    def predict_proba(self, features: Features) -> NDArray[np.float64]:
        """Return calibrated probabilities, (n, classes)."""
        return np.asarray(softmax(_logs(self.attributor, features) / self.heat, axis=1))


def tuned(
    preset: Preset,
    features: Features,
    generators: NDArray[np.str_],
    *,
    groups: NDArray[np.int64],
    seed: int = 0,
) -> Tuned:
    """Return the preset's attributor with the best of its trials.

    One part in eight of the images, the same for every method, is the validation part. Every trial is fitted on the
    rest, a costly one for a tenth of its training only, and the least log-loss wins. The winner, fitted in full on the
    same rest, gets its temperature from the validation part.

    Args:
        preset: No fusion.
        features: Of the images that may be learned from, (n, *feature_shape).
        generators: Their generators, (n,).
        groups: What must stay together, (n,).
        seed: Of the validation part and of the training; a seed among the preset's settings is added to it.

    Raises:
        DataError: There is only one generator, or no image can be held out.
        NumbersError: The training diverged with every setting, or a feature is NaN or infinite.
    """
    classes, labels = np.unique(generators, return_inverse=True)
    parts = inner_folds(labels, groups, PARTS, seed=seed) if len(labels) else []
    if not parts:
        raise DataError(
            "no generator has two images that can be told apart",
            expected="two or more of each, to choose settings and temperature with",
            remedy="add images",
        )
    validation = _Validation(features, generators, groups, labels, len(classes), parts[0])
    fitted: list[Attributor | None] = []
    trials: list[Trial] = []
    diverged: NumbersError | None = None
    for setting in preset.trials:
        attributor, loss = None, None
        try:
            attributor = validation.fitted(preset, {**setting, **preset.brief}, seed)
            loss = validation.scored(attributor)[1]
        except NumbersError as error:
            # One rate that is too high for these images must not cost the method its others.
            diverged = error
        fitted.append(attributor)
        trials.append(Trial(dict(setting), loss))
    chosen = int(np.argmin([np.inf if trial.loss is None else trial.loss for trial in trials]))
    kept = fitted[chosen]
    if trials[chosen].loss is None or kept is None:
        assert diverged
        raise diverged
    best = validation.fitted(preset, preset.trials[chosen], seed) if preset.brief else kept
    return Tuned(best, validation.scored(best)[0], tuple(trials), chosen, len(validation.fold.held_out))


@dataclass(frozen=True, slots=True)
class _Validation:
    features: Features
    generators: NDArray[np.str_]
    groups: NDArray[np.int64]
    labels: NDArray[np.int64]
    classes: int
    fold: Fold

    def fitted(self, preset: Preset, setting: Mapping[str, Any], seed: int) -> Attributor:
        settings = {**preset.settings, **setting}
        settings["seed"] = seed + settings.get("seed", 0)
        attributor: Attributor = built("attributors", preset.attributor, calibration_folds=0, **settings)
        train = self.fold.train
        return attributor.fit(gathered(self.features, train), self.generators[train], groups=self.groups[train])

    def scored(self, attributor: Attributor) -> tuple[float, float]:
        """Return the best temperature on the validation part, and the log-loss at it."""
        held_out = self.fold.held_out
        found = tempered(_logs(attributor, gathered(self.features, held_out)), self.labels[held_out], self.classes)
        return found.heat, found.loss


def _logs(attributor: Attributor, features: Features) -> NDArray[np.float64]:
    return np.log(np.maximum(attributor.predict_proba(features), TINY))
