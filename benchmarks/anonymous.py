"""Anonymous memory of this process: what no file backs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

EVERY = 0.005  # seconds


def anonymous() -> int:
    """Return the anonymous resident memory in bytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


def peak(work: Callable[[], object]) -> float:
    """Return how far anonymous memory rises at most while something is done, in MiB."""
    before, highest, over = anonymous(), [0], threading.Event()

    def watched() -> None:
        while not over.wait(EVERY):
            highest[0] = max(highest[0], anonymous())

    watcher = threading.Thread(target=watched)
    watcher.start()
    try:
        kept = work()
        highest[0] = max(highest[0], anonymous())
        del kept
    finally:
        over.set()
        watcher.join()
    return (highest[0] - before) / 2**20
