"""The progress of a run belongs to it: nobody else's files are touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from manifpt.errors import DataError, ModelError
from manifpt.methods.resuming import EVALUATE, resumable


def test_a_mistake_leaves_nothing_behind_and_an_end_neither(tmp_path: Path) -> None:
    with pytest.raises(DataError), resumable(tmp_path / "new" / "model"):
        raise DataError("a mistake", expected="none", remedy="mend it")
    assert list(tmp_path.iterdir()) == []
    with resumable(tmp_path / "model") as folder:
        (folder / "all.safetensors").touch()
    assert list(tmp_path.iterdir()) == []


def test_after_a_stop_the_progress_stays_and_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt) as stopped, resumable(tmp_path / "model") as folder:
        (folder / "fold-0.safetensors").touch()
        raise KeyboardInterrupt
    assert stopped.value.__notes__ == [f"its progress is in {tmp_path / 'model.checkpoint'}"]
    with resumable(tmp_path / "model") as folder:
        assert (folder / "fold-0.safetensors").exists()


@pytest.mark.parametrize(
    "name", ["thesis.txt", "model.json", "deep/notes", "other.safetensors", "split-0/all.safetensors", ".hidden"]
)
def test_a_folder_with_anything_else_is_refused_and_untouched(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.checkpoint" / name
    path.parent.mkdir(parents=True)
    path.write_text("years of work")
    with (
        pytest.raises(ModelError, match=r"is not the progress of this command; .*; move it"),
        resumable(tmp_path / "model"),
    ):
        pass
    assert path.read_text() == "years of work"


def test_what_another_command_left_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), resumable(tmp_path / "model") as folder:
        (folder / "fold-0.safetensors").touch()
        raise KeyboardInterrupt
    with (
        pytest.raises(ModelError, match=r"fold-0\.safetensors is not the progress"),
        resumable(tmp_path / "model", EVALUATE),
    ):
        pass


def test_links_and_pipes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "a.checkpoint").symlink_to("elsewhere")
    (tmp_path / "b.checkpoint").mkdir()
    os.mkfifo(tmp_path / "b.checkpoint" / "all.safetensors")
    for name in ("a", "b"):
        with pytest.raises(ModelError, match="is not the progress"), resumable(tmp_path / name):
            pass
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_empty_folder_of_the_user_stays(tmp_path: Path) -> None:
    (tmp_path / "model.checkpoint").mkdir()
    with pytest.raises(KeyboardInterrupt), resumable(tmp_path / "model"):
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.rglob("*")] == ["model.checkpoint"]


def test_a_link_and_its_target_are_one_place(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    with (
        resumable(tmp_path / "target"),
        pytest.raises(ModelError, match=r"another run is writing .*link; expected one run for each --out; wait for it"),
        resumable(tmp_path / "link"),
    ):
        pass
