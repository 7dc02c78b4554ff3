"""A changed manifest gives the right images or one clear error: never other images."""

from __future__ import annotations

import csv
import io
import os
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from manifpt.errors import ManifptError
from manifpt.images import ImageSet
from manifpt.images.manifest import by_manifest

from .tables import COLUMNS, Known, of_cells, table, truth, written


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("set")
    rng = np.random.default_rng(0)
    for name in ("a/0", "a/1", "a/2", "b/0", "b/1", "b/2", "é", "e\u0301"):
        (place / name).parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)).save(place / f"{name}.png")
    outside = place.parent / "secret.png"
    Image.fromarray(rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)).save(outside)
    (place / "link.png").symlink_to(outside)
    (place / "loop.png").symlink_to(place / "loop.png")
    (place / "text.png").write_text("no image")
    return place


def outcome(root: Path, manifest: Path) -> list[Known] | None:
    try:
        images = ImageSet.open(manifest, reference_needed=False)
    except ManifptError as error:
        assert len(str(error).splitlines()) == 1
        assert len(str(error)) < 2000 + 2 * 200_000
        return None
    return [
        (os.path.relpath(one.path, root), one.generator or "", one.family or "", one.role or "", one.latent or "")
        for one in images.records
    ]


DIALECTS: dict[str, dict[str, Any]] = {
    "plain": {}, "all quoted": {"quoting": csv.QUOTE_ALL}, "LF": {"lineterminator": "\n"},
    "CR": {"lineterminator": "\r", "quoting": csv.QUOTE_ALL},
}  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_hostile_cells_give_the_images_that_the_table_means_or_an_error(
    root: Path, tmp_path: Path, dialect: str
) -> None:
    outcomes = {"refused": 0, "right": 0}
    for name, cells in of_cells(root, seed=len(dialect), count=150):
        expected = truth(root, cells)
        (root / "manifest.csv").write_bytes(written(cells, **DIALECTS[dialect]))
        # The field limit of the csv module is an error in any place, and never cuts a cell.
        if any(len(cell) > 2**17 for row in cells for cell in row):
            expected = None
        assert outcome(root, root / "manifest.csv") == expected, f"{name} ({dialect})"
        outcomes["refused" if expected is None else "right"] += 1
    assert min(outcomes.values()) > 100


def test_parquet_tables_give_the_images_that_they_mean_or_an_error(root: Path) -> None:
    for name, cells in of_cells(root, seed=9, count=150):
        if len({*cells[0]}) < len(cells[0]) and "two" not in name:
            continue
        columns = list(zip(*cells[1:], strict=True)) or [()] * len(cells[0])
        arrays = [pa.array(column, pa.string()) for column in columns]
        pq.write_table(pa.Table.from_arrays(arrays, names=cells[0]), root / "manifest.parquet")
        assert outcome(root, root / "manifest.parquet") == truth(root, cells), name


