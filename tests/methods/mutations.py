"""Ways in which a model folder can be damaged, changed by hand, or forged; all of them seeded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from manifpt.methods.description import sealed

Arrays = dict[str, NDArray[Any]]
DESCRIPTION, ARRAYS = "model.json", "model.safetensors"
DELETED, DOUBLED = object(), object()
VALUES = (
    DELETED, DOUBLED, None, True, "", "other", -1, 0, 0.5, 3, 10**9, 10**30, -(10**400), "NaN", "Infinity", "1e999",
    [], [[]], {}, {"name": "rgb"}, "../../etc/passwd", "a\nb\x1b[2J", "\ud800", "0" * 64,
)  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """One change of a model folder.

    Args:
        kind: What sort of change.
        name: Which one.
        apply: Makes it.
        harmless: Whether the folder must still load, because nothing that matters was changed.
    """

    kind: str
    name: str
    apply: Callable[[Path], None]
    harmless: bool = False

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


def described(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text())
    return content


def resealed(folder: Path, description: dict[str, Any] | None = None) -> None:
    """Record the digests of the files as they are now, as somebody might who edits a model by hand."""
    content = dict(described(folder) if description is None else description)
    content.pop("digest", None)
    files = content.get("files")
    if isinstance(files, dict):
        content["files"] = {name: _digest(folder / name, known) for name, known in files.items()}
    (folder / DESCRIPTION).write_text(json.dumps(sealed(content)))


def _digest(path: Path, known: Any) -> Any:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else known


def rewritten(folder: Path, change: Callable[[Arrays], object]) -> None:
    """Change the arrays, and reseal."""
    arrays = load_file(folder / ARRAYS)
    change(arrays)
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / ARRAYS)
    resealed(folder)


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of each value below an object of JSON; of long lists the first and last."""
    if isinstance(value, dict):
        keys: list[Any] = list(value)
    else:
        keys = sorted({0, len(value) - 1}) if isinstance(value, list) and value else []
    for key in keys:
        yield (*above, key)
        yield from places(value[key], (*above, key))


def changed(description: dict[str, Any], place: tuple[Any, ...], value: object) -> None:
    within: Any = description
    for key in place[:-1]:
        within = within[key]
    if value is DELETED:
        del within[place[-1]]
    elif value is DOUBLED and isinstance(within, list):
        within.append(within[place[-1]])
    elif value is DOUBLED:
        within[f"{place[-1]} "] = within[place[-1]]
    else:
        within[place[-1]] = value


def of_bytes(folder: Path, seed: int, each: int) -> Iterator[Mutation]:
    """Yield flipped, removed and inserted bytes, and truncations, of every file."""
    rng = np.random.default_rng(seed)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name, size = path.relative_to(folder).as_posix(), path.stat().st_size
        for number in range(each):
            # The first bytes say what follows, and deserve more than chance.
            start = int(rng.integers(size if number % 3 else min(size, 64)))
            length, value = int(rng.integers(1, 9)), int(rng.integers(1, 256))

            def flip(folder: Path, name: str = name, start: int = start, value: int = value) -> None:
                content = bytearray((folder / name).read_bytes())
                content[start] ^= value
                (folder / name).write_bytes(content)

            def remove(folder: Path, name: str = name, start: int = start, length: int = length) -> None:
                content = (folder / name).read_bytes()
                (folder / name).write_bytes(content[:start] + content[start + length :])

            def insert(folder: Path, name: str = name, start: int = start, value: int = value) -> None:
                content = (folder / name).read_bytes()
                (folder / name).write_bytes(content[:start] + bytes([value]) + content[start:])

            def truncate(folder: Path, name: str = name, start: int = start) -> None:
                (folder / name).write_bytes((folder / name).read_bytes()[:start])

            for change in (flip, remove, insert, truncate):
                yield Mutation(f"bytes: {change.__name__}", f"{name} at {start}", change)
        yield Mutation("bytes: empty", name, partial(_replaced, content=b"", name=name))


