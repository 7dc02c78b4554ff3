"""What a page of a report consists of, before it is HTML: nothing here knows where the numbers come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

# A slash that begins a path from the root of a machine, and all of it but the last part.
ABSOLUTE = re.compile(r"(?<![\w.…<])/(?:[^/\s]+/)+(?=[^/\s])")
NONE, MINUS = "–", "−"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Args:
        text: What is shown.
        value: What is sorted by; None for the text, or, in a column of numbers, for a number that is missing.
    """

    text: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Args:
        heading: What stands above it.
        numeric: Whether it holds numbers.
        prose: Whether it holds sentences, which need room.
    """

    heading: str
    numeric: bool = True
    prose: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first cell of each row names the row.

    Args:
        caption: What it shows.
        columns: Its columns.
        rows: Its cells.
        sortable: Whether rows can be put in another order.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    sortable: bool = True


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that the page carries in itself.

    Args:
        source: A data URI.
        alt: What it shows, for who cannot see it.
        caption: A few words below it.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
    """

    source: str
    alt: str
    caption: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A share with its interval, beside what guessing reaches, from 0 to 1."""

    label: str
    value: float
    low: float
    high: float
    chance: float


@dataclass(frozen=True, slots=True)
class Card:
    """What was found about one image.

    Args:
        title: The image.
        why: Why it is shown.
        mark: "right", "wrong" or nothing.
        pictures: The image and what it is compared with.
        facts: Names and what belongs to them.
        notes: What may weaken the answer.
    """

    title: str
    why: str
    mark: str
    pictures: tuple[Picture, ...]
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with a heading."""

    title: str
    text: tuple[str, ...] = ()
    bars: tuple[Bar, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Picture, ...] = ()
    cards: tuple[Card, ...] = ()
    points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report.

    Args:
        title: The question.
        subject: What it was asked about.
        verdict: The result in plain words, the most important sentence first.
        warnings: What a reader must know before any number.
        sections: What follows.
        version: Of manifpt.
    """

    title: str
    subject: str
    verdict: tuple[str, ...]
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    version: str


def without_places(text: str) -> str:
    """Return text in which paths from a machine's root are cut to their last part.

    Example:
        >>> without_places("cannot read /home/me/weights/sl.safetensors")
        'cannot read …/sl.safetensors'
    """
    return ABSOLUTE.sub("…/", text)


def told_command(words: list[str]) -> str:
    """Return a command as it can be typed, without the folders of one machine.

    Example:
        >>> told_command(["manifpt", "fit", "/home/me/my images", "--out=/tmp/x/m"])
        "manifpt fit '…/my images' --out=…/m"
    """
    import shlex  # noqa: PLC0415  (loads only for a report)

    shown = [f"…/{PurePath(word).name}" if word.startswith("/") else without_places(word) for word in words]
    return " ".join(word if re.fullmatch(r"[\w…/.,:=@%+-]+", word) else shlex.quote(word) for word in shown)


def percent(share: float, *, digits: int = 1) -> str:
    r"""Return a share in per cent, on one line.

    Example:
        >>> percent(0.8731), percent(-0.012)
        ('87.3\xa0%', '−1.2\xa0%')
    """
    return f"{100 * share:.{digits}f}\xa0%".replace("-", MINUS)


def number(value: float, *, digits: int = 3) -> str:
    """Return a number with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", MINUS)
