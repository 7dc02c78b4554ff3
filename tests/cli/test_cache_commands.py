"""`manifpt cache` and the folders of references: checked, listed and removed, and nobody else's touched."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from manifpt.embeddings.embedding import Points
from manifpt.manifolds.folders import KEPT, writer
from manifpt.manifolds.references import References
from manifpt.manifolds.shards import header_digest

SETTINGS = {"space": {"name": "rgb"}, "size": [4, 6], "reference": "ab"}


def made(folder: Path, count: int = 1500) -> Path:
    points = np.random.default_rng(0).integers(0, 256, (count, 3, 4, 6), np.uint8)
    References(folder, SETTINGS).append([Points(points, 1 / 255)])
    return folder


def damage(folder: Path) -> Path:
    """Flip one bit of the last point."""
    path = folder / "00000.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    return path


def test_sound_folders_are_told_to_be_sound(command: Any, tmp_path: Path) -> None:
    folders = [made(tmp_path / "a"), made(tmp_path / "b", 3)]
    done = command("cache", "verify", *folders)
    assert (done.status, done.err) == (0, "")
    assert f"{folders[0]} is sound: 1500 references in 1 shards" in done.out
    assert f"{folders[1]} is sound: 3 references in 1 shards" in done.out


def test_a_damaged_folder_that_was_given_is_told_and_left_as_it_is(command: Any, tmp_path: Path) -> None:
    sound, bad = made(tmp_path / "a"), made(tmp_path / "b")
    path = damage(bad)
    content = path.read_bytes()
    done = command("cache", "verify", bad, sound)
    assert f"block 1 of {path} is damaged (references 1024 to 1499)" in done.out
    assert f"{sound} is sound" in done.out
    assert done.status == 2
    assert done.err == (
        f"manifpt: error: 1 of 2 folders are not sound ({bad}); expected references as they were written; "
        "delete the shards named above and those after them, then append their rows again\n"
    )
    assert path.read_bytes() == content


def test_a_folder_without_references_is_not_sound(command: Any, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "\x1b[31m.png").touch()
    done = command("cache", "verify", tmp_path / "absent", tmp_path / "photos")
    assert done.status == 2
    assert f"{tmp_path / 'absent'} holds no references\n" in done.out
    assert f"{tmp_path / 'photos'} holds \\x1b[31m.png, which is no part of a folder of references\n" in done.out
    assert "2 of 2 folders are not sound" in done.err


def test_damaged_references_of_the_cache_are_removed_and_sound_ones_stay(command: Any, own_cache: Path) -> None:
    sound, bad, cut = (made(own_cache / KEPT / name) for name in "abc")
    damage(bad)
    os.truncate(cut / "00000.safetensors", 1000)
    done = command("cache", "verify")
    assert (done.status, done.err) == (0, "")
    assert f"2 of 3 folders of references removed from {own_cache / KEPT}" in done.out
    assert [path.name for path in (own_cache / KEPT).iterdir()] == [sound.name]
    assert f"0 of 1 folders of references removed from {own_cache / KEPT}" in command("cache", "verify").out


def test_references_of_another_schema_and_what_others_put_there_stay(command: Any, own_cache: Path) -> None:
    newer = made(own_cache / KEPT / "newer") / "00000.safetensors"
    with safe_open(newer, "np") as file:
        about = {**file.metadata(), "schema": "2"}
    tensors = load_file(newer)
    save_file(tensors, newer, {**about, "digest": header_digest("U8", tensors["points"].shape, about)})
    (own_cache / KEPT / "mine").mkdir()
    (own_cache / KEPT / "mine" / "thesis.tex").touch()
    done = command("cache", "verify")
    assert done.status == 0
    assert f"{newer} has schema 2\n" in done.out
    assert f"0 of 1 folders of references removed from {own_cache / KEPT}" in done.out
    assert newer.exists()
    assert "references in the folder newer, which cannot be read" in command("cache", "show").out


def test_references_are_shown_with_their_space_and_size(command: Any, own_cache: Path) -> None:
    assert "folders of references" not in command("cache", "show").out
    made(own_cache / KEPT / "a")
    shown = command("cache", "show").out
    assert "references in rgb, 6 × 4" in shown
    assert "1500" in shown
    assert f"1 folders of references in {own_cache / KEPT}" in shown


def test_references_are_pruned_by_the_age_of_their_last_shard(command: Any, own_cache: Path) -> None:
    old, new = made(own_cache / KEPT / "old"), made(own_cache / KEPT / "new")
    os.utime(old / "00000.safetensors", (0, 0))
    assert "1 folders of references removed" in command("cache", "prune", "--older-than", "30").out
    assert [path.name for path in (own_cache / KEPT).iterdir()] == [new.name]
    assert "1 folders of references removed" in command("cache", "prune").out
    assert list((own_cache / KEPT).iterdir()) == []
    assert command("cache", "prune").out == "0 entries removed\n"


def test_references_that_are_being_written_are_not_pruned(
    command: Any, own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = made(own_cache / KEPT / "a")
    with writer(folder):
        assert "0 folders of references removed" in command("cache", "prune").out
    assert "another process is writing" in caplog.text
    assert len(References(folder)) == 1500


def test_verify_removes_nothing_for_want_of_open_files(command: Any, own_cache: Path) -> None:
    folder = own_cache / KEPT / ("0" * 32)
    made(folder, 1)
    for _ in range(59):
        References(folder).append([Points(np.zeros((1, 3, 4, 6), np.uint8), 1 / 255)])
    command("cache", "show")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 40, most[1]))
    try:
        done = command("cache", "verify")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)
    assert "cannot be read (Too many open files)" in done.out
    assert f"0 of 1 folders of references removed from {own_cache / KEPT}" in done.out
    assert len(References(folder)) == 60
