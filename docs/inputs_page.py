"""Write docs/inputs.md from the tests' table: ``python docs/inputs_page.py``; a test holds the page to it."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "images"))
from corpus import ODD, Answer, Odd  # noqa: E402  (found through the path above)

HEAD = """# Odd files

What happens to a file that is not simply a sound image of the right size. This page is written by
`python docs/inputs_page.py` from the table that the tests run through: each file below is made, put beside sound
images, opened as a set and given to `attribute`, and has exactly this answer.

- **A file is what its bytes say.** Its ending only decides whether it is looked at inside a folder.
- **Pixels become 8-bit RGB**, upright by EXIF. What is lost or changed on the way is noted, with the answer and with
  the set. Nothing is resized or cropped unless you say so.
- **One bad file never stops the others.** A set skips it, with its path and the reason (`--strict` stops instead);
  `attribute` prints an error in its place and ends with exit status 3. Only images of different sizes stop a set.
- **Sets read each image twice**: once to know its content, and again when it is used. An image that changes in between
  is an error. `attribute` reads each file once, and gives the SHA-256 of the bytes that it saw.
- **Limits**: files of 192 MiB; 64 megapixels (WebP, TIFF, AVIF and progressive JPEG: 32; JPEG 2000: 16; PPM as text:
  2); 1,000,000 parts that a decoder has to go through; 1 MiB of EXIF data. They are checked before pixels are decoded,
  and large images are decoded one after the other, so that `attribute` stays below a gigabyte of memory and no image
  takes more than ten seconds.
- **Only plain files are opened**; pipes, sockets and devices are not, and links to folders are not followed.

In messages, FILE stands for the path and … for words that depend on the file. The sound images have 16 × 16 pixels.
"""
SAME = {"skipped": "failed", "read": "read"}
SHOWN = {
    "read": "read",
    "skipped": "skipped",
    "failed": "error",
    "error": "whole set refused",
    "left out": "not looked at",
}


def page() -> str:
    """Return the page."""
    return HEAD + "".join(_section(theme, list(rows)) for theme, rows in groupby(ODD, lambda row: row.theme))


def _section(theme: str, rows: list[Odd]) -> str:
    lines = ["| file | opening a set | `attribute` |", "|---|---|---|", *map(_row, rows)]
    return f"\n## {theme}\n\n" + "\n".join(lines) + "\n"


def _row(row: Odd) -> str:
    alike = row.attribute == Answer(SAME.get(row.opening.how, ""), row.opening.texts)  # type: ignore[arg-type]
    words = "the same, as an error" if row.opening.how == "skipped" else "read, with the same note"
    brief = row.opening.texts and alike
    return f"| {row.words} | {_answer(row.opening)} | {words if brief else _answer(row.attribute)} |"


def _answer(answer: Answer) -> str:
    between = ", with the note " if answer.how == "read" else ": "
    return between.join([SHOWN[answer.how], *filter(None, ["; ".join(answer.texts)])])


if __name__ == "__main__":
    (Path(__file__).parent / "inputs.md").write_text(page(), encoding="utf-8")
