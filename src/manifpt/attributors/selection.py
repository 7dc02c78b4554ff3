"""Settings of an attributor chosen by inner cross-validation, with the temperature of the best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from manifpt.attributors import calibration
from manifpt.attributors.calibration import Fold
from manifpt.attributors.examples import Examples
from manifpt.progress import tracked

Setting = TypeVar("Setting")
Answered = Callable[[Fold, Setting], NDArray[np.float64]]
# Above this many examples the settings are chosen on the first inner fold alone.
LARGE = 2_000


@dataclass(frozen=True, slots=True)
class Selection(Generic[Setting]):
    """The setting whose answers have the least log-loss, each at its best temperature; and that temperature."""

    setting: Setting
    heat: float


def selected(
    settings: Sequence[Setting], learned: Examples, folds: int, answered: Answered[Setting], *, seed: int, what: str
) -> Selection[Setting]:
    """Return the best of some settings.

    Args:
        settings: What to choose from; the middle one is taken where nothing can be held out.
        learned: The examples, their labels and groups.
        folds: Inner folds; 0 takes the middle setting and the temperature 1.
        answered: Returns the logits (held out, classes) of a fold's attributor of one setting. With more than 2,000
            examples only the first fold chooses, and the others count for the temperature alone.
        seed: Of the folds.
        what: What the progress bar says.
    """
    middle = settings[len(settings) // 2]
    made = calibration.inner_folds(learned.labels, learned.groups, folds, seed=seed)
    if not made:
        return Selection(middle, 1.0)
    choosing = made[:1] if len(learned) > LARGE else made
    pairs = [(fold, setting) for setting in range(len(settings)) for fold in range(len(choosing))]
    logits = {pair: answered(made[pair[0]], settings[pair[1]]) for pair in tracked(pairs, what)}

    def tempered(setting: int, upon: list[Fold]) -> calibration.Tempered:
        truth = learned.labels[np.concatenate([fold.held_out for fold in upon])]
        answers = np.concatenate([logits[fold, setting] for fold in range(len(upon))])
        return calibration.tempered(answers, truth, len(learned.classes))

    best = min(range(len(settings)), key=lambda setting: tempered(setting, choosing).loss)
    for fold in range(len(choosing), len(made)):
        logits[fold, best] = answered(made[fold], settings[best])
    return Selection(settings[best], tempered(best, made).heat)
