"""Names from users made harmless for terminals, Rich markup and spreadsheets."""

from __future__ import annotations

import unicodedata

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(text: str) -> str:
    r"""Return text without anything that steers a terminal: control and format characters are written out.

    Example:
        >>> plain("a\x1b[31m.png")
        'a\\x1b[31m.png'
    """
    return "".join(_shown(character) for character in text)


def markup(text: str) -> str:
    r"""Return text that Rich prints as it is.

    Example:
        >>> print(markup("[red]x"))
        \[red]x
    """
    from rich.markup import escape  # noqa: PLC0415  (rich loads only where something is drawn)

    return escape(plain(text))


def cell(text: str) -> str:
    """Return text that a spreadsheet takes for text, not for a formula.

    Example:
        >>> cell("=1+1")
        "'=1+1"
    """
    return f"'{plain(text)}" if text.startswith(FORMULA) else plain(text)


def _shown(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
    return character
