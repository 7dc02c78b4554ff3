"""A result replaces an earlier one of its kind, and never anything else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from manifpt.errors import DataError
from manifpt.outputs import refuse_foreign, refuse_unusable

OURS = ("result.json", "parts/one.bin")


def made(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("years of work")
    return folder


@pytest.mark.parametrize("names", [(), ("result.json",), OURS, ("result.json", ".result.json.host-1-00000000.part")])
def test_a_new_place_an_empty_folder_and_an_earlier_result_are_taken(names: tuple[str, ...], tmp_path: Path) -> None:
    refuse_unusable(tmp_path / "new" / "deep", ours=OURS, what="a result")
    (tmp_path / "out").mkdir()
    refuse_unusable(made(tmp_path / "out", *names), ours=OURS, what="a result")


@pytest.mark.parametrize("strange", ["notes.txt", "parts/two.bin", "deep/er/result.json", ".hidden"])
def test_any_other_file_stands_in_the_way_and_is_named(strange: str, tmp_path: Path) -> None:
    made(tmp_path / "out", *OURS, strange)
    text = f"out holds {strange}, which is no part of a result; expected a new folder, or one that holds a result"
    with pytest.raises(DataError, match=text):
        refuse_foreign(tmp_path / "out", ours=OURS, what="a result")


def test_links_in_it_are_strange_and_so_is_a_file_in_its_place(tmp_path: Path) -> None:
    made(tmp_path / "elsewhere", "x")
    made(tmp_path / "out", "result.json")
    (tmp_path / "out" / "linked").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="holds linked"):
        refuse_foreign(tmp_path / "out", ours=OURS, what="a result")
    with pytest.raises(DataError, match="exists and is not a result"):
        refuse_foreign(tmp_path / "elsewhere" / "x", ours=OURS, what="a result")


def test_the_current_folder_and_those_around_it_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    for out in (".", "..", str(tmp_path / "a")):
        with pytest.raises(DataError, match="it is a mount point or the current folder"):
            refuse_unusable(Path(out), ours=OURS, what="a result")


MOUNTED = """
import sys
from pathlib import Path
from manifpt.errors import DataError
from manifpt.outputs import refuse_unusable
try:
    refuse_unusable(Path(sys.argv[1]), ours=(), what="a result")
except DataError as error:
    print(error)
"""


def test_a_mount_point_is_refused(tmp_path: Path, small_disk: Callable[..., list[str]]) -> None:
    words = [*small_disk("1m"), sys.executable, "-c", MOUNTED, str(tmp_path / "disk")]
    found = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "disk cannot be written (it is a mount point or the current folder)" in found.stdout


def test_of_a_large_tree_only_the_way_to_the_first_strange_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(50):
        made(tmp_path / "out" / f"{index:02d}", "x")
    read: list[object] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (read.append(path), scandir(path))[1])
    with pytest.raises(DataError, match="holds 00/x"):
        refuse_foreign(tmp_path / "out", ours=OURS, what="a result")
    assert len(read) == 2


@pytest.mark.parametrize("inside", ["data/out", "data/deep/out", "link/out", "data"])
def test_a_place_inside_the_data_is_refused(inside: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    with pytest.raises(DataError, match="where it would be read as data; expected a place outside the data"):
        refuse_unusable(tmp_path / inside, ours=OURS, what="a result", sources=[str(tmp_path / "data")])


def test_a_file_above_it_is_said(tmp_path: Path) -> None:
    made(tmp_path, "file")
    with pytest.raises(DataError, match=r"cannot be written \(Not a directory\)"):
        refuse_unusable(tmp_path / "file" / "out", ours=OURS, what="a result")
