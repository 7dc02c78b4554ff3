"""The table of results: what is written is read, and nothing else passes for it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from manifpt.errors import DataError
from manifpt.studies.rows import HEADER, Key, Rows, Run

from .answered import answered

EXPECTED = (
    "holds no results of a study; expected a file that `manifpt evaluate --methods` or `manifpt transfer` wrote; "
    "remove it, and what"
)


def full(**others: Any) -> Run:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), 6)
    answers = probabilities.argmax(axis=1)
    values = {
        "of_truth": probabilities[:, 0],
        "of_answer": probabilities.max(axis=1),
        "of_real": probabilities[:, 2],
        "groups": np.array([5, 5, 2**31 - 1, 0, 1, 2]),
        "places": rng.normal(size=(6, 2)) * 50,
        "probabilities": probabilities,
        "notes": {"seconds": {"training": 1.25}, "chosen": 2, "reason": "äö\n"},
        **others,
    }
    return answered([0] * 6, answers.tolist(), **values)


@pytest.mark.parametrize("others", [{}, {"places": None}, {"probabilities": None}, {"of_real": np.full(6, np.nan)}])
def test_a_run_is_read_as_it_was_written(others: dict[str, Any], tmp_path: Path) -> None:
    run = full(**others)
    Rows(tmp_path).add(run)
    found = Rows(tmp_path).read(run.key)
    assert (found.key, found.inputs, found.classes, found.notes) == (run.key, run.inputs, run.classes, run.notes)
    for name in ("paths", "groups", "truth", "answers"):
        assert getattr(found, name).tolist() == getattr(run, name).tolist()
    # float32 carries the log-loss; three digits (float16) carry the rest.
    np.testing.assert_allclose(found.of_truth, run.of_truth, rtol=2**-24)
    for name in ("of_answer", "of_real", "places", "probabilities"):
        one, other = getattr(found, name), getattr(run, name)
        assert (one is None) == (other is None)
        if other is not None:
            assert one.dtype == np.float64
            np.testing.assert_allclose(one, other, rtol=2**-11)


def test_rows_come_in_the_order_of_their_paths_and_stay_whole(tmp_path: Path) -> None:
    run = answered([0, 1, 2], [2, 1, 0], paths=np.array(["b", "c", "a"]), groups=np.array([7, 8, 9]))
    Rows(tmp_path).add(run)
    found = Rows(tmp_path).read(run.key)
    assert found.paths.tolist() == ["a", "b", "c"]
    assert found.truth.tolist() == [2, 0, 1]
    assert found.answers.tolist() == [0, 2, 1]
    assert found.groups.tolist() == [9, 7, 8]


def test_a_run_is_held_for_its_inputs_alone(tmp_path: Path) -> None:
    rows, run = Rows(tmp_path), answered([0], [0])
    assert not rows.holds(run.key, "i")
    rows.add(run)
    assert rows.holds(run.key, "i")
    assert not rows.holds(run.key, "other")
    assert not rows.holds(replace(run.key, fold=1), "i")
    assert not rows.holds(run.key, "i", whole=True)
    rows.add(replace(run, probabilities=np.eye(1, len(run.classes))))
    assert rows.holds(run.key, "i", whole=True)
    rows.add(replace(run, inputs="other"))
    assert not rows.holds(run.key, "i")
    assert len(list(rows.runs())) == 1


def test_runs_come_in_the_order_of_data_method_repetition_and_fold(tmp_path: Path) -> None:
    rows = Rows(tmp_path)
    keys = [
        Key(data, method, repeat, fold) for data in "ab" for method in "xy" for repeat in (0, 10) for fold in (2, 10)
    ]
    for key in reversed(keys):
        rows.add(replace(answered([0], [0]), key=key))
    assert [run.key for run in rows.runs()] == keys
    assert [run.key for run in rows.runs(data="b", method="x")] == keys[8:12]
    assert [run.key for run in rows.runs(method="y")] == keys[4:8] + keys[12:]


def test_a_name_is_no_pattern(tmp_path: Path) -> None:
    rows = Rows(tmp_path)
    for data in ("set[1]", "s*", "set", "s?t"):
        rows.add(answered([0], [0], data=data, method="m[ab]"))
    for data in ("set[1]", "s*", "s?t"):
        assert [run.key.data for run in rows.runs(data=data, method="m[ab]")] == [data]


def test_runs_of_other_inputs_are_dropped_and_no_others(tmp_path: Path) -> None:
    rows = Rows(tmp_path)
    for data, method in (("set", "raw"), ("set", "npr"), ("other", "raw")):
        for fold in range(3):
            rows.add(replace(answered([0], [0], data=data, method=method, fold=fold), inputs=f"{fold}"))
    rows.drop("set", "raw", but=lambda key: "1" if key.fold < 2 else "x")
    left = [(run.key.data, run.key.method, run.key.fold) for run in rows.runs()]
    assert left == [("other", "raw", fold) for fold in range(3)] + [("set", "npr", fold) for fold in range(3)] + [
        ("set", "raw", 1)
    ]


@pytest.mark.parametrize(
    "name", ["../up", "/etc", "a/b", "..", ".", "", "a\nb", "a\0b", "a\udcffb", "n" * 256, "\u202ea"]
)
def test_a_name_that_would_leave_the_folder_is_refused(name: str) -> None:
    for key in ((name, "raw"), ("set", name)):
        with pytest.raises(DataError, match=r"cannot be the name of a (data set|method); expected one line of up to"):
            Key(*key, 0, 0)


@pytest.mark.parametrize("name", ["gm-cifar10", "paper-rgb+freq", "größe 1", ".hidden", "hf:a@6", "a\\b", "..."])
def test_other_names_are_written_below_the_folder(name: str, tmp_path: Path) -> None:
    rows = Rows(tmp_path / "rows")
    rows.add(answered([0], [0], data=name, method=name))
    assert [path.parent.parent.parent for path in tmp_path.rglob("*.parquet")] == [tmp_path / "rows"]
    assert [run.key.method for run in rows.runs(data=name)] == [name]


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _overwritten(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)  # the columns; the footer stays whole
    path.write_bytes(content)


def _foreign(path: Path) -> None:
    parquet.write_table(pa.table({"path": ["a"]}), path)


def _headed(header: object) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        parquet.write_table(pa.table({"path": ["a"]}).replace_schema_metadata({HEADER: json.dumps(header)}), path)

    return write


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


FACTS = {"data": "set", "method": "raw", "repeat": 0, "fold": 0, "inputs": "i", "classes": [], "notes": {}}


@pytest.mark.parametrize(
    "spoiled",
    [_torn, _emptied, _foreign, _folder, _headed([1]), _headed({"schema": 2, **FACTS}), _headed({"schema": 1})],
)
def test_a_file_that_is_no_run_is_named_with_what_to_do(spoiled: Callable[[Path], None], tmp_path: Path) -> None:
    rows, run = Rows(tmp_path), full()
    rows.add(run)
    path = tmp_path / "set" / "raw" / "0-0.parquet"
    spoiled(path)
    for asked in (lambda: rows.holds(run.key, "i"), lambda: rows.read(run.key), lambda: list(rows.runs())):
        with pytest.raises(DataError) as caught:
            asked()
        assert str(caught.value).startswith(f"{path} {EXPECTED}")


@pytest.mark.parametrize("spoiled", [_overwritten, _headed({"schema": 1, **FACTS})])
def test_a_file_without_sound_columns_is_named_when_it_is_read(spoiled: Callable[[Path], None], tmp_path: Path) -> None:
    rows, run = Rows(tmp_path), full()
    rows.add(run)
    spoiled(tmp_path / "set" / "raw" / "0-0.parquet")
    with pytest.raises(DataError, match="holds no results of a study"):
        rows.read(run.key)


def test_a_run_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"set/raw/0-3\.parquet holds no results"):
        Rows(tmp_path).read(Key("set", "raw", 0, 3))


ADDING = """
import sys
from pathlib import Path
import numpy as np
from manifpt.studies.rows import Key, Rows, Run
if sys.argv[3:] == ["killed"]:
    import os, signal
    from manifpt import writing
    writing._kept = lambda path: os.kill(os.getpid(), signal.SIGKILL)