def _encodings(root: Path) -> dict[str, tuple[bytes, bool]]:
    plain = written(table(root))
    text, header = plain.decode(), b"path,generator\n"
    foreign = [["path", "generator"], ["a/0.png", "wgän"]]
    return {
        "a byte order mark": (b"\xef\xbb\xbf" + plain, True),
        "two byte order marks": (b"\xef\xbb\xbf" * 2 + plain, False),
        "UTF-16": (text.encode("utf-16"), False),
        "UTF-16 LE": (text.encode("utf-16-le"), False),
        "UTF-16 BE": (text.encode("utf-16-be"), False),
        "UTF-32": (text.encode("utf-32"), False),
        "Latin-1": (written(foreign).decode().encode("latin-1"), False),
        "UTF-7": (written(foreign).decode().encode("utf-7").replace(b"path", b"pa+"), False),
        "mixed": (written(foreign) + "a/1.png,wgän\r\n".encode("latin-1"), False),
        "surrogates": (b"path,generator\na/0.png,\xed\xa0\x80\n", False),
        "overlong": (b"path,generator\na/0.png,\xc0\xaf\n", False),
        "NUL bytes before": (b"\0" * 9 + plain, False),
        "mixed line ends": (text.replace("\r\n", "\n", 2).replace("\r\n", "\r", 1).encode(), True),
        "blank lines": (text.replace("\r\n", "\r\n\r\n").encode(), True),
        "a blank first line": (b"\r\n\r\n" + plain, True),
        "no last line end": (plain.rstrip(), True),
        "trailing commas": (text.replace("\r\n", ",,\r\n").encode(), True),
        "trailing commas in rows": (header + b"a/0.png,wgan,,,\n", True),
        "an unquoted comma": (b"path,generator\na/0.png,wgan,v2\n", False),
        "semicolons": (text.replace(",", ";").encode(), False),
        "tabs": (text.replace(",", "\t").encode(), False),
        "blanks after commas": (text.replace(",", ", ").encode(), False),
        "single quotes": (b"'path','generator'\n'a/0.png','wgan'\n", False),
        "an open quote": (header + b'a/0.png,"wgan\n', False),
        "an open quote in the middle": (header + b'a/0.png,"wgan\nb/0.png,real\n', False),
        "text after a quote": (header + b'a/0.png,"wg"an\n', False),
        "a quote inside": (header + b'a/0.png,wg"an\n', True),
        "a short row": (header + b"a/0.png\n", False),
        "a row of blanks": (header + b"a/0.png,wgan\n , \n", False),
        "a comment": (b"# ours\n" + plain, False),
        "sep=": (b"sep=,\n" + plain, False),
        "no header": (plain.split(b"\r\n", 1)[1], False),
        "two headers": (plain + plain, False),
        "empty": (b"", False),
        "a byte order mark alone": (b"\xef\xbb\xbf", False),
        "HTML": (b"<html><body>404</body></html>", False),
        "JSON": (b'[{"path": "a/0.png", "generator": "wgan"}]', False),
        "a PNG": ((root / "a/0.png").read_bytes(), False),
        "a pickle": (b"\x80\x04\x95.", False),
        "a long line": (b"x" * 10_000_000, False),
        "many columns": (b"," * 1_000_000 + b"\n", False),
        "a long note": (b'path,generator,note\na/0.png,wgan,"' + b"x" * 131_072 + b'"\n', True),
        "a longer note": (b'path,generator,note\na/0.png,wgan,"' + b"x" * 131_073 + b'"\n', False),
    }


def test_encodings_and_dialects_are_read_rightly_or_refused(root: Path) -> None:
    for name, (content, right) in _encodings(root).items():
        (root / "manifest.csv").write_bytes(content)
        found = outcome(root, root / "manifest.csv")
        assert (found is not None) == right, f"{name}: {found}"
        if right and b"b/1.png" in content:
            assert found == truth(root, table(root)), name


def test_changed_bytes_of_a_csv_manifest_give_what_the_changed_text_means(root: Path) -> None:
    rng, plain = np.random.default_rng(0), written(table(root))
    for number in range(200):
        content, place = bytearray(plain), int(rng.integers(len(plain)))
        match number % 3:
            case 0:
                content[place] = int(rng.integers(256))
            case 1:
                del content[place : place + int(rng.integers(1, 20))]
            case _:
                content[place:place] = bytes(rng.choice(list(b',"\n\r \0\xff/.'), 1).tolist())
        (root / "manifest.csv").write_bytes(content)
        assert outcome(root, root / "manifest.csv") == _meant(root, bytes(content)), bytes(content)


def _meant(root: Path, content: bytes) -> list[Known] | None:
    try:
        cells = [row for row in csv.reader(io.StringIO(content.decode(), newline=""), strict=True) if row]
    except (UnicodeDecodeError, csv.Error):
        return None
    width = len(cells[0])
    if any(len(row) < width or any(cell.strip() for cell in row[width:]) for row in cells):
        return None
    return truth(root, [row[:width] for row in cells])


