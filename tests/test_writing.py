"""Files and folders that are never seen half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from manifpt import writing
from manifpt.writing import replaced, replaced_file


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").touch()
    with replaced(folder) as beside:
        (beside / "new").touch()
        assert (folder / "old").exists()
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "new"]


def test_after_an_error_the_old_folder_stands_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(KeyboardInterrupt), replaced(folder) as beside:
        (beside / "new").touch()
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "old"]


def test_a_file_is_renamed_into_place_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    with pytest.raises(OSError, match="full"), replaced_file(path) as beside:
        beside.write_text("half")
        raise OSError("full")
    assert list((tmp_path / "deep").iterdir()) == []
    with replaced_file(path) as beside:
        beside.write_text("whole")
    assert path.read_text() == "whole"


@pytest.mark.parametrize("swap", [True, False], ids=["one step", "two renames"])
def test_both_ways_of_replacing_leave_the_new_folder_alone(
    swap: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not swap:
        monkeypatch.setattr(writing, "_exchanged", lambda *_: False)
    for content in ("first", "second"):
        with replaced(tmp_path / "model") as beside:
            (beside / content).touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "second"]


def test_a_link_to_a_folder_stays_a_link_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    with replaced(tmp_path / "link") as beside:
        (beside / "new").touch()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target" / "new").exists()
    assert len(list(tmp_path.iterdir())) == 2


KILLED = """
import os, signal, sys
from pathlib import Path
from manifpt.writing import replaced, replaced_file
place = Path(sys.argv[1])
with (replaced if place.name == "model" else replaced_file)(place) as beside:
    (beside / "half" if place.name == "model" else beside).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("name", ["model", "file.txt"])
def test_what_a_killed_process_left_is_swept_by_the_next_and_nothing_else_is(name: str, tmp_path: Path) -> None:
    place = tmp_path / name
    ours = [tmp_path / f".{name}.backup.part", tmp_path / f".other.{writing._host()}-1-00000000.part"]
    alive = tmp_path / f".{name}.{writing._host()}-{os.getpid()}-00000000.part"
    elsewhere = tmp_path / f".{name}.elsewhere-999999999-00000000.part"
    for path in (*ours, alive, elsewhere):
        path.touch()
    before = {path.name for path in tmp_path.iterdir()}
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), str(place)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not place.exists()
    assert len(list(tmp_path.iterdir())) == len(before) + 1
    with (replaced if name == "model" else replaced_file)(place) as beside:
        beside.touch()
    assert {path.name for path in tmp_path.iterdir()} == before | {name}


@pytest.mark.parametrize("name", ["n" * 255, "ü" * 127])
def test_a_name_as_long_as_the_file_system_allows_can_be_written(name: str, tmp_path: Path) -> None:
    with replaced_file(tmp_path / name) as beside:
        beside.write_text("whole")
    assert (tmp_path / name).read_text() == "whole"
