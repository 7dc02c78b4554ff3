"""Queries shared out among threads."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import pairwise

import numpy as np
from threadpoolctl import ThreadpoolController

PARTS = 4  # of each thread, so that none waits long for another


def threads() -> int:
    """Return how many threads to use: ``OMP_NUM_THREADS``, or as many as there are processors for this process."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() and int(asked) else len(os.sched_getaffinity(0))


def shared_out(work: Callable[[int, int], None], count: int, *, least: int, each: int = PARTS) -> None:
    """Call ``work`` with the bounds of consecutive parts of a count, in several threads.

    Args:
        work: Must release the interpreter's lock, and write to places of its own only.
        count: How many rows there are.
        least: Rows of a part, at least.
        each: Parts of a thread, at most.

    Example:
        >>> rows = []
        >>> shared_out(lambda start, stop: rows.append((start, stop)), 5, least=8)
        >>> rows
        [(0, 5)]
    """
    parts = min(each * threads(), -(-count // least))
    if parts <= 1 or threads() == 1:
        work(0, count)
        return
    bounds = np.linspace(0, count, parts + 1).astype(int).tolist()
    left = deque(pairwise(bounds))

    def some() -> None:
        while True:
            try:
                start, stop = left.popleft()
            except IndexError:
                return
            try:
                work(start, stop)
            except BaseException:
                left.clear()  # nobody wants the others any more
                raise

    # The thread that asks works as well: to start another one takes as long as a small part.
    with ThreadPoolExecutor(min(threads(), parts) - 1) as pool:
        others = [pool.submit(some) for _ in range(min(threads(), parts) - 1)]
        some()
    for other in others:
        other.result()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Have matrix products make no threads of their own while this lasts.

    The number is one for the whole process, and two that change it at once would leave it as neither found it; the
    second waits. It loses little: the first uses every processor.
    """
    with _alone, _libraries().limit(limits=1, user_api="blas"):
        yield


_alone = threading.Lock()


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()  # looking for them takes longer than a query
