"""Pickles, recognised by name and content and never opened: reading one can run any code."""

from __future__ import annotations

import bz2
import lzma
import pickletools
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

SUFFIXES = (".pkl", ".pickle", ".dill", ".joblib", ".pt", ".pth", ".th", ".ckpt", ".bin")
HEAD = 2**16
# Pickles of the first two protocols have no sign at their start, and are recognised as a whole.
WHOLE = 2**20
COMPRESSED: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": lambda head: zlib.decompressobj(31).decompress(head, HEAD),
    b"x": lambda head: zlib.decompressobj().decompress(head, HEAD),
    b"BZh": lambda head: bz2.BZ2Decompressor().decompress(head, HEAD),
    b"\xfd7zXZ": lambda head: lzma.LZMADecompressor().decompress(head, HEAD),
    b"]\x00\x00": lambda head: lzma.LZMADecompressor().decompress(head, HEAD),
}
PROTOCOLS = range(2, 6)
RUNNING = {"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD", "EXT1", "EXT2", "EXT4"}


def is_pickle(path: Path) -> bool:
    """Return whether a regular file is a pickle, or an archive or array that holds one.

    Args:
        path: A file; pickles of old protocols count only where they could run code.
    """
    if path.suffix.lower() in SUFFIXES:
        return True
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"PK\x03\x04"):
        return _holds_pickle(path)
    return _is_sign(head) or _is_sign(_unpacked(head)) or _runs(path, head)


def _is_sign(head: bytes) -> bool:
    if head.startswith(b"\x93NUMPY"):
        return b"|O" in head
    # The first eight bytes of safetensors are the length of their header, which may look like a protocol's sign.
    safetensors = head[8:9] == b"{" and not any(head[4:8])
    return len(head) > 1 and head[0] == 0x80 and head[1] in PROTOCOLS and not safetensors  # noqa: PLR2004


def _holds_pickle(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            for place in archive.infolist():
                if place.filename.lower().endswith(SUFFIXES):
                    return True
                with archive.open(place) as member:
                    if _is_sign(member.read(HEAD)):
                        return True
    # What cannot be read as an archive cannot be opened as one by any loader either; file digests refuse damage.
    # NotImplementedError: a compression that zipfile does not know; RuntimeError: a member with a password.
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zlib.error):
        return False
    return False


def _unpacked(head: bytes) -> bytes:
    """Return what a compressed file begins with; nothing where it is not compressed."""
    kind = next((kind for sign, kind in COMPRESSED.items() if head.startswith(sign)), None)
    try:
        return b"" if kind is None else kind(head)
    except (zlib.error, lzma.LZMAError, OSError, EOFError):
        return b""


def _runs(path: Path, head: bytes) -> bool:
    """Return whether a file is a whole pickle with an operation that calls something; nothing is executed."""
    # Opcodes of old protocols are ASCII; this spares most files from being read as a whole.
    if not head or head[0] not in b"(c}])lNISVFMJKLp0123456789.iGX" or path.stat().st_size > WHOLE:
        return False
    names = set()
    try:
        for operation, _, _ in pickletools.genops(path.read_bytes()):
            names.add(operation.name)
    except Exception:  # It raises whatever the bytes lead it into: then they are no pickle.
        return False
    return bool(names & RUNNING)
