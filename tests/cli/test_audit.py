from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Command = Callable[..., Any]


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """Two classes, one of them as JPEG."""
    rng = np.random.default_rng(0)
    for name, suffix in (("one", "jpg"), ("two", "png")):
        (tmp_path / name).mkdir()
        for index in range(15):
            Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(tmp_path / name / f"{index:02d}.{suffix}")
    return tmp_path


def test_findings_end_with_status_0_and_with_strict_3(command: Command, planted: Path) -> None:
    ended = command("audit", planted, "--permutations", 999)
    assert ended.status == 0
    assert "file format" in ended.out
    assert "15 of 15 images of one" in ended.out
    assert "one/00.jpg" in ended.out
    assert command("audit", planted, "--permutations", 999, "--strict").status == 3


def test_nothing_found_ends_with_status_0_also_with_strict(command: Command, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "set.npz", images=rng.integers(0, 256, (40, 16, 16, 3), np.uint8), generators=["a", "b"] * 20)
    ended = command("audit", tmp_path / "set.npz", "--strict")
    assert ended.status == 0
    assert "0 findings" in ended.out


def test_json_holds_every_check_and_depends_on_the_seed_alone(command: Command, planted: Path) -> None:
    one, two = (json.loads(command("audit", planted, "--json", "--permutations", 999).out) for _ in range(2))
    assert one == two
    assert one["findings"] == sum(check["found"] for check in one["checks"]) > 0
    assert set(one["checks"][0]) == {
        *("found", "name", "question", "statistic", "measure", "effect", "files", "p", "corrected"),
    }
    assert (one["images"], one["classes"], one["seed"]) == (30, ["one", "two"], 0)


def test_a_damaged_file_is_told_in_one_line_and_left_out(command: Command, planted: Path) -> None:
    whole = (planted / "two" / "03.png").read_bytes()
    (planted / "two" / "03.png").write_bytes(whole[: len(whole) // 2])
    ended = command("audit", planted, "--permutations", 999, "--json")
    assert ended.status == 0
    assert next(line for line in ended.err.splitlines() if "03.png" in line).startswith("skipped: ")
    assert json.loads(ended.out)["images"] == 29


def test_images_of_several_sizes_are_told_in_one_line_that_says_what_to_do(command: Command, planted: Path) -> None:
    Image.new("RGB", (20, 20)).save(planted / "two" / "99.png")
    ended = command("audit", planted)
    assert ended.status == 2
    assert ended.err.count("\n") == 1
    assert "--crop 16" in ended.err


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--permutations", "19"], "--permutations"), (["--generators", "one"], "only one is there to be told")],
)
def test_what_cannot_be_audited_is_told_in_one_line(
    command: Command, planted: Path, words: list[str], told: str
) -> None:
    ended = command("audit", planted, *words)
    assert ended.status == 2
    assert ended.err.splitlines()[-1].startswith("manifpt: error: ")
    assert told in ended.err.splitlines()[-1]


def test_names_cannot_steer_the_terminal(command: Command, planted: Path) -> None:
    (planted / "one").rename(planted / "o\x1b[31mne")
    ended = command("audit", planted, "--permutations", 999)
    assert "\x1b" not in ended.out + ended.err
