"""One progress bar for everything that takes longer than two seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def tracked(items: Iterable[T], description: str, *, total: int | None = None) -> Iterator[T]:
    """Yield ``items`` while a bar on stderr shows how many are done and the time left.

    Nothing is drawn when stderr is not a terminal.

    Args:
        items: What is worked through.
        description: What is being done, in two or three words.
        total: How many items there are, when ``len(items)`` cannot say.

    Example:
        >>> list(tracked([1, 2, 3], "counting"))
        [1, 2, 3]
    """
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console  # noqa: PLC0415  (rich loads only where a bar is drawn)
    from rich.progress import track  # noqa: PLC0415

    yield from track(items, description, total=total, console=Console(stderr=True), transient=True)
