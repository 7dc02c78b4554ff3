"""The bar of a generator's training: steps, losses, time left."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Meter:
    """Draws how far a training is, on stderr where that is a terminal.

    Args:
        description: What is being trained.
        total: How many steps there will be; 0 while that is not known.
    """

    def __init__(self, description: str, total: int) -> None:
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        if sys.stderr.isatty():
            self._bar, self._task = _bar(description, total)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def seen(self, step: int, total: int, losses: dict[str, float]) -> None:
        """Show a step's losses."""
        if self._bar is not None and self._task is not None:
            shown = "  ".join(f"{name} {loss:.3f}" for name, loss in losses.items())
            self._bar.update(self._task, completed=step, total=total or None, losses=shown)


def _bar(description: str, total: int) -> tuple[Progress, TaskID]:
    from rich.console import Console  # noqa: PLC0415  (rich loads only where a bar is drawn)
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[losses]}"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    return bar, bar.add_task(description, total=total or None, losses="")
