"""Arrays outside anonymous memory, and folders that are never seen half-written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from manifpt import storage
from manifpt.storage import allocated, gathered, replaced, replaced_file


def test_a_large_array_lies_in_a_file_that_no_folder_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "IN_MEMORY_BYTES", 100)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    array = allocated((50, 3), np.float32)
    array[:] = 7
    assert isinstance(array, np.memmap)
    assert list(tmp_path.iterdir()) == []
    np.testing.assert_array_equal(gathered(array, np.arange(49, -1, -1)), np.full((50, 3), 7, np.float32))


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").touch()
    with replaced(folder) as beside:
        (beside / "new").touch()
        assert (folder / "old").exists()
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "new"]


def test_after_an_error_the_old_folder_stands_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(KeyboardInterrupt), replaced(folder) as beside:
        (beside / "new").touch()
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "old"]


def test_a_file_is_renamed_into_place_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    with pytest.raises(OSError, match="full"), replaced_file(path) as beside:
        beside.write_text("half")
        raise OSError("full")
    assert list((tmp_path / "deep").iterdir()) == []
    with replaced_file(path) as beside:
        beside.write_text("whole")
    assert path.read_text() == "whole"
