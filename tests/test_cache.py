"""The cache never answers wrongly and never stops a run."""

from __future__ import annotations

import logging
import multiprocessing
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from manifpt.cache import Cache
from manifpt.errors import CacheError

SETTINGS = {"name": "sl", "weights": "ab"}
CONTENTS = [f"{index:064x}" for index in range(20)]
VALUES = [np.full(5, index, np.float32) for index in range(20)]


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "c")
    cache.store(SETTINGS, CONTENTS[:10], VALUES[:10])
    return cache


def test_what_was_stored_comes_back_by_position(cache: Cache) -> None:
    found = cache.stored(SETTINGS, [CONTENTS[12], CONTENTS[3], CONTENTS[9]])
    assert sorted(found) == [1, 2]
    np.testing.assert_array_equal(found[1], VALUES[3])
    assert found[1].dtype == np.float32


def test_other_settings_share_nothing(cache: Cache) -> None:
    assert cache.stored({**SETTINGS, "weights": "cd"}, CONTENTS) == {}


def test_a_flipped_byte_is_reported_and_not_returned(cache: Cache, caplog: pytest.LogCaptureFixture) -> None:
    with sqlite3.connect(cache.path) as connection:
        value = bytearray(connection.execute("SELECT value FROM entries LIMIT 1").fetchone()[0])
        value[-1] ^= 1
        content = connection.execute("SELECT content FROM entries LIMIT 1").fetchone()[0]
        connection.execute("UPDATE entries SET value = ? WHERE content = ?", (bytes(value), content))
    connection.close()
    with caplog.at_level(logging.WARNING):
        assert len(cache.stored(SETTINGS, CONTENTS[:10])) == 9
    assert "damaged cache entry" in caplog.text
    assert cache.damaged() == 1
    assert cache.damaged() == 0


def test_a_file_that_is_no_cache_is_reported_and_the_run_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = Cache(tmp_path)
    cache.path.write_bytes(b"not a database, surely" * 100)
    with caplog.at_level(logging.WARNING):
        assert cache.stored(SETTINGS, CONTENTS) == {}
        cache.store(SETTINGS, CONTENTS, VALUES)
    assert caplog.text.count("going on without it") == 1
    with pytest.raises(CacheError, match="expected a readable and writable manifpt cache; delete the file"):
        Cache(tmp_path).shelves()


def test_a_place_that_cannot_be_written_is_reported_and_the_run_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file")
    with caplog.at_level(logging.WARNING):
        cache.store(SETTINGS, CONTENTS, VALUES)
    assert "cannot be written, going on without it" in caplog.text
    assert cache.stored(SETTINGS, CONTENTS) == {}


def _write(folder: Path, start: int) -> None:
    cache = Cache(folder)
    for index in range(start, start + 10):
        cache.store(SETTINGS, [CONTENTS[index]], [VALUES[index]])


def test_two_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(tmp_path, start)) for start in (0, 10)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    found = Cache(tmp_path).stored(SETTINGS, CONTENTS)
    assert all((found[index] == VALUES[index]).all() for index in range(20))


def test_shelves_and_prune_say_what_is_there(cache: Cache) -> None:
    (shelf,) = cache.shelves()
    assert (shelf.settings["name"], shelf.entries) == ("sl", 10)
    assert cache.prune(before="2000-01-01") == 0
    assert cache.prune() == 10
    assert cache.shelves() == []
