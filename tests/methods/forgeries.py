"""Files that do not belong into a model folder: pickles, links, pipes."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import pickle
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from manifpt.methods.description import sealed

from .mutations import ARRAYS, DESCRIPTION, Mutation, described, resealed


class Payload:
    """Makes a file when a pickle of it is opened."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.sentinel),))


def pickles(sentinel: Path) -> dict[str, bytes]:
    """Return files by name that would make a folder if any of them were unpickled."""
    payload = Payload(sentinel)
    modern, old = pickle.dumps(payload, 4), pickle.dumps(payload, 0)
    archive, legacy, array, arrays = (io.BytesIO() for _ in range(4))
    torch.save(payload, archive)
    torch.save(payload, legacy, _use_new_zipfile_serialization=False)
    objects = np.array([payload, payload], dtype=object)
    np.save(array, objects, allow_pickle=True)
    np.savez(arrays, images=objects, generators=objects)
    suffixes = ("pkl", "pickle", "joblib", "pt", "pth", "bin", "ckpt", "txt", "json", "dat")
    found = {f"x.{suffix}": modern for suffix in suffixes}
    found |= {f"protocol{version}.md": pickle.dumps(payload, version) for version in range(6)}
    found |= {"torch.pt": archive.getvalue(), "torch.dat": archive.getvalue(), "legacy.dat": legacy.getvalue()}
    found |= {"objects.npy": array.getvalue(), "objects.npz": arrays.getvalue(), "old": old, "README": modern}
    found |= {"a.gz": gzip.compress(modern), "a.z": zlib.compress(modern), "a.bz2": bz2.compress(modern)}
    found |= {"a.xz": lzma.compress(modern), "model.safetensors.old": modern, "weights/pytorch_model.bin": modern}
    return found


def of_pickles(sentinel: Path) -> Iterator[Mutation]:
    """Yield folders with a pickle beside the model, and in the place of its files."""

    def beside(folder: Path, name: str, content: bytes) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)

    def listed(folder: Path, name: str, content: bytes) -> None:
        beside(folder, name, content)
        description = described(folder)
        description["files"][name] = ""
        resealed(folder, description)

    def instead(folder: Path, content: bytes, name: str) -> None:
        (folder / name).write_bytes(content)
        if name != DESCRIPTION:
            resealed(folder)

    for name, content in pickles(sentinel).items():
        yield Mutation("pickles", f"{name} beside", partial(beside, name=name, content=content))
        yield Mutation("pickles", f"{name} listed", partial(listed, name=name, content=content))
        for place in (ARRAYS, DESCRIPTION):
            yield Mutation("pickles", f"{name} as {place}", partial(instead, name=place, content=content))


def missing(path: Path, outside: Path) -> None:
    path.unlink()


def linked_outside(path: Path, outside: Path) -> None:
    path.unlink()
    path.symlink_to(outside / path.name)


def linked_inside(path: Path, outside: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to(path.with_name("moved"))


def linked_to_itself(path: Path, outside: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def linked_to_nothing(path: Path, outside: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nothing"))


def linked_to_zeros(path: Path, outside: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def a_folder(path: Path, outside: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path, outside: Path) -> None:
    path.unlink()
    os.mkfifo(path)


REPLACED = (
    missing, linked_outside, linked_inside, linked_to_itself, linked_to_nothing, linked_to_zeros, a_folder, a_pipe,
)  # fmt: skip
NAMES = ("", ".", "..", "/", "a\0b", "x" * 5000, f"{ARRAYS}/", f"./{ARRAYS}", f"x/../{ARRAYS}", "CON", "~", "\ud800")


def of_files(folder: Path, outside: Path) -> Iterator[Mutation]:
    """Yield missing, extra and odd files: links, folders, pipes, names that climb out."""
    outside.mkdir(exist_ok=True)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        shutil.copy(path, outside / path.name)
        name = path.relative_to(folder).as_posix()
        for change in REPLACED:
            yield Mutation("files", f"{name} {change.__name__}", partial(_changed, name, change, outside))
        yield Mutation("files", f"{name} not listed", partial(_listed, name=name, digest=None))
    digest = hashlib.sha256((folder / ARRAYS).read_bytes()).hexdigest()
    for name in (f"../{outside.name}/{ARRAYS}", str(outside / ARRAYS), *NAMES):
        yield Mutation("files", f"named {name[:20]!r}", partial(_listed, name=name, digest=digest))
    yield Mutation("files", "the folder is a link", _linked, harmless=True)
    yield Mutation("files", "a folder below it is a link", partial(_linked_below, outside=outside))
    yield Mutation("files", "other files that are no pickles", partial(_with_others, outside=outside), harmless=True)
    yield Mutation("files", "a description of 8 GiB", _enlarged)
    yield Mutation("files", "no folder", shutil.rmtree)
    yield Mutation("files", "a file instead of the folder", _flattened)


def _changed(name: str, change: Callable[[Path, Path], None], outside: Path, folder: Path) -> None:
    change(folder / name, outside)


def _listed(folder: Path, name: str, digest: str | None) -> None:
    """Put a name into the list of files, or take it out."""
    description = {key: value for key, value in described(folder).items() if key != "digest"}
    description["files"].pop(name, None)
    if digest is not None:
        description["files"][name] = digest
    (folder / DESCRIPTION).write_text(json.dumps(sealed(description)))


def _linked(folder: Path) -> None:
    real = folder.with_name(folder.name + "-real")
    folder.rename(real)
    folder.symlink_to(real)


def _linked_below(folder: Path, outside: Path) -> None:
    """List a file that is reached through a link to a folder outside."""
    (folder / "parts").symlink_to(outside)
    _listed(folder, f"parts/{ARRAYS}", hashlib.sha256((outside / ARRAYS).read_bytes()).hexdigest())


def _with_others(folder: Path, outside: Path) -> None:
    (folder / "README.md").write_text("# Ours\n")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_bytes(b"x\x9c\x4b")
    (folder / "notes.txt").write_text("N.\n(2024)")
    (folder / "link").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / "nothing").symlink_to("/nowhere")
    os.mkfifo(folder / "pipe")
    with zipfile.ZipFile(folder / "notes.zip", "w") as archive:
        archive.writestr("a.txt", "text")


def _enlarged(folder: Path) -> None:
    os.truncate(folder / DESCRIPTION, 2**33)


def _flattened(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("")
