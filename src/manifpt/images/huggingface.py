"""Hugging Face data sets on disk: a saved data set, or Parquet files with embedded images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from manifpt.errors import DataError, ImageError
from manifpt.images.decoding import DecodedImage, decoded
from manifpt.images.parquet import Cell, ImageColumn, class_names, image_column
from manifpt.images.preparation import AS_IS, Preparation
from manifpt.images.record import ROLES, ImageRecord, label

LABELS = ("generator", "label", "labels", "model")
COLUMNS = ("family", "role", "latent")


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """An image in one row of a table that stays on disk.

    Args:
        cell: Returns the bytes and the path of a row's image.
        row: Which row.
    """

    cell: Callable[[int], Cell]
    row: int

    def read(self, name: str, preparation: Preparation = AS_IS) -> DecodedImage:
        """Return the decoded and prepared image."""
        content, path = self.cell(self.row)
        if content is None and path is None:
            raise ImageError(f"{name} holds no image", expected="an image's bytes or path", remedy="remove the row")
        return decoded(cast(str, path) if content is None else content, name=name, preparation=preparation)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table of images.

    Args:
        cell: Returns the bytes and the path of a row's image.
        label: Name of the column of generators.
        columns: Values of that column and of those of ``COLUMNS`` that there are.
        classes: What integer labels stand for; None where labels are names.
    """

    cell: Callable[[int], Cell]
    label: str
    columns: dict[str, list[Any]]
    classes: list[str] | None


def is_dataset(path: Path) -> bool:
    """Return whether a path is a saved data set, or Parquet with embedded images."""
    if path.is_dir() and ((path / "dataset_info.json").is_file() or (path / "dataset_dict.json").is_file()):
        return True
    return any(_has_images(file) for file in parquet_files(path)[:1])


def parquet_files(path: Path) -> list[Path]:
    """Return the Parquet files that a path is or holds."""
    if path.is_file():
        return [path] if path.suffix.lower() == ".parquet" else []
    found = (*path.glob("*.parquet"), *path.glob("data/*.parquet"))
    return sorted(file for file in found if file.name != "manifest.parquet")


def by_dataset(path: Path) -> list[ImageRecord]:
    """Return the images of a data set; nothing is decoded, and tables stay on disk.

    Raises:
        DataError: It is unreadable, or has no image or label column.
    """
    try:
        tables = {str(file): _parquet(file) for file in parquet_files(path)} or _saved(path)
    except DataError:
        raise
    except Exception as error:  # The libraries raise whatever their readers meet.
        raise DataError(
            f"{path} cannot be read as a data set ({type(error).__name__}: {' '.join(str(error).split())[:200]})",
            expected="what datasets' save_to_disk or to_parquet writes",
            remedy="write it again",
        ) from error
    return [record for name, table in tables.items() for record in _records(name, table)]


def _has_images(file: Path) -> bool:
    import pyarrow.parquet as pq  # noqa: PLC0415  (only Parquet needs Arrow)

    try:
        return image_column(pq.read_schema(file)) is not None
    except Exception:  # Arrow raises whatever a damaged file leads it into; whoever reads it next says so.
        return False


def _parquet(file: Path) -> Table:
    import pyarrow.parquet as pq  # noqa: PLC0415

    # Read directly: datasets would copy the file to the user's cache, with bars on the terminal.
    schema = pq.read_schema(file)
    images, names = _columns(str(file), image_column(schema), schema.names)
    values = pq.read_table(file, columns=names).to_pydict()
    return Table(ImageColumn(file, images).cell, names[0], values, class_names(schema, names[0]))


def _saved(path: Path) -> dict[str, Table]:
    from datasets import DatasetDict, load_from_disk  # noqa: PLC0415  (slow to import)

    found = load_from_disk(str(path))
    parts = {f"{path}/{name}": part for name, part in found.items()} if isinstance(found, DatasetDict) else None
    return {name: _part(name, part) for name, part in (parts or {str(path): found}).items()}


def _part(name: str, part: Any) -> Table:
    from datasets import Image  # noqa: PLC0415

    features = part.features
    found = next((key for key, kind in features.items() if isinstance(kind, Image) or _is_struct(kind)), None)
    images, names = _columns(name, found, list(features))
    plain = part.cast_column(images, Image(decode=False)) if isinstance(features[images], Image) else part

    def cell(row: int) -> Cell:
        content = plain[row][images] or {}
        return content.get("bytes"), content.get("path")

    values = {column: list(part[column]) for column in names}
    return Table(cell, names[0], values, getattr(features[names[0]], "names", None))


def _columns(name: str, images: str | None, columns: list[str]) -> tuple[str, list[str]]:
    """Return the column of images, and those of labels and of what else is known; labels first."""
    labels = next((column for column in LABELS if column in columns), None)
    if images is None or labels is None:
        raise DataError(
            f"{name} has the columns {', '.join(columns)}",
            expected="an image column and a column generator or label",
            remedy="rename the columns",
        )
    return images, [labels, *(column for column in COLUMNS if column in columns)]


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, dict) and "bytes" in kind


def _records(name: str, table: Table) -> list[ImageRecord]:
    return [
        _record(name, table, row, {key: values[row] for key, values in table.columns.items()})
        for row in range(len(table.columns[table.label]))
    ]


def _record(name: str, table: Table, row: int, values: dict[str, Any]) -> ImageRecord:
    where = f"{name}[{row}]"
    family, role, latent = (None if values.get(key) in (None, "") else str(values[key]) for key in COLUMNS)
    if role is not None and role not in ROLES:
        raise DataError(f"{name} has the role {role!r}", expected=f"{', '.join(ROLES)} or nothing", remedy="correct it")
    generator, family = label(_generator(where, table, values[table.label]), family, role, where=where)
    return ImageRecord(where, Embedded(table.cell, row), generator, family, role, latent)


def _generator(where: str, table: Table, value: Any) -> str:
    # −1 is how data sets write that a class is not known.
    if value in (None, "", -1) or (table.classes is not None and not 0 <= value < len(table.classes)):
        raise DataError(
            f"{where} has no generator", expected="a generator for each row", remedy="complete or remove the row"
        )
    return str(value) if table.classes is None else table.classes[value]
