from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifpt.errors import DataError, ImageError
from manifpt.images import ImageSet

Tree = Callable[[Path, Mapping[str, int]], Path]
ROWS = [
    {"path": "a/0000.png", "generator": "wgan", "family": "gan", "role": "train", "latent": "7"},
    {"path": "a/0001.png", "generator": "wgan", "family": "gan", "role": "test", "latent": ""},
    {"path": "b/0000.png", "generator": "real", "family": "real", "role": "reference", "latent": ""},
    {"path": "b/0001.png", "generator": "real", "family": "", "role": "", "latent": ""},
]


@pytest.fixture
def root(tree: Tree, tmp_path: Path) -> Path:
    return tree(tmp_path, {"a": 2, "b": 2})


def _written(root: Path, rows: list[dict[str, str]], *, encoding: str = "utf-8") -> Path:
    with (root / "manifest.csv").open("w", encoding=encoding, newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return root / "manifest.csv"


def _columns(images: ImageSet) -> list[tuple[str, str, str, str | None]]:
    return [
        (record.generator or "", record.family or "", record.role or "", record.latent) for record in images.records
    ]


EXPECTED = [
    ("wgan", "gan", "train", "7"),
    ("wgan", "gan", "test", None),
    ("real", "real", "reference", None),
    ("real", "real", "", None),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_csv_manifest_gives_all_its_columns_with_or_without_a_byte_order_mark(root: Path, encoding: str) -> None:
    manifest = _written(root, ROWS, encoding=encoding)
    for place in (root, manifest):
        images = ImageSet.open(place)
        assert _columns(images) == EXPECTED
        assert images.layout == "a manifest"
        assert images.paths == [str(root / row["path"]) for row in ROWS]


def test_a_parquet_manifest_gives_the_same(root: Path) -> None:
    columns = {name: [row[name] or None for row in ROWS] for name in ROWS[0] if name != "latent"}
    latent = pa.array([7, None, None, None], pa.int64())
    pq.write_table(pa.table({**columns, "latent": latent}), root / "manifest.parquet")
    for place in (root, root / "manifest.parquet"):
        images = ImageSet.open(place)
        assert _columns(images) == EXPECTED
        assert images.layout == "a manifest"


def test_a_manifest_wins_over_the_names_of_folders(root: Path) -> None:
    _written(root, [{"path": "a/0000.png", "generator": "real"}, {"path": "b/0000.png", "generator": "a"}])
    assert ImageSet.open(root, reference_needed=False).generators.tolist() == ["real", "a"]


def test_other_columns_and_empty_cells_after_the_last_column_change_nothing(root: Path) -> None:
    (root / "manifest.csv").write_text('note,generator,path\n"a, b",wgan,a/0000.png,,\n\n,wgan,a/0001.png\n')
    assert len(ImageSet.open(root, reference_needed=False)) == 2


def test_a_comma_without_quotes_is_an_error_and_does_not_shift_the_cells(root: Path) -> None:
    (root / "manifest.csv").write_text("path,family,generator\na/0000.png,gan,wgan\n\nb/0000.png,gan, v2,wgan\n")
    with pytest.raises(DataError) as caught:
        ImageSet.open(root, reference_needed=False)
    assert str(caught.value) == (
        f"row 4 of {root}/manifest.csv has 4 cells; expected 3, as in the header; put text that holds a comma in quotes"
    )


def test_a_column_that_stands_twice_is_an_error(root: Path) -> None:
    (root / "manifest.csv").write_text("path,generator,generator\na/0000.png,wgan,dcgan\n")
    with pytest.raises(DataError) as caught:
        ImageSet.open(root, reference_needed=False)
    assert str(caught.value) == (
        f"{root}/manifest.csv has 2 columns generator; expected each column once; rename or remove one"
    )


def test_blanks_around_a_path_are_dropped_unless_a_file_has_them_in_its_name(root: Path) -> None:
    (root / "manifest.csv").write_text("path,generator\n a/0000.png ,wgan\n b.png,wgan\n")
    (root / "b.png").write_bytes((root / "a/0001.png").read_bytes())
    (root / " b.png").write_bytes((root / "b/0001.png").read_bytes())
    images = ImageSet.open(root, reference_needed=False)
    assert images.paths == [f"{root}/a/0000.png", f"{root}/ b.png"]


def test_line_ends_inside_quotes_belong_to_the_name_of_a_file(root: Path) -> None:
    for name in ("x\r\ny.png", "x\ny.png", "x\ry.png"):
        (root / name).write_bytes((root / "a/0000.png").read_bytes())
        (root / "manifest.csv").write_bytes(f'path,generator\r\n"{name}",wgan\r\n'.encode())
        assert ImageSet.open(root, reference_needed=False).paths == [f"{root}/{name}"]


def test_a_missing_column_is_named_with_those_that_are_there(root: Path) -> None:
    _written(root, [{"file": "a/0000.png", "label": "wgan"}])
    with pytest.raises(DataError) as caught:
        ImageSet.open(root)
    assert str(caught.value) == (
        f"{root}/manifest.csv has no column path and no column generator (it has file, label); expected the columns "
        "path and generator, and optionally family, role, latent, sha256; add the column, or rename one"
    )


def test_an_empty_manifest_has_no_columns(root: Path) -> None:
    (root / "manifest.csv").write_text("")
    with pytest.raises(DataError, match="it has none"):
        ImageSet.open(root)


def test_a_file_named_twice_is_refused_however_it_is_written(root: Path) -> None:
    _written(root, [{"path": name, "generator": "wgan"} for name in ("a/0000.png", "a/0001.png", "./a//0000.png")])
    with pytest.raises(DataError) as caught:
        ImageSet.open(root)
    assert str(caught.value) == (
        f"{root}/manifest.csv names {root}/a/0000.png more than once (1 such files); expected one row per image; "
        "remove the repeated rows"
    )


@pytest.mark.parametrize("path", ["../secret.png", "a/../../secret.png", "/etc/secret.png"])
def test_a_path_outside_of_the_folder_is_refused(root: Path, path: str) -> None:
    _written(root, [{"path": "a/0000.png", "generator": "wgan"}, {"path": path, "generator": "wgan"}])
    with pytest.raises(DataError) as caught:
        ImageSet.open(root)
    assert str(caught.value) == (
        f"row 3 of {root}/manifest.csv points outside of {root}: {path}; expected a path relative to the manifest's "
        "folder and inside it; move the image there, or the manifest up"
    )


def test_an_unknown_role_lists_those_that_there_are(root: Path) -> None:
    _written(root, [{"path": "a/0000.png", "generator": "wgan", "role": "training"}])
    with pytest.raises(DataError) as caught:
        ImageSet.open(root)
    assert str(caught.value) == (
        f"row 2 of {root}/manifest.csv has role 'training'; expected reference, train, validation, test or nothing; "
        "correct it"
    )


@pytest.mark.parametrize(("row", "missing"), [(("a/0000.png", " "), "generator"), (("", "wgan"), "path")])
def test_an_empty_cell_where_one_is_needed_names_the_row(root: Path, row: tuple[str, str], missing: str) -> None:
    _written(root, [{"path": row[0], "generator": row[1]}])
    with pytest.raises(DataError) as caught:
        ImageSet.open(root)
    assert str(caught.value) == f"row 2 of {root}/manifest.csv has no {missing}; expected both; complete the row"


def test_a_digest_that_is_none_is_refused(root: Path) -> None:
    _written(root, [{"path": "a/0000.png", "generator": "wgan", "sha256": "abc"}])
    with pytest.raises(DataError, match=r"row 2 .* has sha256 'abc'; expected 64 hexadecimal digits; correct it"):
        ImageSet.open(root)


def test_a_file_unlike_its_digest_is_skipped_with_the_reason_or_fails_if_strict(root: Path) -> None:
    right = hashlib.sha256((root / "a/0000.png").read_bytes()).hexdigest()
    rows = [
        {"path": "a/0000.png", "generator": "wgan", "sha256": right.upper()},
        {"path": "a/0001.png", "generator": "wgan", "sha256": right},
    ]
    _written(root, rows)
    reason = (
        f"{root}/a/0001.png does not have the SHA-256 of its manifest; expected {right}; "
        "copy the file again, or correct the manifest"
    )
    images = ImageSet.open(root, reference_needed=False)
    assert [(skip.path, skip.reason) for skip in images.skipped] == [(f"{root}/a/0001.png", reason)]
    assert images.paths == [f"{root}/a/0000.png"]
    with pytest.raises(ImageError) as caught:
        ImageSet.open(root, strict=True, reference_needed=False)
    assert str(caught.value) == reason


@pytest.mark.parametrize("content", [b"path,generator\n\xff\xfe,a\n", b'path,generator\n"a,b\n'])
def test_what_is_no_csv_in_utf8_is_refused(root: Path, content: bytes) -> None:
    (root / "manifest.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"manifest\.csv cannot be read as CSV"):
        ImageSet.open(root)


def test_what_is_no_parquet_is_refused(root: Path) -> None:
    (root / "manifest.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DataError, match=r"manifest\.parquet cannot be read as Parquet"):
        ImageSet.open(root)


def test_a_short_row_is_an_error_and_not_a_row_of_empty_cells(root: Path) -> None:
    (root / "manifest.csv").write_text("path,generator,role\na/0000.png,wgan,\nb/0000.png,real\n")
    with pytest.raises(DataError) as caught:
        ImageSet.open(root, reference_needed=False)
    assert str(caught.value) == (
        f"row 3 of {root}/manifest.csv has 2 cells; expected 3, as in the header; complete the row"
    )


@pytest.mark.parametrize(("generator", "family"), [("real", "gan"), ("wgan", "real")])
def test_a_row_that_contradicts_itself_is_refused(root: Path, generator: str, family: str) -> None:
    _written(root, [{"path": "a/0000.png", "generator": generator, "family": family}])
    with pytest.raises(DataError) as caught:
        ImageSet.open(root, reference_needed=False)
    assert str(caught.value) == (
        f"row 2 of {root}/manifest.csv has generator {generator!r} and family {family!r}; "
        "expected both real, or neither; correct one of them"
    )


def test_a_generated_image_cannot_be_marked_as_a_reference(root: Path) -> None:
    _written(root, [{"path": "a/0000.png", "generator": "wgan", "role": "reference"}])
    with pytest.raises(DataError) as caught:
        ImageSet.open(root)
    assert str(caught.value) == (
        f"row 2 of {root}/manifest.csv is a reference made by 'wgan'; expected only reals (generator real) as "
        "references; correct its role or generator"
    )


def test_real_is_a_reserved_name_in_every_spelling(root: Path) -> None:
    _written(root, [{"path": "a/0000.png", "generator": "Real"}, {"path": "b/0000.png", "generator": "REAL"}])
    assert ImageSet.open(root, reference_needed=False).classes == ("real",)
