"""Edits of a saved model by hand: arrays, classes and headers that no longer fit, with digests that do."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from .mutations import ARRAYS, Arrays, Mutation, described, redescribed, resealed, rewritten


def of_arrays(folder: Path) -> Iterator[Mutation]:
    """Yield arrays of other names, types, shapes and values, resealed.

    Other sound values (weights, distances that stay sorted) make another, consistent model and are left out.
    """

    saved = load_file(folder / ARRAYS)
    for name, array in saved.items():
        rows, flat = array[:-1] if array.ndim else array, array.reshape(-1)
        twice = np.concatenate([array, array[-1:]]) if array.ndim else np.stack([array, array])
        turned = np.ascontiguousarray(np.moveaxis(array, 0, -1)) if array.ndim else array[None]
        shapes = {"shorter": rows, "longer": twice, "flat": flat, "turned": turned, "deeper": array[None]}
        for what, value in {**shapes, "empty": flat[:0]}.items():
            if value.shape != array.shape:
                yield replaced(name, what, value)
        for dtype in ("float16", "float32", "float64", "int8", "uint8", "int64", "bool"):
            if array.dtype != dtype:
                yield replaced(name, f"as {dtype}", array.astype(dtype))
        if array.dtype.kind == "f" and array.size:
            for number in (np.nan, np.inf, -np.inf):
                bad = array.copy()
                bad.reshape(-1)[0] = number
                yield replaced(name, f"with {number}", bad)
        yield Mutation("arrays", f"{name} deleted", partial(rewritten, change=partial(_renamed, name=name, to=None)))
        yield Mutation("arrays", f"{name} renamed", partial(rewritten, change=partial(_renamed, name=name, to="x")))
    for name in ("other", "attributor.other", "extractor.points", "extractor.other", "reference.paths", "../x"):
        if name not in saved:
            yield replaced(name, "added", np.zeros(3, np.float32))
    reals, pixels = saved["real.distances"], saved["reference.pixels"]
    yield replaced("real.distances", "not sorted", reals[::-1])
    yield replaced("real.distances", "negative", reals - 1e6)
    yield replaced("reference.pixels", "others", 255 - pixels)
    yield replaced("reference.pixels", "turned round", pixels[::-1])
    for heat in (0.0, -1.0, 1e-300, 1e300):
        yield replaced("attributor.temperature", f"as {heat}", np.array(heat))
    for sides in ([], [0], [-1], [3, 8], [3, 8, 9], [2**40, 2**40], [2**62, 4], [1] * 60):
        yield replaced("attributor.shape", f"as {sides[:4]}", np.array(sides, np.int64))


def replaced(name: str, what: str, value: NDArray[Any]) -> Mutation:
    """Return the mutation that puts another array under a name."""
    return Mutation("arrays", f"{name} {what}", partial(rewritten, change=lambda arrays: arrays.update({name: value})))


def _renamed(arrays: Arrays, name: str, to: str | None) -> None:
    value = arrays.pop(name)
    if to is not None:
        arrays[name + to] = value


def of_classes(folder: Path) -> Iterator[Mutation]:
    """Yield lists of classes that do not fit: in the description, in the attributor, and alike in both."""
    names = described(folder)["classes"]
    lists: dict[str, Any] = {
        "permuted": [*names[1:], names[0]],
        "reversed": names[::-1],
        "doubled": [names[0], *names[:-1]],
        "shortened": names[:-1],
        "longer": [*names, "zzz"],
        "one": names[:1],
        "empty": [],
        "numbers": list(range(len(names))),
        "nested": [[name] for name in names],
        "text": "".join(names),
        "object": dict.fromkeys(names, 1),
    }

    for what, value in {**lists, "renamed": ["a", *names[1:]]}.items():
        yield Mutation("classes", f"{what} in the description", partial(redescribed, classes=value))
        yield Mutation("classes", f"{what} in the attributor", partial(_named, text=json.dumps(value).encode()))
    for what, value in lists.items():
        both = partial(_named, text=json.dumps(value).encode(), classes=value)
        yield Mutation("classes", f"{what} in both", both)
    for text in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null"):
        yield Mutation("classes", f"{text[:4]!r} in the attributor", partial(_named, text=text))


def _named(folder: Path, text: bytes, **fields: Any) -> None:
    rewritten(folder, lambda arrays: arrays.update({"attributor.classes": np.frombuffer(text, np.uint8)}))
    if fields:
        redescribed(folder, **fields)


def of_headers(folder: Path) -> Iterator[Mutation]:
    """Yield safetensors headers that lie, resealed."""
    content = (folder / ARRAYS).read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header, body = json.loads(content[8 : 8 + size]), content[8 + size :]

    def written(head: bytes, body: bytes = body, size: int | None = None) -> Callable[[Path], None]:
        def apply(folder: Path) -> None:
            length = struct.pack("<Q", len(head) if size is None else size)
            (folder / ARRAYS).write_bytes(length + head + body)
            resealed(folder)

        return apply

    plain = json.dumps(header).encode()
    for length in (0, 1, size + 1, 2**30, 2**40, 2**63, 2**64 - 1):
        yield Mutation("header", f"of {length} bytes", written(plain, size=length))
    for what, head in {
        "empty": b"", "no JSON": b"\xff" * 64, "list": b"[]", "null": b"null", "object": b"{}",
        "deep": b'{"a":' * 10_000, "doubled": plain[:-1] + b"," + plain[1:],
    }.items():  # fmt: skip
        yield Mutation("header", what, written(head))
    for name in [name for name in header if name != "__metadata__"][:6]:
        for key, value in {
            "dtype": "F8_E4M3", "shape": [2**60], "data_offsets": [0, 2**40],
        }.items():  # fmt: skip
            other = header | {name: header[name] | {key: value}}
            yield Mutation("header", f"{name} {key}", written(json.dumps(other).encode()))
        for key, value in {"dtype": "BF16", "shape": [-1], "data_offsets": [8, 0]}.items():
            other = header | {name: header[name] | {key: value}}
            yield Mutation("header", f"{name} {key} {value}", written(json.dumps(other).encode()))
    yield Mutation("header", "more bytes after it", written(plain, body + b"\0" * 64))
    yield Mutation("header", "fewer bytes after it", written(plain, body[:-1]))
