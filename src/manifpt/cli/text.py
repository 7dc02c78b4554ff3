"""Names from users made harmless for terminals."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from manifpt.errors import plain
from manifpt.reports.text import cell

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["cell", "console", "plain", "tell"]


def console() -> Console:
    """Return a console that prints every string as it is: neither markup nor emoji codes in a name mean anything."""
    from rich.console import Console  # noqa: PLC0415  (rich loads only where something is drawn)

    return Console(markup=False, emoji=False, highlight=False)


def tell(text: str) -> None:
    r"""Write lines to stderr; only ``\\n`` ends one, so that a name cannot begin a line of its own."""
    sys.stderr.write("".join(f"{plain(line)}\n" for line in text.split("\n")))
