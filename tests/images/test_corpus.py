"""Each odd file has the one answer that the table says, and the page says what the table says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from corpus import ODD, SIDE, Answer, Odd
from PIL import Image

from manifpt.errors import DataError, ImageError, plain
from manifpt.images import ImageSet, inputs
from manifpt.methods.attribution import Attribution
from manifpt.methods.manifpt import ManiFPT

DOCS = Path(__file__).parents[2] / "docs"
NOBODY, SOUND = 65534, 3
ROWS = pytest.mark.parametrize("row", ODD, ids=lambda row: row.words)


@pytest.fixture(scope="module")
def method() -> ManiFPT:
    rng = np.random.default_rng(0)
    stripes = 40 * (np.arange(SIDE) % 2)
    pixels = rng.integers(60, 190, (120, SIDE, SIDE, 3))
    pixels[60:90] += stripes[:, None, None]
    pixels[90:] += stripes[None, :, None]
    images = ImageSet.from_arrays(
        pixels.astype(np.uint8),
        ["real"] * 60 + ["rows"] * 30 + ["columns"] * 30,
        roles=["reference"] * 30 + [""] * 90,
    )
    return ManiFPT("rgb", attributor="linear").fit(images)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of sound images, which other users may look into, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as place:
        made = Path(place).resolve() / "gan"
        made.mkdir()
        made.parent.chmod(0o755)
        for index in range(SOUND):
            pixels = np.random.default_rng(100 + index).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
            Image.fromarray(pixels).save(made / f"sound-{index}.png")
        yield made


def made(row: Odd, folder: Path) -> Path:
    if row.lacks:
        pytest.skip(row.lacks)
    path = folder / row.name
    row.make(path)
    return path


@contextmanager
def as_user(row: Odd, path: Path) -> Iterator[None]:
    """Do what is inside as somebody whom permissions bind, where the row is about them."""
    if not row.owner or os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        if os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
            pytest.skip("permissions bind nobody here")
        yield
    finally:
        os.seteuid(0)


def fits(text: str, pattern: str, path: str) -> bool:
    parts = pattern.replace("FILE", plain(path)).split("…")
    return re.fullmatch(".*".join(map(re.escape, parts)), text, re.DOTALL) is not None


def test_every_row_has_a_name_and_words_of_its_own() -> None:
    assert len({row.name for row in ODD}) == len({row.words for row in ODD}) == len(ODD)


@ROWS
def test_opening_a_set_answers_as_the_table_says(row: Odd, folder: Path) -> None:
    path, answer = made(row, folder), row.opening
    with as_user(row, path):
        if answer.how == "error":
            with pytest.raises(ImageError) as caught:
                _read_twice(row, path)
            assert fits(str(caught.value), answer.texts[0], str(path))
            return
        images = _read_twice(row, path)
        skipped = {skip.path: skip.reason for skip in images.skipped}
        assert (str(path) in images.paths) == (answer.how == "read")
        assert len(images) == SOUND + (answer.how == "read")
        assert images.notes == (tuple(f"1 image: {note}" for note in answer.texts) if answer.how == "read" else ())
        assert list(skipped) == ([str(path)] if answer.how == "skipped" else [])
        assert all(fits(reason, answer.texts[0], str(path)) for reason in skipped.values())
        assert images.describe().count("skipped: ") == len(skipped)
        if answer.how == "skipped":
            with pytest.raises(ImageError):
                ImageSet.open(folder.parent, reference_needed=False, strict=True)


def _read_twice(row: Odd, path: Path) -> ImageSet:
    images = ImageSet.open(path.parent.parent, reference_needed=False)
    if row.during is not None:
        row.during(path)
    assert images.pixels().shape == (len(images), SIDE, SIDE, 3)
    return images


@ROWS
def test_attribute_answers_as_the_table_says_and_answers_for_all_the_others(
    row: Odd, folder: Path, method: ManiFPT
) -> None:
    path = made(row, folder)
    with as_user(row, path):
        found = list(inputs([folder]))
        if row.during is not None:
            row.during(path)
        answers = {answer.path: answer for answer in method.attributions(found)}
    assert list(answers) == list(map(str, found))
    answer = answers.pop(str(path), None)
    _check(answer and answer.record(), row.attribute, str(path))
    assert len(answers) == SOUND
    assert all(isinstance(other, Attribution) for other in answers.values())


def _check(record: dict[str, object] | None, answer: Answer, path: str) -> None:
    if record is None:
        assert answer.how == "left out"
    elif "error" in record:
        assert answer.how == "failed"
        assert fits(str(record["error"]), answer.texts[0], path)
    else:
        assert answer.how == "read"
        assert record["warnings"] == answer.texts


def test_folders_that_may_not_be_looked_into_are_told_wherever_they_are(folder: Path) -> None:
    row = next(row for row in ODD if row.name == "closed")
    closed = folder.parent / "vae"
    row.make(closed)
    with as_user(row, closed):
        images = ImageSet.open(folder.parent, reference_needed=False)
    assert [skip.path for skip in images.skipped] == [str(closed)]
    assert images.classes == ("gan",)
    folder.parent.chmod(0)
    try:
        with as_user(row, folder.parent):
            for layout in ("auto", "folders", "release", "real-fake", "manifest"):
                with pytest.raises(DataError, match=r"cannot be looked into \(Permission denied\)"):
                    ImageSet.open(folder.parent, layout=layout)
            assert list(inputs([folder.parent])) == [folder.parent]
    finally:
        folder.parent.chmod(0o755)


def test_a_path_that_no_system_takes_is_told_in_one_line() -> None:
    for name in ("x" * 5000, "nul\0.png"):
        with pytest.raises(DataError, match=r"cannot be looked into|does not exist"):
            ImageSet.open(name)


def test_the_command_prints_an_object_for_each_odd_file_and_exits_with_3(
    folder: Path, method: ManiFPT, tmp_path: Path
) -> None:
    method.save(tmp_path / "model")
    rows = {str(folder / row.name): row for row in ODD if not (row.lacks or row.during or row.owner)}
    for path, row in rows.items():
        row.make(Path(path))
    program = "from manifpt.cli.application import run; run()"
    words = [sys.executable, "-c", program, "attribute", str(tmp_path / "model"), str(folder), "--json"]
    ended = subprocess.run(words, capture_output=True, check=False, timeout=120)
    assert ended.returncode == 3
    assert ended.stderr == b""
    records = [json.loads(line) for line in ended.stdout.decode("ascii").splitlines()]
    assert [record["path"] for record in records] == list(map(str, inputs([folder])))
    for record in records:
        if record["path"] in rows:
            warnings = {"warnings": tuple(record.get("warnings", ()))}
            _check(record | warnings, rows.pop(record["path"]).attribute, record["path"])
    assert {row.attribute.how for row in rows.values()} == {"left out"}


def test_the_page_says_what_the_table_says() -> None:
    fresh = subprocess.run(
        [sys.executable, "-c", "import sys, inputs_page; sys.stdout.buffer.write(inputs_page.page().encode())"],
        cwd=DOCS,
        capture_output=True,
        check=True,
    )
    assert (DOCS / "inputs.md").read_text(encoding="utf-8") == fresh.stdout.decode(), "run python docs/inputs_page.py"
