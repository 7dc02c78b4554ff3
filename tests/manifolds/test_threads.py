"""Queries shared out among threads."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from manifpt.manifolds.threads import one_blas_thread, shared_out


def blas_threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_every_row_is_worked_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    for count in (0, 1, 7, 100, 1001):
        seen = np.zeros(count, int)

        def work(start: int, stop: int, seen: np.ndarray = seen) -> None:
            seen[start:stop] += 1

        shared_out(work, count, least=8)
        assert (seen == 1).all()


def test_an_error_in_a_thread_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")

    def work(start: int, stop: int) -> None:
        raise ValueError(start)

    with pytest.raises(ValueError, match="0"):
        shared_out(work, 100, least=1)


def test_searches_beside_each_other_leave_the_threads_of_products_as_they_were() -> None:
    before, within = blas_threads(), []

    def search() -> None:
        for _ in range(50):
            with one_blas_thread():
                within.append(min(blas_threads()))

    searches = [threading.Thread(target=search) for _ in range(3)]
    for each in searches:
        each.start()
    for each in searches:
        each.join()
    assert set(within) == {1}
    assert len(within) == 150
    assert blas_threads() == before


def test_after_an_error_no_further_part_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    begun = []

    def work(start: int, stop: int) -> None:
        begun.append(start)
        raise IndexError(start)  # the error by which a thread sees that nothing is left is another one

    with pytest.raises(IndexError, match="0"):
        shared_out(work, 100, least=1)
    assert len(begun) <= 2
