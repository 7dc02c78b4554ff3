"""Silence for a library's warnings, also where several threads ask for it at once."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_lock = threading.Lock()
_silence = ExitStack()
_inside = 0


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore warnings inside the block.

    ``warnings.catch_warnings`` changes the filters of the whole process, and overlapping threads restore each other's
    in the wrong order. So the first thread in silences, and the last one out restores.
    """
    global _inside  # noqa: PLW0603  (the filters are global, and so is the count of those who need them changed)
    with _lock:
        if _inside == 0:
            _silence.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _silence.close()
