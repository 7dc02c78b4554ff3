"""One style for every figure, and how a figure reaches the disk.

Colours tell apart under the common colour-vision deficiencies. Nothing here reads or sets matplotlib's global
state: every text carries its own font, and figures are made without pyplot.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manifpt.errors import DataError
from manifpt.writing import replaced_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEQUENTIAL = "Blues"
DIVERGING = "RdBu_r"
SPECTRAL = "cividis"
INK = "#222222"
QUIET = "#777777"
PAPER = "#ffffff"
MISSING = "#eeeeee"
TITLE, LABEL, SMALL, TINY = 11.0, 9.0, 7.5, 6.5  # points

FORMATS = ("png", "svg", "pdf")
DOTS_PER_INCH = 150
LONGEST_LABEL, LONGEST_HEADING = 30, 240  # letters
# Mean advance of DejaVu Sans, in units of its size.
ADVANCE = 0.6


def font(size: float, *, colour: str = INK) -> dict[str, Any]:
    r"""Return the properties of a text, whatever the user's matplotlib settings say.

    ``$`` stays a dollar sign and ``\`` a backslash: names come from users.
    """
    return {
        "fontfamily": "DejaVu Sans",
        "fontsize": size,
        "color": colour,
        "parse_math": False,
        "usetex": False,
    }


def label(name: str, *, longest: int = LONGEST_LABEL) -> str:
    r"""Return a name as it can be drawn: no control characters or missing glyphs, and not too long.

    Example:
        >>> label("gan\n$x$")
        'gan\\n$x$'
    """
    shown = "".join(letter if _drawable(letter) else letter.encode("unicode_escape").decode() for letter in name)
    if len(shown) <= longest:
        return shown
    tail = longest // 2
    return f"{shown[: longest - tail - 1]}…{shown[-tail:]}"


def labels(names: Sequence[str], *, longest: int = LONGEST_LABEL) -> list[str]:
    """Return all names as they can be drawn, numbered where shortening makes two of them equal.

    Example:
        >>> labels(["a-first-model", "a-second-model"], longest=5)
        ['1 a-…el', '2 a-…el']
    """
    shown = [label(str(name), longest=longest) for name in names]
    if len(set(shown)) == len(shown):
        return shown
    return [f"{number} {text}" for number, text in enumerate(shown, 1)]


def width(text: str, size: float) -> float:
    """Return about how wide a text is at a size in points, in inches."""
    return len(text) * size * ADVANCE / 72


def wrapped(text: str, inches: float, size: float) -> str:
    """Return a heading as it can be drawn, broken into lines that fit into a width.

    Example:
        >>> wrapped("balanced accuracy", 1.0, 11).splitlines()
        ['balanced', 'accuracy']
    """
    return "\n".join(textwrap.wrap(label(text, longest=LONGEST_HEADING), max(8, int(inches / width("m", size)))))


def saved(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure as PNG, SVG or PDF, as its suffix says, and return its path.

    The file is written beside its place and renamed, so that no reader sees half of it. Its folder is made if
    needed.

    Raises:
        DataError: The suffix is another, or the file cannot be written.
    """
    target = Path(path)
    kind = target.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise DataError(
            f"{str(target)!r} does not end in the name of a figure format",
            expected=", ".join(f".{name}" for name in FORMATS),
            remedy="change the suffix",
        )
    try:
        with replaced_file(target) as beside:
            figure.savefig(beside, format=kind, dpi=DOTS_PER_INCH, facecolor=PAPER)
    except OSError as error:
        raise DataError(
            f"{str(target)!r} cannot be written: {error.strerror or error}",
            expected="a writable place",
            remedy="choose another path",
        ) from error
    return target


@cache
def _glyphs() -> frozenset[int]:
    import matplotlib  # noqa: PLC0415  (loads only where a figure is drawn)
    from matplotlib.ft2font import FT2Font  # noqa: PLC0415

    return frozenset(FT2Font(str(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"))).get_charmap())


def _drawable(letter: str) -> bool:
    return letter.isprintable() and ord(letter) in _glyphs()
