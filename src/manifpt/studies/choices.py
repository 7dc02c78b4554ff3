"""Design choices of generators as a table: read from CSV, laid over each other, and how far apart two designs are."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.errors import DataError, UnknownNameError
from manifpt.registry import suggestion

GENERATOR, SOURCE = "generator", "source"
# What tells generators apart and is no choice of their design.
SETTINGS = ("family", "code_base")


@dataclass(frozen=True, slots=True)
class Choices:
    """What is known of the designs of generators.

    Args:
        names: Names of the choices.
        rows: Of each generator, its value of some choices; what is missing or "" is unknown.

    Example:
        >>> table = Choices(("loss",), {"dcgan": {"loss": "bce"}})
        >>> table.column("loss", ["dcgan", "other"]).tolist()
        ['bce', '']
    """

    names: tuple[str, ...]
    rows: Mapping[str, Mapping[str, str]]

    def column(self, choice: str, generators: Iterable[str]) -> NDArray[np.str_]:
        """Return the value of a choice of each generator, "" where it is unknown.

        Raises:
            UnknownNameError: There is no such choice.
        """
        if choice not in self.names:
            raise UnknownNameError(
                f"{choice!r} is not one of the choices",
                expected=f"one of {', '.join(self.names)}",
                remedy=suggestion(choice, self.names) if self.names else "add a column to --choices",
            )
        return np.array([self.rows.get(name, {}).get(choice, "") for name in generators], np.str_)

    def over(self, other: Choices) -> Choices:
        """Return another table with this one laid over it: what this one knows wins."""
        names = tuple(dict.fromkeys([*other.names, *self.names]))
        rows = {
            generator: {
                **other.rows.get(generator, {}),
                **{choice: value for choice, value in self.rows.get(generator, {}).items() if value},
            }
            for generator in dict.fromkeys([*other.rows, *self.rows])
        }
        return Choices(names, rows)

    def known(self, generators: Sequence[str], choices: Sequence[str]) -> NDArray[np.bool_]:
        """Return of which generators all of some choices are known, (generators,)."""
        found = np.ones(len(generators), bool)
        for choice in choices:
            found &= self.column(choice, generators) != ""
        return found


def design_distances(columns: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Return the share of choices in which each two generators differ, (n, n).

    Gower, A general coefficient of similarity and some of its properties, Biometrics 27(4), 1971, for names.

    Args:
        columns: Values of each choice, (n,) each; all known.

    Example:
        >>> design_distances([["a", "a"], ["x", "y"]]).tolist()
        [[0.0, 0.5], [0.5, 0.0]]
    """
    values = [np.asarray(column) for column in columns]
    return np.asarray(np.mean([column[:, None] != column for column in values], axis=0))


def read_choices(path: str | Path) -> Choices:
    """Return the table of a CSV file: a column ``generator``, and one for each choice.

    A column ``source`` says where the values are from, and is no choice. Empty cells are unknown.

    Raises:
        DataError: The file cannot be read, lacks a column, has one twice, names a generator twice, or has a row of
            another length.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            return parsed(file, where=str(path))
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as CSV ({' '.join(str(error).split())})",
            expected="comma-separated UTF-8 with a header line",
            remedy="check the path, or export it again",
        ) from error


def parsed(file: Iterable[str], *, where: str) -> Choices:
    """Return the table that lines of CSV hold; errors are those of `read_choices`.

    Args:
        file: Its lines, with their ends.
        where: What errors call it.
    """
    lines = ((number, row) for number, row in enumerate(csv.reader(file, strict=True), 1) if any(map(str.strip, row)))
    _, header = next(lines, (1, []))
    columns = [cell.strip() for cell in header]
    _refuse_header(columns, where)
    rows: dict[str, dict[str, str]] = {}
    for number, cells in _cells(lines, columns, where):
        generator = cells.pop(GENERATOR)
        if not generator or generator in rows:
            raise DataError(
                f"row {number} of {where} names {f'{generator!r} again' if generator else 'no generator'}",
                expected="one row for each generator",
                remedy="correct the row",
            )
        cells.pop(SOURCE, None)
        rows[generator] = cells
    return Choices(tuple(name for name in columns if name not in (GENERATOR, SOURCE)), rows)


def _refuse_header(columns: Sequence[str], where: str) -> None:
    twice = next((name for name in columns if columns.count(name) > 1), None)
    choices = [name for name in columns if name not in (GENERATOR, SOURCE)]
    if GENERATOR not in columns or not choices or twice is not None or not all(columns):
        told = ", ".join(columns) or "nothing"
        raise DataError(
            f"the header of {where} is {told[:200]}",
            expected="generator, and one name for each choice, each once",
            remedy="correct the first line",
        )


def _cells(
    lines: Iterable[tuple[int, list[str]]], columns: Sequence[str], where: str
) -> Iterator[tuple[int, dict[str, str]]]:
    for number, row in lines:
        if len(row) < len(columns) or any(cell.strip() for cell in row[len(columns) :]):
            raise DataError(
                f"row {number} of {where} has {len(row)} cells",
                expected=f"{len(columns)}, as in the header",
                remedy="complete the row, or put text that holds a comma in quotes",
            )
        yield number, {name: cell.strip() for name, cell in zip(columns, row, strict=False)}
