"""Colours and markers of the values of a design choice: only values that generators share are told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from manifpt.reports.style import QUIET

# Okabe and Ito's colours, told apart under the common colour-vision deficiencies; yellow is pale on paper.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442")
MARKERS = ("o", "^", "s", "D", "v", "P", "X")


def shared_values(values: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the colour and marker of each value that two generators or more share, the commonest first.

    There are seven at most; further values, and those of one generator, have none of their own.

    Example:
        >>> shared_values(["bce", "bce", "hinge", ""])
        {'bce': ('#0072B2', 'o')}
    """
    counted = Counter(value for value in values if value)
    common = sorted((value for value, many in counted.items() if many > 1), key=lambda value: (-counted[value], value))
    return dict(zip(common, zip(COLOURS, MARKERS, strict=True), strict=False))


def other_value() -> tuple[str, str]:
    """Return the colour and marker of values that one generator alone has, or that are not known."""
    return QUIET, "."
