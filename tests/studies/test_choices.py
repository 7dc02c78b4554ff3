"""Tables of design choices, from whatever file a user gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from manifpt.errors import DataError, UnknownNameError
from manifpt.studies.choices import Choices, design_distances, read_choices


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_is_read_with_blanks_quotes_marks_and_empty_lines(tmp_path: Path) -> None:
    text = '\ufeffgenerator, loss ,source\r\n\r\n dcgan ,"bce, plain",a paper\r\nother,,\r\n,,\r\n'
    found = read_choices(written(tmp_path / "c.csv", text))
    assert found.names == ("loss",)
    assert found.rows == {"dcgan": {"loss": "bce, plain"}, "other": {"loss": ""}}
    assert found.column("loss", ["other", "dcgan", "absent"]).tolist() == ["", "bce, plain", ""]
    assert found.known(["other", "dcgan"], ["loss"]).tolist() == [False, True]


HEADER = "expected generator, and one name for each choice, each once; correct the first line"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", f"the header of FILE is nothing; {HEADER}"),
        ("name,loss\na,b\n", f"the header of FILE is name, loss; {HEADER}"),
        ("generator,source\na,b\n", f"the header of FILE is generator, source; {HEADER}"),
        ("generator,loss,loss\na,b,c\n", f"the header of FILE is generator, loss, loss; {HEADER}"),
        ("generator,,loss\na,b,c\n", f"the header of FILE is generator, , loss; {HEADER}"),
        (
            "generator,loss\na,b\na,c\n",
            "row 3 of FILE names 'a' again; expected one row for each generator; correct the row",
        ),
        ("generator,loss\n,b\n", "row 2 of FILE names no generator; expected one row for each generator"),
        ("generator,loss\na\n", "row 2 of FILE has 1 cells; expected 2, as in the header; complete the row"),
        ("generator,loss\na,b,c\n", "row 2 of FILE has 3 cells; expected 2, as in the header"),
        (b"generator,loss\n\xff\xfe,b\n", "FILE cannot be read as CSV ('utf-8' codec can't decode"),
        ('generator,loss\na,"b\n', "FILE cannot be read as CSV (unexpected end of data)"),
        ("generator,\x1b[31m\nx\n", "row 2 of FILE has 1 cells"),
    ],
)
def test_a_file_that_is_no_such_table_is_told_in_one_line(tmp_path: Path, text: str | bytes, error: str) -> None:
    path = written(tmp_path / "c.csv", text)
    with pytest.raises(DataError) as caught:
        read_choices(path)
    assert str(caught.value).startswith(error.replace("FILE", str(path)))
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.csv cannot be read as CSV"):
        read_choices(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="cannot be read as CSV"):
        read_choices(tmp_path)


def test_a_table_laid_over_another_wins_where_it_knows_something() -> None:
    below = Choices(("loss", "up"), {"a": {"loss": "bce", "up": "fir"}, "b": {"loss": "r1"}})
    above = Choices(("loss", "width"), {"a": {"loss": "hinge", "width": ""}, "b": {"loss": ""}, "c": {"width": "8"}})
    found = above.over(below)
    assert found.names == ("loss", "up", "width")
    assert found.column("loss", "abc").tolist() == ["hinge", "r1", ""]
    assert found.column("up", "abc").tolist() == ["fir", "", ""]
    assert found.column("width", "abc").tolist() == ["", "", "8"]


def test_an_unknown_choice_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"'los' is not one of the choices; expected one of loss; did you mean"):
        Choices(("loss",), {}).column("los", ["a"])


def test_designs_are_as_far_apart_as_the_share_of_choices_in_which_they_differ() -> None:
    found = design_distances([np.array(["x", "x", "y"]), np.array(["1", "2", "2"]), np.array(["a", "a", "b"])])
    assert found == pytest.approx(np.array([[0, 1 / 3, 1], [1 / 3, 0, 2 / 3], [1, 2 / 3, 0]]))
