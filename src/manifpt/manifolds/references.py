"""Reference points on disk: a folder of safetensors files that grows, and is mapped instead of loaded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from manifpt.embeddings.embedding import Points
from manifpt.errors import NumbersError
from manifpt.manifolds.folders import shard_name, shards_of, unwritable, writer
from manifpt.manifolds.forms import Form, accepted, filled
from manifpt.manifolds.shards import BLOCK_ROWS, REMEDY, DamageError, ReferencesError, Shard, opened, write

SHOWN = 60


@dataclass(frozen=True, slots=True)
class Damage:
    """A block whose bytes are no longer those that were written.

    Args:
        path: The shard's file.
        block: Its number in the shard.
        references: The indices of its references.
    """

    path: Path
    block: int
    references: range

    def __str__(self) -> str:
        rows = self.references
        return f"block {self.block} of {self.path} is damaged (references {rows.start} to {rows.stop - 1})"


class References:
    """Reference points in a folder, of which only what is looked at takes memory.

    The folder holds shards ``00000.safetensors``, ``00001.safetensors``, … that never change once they are there
    (docs/references.md); rows are added as further shards. Opening reads the headers alone; the digests of blocks of
    1,024 rows are compared when `check` or `damaged` asks.

    Args:
        folder: Where the references are, or shall be.
        settings: What decides their values, JSON-able; None for those that the folder records.

    Raises:
        ReferencesError: The folder holds something else, other settings or a damaged header, lacks a shard, or cannot
            be made or read; or there are no references, and no settings for new ones.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     references = References(folder, {"space": "rgb"})
        ...     references.append([Points(np.zeros((3, 2), np.uint8), 1 / 255)])
        ...     [shard.points.values.shape for shard in References(folder).shards]
        3 references in 1 shards
        [(3, 2)]
    """

    def __init__(self, folder: Path | str, settings: Mapping[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        text = None if settings is None else _canonical(settings)
        try:
            if settings is not None:
                self.folder.mkdir(parents=True, exist_ok=True)
            self._shards = shards_of(self.folder)
        except OSError as error:
            raise ReferencesError(
                f"{folder} cannot be opened ({error.strerror})",
                expected="a folder of references",
                remedy="check the path and its permissions",
            ) from error
        if text is None and not self._shards:
            raise ReferencesError(
                f"{folder} holds no references", expected="a folder of references", remedy="check the path"
            )
        self._text = self._shards[0].settings if text is None else text
        self._refuse_strangers()
        self._sound: set[tuple[int, int]] = set()

    def __len__(self) -> int:
        return sum(map(len, self._shards))

    def __repr__(self) -> str:
        return f"{len(self)} references in {len(self._shards)} shards"

    @property
    def shards(self) -> list[Shard]:
        """The shards in order; the values of their points are read-only maps of the files."""
        return list(self._shards)

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the values of the references."""
        found: dict[str, Any] = json.loads(self._text)
        return found

    def append(self, blocks: Iterable[Points]) -> Self:
        """Add points after those that are there; a shard is kept as soon as it is full.

        After a kill, an error or Ctrl-C all full shards stand: open the folder again, and append from the point
        number ``len(references)`` on.

        Args:
            blocks: Points of one shape, type and scale, which those that are there have too.

        Raises:
            NumbersError: The shape, type or scale differs, or a coordinate is NaN or infinite.
            ReferencesError: Another process writes the folder or has added to it, or it cannot be written.
        """
        with self._writing():
            given = iter(blocks)
            start = next((points for points in given if len(points)), None)
            if start is None:
                return self
            form = self._form() or Form.of(start)
            found = accepted(chain([start], given), form, first=len(self), place=str(self.folder))
            for values in filled(found, form):
                self._keep(Points(values, form.scale))
        return self

    def check(self, rows: ArrayLike) -> None:
        """Compare the digest of every block that holds one of these references, each block once.

        Args:
            rows: Indices of references.

        Raises:
            NumbersError: There is no such reference.
            DamageError: A block is damaged.
        """
        wanted = np.unique(np.asarray(rows, np.int64))
        if len(wanted) and not (wanted[0] >= 0 and wanted[-1] < len(self)):
            raise NumbersError(
                f"reference {wanted[0] if wanted[0] < 0 else wanted[-1]} of {self.folder}",
                expected=f"0 to {len(self) - 1}",
                remedy="give indices of references",
            )
        firsts = np.array([shard.first for shard in self._shards], np.int64)
        shards = np.searchsorted(firsts, wanted, "right") - 1
        blocks = (wanted - firsts[shards]) // BLOCK_ROWS if len(wanted) else wanted
        for shard, block in sorted(set(zip(shards.tolist(), blocks.tolist(), strict=True)) - self._sound):
            damage = self._damage(shard, block)
            if damage:
                raise DamageError(str(damage), expected="the bytes that were written", remedy=REMEDY)

    def damaged(self) -> list[Damage]:
        """Compare the digest of every block, also of those that were compared before, and return what is damaged."""
        blocks = [(number, block) for number, shard in enumerate(self._shards) for block in range(len(shard.digests))]
        return [damage for damage in (self._damage(*where) for where in blocks) if damage]

    def _damage(self, number: int, block: int) -> Damage | None:
        shard = self._shards[number]
        if shard.is_sound(block):
            self._sound.add((number, block))
            return None
        first = shard.first + block * BLOCK_ROWS
        return Damage(shard.path, block, range(first, min(first + BLOCK_ROWS, shard.first + len(shard))))

    def _form(self) -> Form | None:
        return Form.of(self._shards[0].points) if self._shards else None

    def _refuse_strangers(self) -> None:
        for shard in self._shards:
            if shard.settings != self._text:
                raise ReferencesError(
                    f"{shard.path} holds references of other settings ({_difference(shard.settings, self._text)})",
                    expected="references of the settings asked for",
                    remedy="choose another folder",
                )
            if Form.of(shard.points) != self._form():
                raise ReferencesError(
                    f"{shard.path} holds references of {Form.of(shard.points)}",
                    expected=f"{self._form()}, as the shards before",
                    remedy=REMEDY,
                )

    def _keep(self, points: Points) -> None:
        path = self.folder / shard_name(len(self._shards))
        try:
            write(path, len(self), points, self._text)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        self._shards.append(opened(path, len(self)))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Keep other writers out, and refuse to go on from a place that is no longer the end."""
        with writer(self.folder):
            present = sum(map(len, shards_of(self.folder)))
            if present != len(self):
                raise ReferencesError(
                    f"{self.folder} has {present} references by now, and had {len(self)} when it was opened",
                    expected="the references that were there",
                    remedy="open the folder again, and append what is missing",
                )
            yield


def _canonical(settings: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(settings), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ReferencesError(
            f"the settings are no JSON ({error})",
            expected="text, finite numbers, lists and dictionaries",
            remedy="change them",
        ) from error


def _difference(recorded: str, asked: str) -> str:
    """Return the first setting in which two differ, shortened."""
    one, other = json.loads(recorded), json.loads(asked)
    names = (name for name in sorted({*one, *other}) if _shown(one, name) != _shown(other, name))
    name = next(names, None)
    return "written otherwise" if name is None else f"{name} is {_short(one, name)}, not {_short(other, name)}"


def _shown(settings: Mapping[str, Any], name: str) -> str:
    return json.dumps(settings[name], sort_keys=True) if name in settings else "absent"


def _short(settings: Mapping[str, Any], name: str) -> str:
    text = _shown(settings, name)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
