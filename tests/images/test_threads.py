"""Work by threads comes in order, raises in its turn, and stops when nobody looks."""

from __future__ import annotations

import gc
import threading
import time
from itertools import islice

import pytest

from manifpt.images import threads
from manifpt.images.threads import in_order

SLOW = 1e-3  # seconds, for which several threads are taken


@pytest.fixture(autouse=True)
def _several_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 4)


def late(value: int) -> int:
    """Return the value, the later the smaller its last digit."""
    time.sleep(SLOW * (10 - value % 10) / 5)
    return value


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 200])
@pytest.mark.parametrize("ahead", [1, 2, 64])
def test_results_come_in_order_whatever_takes_longer(count: int, ahead: int) -> None:
    assert list(in_order(late, range(count), ahead=ahead)) == list(range(count))


def test_several_threads_work_at_once_where_the_work_is_slow() -> None:
    seen: set[int] = set()

    def noted(value: int) -> None:
        seen.add(threading.get_ident())
        time.sleep(SLOW)

    list(in_order(noted, range(200), ahead=64))
    assert len(seen - {threading.get_ident()}) > 1


@pytest.mark.parametrize("broken", [0, 8, 9, 50, 199])
def test_an_error_is_raised_after_all_that_came_before_it(broken: int) -> None:
    def breaking(value: int) -> int:
        if value >= broken:
            raise ValueError(value)
        return late(value)

    found: list[int] = []
    results = in_order(breaking, range(200), ahead=64)
    with pytest.raises(ValueError, match=f"^{broken}$"):
        while True:
            found.append(next(results))
    assert found == list(range(broken))


def test_no_more_is_done_ahead_than_admitted() -> None:
    done: list[int] = []

    def noted(value: int) -> int:
        time.sleep(SLOW)
        done.append(value)
        return value

    ahead = 20
    for taken, _ in enumerate(in_order(noted, range(120), ahead=ahead), start=1):
        # The piece that is being handed out was done before, and is no longer ahead of anything but itself.
        assert len(done) <= taken + 2 * ahead


def test_abandoned_work_stops_after_what_is_being_done() -> None:
    started: list[int] = []

    def noted(value: int) -> int:
        started.append(value)
        time.sleep(0.02)
        return value

    results = in_order(noted, range(1000), ahead=500)
    assert list(islice(results, 3)) == [0, 1, 2]
    before, then = time.perf_counter(), len(started)
    results.close()  # type: ignore[attr-defined]
    assert time.perf_counter() - before < 1
    time.sleep(0.3)
    assert len(started) <= then + threads.MOST_THREADS


def test_a_generator_that_one_of_its_threads_clears_away_does_not_hang() -> None:
    held: list[object] = []
    cleared = threading.Event()

    def clearing(value: int) -> int:
        if value == 40:
            held.clear()
            gc.collect()
            cleared.set()
        time.sleep(SLOW)
        return value

    results = in_order(clearing, range(400), ahead=100)
    taken = list(islice(results, 12))
    held.append(results)
    del results
    assert cleared.wait(10)
    assert taken == list(range(12))
