"""A CSV or Parquet table that names each image's file and generator."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from manifpt.errors import DataError
from manifpt.images.record import ROLES, File, ImageRecord, label

NAMES = ("manifest.csv", "manifest.parquet")
REQUIRED = ("path", "generator")
OPTIONAL = ("family", "role", "latent", "sha256")
Row = dict[str, str | None]


def manifest_in(path: Path) -> Path | None:
    """Return the manifest that a path is or holds; None where there is none."""
    if path.is_file() and path.suffix.lower() in (".csv", ".parquet"):
        return path
    return next((path / name for name in NAMES if (path / name).is_file()), None)


def by_manifest(manifest: Path) -> list[ImageRecord]:
    """Return the images that a manifest names; paths are relative to its folder.

    Raises:
        DataError: It is unreadable, lacks a column, names a file twice or outside its folder, has a short row or an
            unknown role, calls an image real and generated at once, or a generated one a reference.
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


def _csv(manifest: Path) -> Iterable[tuple[int, Row]]:
    try:
        text = manifest.read_text(encoding="utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        columns = list(reader.fieldnames or [])
        _refuse_columns(manifest, columns)
        rows = list(reader)
        _refuse_short(manifest, rows, columns)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{manifest} cannot be read as CSV ({' '.join(str(error).split())})",
            expected="comma-separated UTF-8 with a header line",
            remedy="export it again",
        ) from error
    return enumerate(rows, start=2)


def _parquet(manifest: Path) -> Iterable[tuple[int, Row]]:
    import pyarrow as pa  # noqa: PLC0415  (only Parquet needs Arrow)
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        columns = pq.read_schema(manifest).names
        _refuse_columns(manifest, columns)
        table = pq.read_table(manifest, columns=[name for name in (*REQUIRED, *OPTIONAL) if name in columns])
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{manifest} cannot be read as Parquet ({' '.join(str(error).split())})",
            expected="a Parquet table",
            remedy="write it again",
        ) from error
    rows = [{name: None if value is None else str(value) for name, value in row.items()} for row in table.to_pylist()]
    return enumerate(rows, start=1)


def _refuse_columns(manifest: Path, columns: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise DataError(
            f"{manifest} has no column {' and no column '.join(missing)} (it has {', '.join(columns) or 'none'})",
            expected="the columns path and generator, and optionally family, role, latent, sha256",
            remedy="add the column, or rename one",
        )


def _refuse_short(manifest: Path, rows: list[dict[str, str | None]], columns: list[str]) -> None:
    for number, row in enumerate(rows, start=2):
        cells = sum(row[name] is not None for name in columns)
        if cells < len(columns):
            raise DataError(
                f"row {number} of {manifest} has {cells} cells",
                expected=f"{len(columns)}, as in the header",
                remedy="complete the row",
            )


def _record(manifest: Path, number: int, row: Row) -> ImageRecord:
    path, generator = (row.get("path") or "").strip(), (row.get("generator") or "").strip()
    family, role, latent, sha256 = ((row.get(name) or "").strip() or None for name in OPTIONAL)
    where = f"row {number} of {manifest}"
    if not path or not generator:
        raise DataError(f"{where} has no {'generator' if path else 'path'}", expected="both", remedy="complete the row")
    file, root = manifest.parent / path, manifest.parent.resolve()
    # Without following links: a link inside the folder is the owner's choice, a path that climbs out is not.
    inside = Path(path).is_absolute() is False and ".." not in Path(path).parts
    if not inside:
        raise DataError(
            f"{where} points outside of {root}: {path}",
            expected="a path relative to the manifest's folder and inside it",
            remedy="move the image there, or the manifest up",
        )
    if role is not None and role not in ROLES:
        raise DataError(f"{where} has role {role!r}", expected=f"{', '.join(ROLES)} or nothing", remedy="correct it")
    if sha256 is not None and (len(sha256) != 64 or set(sha256.lower()) - set("0123456789abcdef")):  # noqa: PLR2004
        raise DataError(f"{where} has sha256 {sha256!r}", expected="64 hexadecimal digits", remedy="correct it")
    source = File(file, sha256.lower() if sha256 else None)
    return ImageRecord(file.as_posix(), source, *label(generator, family, role, where=where), role, latent)
