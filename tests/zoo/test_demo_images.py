"""The demo's images as a folder."""

from __future__ import annotations

import csv
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from manifpt.errors import DataError
from manifpt.zoo import demo_images
from manifpt.zoo.demo import demo_generators, sampled
from manifpt.zoo.demo_images import demo_set
from manifpt.zoo.photographs import patches


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return demo_set(tmp_path_factory.mktemp("zoo") / "new" / "demo", per_generator=12, seed=5)


@pytest.fixture(scope="module")
def rows(folder):
    with (folder / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_the_manifest_has_its_columns_and_lists_every_file_once(folder, rows):
    assert list(rows[0]) == ["path", "generator", "family", "role", "latent"]
    assert sorted(row["path"] for row in rows) == sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*.png")
    )


def test_the_manifest_counts_twelve_of_each_class_and_every_reference(rows):
    assert Counter((row["generator"], row["role"]) for row in rows) == {
        **{(name, ""): 12 for name in demo_generators()},
        ("real", ""): 12,
        ("real", "reference"): 742,
    }


def test_generated_rows_carry_family_and_latent_and_real_ones_none(rows):
    for row in rows:
        if row["generator"] == "real":
            assert (row["family"], row["latent"]) == ("real", "")
        else:
            assert row["family"] == row["generator"].removesuffix("-demo")
            assert row["latent"] == f"5:{int(row['path'][-8:-4])}"


def test_the_images_are_lossless(folder):
    for name in demo_generators():
        written = np.stack([pixels(path) for path in sorted((folder / name).glob("*.png"))])
        np.testing.assert_array_equal(written, sampled(name, 12, seed=5))


def test_real_and_reference_files_are_the_patches_of_their_role(folder):
    of_role = {role: {p.pixels.tobytes() for p in patches() if p.role == role} for role in ("real", "reference")}
    for role, known in of_role.items():
        assert {pixels(path).tobytes() for path in (folder / role).glob("*.png")} <= known


def test_the_real_class_is_spread_over_the_photographs(folder):
    assert len({path.name.split("-")[0] for path in (folder / "real").glob("*.png")}) == 5


def test_an_existing_folder_is_left_alone(tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(DataError, match="exists; expected a new folder; name another, or remove this one"):
        demo_set(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_no_images_at_all_are_refused(tmp_path):
    with pytest.raises(DataError, match="0 images per generator; expected at least 1"):
        demo_set(tmp_path / "demo", per_generator=0)


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_failure_midway_leaves_nothing_behind(tmp_path, monkeypatch, failure):
    def failing(name, count, seed):
        if name == "flow-demo":
            raise failure
        return np.zeros((count, 32, 32, 3), np.uint8)

    monkeypatch.setattr(demo_images, "sampled", failing)
    with pytest.raises(failure):
        demo_set(tmp_path / "demo", per_generator=2)
    assert list(tmp_path.iterdir()) == []
