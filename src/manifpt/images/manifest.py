"""A CSV or Parquet table that names each image's file and generator."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from manifpt.errors import DataError
from manifpt.images.record import ROLES, File, ImageRecord, label

NAMES = ("manifest.csv", "manifest.parquet")
REQUIRED = ("path", "generator")
OPTIONAL = ("family", "role", "latent", "sha256")
SHOWN = 200  # letters of a list of columns
Row = dict[str, str | None]


def manifest_in(path: Path) -> Path | None:
    """Return the manifest that a path is or holds; None where there is none."""
    if path.is_file() and path.suffix.lower() in (".csv", ".parquet"):
        return path
    return next((path / name for name in NAMES if (path / name).is_file()), None)


def by_manifest(manifest: Path) -> list[ImageRecord]:
    """Return the images that a manifest names; paths are relative to its folder.

    Links below the folder are followed: they are the owner's choice, as in a folder of images.

    Raises:
        DataError: It is unreadable, lacks a column or has one twice, names a file twice or outside its folder, has a
            short or long row or an unknown role, calls an image real and generated at once, or a generated one a
            reference.
    """
    rows = _parquet(manifest) if manifest.suffix.lower() == ".parquet" else _csv(manifest)
    records = [_record(manifest, number, row) for number, row in rows]
    twice = [path for path, count in Counter(record.path for record in records).items() if count > 1]
    if twice:
        raise DataError(
            f"{manifest} names {twice[0]} more than once ({len(twice)} such files)",
            expected="one row per image",
            remedy="remove the repeated rows",
        )
    return records


def _csv(manifest: Path) -> Iterator[tuple[int, Row]]:
    try:
        # Line ends stay as they are: inside quotes they belong to the name of a file.
        with manifest.open(encoding="utf-8-sig", newline="") as file:
            rows = enumerate(csv.reader(file, strict=True), start=1)
            columns = next((cells for _, cells in rows if cells), [])
            _refuse_columns(manifest, columns)
            yield from ((number, _row(manifest, number, columns, cells)) for number, cells in rows if cells)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{manifest} cannot be read as CSV ({' '.join(str(error).split())})",
            expected="comma-separated UTF-8 with a header line",
            remedy="export it again",
        ) from error


def _row(manifest: Path, number: int, columns: list[str], cells: list[str]) -> Row:
    # Spreadsheets end rows in empty cells; more text than columns is a comma without quotes, and shifts the rest.
    if len(cells) < len(columns) or any(cell.strip() for cell in cells[len(columns) :]):
        raise DataError(
            f"row {number} of {manifest} has {len(cells)} cells",
            expected=f"{len(columns)}, as in the header",
            remedy="complete the row" if len(cells) < len(columns) else "put text that holds a comma in quotes",
        )
    return dict(zip(columns, cells, strict=False))


def _parquet(manifest: Path) -> Iterator[tuple[int, Row]]:
    import pyarrow.parquet as pq  # noqa: PLC0415  (only Parquet needs Arrow)

    try:
        with pq.ParquetFile(manifest) as table:
            columns = table.schema_arrow.names
            _refuse_columns(manifest, columns)
            known = [name for name in (*REQUIRED, *OPTIONAL) if name in columns]
            found = table.read(columns=known, use_threads=False)
            texts = [_texts(manifest, name, found.column(name)) for name in known]
    except DataError:
        raise
    except Exception as error:  # Arrow raises whatever a damaged file leads it into.
        raise DataError(
            f"{manifest} cannot be read as Parquet ({type(error).__name__}: {' '.join(str(error).split())[:200]})",
            expected="a Parquet table",
            remedy="write it again",
        ) from error
    yield from enumerate((dict(zip(known, row, strict=True)) for row in zip(*texts, strict=True)), start=1)


def _texts(manifest: Path, name: str, column: Any) -> list[str | None]:
    import pyarrow as pa  # noqa: PLC0415  (only Parquet needs Arrow)

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    signs = ("is_string", "is_large_string", "is_binary", "is_large_binary", "is_integer", "is_floating", "is_null")
    if not any(getattr(pa.types, sign)(kind) for sign in signs):
        raise DataError(
            f"the column {name} of {manifest} has the type {kind}", expected="text or numbers", remedy="convert it"
        )
    return [_text(value) for value in column.to_pylist()]


def _text(value: Any) -> str | None:
    # Missing numbers are NaN where a table comes from NumPy, and make whole ones floats.
    if value is None or value != value:  # noqa: PLR0124
        return None
    if isinstance(value, bytes):
        return value.decode()
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _refuse_columns(manifest: Path, columns: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise DataError(
            f"{manifest} has no column {' and no column '.join(missing)} (it has {_listed(columns)})",
            expected="the columns path and generator, and optionally family, role, latent, sha256",
            remedy="add the column, or rename one",
        )
    twice = [name for name in (*REQUIRED, *OPTIONAL) if columns.count(name) > 1]
    if twice:
        raise DataError(
            f"{manifest} has {columns.count(twice[0])} columns {twice[0]}",
            expected="each column once",
            remedy="rename or remove one",
        )


def _listed(columns: list[str]) -> str:
    text = ", ".join(columns) or "none"
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _record(manifest: Path, number: int, row: Row) -> ImageRecord:
    written, generator = row.get("path") or "", (row.get("generator") or "").strip()
    family, role, latent, sha256 = ((row.get(name) or "").strip() or None for name in OPTIONAL)
    where = f"row {number} of {manifest}"
    path = written.strip()
    if not path or not generator:
        raise DataError(f"{where} has no {'generator' if path else 'path'}", expected="both", remedy="complete the row")
    # Without following links: a link inside the folder is the owner's choice, a path that climbs out is not.
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise DataError(
            f"{where} points outside of {manifest.parent.resolve()}: {path}",
            expected="a path relative to the manifest's folder and inside it",
            remedy="move the image there, or the manifest up",
        )
    file = manifest.parent / path
    # Blanks around a path are a typist's, unless a file has them in its name.
    if written != path and "\0" not in written and os.path.lexists(manifest.parent / written):
        file = manifest.parent / written
    if role is not None and role not in ROLES:
        raise DataError(f"{where} has role {role!r}", expected=f"{', '.join(ROLES)} or nothing", remedy="correct it")
    if sha256 is not None and (len(sha256) != 64 or set(sha256.lower()) - set("0123456789abcdef")):  # noqa: PLR2004
        raise DataError(f"{where} has sha256 {sha256!r}", expected="64 hexadecimal digits", remedy="correct it")
    source = File(file, sha256.lower() if sha256 else None)
    return ImageRecord(file.as_posix(), source, *label(generator, family, role, where=where), role, latent)
