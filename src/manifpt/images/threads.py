"""Work on many images by as many threads as pay, in order and not far ahead."""

from __future__ import annotations

import os
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")

MOST_THREADS = 4
# What Python itself needs for a decoded image, during which other threads stand still; decoders let them run. More
# threads than there is work beside it only take turns, at half the speed of one alone.
ALONE = 1e-4  # seconds
TRIED, TRIAL = 9, 5e-3  # images that are timed at most, and seconds after which no other is
RUN = 32  # images that a thread is given at a time


def in_order(work: Callable[[Given], Made], given: Sequence[Given], *, ahead: int) -> Iterator[Made]:
    """Yield what ``work`` makes of each, in order; an error is raised in its turn.

    Args:
        work: Called by several threads at once.
        given: What it is called with.
        ahead: How many results may wait at most until they are asked for.

    Example:
        >>> list(in_order(abs, [-1, 2, -3], ahead=2))
        [1, 2, 3]
    """
    taken: list[float] = []
    while len(taken) < min(TRIED, len(given)) and sum(taken) < TRIAL:
        started = time.perf_counter()
        made = work(given[len(taken)])
        taken.append(time.perf_counter() - started)
        yield made
    left = given[len(taken) :]
    threads = _threads(statistics.median(taken)) if left else 1
    yield from map(work, left) if threads == 1 else _by_threads(work, left, ahead, threads)


def _threads(seconds: float) -> int:
    return max(1, min(MOST_THREADS, os.cpu_count() or 1, round(seconds / ALONE)))


def _by_threads(work: Callable[[Given], Made], given: Sequence[Given], ahead: int, threads: int) -> Iterator[Made]:
    abandoned = Event()

    def all_of(part: Sequence[Given]) -> tuple[list[Made], Exception | None]:
        made: list[Made] = []
        for each in part:
            if abandoned.is_set():  # Nobody looks at the rest, and whoever leaves Python would wait for it.
                break
            try:
                made.append(work(each))
            except Exception as error:  # Raised where it is this one's turn.
                return made, error
        return made, None

    size = max(1, min(RUN, ahead // (threads + 1), len(given) // threads))
    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future[tuple[list[Made], Exception | None]]] = deque()
    try:
        for start in range(0, len(given), size):
            if (len(waiting) + 1) * size > ahead and waiting:
                yield from _results(waiting.popleft())
            waiting.append(pool.submit(all_of, given[start : start + size]))
        while waiting:
            yield from _results(waiting.popleft())
    finally:
        abandoned.set()
        # Not waited for: an abandoned generator may be cleared away by one of these very threads.
        pool.shutdown(wait=False, cancel_futures=True)


def _results(done: Future[tuple[list[Made], Exception | None]]) -> Iterator[Made]:
    made, error = done.result()
    yield from made
    if error is not None:
        raise error
