"""Names from users made harmless for terminals and spreadsheets."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from manifpt.errors import plain

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["cell", "console", "plain", "tell"]

# Spreadsheets take a cell for a formula by its first character, some also after spaces and quotes, and in East Asian
# settings by the wide forms too. A cell that begins with an apostrophe gets one more, so that the first can be taken
# away again.
FORMULA = re.compile(r"[\s\"'`‘’“”]*[=+\-@＝＋－＠]|'")  # noqa: RUF001  (the wide forms are meant)


def console() -> Console:
    """Return a console that prints every string as it is: neither markup nor emoji codes in a name mean anything."""
    from rich.console import Console  # noqa: PLC0415  (rich loads only where something is drawn)

    return Console(markup=False, emoji=False, highlight=False)


def tell(text: str) -> None:
    r"""Write lines to stderr; only ``\\n`` ends one, so that a name cannot begin a line of its own."""
    sys.stderr.write("".join(f"{plain(line)}\n" for line in text.split("\n")))


def cell(text: str) -> str:
    r"""Return text that a spreadsheet takes for text, not for a formula, and from which the name can be had again.

    Control and invisible characters are written out as in Python, a backslash is doubled, and what looks like a formula
    or begins with an apostrophe gets an apostrophe before it.

    Example:
        >>> cell("=1+1"), cell("a\n.png"), cell("a\\n.png")
        ("'=1+1", 'a\\n.png', 'a\\\\n.png')
    """
    written = plain(text.replace("\\", r"\\"))
    return f"'{written}" if FORMULA.match(text) else written
