"""Points and projections kept on disk by content, so that nothing costly is made twice.

One SQLite file holds them all: it is safe when two processes write, a killed run loses only its last batch, and reads
do not copy the file into memory. Every entry carries a checksum; a damaged one is reported and made again. Entries are
keyed by the content of the image and by everything that decides the value, never by path or time.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import CacheError

SCHEMA = 1
logger = logging.getLogger("manifpt")

TABLES = """
CREATE TABLE IF NOT EXISTS spaces (key BLOB PRIMARY KEY, settings TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (
  space BLOB NOT NULL, content BLOB NOT NULL, value BLOB NOT NULL, checksum BLOB NOT NULL, day TEXT NOT NULL,
  PRIMARY KEY (space, content)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the cache holds for one setting.

    Args:
        settings: What decides the values: the space, or the space, reference set and manifold.
        entries: How many images are held.
        size: Their values in bytes.
        used: Last day on which one was written, ISO 8601.
    """

    settings: dict[str, Any]
    entries: int
    size: int
    used: str


def default_folder() -> Path:
    """Return ``$MANIFPT_CACHE``, or ``manifpt`` in the user's cache folder."""
    chosen = os.environ.get("MANIFPT_CACHE")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "manifpt"


class Cache:
    """A store of arrays by settings and content.

    A cache that cannot be written (read-only, full disk) is reported once and then left alone: results do not depend
    on it.

    Args:
        folder: Where the cache lives; None for the default folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     cache = Cache(Path(folder))
        ...     cache.store({"name": "sl"}, ["ab" * 32], [np.arange(3)])
        ...     cache.stored({"name": "sl"}, ["ab" * 32, "cd" * 32])
        {0: array([0, 1, 2])}
    """

    def __init__(self, folder: Path | str | None = None) -> None:
        self.folder = Path(folder) if folder is not None else default_folder()
        self._usable = True

    @property
    def path(self) -> Path:
        """The file of this schema; caches of other schemas lie beside it untouched."""
        return self.folder / f"cache-{SCHEMA}.sqlite3"

    def stored(self, settings: Mapping[str, Any], contents: Sequence[str]) -> dict[int, NDArray[Any]]:
        """Return the arrays held for these settings, by position in ``contents`` (hex digests)."""
        if not self._usable or not self.path.exists():
            return {}
        found: dict[int, NDArray[Any]] = {}
        with self._reported("read"), self._connection() as connection:
            found.update(self._sound(connection, _key(settings), contents))
        return found

    def store(self, settings: Mapping[str, Any], contents: Sequence[str], values: Sequence[NDArray[Any]]) -> None:
        """Keep one array per content digest; an entry that is already there is replaced."""
        if not self._usable or not contents:
            return
        key, today = _key(settings), datetime.now(UTC).date().isoformat()
        rows = [
            (key, bytes.fromhex(content), blob, _checksum(key, content, blob), today)
            for content, blob in zip(contents, map(_packed, values), strict=True)
        ]
        with self._reported("written"), self._connection() as connection, connection:
            connection.execute("INSERT OR IGNORE INTO spaces VALUES (?, ?)", (key, _canonical(settings)))
            connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", rows)

    def shelves(self) -> list[Shelf]:
        """Return what the cache holds, one row per setting, the largest first.

        Raises:
            CacheError: The file is not a cache.
        """
        if not self.path.exists():
            return []
        query = """SELECT settings, COUNT(*), SUM(LENGTH(value)), MAX(day) FROM entries JOIN spaces ON space = key
                   GROUP BY space ORDER BY 3 DESC"""
        with self._strict(), self._connection() as connection:
            return [Shelf(json.loads(row[0]), *row[1:]) for row in connection.execute(query)]

    def damaged(self) -> int:
        """Remove the entries whose checksum fails, and return how many there were.

        Raises:
            CacheError: The file is not a cache, or cannot be written.
        """
        if not self.path.exists():
            return 0
        with self._strict(), self._connection() as connection, connection:
            rows = connection.execute("SELECT space, content, value, checksum FROM entries")
            bad = [row[:2] for row in rows if row[3] != _checksum(row[0], row[1].hex(), row[2])]
            connection.executemany("DELETE FROM entries WHERE space = ? AND content = ?", bad)
        return len(bad)

    def prune(self, *, before: str | None = None) -> int:
        """Remove the entries last written before a day (ISO 8601), or all, and return how many there were.

        Raises:
            CacheError: The file is not a cache, or cannot be written.
        """
        if not self.path.exists():
            return 0
        with self._strict(), self._connection() as connection:
            with connection:
                removed = connection.execute("DELETE FROM entries WHERE day < ?", (before or "9999",)).rowcount
                connection.execute("DELETE FROM spaces WHERE key NOT IN (SELECT space FROM entries)")
            connection.execute("VACUUM")
        return removed

    def _sound(
        self, connection: sqlite3.Connection, key: bytes, contents: Sequence[str]
    ) -> Iterator[tuple[int, NDArray[Any]]]:
        query = "SELECT value, checksum FROM entries WHERE space = ? AND content = ?"
        for position, content in enumerate(contents):
            row = connection.execute(query, (key, bytes.fromhex(content))).fetchone()
            if row is None:
                continue
            if row[1] != _checksum(key, content, row[0]):
                logger.warning("a damaged cache entry is made again (%s)", self.path)
                continue
            yield position, np.load(io.BytesIO(row[0]), allow_pickle=False)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=30)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(TABLES)
            yield connection

    @contextmanager
    def _reported(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._usable = False
            logger.warning("the cache cannot be %s, going on without it (%s: %s)", verb, self.path, error)

    @contextmanager
    def _strict(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise CacheError(
                f"{self.path}: {error}",
                expected="a readable and writable manifpt cache",
                remedy="delete the file, or set MANIFPT_CACHE to another folder",
            ) from error


def _canonical(settings: Mapping[str, Any]) -> str:
    return json.dumps({**settings, "schema": SCHEMA}, sort_keys=True)


def _key(settings: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(_canonical(settings).encode()).digest()


def _packed(value: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, value, allow_pickle=False)
    return buffer.getvalue()


def _checksum(key: bytes, content: str, blob: bytes) -> bytes:
    return hashlib.blake2b(key + bytes.fromhex(content) + blob, digest_size=16).digest()
