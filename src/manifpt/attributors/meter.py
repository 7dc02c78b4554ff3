"""The bar of a training: loss, share of right answers, time left."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Meter:
    """Counts what an epoch's examples cost, and draws it on stderr where that is a terminal.

    Args:
        description: What is being trained.
        epochs: How many epochs there are.
        done: How many are over already.
    """

    def __init__(self, description: str, epochs: int, done: int = 0) -> None:
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._forget()
        if sys.stderr.isatty():
            self._bar, self._task = _bar(description, epochs, done)

    def _forget(self) -> None:
        self._loss, self._right, self._seen = 0.0, 0, 0

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def seen(self, loss: float, right: int, examples: int) -> None:
        """Count one step."""
        self._loss += loss * examples
        self._right += right
        self._seen += examples

    def epoch_done(self) -> None:
        """Show the epoch's mean loss and share of right answers, and start the next one."""
        if self._bar is not None and self._task is not None:
            loss, right = self._loss / self._seen, self._right / self._seen
            self._bar.update(self._task, advance=1, loss=f"{loss:.3f}", right=f"{right:.0%}")
        self._forget()


def _bar(description: str, epochs: int, done: int) -> tuple[Progress, TaskID]:
    from rich.console import Console  # noqa: PLC0415  (rich loads only where a bar is drawn)
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]}  right {task.fields[right]}"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    return bar, bar.add_task(description, total=epochs, completed=done, loss="", right="")
