"""A method by its name: what a study calls ``auto`` or ``paper-rgb``, ready to be fitted and saved."""

from __future__ import annotations

import inspect
from typing import Any

from manifpt.attributors.attributor import Attributor
from manifpt.attributors.late import Late
from manifpt.cache import Cache
from manifpt.extractors.joined import Joined
from manifpt.images import ImageSet
from manifpt.methods.method import Method
from manifpt.methods.presets import Preset, preset
from manifpt.registry import built

AUTO = "auto"


class Fusion(Method):
    """Several methods that answer by their mean log-probability, as one model.

    Args:
        members: Their extractors and attributors, unfitted.
        seed: Of the inner folds that calibrate the mean.
    """

    extractor: Joined

    def __init__(self, members: list[Method], *, seed: int = 0) -> None:
        self._members, self._seed = members, seed
        super().__init__(Joined([member.extractor for member in members]), self._late(None))

    def fresh(self, images: ImageSet) -> Attributor:
        """Return an attributor that has learned nothing yet, for features of the extractor's shapes."""
        return self._late(self.extractor.shapes_)

    def _late(self, shapes: tuple[tuple[int, ...], ...] | None) -> Late:
        parts = [{"name": member.attributor.name, **member.attributor.settings()} for member in self._members]
        return Late(parts=parts, shapes=shapes, seed=self._seed)


def named(name: str, *, seed: int = 0, cache: Cache | None = None, device: str = "auto") -> Method:
    """Return the method of this name, unfitted, with its own settings.

    A study chooses between three of them; here the attributor chooses its penalty or shrinkage by inner folds where it
    does that by itself, and a network takes its own learning rate.

    Args:
        name: Of a method, such as ``auto`` or ``patches``; a fusion becomes one model of its members.
        seed: Of everything random.
        cache: Where projections and costly points are kept; None for nowhere.
        device: ``cpu``, ``cuda``, or ``auto``, for attributors that are networks.

    Raises:
        UnknownNameError: No method has this name.
        WeightsError: The weights of a network are absent.

    Example:
        >>> method = named("patches", seed=3)
        >>> method.extractor.settings()["name"], method.attributor.name, method.attributor.settings()["seed"]
        ('patch-statistics', 'lda', 3)
        >>> [part["name"] for part in named("auto").attributor.settings()["parts"]]
        ['lda', 'resnet-small']
    """
    made = preset(name)
    if not made.fusion:
        return _alone(made, seed, cache, device)
    members = [_alone(preset(member), seed, cache, device, fused=True) for member in made.fusion]
    return Fusion(members, seed=seed)


def _alone(made: Preset, seed: int, cache: Cache | None, device: str, *, fused: bool = False) -> Method:
    taken = inspect.signature(type(built("attributors", made.attributor))).parameters
    # A seed of its own is added, as in a study, so that another seed of the user's changes that method too.
    # A study lays the first trial over the attributor's settings, which is what the attributor has anyway.
    given: dict[str, Any] = {**made.settings, "seed": seed + made.settings.get("seed", 0), "device": device}
    if fused and "epochs" in taken:
        # The fusion calibrates its parts; a network would be trained twice as often for nothing.
        given["calibration_folds"] = 0
    settings = {key: value for key, value in given.items() if key in taken}
    attributor: Attributor = built("attributors", made.attributor, **settings)
    return Method(made.extracting(cache=cache), attributor)