def test_changed_bytes_of_a_parquet_manifest_never_end_in_a_traceback(root: Path) -> None:
    rng, manifest = np.random.default_rng(0), root / "manifest.parquet"
    columns = list(zip(*table(root)[1:], strict=True))
    pq.write_table(pa.table(dict(zip(COLUMNS, columns, strict=True))), manifest)
    plain = manifest.read_bytes()
    for number in range(150):
        content, place = bytearray(plain), int(rng.integers(len(plain)))
        if number % 3:
            content[place] = int(rng.integers(256))
        else:
            del content[place : place + int(rng.integers(1, 50))]
        manifest.write_bytes(content)
        outcome(root, manifest)  # Parquet has no checksums of its own: other text in it cannot be told from the first.


def _odd_columns() -> dict[str, tuple[Any, bool]]:
    names = ["wgan", "real"]
    return {
        "large text": (pa.array(names, pa.large_string()), True),
        "dictionary": (pa.array(names).dictionary_encode(), True),
        "bytes": (pa.array([name.encode() for name in names]), True),
        "whole numbers": (pa.array([1, 2]), True),
        "floats": (pa.array([1.0, 2.0]), True),
        "NaN": (pa.array([1.0, float("nan")]), False),
        "null": (pa.array([None, None]), False),
        "one null": (pa.array(["wgan", None]), False),
        "bytes that are no text": (pa.array([b"\xff", b"\xfe"]), False),
        "lists": (pa.array([["wgan"], ["real"]]), False),
        "structures": (pa.array([{"name": "wgan"}, {"name": "real"}]), False),
        "maps": (pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())), False),
        "truth values": (pa.array([True, False]), False),
        "times": (pa.array([1, 2], pa.timestamp("ns")), False),
        "times beyond Python": (pa.array([2**62, -(2**62)], pa.timestamp("ms")), False),
        "durations": (pa.array([1, 2], pa.duration("ns")), False),
        "dates": (pa.array([1, 2], pa.date32()), False),
        "lists of bytes": (pa.array([[b"x"], None]), False),
    }


@pytest.mark.parametrize("kind", _odd_columns())
def test_odd_types_of_parquet_are_read_as_text_or_refused(root: Path, kind: str) -> None:
    column, right = _odd_columns()[kind]
    manifest = root / "manifest.parquet"
    pq.write_table(pa.table({"path": ["a/0.png", "b/0.png"], "generator": column}), manifest)
    found = outcome(root, manifest)
    names = ["1", "2"] if kind in ("whole numbers", "floats") else ["wgan", "real"]
    assert (None if found is None else [row[1] for row in found]) == (names if right else None)


def test_missing_numbers_of_a_parquet_manifest_are_no_latents(root: Path) -> None:
    columns = {"path": ["a/0.png", "a/1.png", "a/2.png", "b/0.png"], "generator": ["wgan"] * 3 + ["real"]}
    pq.write_table(pa.table({**columns, "latent": pa.array([7.0, float("nan"), None, 0.5])}), root / "manifest.parquet")
    images = ImageSet.open(root / "manifest.parquet", reference_needed=False)
    assert [record.latent for record in images.records] == ["7", None, None, "0.5"]


@pytest.mark.slow
def test_twenty_thousand_rows_take_seconds_and_little_memory(root: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = []
    for name, generator in (("gan", "wgan"), ("real", "real")):
        (tmp_path / name).mkdir()
        for number in range(100):
            file = tmp_path / name / f"{number}.png"
            Image.fromarray(rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)).save(file, compress_level=0)
            for copy in range(100):
                # Names of one file: cheap to make, and to the manifest as good as files of their own.
                os.link(file, tmp_path / name / f"{number}-{copy}.png")
                rows.append([f"{name}/{number}-{copy}.png", generator])
    (tmp_path / "manifest.csv").write_bytes(written([["path", "generator"], *rows]))
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    listed = by_manifest(tmp_path / "manifest.csv")
    seconds = time.process_time() - started
    assert [record.path for record in listed] == [f"{tmp_path}/{path}" for path, _ in rows]
    images = ImageSet.open(tmp_path, reference_needed=False)
    assert images.generators.tolist() == [generator for _, generator in rows]
    # Time of the processor, ten times what it takes: other tests run beside this one.
    assert seconds < 6
    assert time.process_time() - started < 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**18  # KiB
