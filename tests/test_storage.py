"""Arrays outside anonymous memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from manifpt import storage
from manifpt.storage import allocated, gathered


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
