"""Tables that name images, what they mean by the documentation, and hostile changes of them."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = ("path", "generator", "family", "role", "latent", "sha256")
ROLES = ("", "reference", "train", "validation", "test")
Cells = list[str]
Table = list[Cells]
Known = tuple[str, str, str, str, str]

HOSTILE = (
    "", " ", "\t", "real", "REAL", "0_real", "wgan", " wgan ", "reference", "Reference", "train", "test ", "holdout",
    "gan", "a/0.png", "./a/0.png", "a//1.png", "a/./1.png", " a/1.png", "../secret.png", "a/../a/0.png", "/etc/passwd",
    "..", ".", "a", "link.png", "loop.png", "missing.png", "text.png", "~", "C:\\x.png", "a\\0.png", "file:a/0.png",
    "*.png", "a/\0.png", "é.png", "e\u0301.png", "x" * 300, "x" * 200_000, "a\nb", "a\r\nb", '"', "'", ",", ";", "=1+1",
    "=cmd|' /C calc'!A0", "@SUM(1)", "-1", "[red]x[/red]", "[/]", "\x1b[31mx", "\u202ex", "<b>x</b>", "\\input{x}",
    "$x$", "nan", "None", "null", "0", "1e999", "0" * 64, "F" * 64, "g" * 64, "\ufeff", "\u2028", "\ud7ff", "😀",
)  # fmt: skip


def table(root: Path) -> Table:
    sha256 = hashlib.sha256((root / "a/0.png").read_bytes()).hexdigest()
    return [
        [*COLUMNS],
        ["a/0.png", "wgan", "gan", "train", "7", sha256],
        ["a/1.png", "wgan", "gan", "", "8", ""],
        ["a/2.png", "ddpm", "score", "test", "", ""],
        ["b/0.png", "real", "real", "reference", "", ""],
        ["b/1.png", "real", "", "", "", ""],
    ]


def truth(root: Path, cells: Table) -> list[Known] | None:
    """Return what a table means by the documentation, written anew: None where it is an error."""
    header, *rows = cells
    if any(header.count(name) > 1 for name in COLUMNS) or not {"path", "generator"} <= set(header):
        return None
    found: list[Known] = []
    named: set[str] = set()
    for row in rows:
        known = {name: row[header.index(name)].strip() if name in header else "" for name in COLUMNS}
        path, role, sha256 = known["path"], known["role"], known["sha256"].lower()
        parts = [part for part in path.split("/") if part not in ("", ".")]
        real = [name.lower() in ("real", "0_real") for name in (known["generator"], known["family"])]
        wrong = (
            not path or not known["generator"] or path.startswith("/") or ".." in parts or role not in ROLES
            or (sha256 and (len(sha256) != 64 or any(letter not in "0123456789abcdef" for letter in sha256)))
            or (real[0] != real[1] and bool(known["family"])) or (role == "reference" and not real[0])
            or "/".join(parts) in named
        )  # fmt: skip
        if wrong:
            return None
        named.add("/".join(parts))
        readable = _readable(root / "/".join(parts))
        if readable and (not sha256 or hashlib.sha256(readable).hexdigest() == sha256):
            generator, family = ("real", "real") if real[0] else (known["generator"], known["family"])
            found.append(("/".join(parts), generator, family, role, known["latent"]))
    return found or None


def _readable(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except (OSError, ValueError):
        return b""
    return content if content.startswith(b"\x89PNG") else b""


def written(cells: Table, **dialect: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, **dialect).writerows(cells)
    return text.getvalue().encode("utf-8", "surrogatepass")


def of_cells(root: Path, seed: int, count: int) -> Iterator[tuple[str, Table]]:
    """Yield tables with one or two hostile cells, and with rows and columns removed, doubled and moved."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        cells = [list(row) for row in table(root)]
        for _ in range(1 + number % 2):
            row, column = int(rng.integers(1, len(cells))), int(rng.integers(len(COLUMNS)))
            cells[row][column] = HOSTILE[int(rng.integers(len(HOSTILE)))]
        yield f"cells {number}", cells
    for value in HOSTILE:
        for column in range(3):
            cells = table(root)
            cells[2][column] = value
            yield f"{COLUMNS[column]} {value[:20]!r}", cells
    for column, name in enumerate(COLUMNS):
        yield f"no {name}", [row[:column] + row[column + 1 :] for row in table(root)]
        yield f"two {name}", [[*row, row[column]] for row in table(root)]
        yield f"{name} first", [[row[column], *row[:column], *row[column + 1 :]] for row in table(root)]
        for other in (name.upper(), f" {name}", f"{name}s", ""):
            yield f"{name} called {other!r}", [[*COLUMNS[:column], other, *COLUMNS[column + 1 :]], *table(root)[1:]]
    base = table(root)
    other = ["a/0.png", "ddpm", "score", "", "", ""]
    yield from {
        "a row twice": [*base, base[1]],
        "a path under two generators": [*base, other],
        "a path in two roles": [*base, [*base[1][:3], "test", *base[1][4:]]],
        "only a header": base[:1],
        "no row at all": [[""]],
        "rows in another order": [base[0], *base[:0:-1]],
        "another column": [[*row, "note"] for row in base],
        "a hundred other columns": [[*row, *[f"note{column}" for column in range(100)]] for row in base],
        "a column without a name": [[*base[0], ""], *[[*row, "x"] for row in base[1:]]],
        "hostile names of columns": [[*base[0], "=1+1", "[red]"], *[[*row, "x", "y"] for row in base[1:]]],
    }.items()
