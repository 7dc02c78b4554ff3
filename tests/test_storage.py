"""Arrays outside anonymous memory."""

from __future__ import annotations

import os
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from manifpt import storage
from manifpt.storage import allocated, gathered, streamed


def test_a_large_array_lies_in_a_file_that_no_folder_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "IN_MEMORY_BYTES", 100)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    array = allocated((50, 3), np.float32)
    array[:] = 7
    assert isinstance(array, np.memmap)
    assert list(tmp_path.iterdir()) == []
    np.testing.assert_array_equal(gathered(array, np.arange(49, -1, -1)), np.full((50, 3), 7, np.float32))


ALLOCATING = """
from manifpt.errors import ManifptError
from manifpt.storage import allocated
try:
    allocated((2**27,), "uint8")[:] = 1
except ManifptError as error:
    print(error)
"""


def test_a_temporary_file_that_the_disk_cannot_hold_is_an_error_and_not_a_crash(
    tmp_path: Path, small_disk: Callable[..., list[str]]
) -> None:
    words = [*small_disk("1m"), sys.executable, "-c", ALLOCATING]
    environment = os.environ | {"TMPDIR": str(tmp_path / "disk")}
    ended = subprocess.run(words, capture_output=True, text=True, env=environment, check=True)
    assert ended.stdout.strip() == (
        f"{tmp_path / 'disk'} cannot hold a temporary file of 0.1 GiB (No space left on device); "
        "expected room for the features of all images; free some space, or set TMPDIR to a folder on a larger disk"
    )


@pytest.mark.parametrize("most", [0, 100, 1000, 10**6])
def test_streamed_blocks_are_what_they_are_together(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "IN_MEMORY_BYTES", most)
    blocks = [np.random.default_rng(count).normal(size=(count, 2, 3))[:, ::-1] for count in (5, 1, 7, 3)]
    found = streamed(iter(blocks))
    np.testing.assert_array_equal(found, np.concatenate(blocks))
    assert isinstance(found, np.memmap) == (most < 16 * 48)


def test_only_one_block_at_a_time_is_kept_once_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "IN_MEMORY_BYTES", 1000)
    alive: list[weakref.ref[NDArray[np.uint8]]] = []

    def blocks() -> Iterator[NDArray[np.uint8]]:
        for _ in range(20):
            block = np.zeros((10, 100), np.uint8)
            alive.append(weakref.ref(block))
            yield block
            del block
            assert sum(reference() is not None for reference in alive) <= 2

    assert streamed(blocks()).shape == (200, 100)


STREAMING = """
import numpy as np
from manifpt.errors import ManifptError
from manifpt.storage import streamed
try:
    streamed(np.ones((2**24,), "uint8") for _ in range(8))
except ManifptError as error:
    print(error)
"""


def test_streamed_blocks_that_the_disk_cannot_hold_are_an_error(
    tmp_path: Path, small_disk: Callable[..., list[str]]
) -> None:
    words = [*small_disk("1m"), sys.executable, "-c", STREAMING]
    environment = os.environ | {"TMPDIR": str(tmp_path / "disk")}
    ended = subprocess.run(words, capture_output=True, text=True, env=environment, check=True)
    assert ended.stdout.strip() == (
        f"{tmp_path / 'disk'} cannot hold a temporary file of 0.0 GiB or more (No space left on device); "
        "expected room for the points of all references; free some space, or set TMPDIR to a folder on a larger disk"
    )
