"""The cache never answers wrongly and never stops a run."""

from __future__ import annotations

import logging
import multiprocessing
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
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
    assert "cannot be written, going on without writing" in caplog.text
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


def test_any_byte_of_the_file_may_flip_and_no_value_is_wrong(
    cache: Cache, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(cache.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content, rng, lost = cache.path.read_bytes(), random.Random(0), 0
    hidden = 0
    for trial in range(300):
        damaged = Cache(tmp_path / "damaged")
        damaged.folder.mkdir(exist_ok=True)
        flipped = bytearray(content)
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        damaged.path.write_bytes(flipped)
        caplog.clear()
        found = damaged.stored(SETTINGS, CONTENTS)
        assert all(found[index].tobytes() == VALUES[index].tobytes() for index in found), trial
        lost += len(found) < 10
        # And it is made again, or the run goes on without.
        damaged.store(SETTINGS, CONTENTS[:10], VALUES[:10])
        again = damaged.stored(SETTINGS, CONTENTS[:10])
        assert all(again[index].tobytes() == VALUES[index].tobytes() for index in again), trial
        if len(again) < 10 and "going on without" not in caplog.text:
            hidden += 1
            with pytest.raises(CacheError, match="delete the file"):
                damaged.damaged()
        shutil.rmtree(damaged.folder)
    assert lost > 30
    assert hidden < 15


def test_a_cache_of_another_schema_is_neither_read_nor_written(
    cache: Cache, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(cache.path, cache.folder / "cache-0.sqlite3")
    (cache.folder / "cache-2.sqlite3").write_bytes(b"of a newer manifpt")
    (cache.folder / "cache-old.sqlite3").write_bytes(b"of somebody else")
    monkeypatch.setattr("manifpt.cache.SCHEMA", 3)
    newer = Cache(cache.folder)
    assert newer.stored(SETTINGS, CONTENTS) == {}
    assert [path.name for path in newer.outdated()][:2] == ["cache-0.sqlite3", "cache-1.sqlite3"]
    assert newer.prune() == 0
    assert [path.name for path in cache.folder.iterdir()] == ["cache-old.sqlite3"]
    assert caplog.text == ""


def test_a_file_of_another_schema_under_our_name_is_reported_and_left_alone(
    cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(cache.path)) as connection:
        connection.execute("PRAGMA user_version = 7")
    before = cache.path.read_bytes()
    assert Cache(cache.folder).stored(SETTINGS, CONTENTS) == {}
    Cache(cache.folder).store(SETTINGS, CONTENTS, VALUES)
    assert caplog.text.count("its schema is 7, not 1") == 2
    assert cache.path.read_bytes() == before
    with pytest.raises(CacheError, match="its schema is 7, not 1; expected a readable and writable manifpt cache"):
        Cache(cache.folder).prune()


def _read(folder: Path, rounds: int) -> None:
    found = 0
    for _ in range(rounds):
        for index, value in Cache(folder).stored(SETTINGS, CONTENTS).items():
            assert value.tobytes() == VALUES[index].tobytes()
            found += 1
    assert found


def _prune(folder: Path, rounds: int) -> None:
    for _ in range(rounds):
        Cache(folder).prune()
        Cache(folder).store(SETTINGS, CONTENTS, VALUES)


def test_pruning_and_writing_while_others_read_gives_them_the_right_value_or_none(cache: Cache) -> None:
    context = multiprocessing.get_context("spawn")
    work = [context.Process(target=_read, args=(cache.folder, 100)) for _ in range(2)]
    work.append(context.Process(target=_prune, args=(cache.folder, 20)))
    for process in work:
        process.start()
    for process in work:
        process.join()
    assert [process.exitcode for process in work] == [0, 0, 0]
    assert len(Cache(cache.folder).stored(SETTINGS, CONTENTS)) == 20


ALONE = """
import logging, sys
import numpy as np
from manifpt.cache import Cache
logging.basicConfig(stream=sys.stdout, format="%(message)s")
cache = Cache(sys.argv[1])
settings = {"name": "sl", "weights": "ab"}
cache.store(settings, [f"{index:064x}" for index in range(10, 20)], [np.zeros(2**17, np.float32)] * 10)
cache.store(settings, [f"{19:064x}"], [np.zeros(2**17, np.float32)])
print(len(cache.stored(settings, [f"{index:064x}" for index in range(20)])))
"""


def _alone(words: list[str], folder: Path) -> list[str]:
    command = [*words, sys.executable, "-c", ALONE, str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_a_full_disk_is_reported_once_and_what_is_there_is_still_read(
    cache: Cache, small_disk: Callable[..., list[str]], tmp_path: Path
) -> None:
    report, count = _alone(small_disk("1m", copied=cache.folder), tmp_path / "disk" / "c")
    assert "the cache cannot be written, going on without writing" in report
    assert "full" in report
    assert count == "10"


def test_a_read_only_cache_is_read(cache: Cache, powerless: list[str]) -> None:
    cache.path.chmod(0o444)
    cache.folder.chmod(0o555)
    try:
        report, count = _alone(powerless, cache.folder)
    finally:
        cache.folder.chmod(0o755)
    assert "the cache cannot be written, going on without writing" in report
    assert count == "10"
