"""A result replaces an earlier one of its kind, and never anything else."""

from __future__ import annotations

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


def test_a_mount_point_is_refused() -> None:
    with pytest.raises(DataError, match=r"/proc (cannot be written|holds)"):
        refuse_unusable(Path("/proc"), ours=OURS, what="a result")


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