def of_fields(folder: Path, *, seals: bool) -> Iterator[Mutation]:
    """Yield every field of the description deleted, doubled, and with values of other types."""
    for place in places({key: value for key, value in described(folder).items() if key != "digest"}):
        if place[0] == "reference" and place[-1] != "digest" and len(place) > 2:
            continue  # Another path of a reference makes another, consistent model.
        for value in VALUES:

            def apply(folder: Path, place: tuple[Any, ...] = place, value: object = value) -> None:
                description = described(folder)
                changed(description, place, value)
                if seals:
                    resealed(folder, description)
                else:
                    (folder / DESCRIPTION).write_text(json.dumps(description))

            what = "deleted" if value is DELETED else "doubled" if value is DOUBLED else repr(value)[:20]
            yield Mutation(f"{'resealed ' * seals}fields", f"{'.'.join(map(str, place))} {what}", apply)


def of_text(folder: Path) -> Iterator[Mutation]:
    """Yield descriptions of other encodings, layouts and depths, and JSON that is none."""
    text = (folder / DESCRIPTION).read_text()
    content = json.loads(text)
    same = {
        "without line breaks": json.dumps(content),
        "sorted": json.dumps(content, sort_keys=True, indent=4),
        "with CRLF": text.replace("\n", "\r\n"),
        "with raw letters": json.dumps(content, ensure_ascii=False),
        "with blanks around": f"\n \t{text}\n\n",
    }
    other = {
        "with a byte order mark": b"\xef\xbb\xbf" + text.encode(),
        "UTF-16": text.encode("utf-16"),
        "UTF-16 without a mark": text.encode("utf-16-le"),
        "UTF-32": text.encode("utf-32"),
        "Latin-1": json.dumps(content | {"written": "Zürich"}, ensure_ascii=False).encode("latin-1"),
        "NUL bytes": text.encode() + b"\0" * 8,
        "a comment": b"// ours\n" + text.encode(),
        "trailing comma": text.rstrip()[:-1].encode() + b",}",
        "two documents": text.encode() * 2,
        "null": b"null",
        "list": b"[]",
        "number": b"17",
        "empty": b"",
        "blank": b" \n",
        "deep lists": b"[" * 100_000 + b"]" * 100_000,
        "deep lists in a field": text.replace(
            '"written": ', '"written": ' + "[" * 50_000 + "]" * 50_000 + ', "again": '
        ).encode(),
        "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "deep and open": b"[" * 1_000_000,
        "many digits": text.replace('"schema": 2', '"schema": ' + "2" * 5000).encode(),
        "two schemas": text.replace('"schema": 2', '"schema": 1,\n "schema": 2').encode(),
        "height of digits": text.replace('"height": ', '"height": 1').encode(),
        "a height with a point": text.replace('"height": 8', '"height": 8.0').encode(),
        "a NaN": text.replace('"height": 8', '"height": NaN').encode(),
        "doubled classes": text.replace('"classes": ', '"classes": ["a", "b"], "classes": ').encode(),
        "doubled digest": text.replace('"digest": ', '"digest": "", "digest": ').encode(),
        "no digest": json.dumps({key: value for key, value in content.items() if key != "digest"}).encode(),
    }
    for name, value in same.items():
        yield Mutation("text", name, partial(_replaced, content=value.encode()), harmless=True)
    for name, wrong in other.items():
        yield Mutation("text", name, partial(_replaced, content=wrong))
    for schema in (0, 1, 3, 99, -1, 2.0, "2", True, None, [2], {}, 10**30):
        yield Mutation("schema", repr(schema), partial(redescribed, schema=schema))


def _replaced(folder: Path, content: bytes, name: str = DESCRIPTION) -> None:
    (folder / name).write_bytes(content)


def redescribed(folder: Path, **fields: Any) -> None:
    """Change fields of the description, and reseal."""
    resealed(folder, described(folder) | fields)
