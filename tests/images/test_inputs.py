from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from manifpt.images import inputs

Tree = Callable[[Path, Mapping[str, int]], Path]


def test_files_folders_and_globs_are_yielded_in_the_order_given(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"b": 2, "a/deep": 1, "c": 2})
    found = list(inputs([root / "c" / "0001.png", root / "b", f"{root}/a/**/*.png"]))
    expected = ["c/0001.png", "b/0000.png", "b/0001.png", "a/deep/0000.png"]
    assert [path.relative_to(root).as_posix() for path in found] == expected


@pytest.mark.parametrize("name", ["no.png", "no*.png", "x" * 5000, "nul\0.png", ""])
def test_a_name_that_matches_nothing_is_yielded_as_it_is(name: str) -> None:
    assert list(inputs([name])) == [Path(name)]


def test_an_empty_name_is_not_the_current_folder(tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, {"a": 2})
    monkeypatch.chdir(tmp_path)
    assert list(inputs(["", "."])) == [Path(), Path("a/0000.png"), Path("a/0001.png")]


def test_an_empty_folder_is_yielded_as_it_is(tmp_path: Path) -> None:
    assert list(inputs([tmp_path])) == [tmp_path]


def test_a_dangling_link_is_yielded_so_that_its_error_is_told(tmp_path: Path) -> None:
    (tmp_path / "link.png").symlink_to(tmp_path / "nowhere")
    assert list(inputs([tmp_path / "link.png"])) == [tmp_path / "link.png"]


def test_an_existing_file_wins_over_the_glob_that_its_name_is(tree: Tree, tmp_path: Path) -> None:
    folder = tree(tmp_path, {"a": 1}) / "a"
    (folder / "0000.png").rename(folder / "x[1].png")
    assert list(inputs([folder / "x[1].png"])) == [folder / "x[1].png"]


def test_a_glob_that_matches_folders_stands_for_the_images_in_them(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"a": 2, "b/deep": 1})
    expected = ["a/0000.png", "a/0001.png", "b/deep/0000.png"]
    for glob in (f"{root}/*", f"{root}/**"):
        assert sorted(path.relative_to(root).as_posix() for path in inputs([glob])) == expected


def test_a_string_is_one_name(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"a": 2})
    assert list(inputs(str(root / "a"))) == [root / "a" / "0000.png", root / "a" / "0001.png"]
    assert list(inputs("no.png")) == [Path("no.png")]
