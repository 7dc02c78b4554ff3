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
import re
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from manifpt.errors import CacheError

SCHEMA = 1
SCHEMA_NAME = re.compile(r"cache-(\d+)\.sqlite3")
PATIENCE = 30.0  # seconds that one process waits for another
UNUSABLE = (sqlite3.Error, OSError)
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
    if chosen:
        return Path(chosen)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "manifpt"
    except RuntimeError:  # A user without a home, as in some containers.
        return Path(tempfile.gettempdir()) / f"manifpt-{os.getuid()}"


class Cache:
    """A store of arrays by settings and content.

    Results do not depend on it: a cache that cannot be written (read-only, full disk) is reported once and only read
    from then on, and one that cannot be read is left alone.

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
        self._readable = self._writable = True

    @property
    def path(self) -> Path:
        """The file of this schema; caches of other schemas lie beside it, and are neither read nor written."""
        return self.folder / f"cache-{SCHEMA}.sqlite3"

    def outdated(self) -> list[Path]:
        """Return the files of caches of older schemas, which no run reads any more."""
        files = [(file, SCHEMA_NAME.match(file.name)) for file in sorted(self.folder.glob("cache-*.sqlite3*"))]
        return [file for file, name in files if name and int(name[1]) < SCHEMA]

    def stored(self, settings: Mapping[str, Any], contents: Sequence[str]) -> dict[int, NDArray[Any]]:
        """Return the arrays held for these settings, by position in ``contents`` (hex digests)."""
        found: dict[int, NDArray[Any]] = {}
        if not self._readable:
            return found
        try:
            if self.path.exists():
                with self._reading() as connection:
                    found.update(self._sound(connection, _key(settings), contents))
        except UNUSABLE as error:
            self._readable = self._writable = False
            logger.warning("the cache cannot be read, going on without it (%s: %s)", self.path, error)
        return found

    def store(self, settings: Mapping[str, Any], contents: Sequence[str], values: Sequence[NDArray[Any]]) -> None:
        """Keep one array per content digest; an entry that is already there is replaced."""
        if not self._writable or not contents:
            return
        key, today = _key(settings), datetime.now(UTC).date().isoformat()
        rows = [
            (key, bytes.fromhex(content), blob, _checksum(key, content, blob), today)
            for content, blob in zip(contents, map(_packed, values), strict=True)
        ]
        try:
            with self._connection() as connection, connection:
                connection.execute("INSERT OR IGNORE INTO spaces VALUES (?, ?)", (key, _canonical(settings)))
                connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)", rows)
        except UNUSABLE as error:
            self._writable = False
            logger.warning("the cache cannot be written, going on without writing (%s: %s)", self.path, error)

    def shelves(self) -> list[Shelf]:
        """Return what the cache holds, one row per setting, the largest first.

        Raises:
            CacheError: The file is not a cache.
        """
        if not self.path.exists():
            return []
        query = """SELECT settings, COUNT(*), SUM(LENGTH(value)), MAX(day) FROM entries JOIN spaces ON space = key
                   GROUP BY space ORDER BY 3 DESC"""
        with self._strict(), self._reading() as connection:
            return [Shelf(json.loads(row[0]), *row[1:]) for row in connection.execute(query)]

    def damaged(self) -> int:
        """Remove the entries whose checksum fails, and return how many there were.

        Raises:
            CacheError: The file is not a cache, its pages are damaged, or it cannot be written.
        """
        if not self.path.exists():
            return 0
        with self._strict(), self._connection() as connection, connection:
            rows = connection.execute("SELECT space, content, value, checksum FROM entries")
            bad = [row[:2] for row in rows if row[3] != _checksum(row[0], row[1].hex(), row[2])]
            connection.executemany("DELETE FROM entries WHERE space = ? AND content = ?", bad)
            # A damaged page can hide an entry, which then is made again in every run.
            (sound,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if sound != "ok":
                raise sqlite3.DatabaseError(" ".join(sound.split()))
        return len(bad)

    def prune(self, *, before: str | None = None) -> int:
        """Remove the entries last written before a day (ISO 8601), or all, and return how many there were.

        Caches of older schemas are removed too.

        Raises:
            CacheError: The file is not a cache, or cannot be written.
        """
        with self._strict():
            for file in self.outdated():
                file.unlink(missing_ok=True)
            if not self.path.exists():
                return 0
            with self._connection() as connection:
                with connection:
                    removed = connection.execute("DELETE FROM entries WHERE day < ?", (before or "9999",)).rowcount
                    connection.execute("DELETE FROM spaces WHERE key NOT IN (SELECT space FROM entries)")
                self._shrink(connection)
        return removed

    def _shrink(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("VACUUM")
        except sqlite3.OperationalError as error:  # It needs as much room again, and no other writer.
            logger.warning("the entries are removed, but %s keeps its size for now (%s)", self.path, error)

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
        with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, SCHEMA):
                raise sqlite3.DatabaseError(f"its schema is {version}, not {SCHEMA}")
            if version == 0:
                # SQLite waits for no one when it changes the journal, so that two at once would fail.
                with FileLock(f"{self.path}.lock", timeout=PATIENCE):
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.executescript(f"{TABLES} PRAGMA user_version = {SCHEMA};")
            connection.execute("PRAGMA synchronous = NORMAL")
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection to an existing file, also where nothing beside it may be written."""
        with ExitStack() as open_:
            try:
                connection = open_.enter_context(self._connection())
            except (sqlite3.OperationalError, OSError):
                # What another process has not yet moved from its journal into the file is then not seen.
                address = f"{self.path.absolute().as_uri()}?mode=ro&immutable=1"
                connection = open_.enter_context(closing(sqlite3.connect(address, uri=True)))
            yield connection

    @contextmanager
    def _strict(self) -> Iterator[None]:
        try:
            yield
        except UNUSABLE as error:
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
