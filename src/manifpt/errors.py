"""Every error that a user can meet.

Each says in one line what happened, what was expected, and what to do.
"""

from __future__ import annotations

import unicodedata

STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, invisible formats (bidi), lone surrogates, line separators


def plain(text: str) -> str:
    r"""Return text in which what would steer a terminal, break a line or be no Unicode is written out.

    Example:
        >>> plain("a\x1b[31m.png")
        'a\\x1b[31m.png'
    """
    return "".join(_written_out(letter) if unicodedata.category(letter) in STEERING else letter for letter in text)


def _written_out(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")


class ManifptError(Exception):
    """A mistake in what the user gave, explained in one line.

    The text of the error is `plain`, so that no name in it can steer a terminal or break the line; the arguments keep
    names as they are.

    Args:
        happened: What manifpt found, with the offending value or path.
        expected: What it needed instead.
        remedy: What the user can do about it.

    Example:
        >>> print(ManifptError("cats/ holds no image", expected="PNG, JPEG, …", remedy="check the path"))
        cats/ holds no image; expected PNG, JPEG, …; check the path
    """

    def __init__(self, happened: str, *, expected: str, remedy: str) -> None:
        self.happened = happened
        self.expected = expected
        self.remedy = remedy
        super().__init__(plain(f"{happened}; expected {expected}; {remedy}"))

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions with keyword-only arguments do not survive pickling between processes by themselves.
        return (_rebuilt, (type(self), self.happened, self.expected, self.remedy))


def _rebuilt(kind: type[ManifptError], happened: str, expected: str, remedy: str) -> ManifptError:
    return kind(happened, expected=expected, remedy=remedy)


class DataError(ManifptError):
    """A folder, manifest or array cannot be read as a set of images."""


class ImageError(ManifptError):
    """One image cannot be decoded, or is not of the size of the others."""


class LeakError(ManifptError):
    """The same content stands in two roles that must be disjoint."""


class UnknownNameError(ManifptError):
    """No space, manifold, attributor or method has this name."""


class WeightsError(ManifptError):
    """A network's weights are absent or do not fit."""


class ModelError(ManifptError):
    """A saved model folder is incomplete, damaged or of another schema."""


class CacheError(ManifptError):
    """The cache cannot be used as asked."""


class NumbersError(ManifptError):
    """Points or features hold NaN or infinity, or have the wrong shape."""
