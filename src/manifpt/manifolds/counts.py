"""Numbers that a manifold is told."""

from __future__ import annotations

import math
import operator
from typing import Any, SupportsFloat

from manifpt.errors import NumbersError

MOST = 2**31 - 1  # of what libraries in C are told


def whole(name: str, number: Any, *, least: int, most: int = MOST) -> int:
    """Return a whole number that is in its range, as Python's own type.

    Args:
        name: What the number is called in the error.
        number: As the user gave it.
        least: The least that is allowed.
        most: The most that is allowed.

    Raises:
        NumbersError: It is no whole number, or out of its range.

    Example:
        >>> whole("neighbors", 3, least=1)
        3
    """
    try:
        found = int(operator.index(number))
    except TypeError:
        found = least - 1
    if not least <= found <= most:
        raise NumbersError(
            f"{name} = {number!r}",
            expected=f"a whole number from {least} to {most}",
            remedy="give a number in this range",
        )
    return found


def amount(name: str, number: Any, *, zero: bool) -> float:
    """Return a real number that is in its range, as Python's own type.

    Args:
        name: What the number is called in the error.
        number: As the user gave it.
        zero: Whether it may be 0.

    Raises:
        NumbersError: It is no real number, or out of its range.

    Example:
        >>> amount("ridge", 1, zero=True)
        1.0
    """
    try:
        found = math.nan if isinstance(number, bool) or not isinstance(number, SupportsFloat) else float(number)
    except OverflowError:
        found = math.inf
    if not (0 <= found <= MOST and (zero or found > 0)):
        raise NumbersError(
            f"{name} = {number!r}",
            expected=f"a number {'from' if zero else 'above'} 0 and up to {MOST}",
            remedy="give a number in this range",
        )
    return found