one, share = np.zeros(1, np.int64), np.ones(1)
for fold in range(8):
    for method in (sys.argv[2], "both"):
        run = Run(Key("set", method, 0, fold), "i", ("a",), np.array(["x"]), one, one, one, share, share, share)
        Rows(sys.argv[1]).add(run)
"""


def _process(*words: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", ADDING, *map(str, words)])


def test_two_processes_that_add_at_once_lose_nothing(tmp_path: Path) -> None:
    for process in [_process(tmp_path, method) for method in ("one", "two")]:
        assert process.wait() == 0
    found = [(run.key.method, run.key.fold) for run in Rows(tmp_path).runs()]
    assert found == [(method, fold) for method in ("both", "one", "two") for fold in range(8)]
    assert not list(tmp_path.rglob("*.part"))


def test_a_process_killed_before_the_end_of_a_write_leaves_no_run_and_the_next_sweeps(tmp_path: Path) -> None:
    rows = Rows(tmp_path)
    rows.add(answered([1], [1], fold=1))
    assert _process(tmp_path, "raw", "killed").wait() == -signal.SIGKILL
    assert len(list(tmp_path.rglob("*.part"))) == 1
    assert [run.key.fold for run in rows.runs()] == [1]
    assert not rows.holds(Key("set", "raw", 0, 0), "i")
    rows.add(answered([0], [0]))
    assert [run.key.fold for run in rows.runs()] == [0, 1]
    assert not list(tmp_path.rglob("*.part"))
