"""The class of a photograph is told by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifpt.errors import DataError
from manifpt.zoo.classes import classes


def test_what_follows_the_number_is_the_class() -> None:
    names, labels = classes(["a/00001-cat.png", "b/7_dog.PNG", Path("2-cat.webp"), "9-t-shirt.png"])
    assert names == ("cat", "dog", "t-shirt")
    assert labels.tolist() == [0, 1, 0, 2]


def test_where_no_name_tells_it_the_folder_is_the_class() -> None:
    names, labels = classes(["x/dog/1.png", "x/cat/2.png", "x/dog/img-3.png"])
    assert (names, labels.tolist()) == (("cat", "dog"), [1, 0, 1])


def test_the_current_folder_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert classes(["1.png", "cat/2.png"])[0] == ("cat", tmp_path.name)


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (["1-cat.png", "2-dog.png", "3.png"], "3.png tells no class"),
        (["x/1.png", "x/2.png"], "all 2 reals are of one class"),
        (["x/1-cat.png"], "all 1 reals are of one class"),
    ],
)
def test_names_that_tell_no_two_classes_are_refused(paths: list[str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        classes(paths)
