"""A method by its name: what a study calls ``patches`` or ``paper-rgb``, ready to be fitted and saved."""

from __future__ import annotations

import inspect
from typing import Any

from manifpt.attributors.attributor import Attributor
from manifpt.cache import Cache
from manifpt.errors import UnknownNameError
from manifpt.methods.method import Method
from manifpt.methods.presets import preset, presets
from manifpt.registry import built


def named(name: str, *, seed: int = 0, cache: Cache | None = None, device: str = "auto") -> Method:
    """Return the method of this name, unfitted, with its own settings.

    A study chooses between three of them; here the attributor chooses its penalty or shrinkage by inner folds where it
    does that by itself, and a network takes its own learning rate.

    Args:
        name: Of a method that is no fusion of others, such as ``patches``.
        seed: Of everything random.
        cache: Where projections and costly points are kept; None for nowhere.
        device: ``cpu``, ``cuda``, or ``auto``, for attributors that are networks.

    Raises:
        UnknownNameError: No method has this name, or it is a fusion.
        WeightsError: The weights of a network are absent.

    Example:
        >>> method = named("patches", seed=3)
        >>> method.extractor.settings()["name"], method.attributor.name, method.attributor.settings()["seed"]
        ('patch-statistics', 'lda', 3)
    """
    made = preset(name)
    if made.fusion:
        raise UnknownNameError(
            f"{name} is the mean of {' and '.join(made.fusion)}, and no model by itself",
            expected=f"one of {', '.join(one for one in presets() if not preset(one).fusion)}",
            remedy=f"take one of its members, or compare it by `manifpt evaluate DATA --methods {name}`",
        )
    # A study lays the first trial over the attributor's settings, which is what the attributor has anyway.
    taken = inspect.signature(type(built("attributors", made.attributor))).parameters
    # A seed of its own is added, as in a study, so that another seed of the user's changes that method too.
    given: dict[str, Any] = {**made.settings, "seed": seed + made.settings.get("seed", 0), "device": device}
    settings = {key: value for key, value in given.items() if key in taken}
    attributor: Attributor = built("attributors", made.attributor, **settings)
    return Method(made.extracting(cache=cache), attributor)
