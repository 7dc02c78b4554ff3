"""References on disk: what is there is what was written, or an error says where it is not."""

from __future__ import annotations

import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from manifpt.embeddings.embedding import Points
from manifpt.errors import ManifptError, NumbersError
from manifpt.manifolds import forms
from manifpt.manifolds.folders import KEPT, kept, prune, writer
from manifpt.manifolds.references import References
from manifpt.manifolds.shards import DamageError, ReferencesError, block_digest, header_digest

SETTINGS = {"space": {"name": "rgb"}, "size": [2, 3], "reference": "ab" * 32}
SCALE = 1 / 255
REMEDY = "delete it and every shard after it, then append their rows again"


def pixels(count: int, seed: int = 0) -> Points:
    return Points(np.random.default_rng(seed).integers(0, 256, (count, 3, 2, 3), np.uint8), SCALE)


def parts(points: Points, size: int) -> Iterator[Points]:
    return (Points(points.values[start : start + size], points.scale) for start in range(0, len(points), size))


def values(references: References) -> Any:
    return np.concatenate([shard.points.values for shard in references.shards])


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of 2,048 rows of 18 bytes."""
    monkeypatch.setattr(forms, "SHARD_BYTES", 2048 * 18)


@pytest.fixture
def stored(tmp_path: Path, small_shards: None) -> Path:
    """5,000 points in three shards, the last one short."""
    References(tmp_path / "r", SETTINGS).append([pixels(5000)])
    return tmp_path / "r"


@pytest.mark.parametrize("size", [1, 7, 1024, 2048, 3000, 5000])
def test_what_was_appended_in_blocks_of_any_size_is_there_in_order(
    size: int, tmp_path: Path, small_shards: None
) -> None:
    references = References(tmp_path / "r", SETTINGS).append(parts(pixels(5000), size))
    assert len(references) == 5000
    again = References(tmp_path / "r", SETTINGS)
    assert [(shard.first, len(shard)) for shard in again.shards] == [(0, 2048), (2048, 2048), (4096, 904)]
    np.testing.assert_array_equal(values(again), pixels(5000).values)
    assert {shard.points.scale for shard in again.shards} == {SCALE}
    assert again.settings == SETTINGS
    assert again.damaged() == []


def test_a_producer_may_reuse_its_array(tmp_path: Path) -> None:
    array = np.empty((4, 2), np.float32)

    def blocks() -> Iterator[Points]:
        for index in range(5):
            array[:] = index
            yield Points(array)

    references = References(tmp_path, SETTINGS).append(blocks())
    np.testing.assert_array_equal(values(references)[:, 0], np.repeat(np.arange(5), 4))


def test_float32_points_keep_every_bit(tmp_path: Path) -> None:
    points = np.array([[-0.0, 1e-45], [3.4e38, 1 / 3]], np.float32)
    references = References(tmp_path, SETTINGS).append([Points(points[::-1])])
    assert values(references).tobytes() == points[::-1].tobytes()


def test_points_are_read_only_maps_of_the_files(stored: Path) -> None:
    for shard in References(stored).shards:
        assert isinstance(shard.points.values, np.memmap)
        assert shard.points.values.filename == shard.path
        assert not shard.points.values.flags.writeable
        assert shard.points.values.flags.aligned


def test_appending_leaves_the_bytes_of_earlier_shards_as_they_are(stored: Path) -> None:
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in stored.glob("*.safetensors")}
    References(stored, SETTINGS).append([pixels(10, seed=1)])
    for name, content in before.items():
        assert ((stored / name).read_bytes(), (stored / name).stat().st_mtime_ns) == content
    assert sorted(path.name for path in stored.glob("*.safetensors")) == [*sorted(before), "00003.safetensors"]
    assert len(References(stored)) == 5010


def test_plain_safetensors_reads_what_the_documentation_says(stored: Path) -> None:
    path = stored / "00002.safetensors"
    np.testing.assert_array_equal(load_file(path)["points"], pixels(5000).values[4096:])
    with safe_open(path, "np") as file:
        about = file.metadata()
    assert {name: about[name] for name in ("schema", "first", "rows", "scale")} == {
        "schema": "1",
        "first": "4096",
        "rows": "904",
        "scale": repr(SCALE),
    }
    assert about["blocks"] == block_digest(pixels(5000).values[4096:])
    assert about["digest"] == header_digest("U8", (904, 3, 2, 3), about)


def test_a_point_larger_than_a_shard_has_a_shard_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "SHARD_BYTES", 10)
    assert [len(shard) for shard in References(tmp_path, SETTINGS).append([pixels(3)]).shards] == [1, 1, 1]


def test_shards_of_usual_points_have_64_mib_at_most_and_whole_blocks() -> None:
    small = forms.Form.of(Points(np.zeros((1, 3, 32, 32), np.uint8), SCALE))
    large = forms.Form.of(Points(np.zeros((1, 3, 256, 256), np.uint8), SCALE))
    assert (small.rows % 1024, small.rows * 3072 <= 64 * 2**20) == (0, True)
    assert (large.rows, large.rows * 3 * 256**2 <= 64 * 2**20) == (341, True)


def test_nothing_is_appended_from_nothing(tmp_path: Path) -> None:
    references = References(tmp_path / "r", SETTINGS).append([]).append([pixels(0)])
    assert (len(references), references.shards, references.damaged()) == (0, [], [])
    references.check([])


KILLED = """
import os, signal, sys
import numpy as np
from pathlib import Path
from manifpt import writing
from manifpt.embeddings.embedding import Points
from manifpt.manifolds import forms, shards
from manifpt.manifolds.references import References
forms.SHARD_BYTES = 2048 * 18
points = np.random.default_rng(0).integers(0, 256, (5000, 3, 2, 3), np.uint8)
stage = sys.argv[2]
written = 0
def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
def save(tensors, path, about, save_file=shards.save_file):
    global written
    save_file(tensors, path, about)
    written += 1
    if written == 2 and stage == "half a shard":
        os.truncate(path, 1000)
    if written == 2 and stage != "shard renamed":
        killed()
shards.save_file = save
if stage == "shard renamed":
    writing._sweep = lambda place: killed() if place.name == "00001.safetensors" else None
references = References(sys.argv[1], {"space": {"name": "rgb"}, "size": [2, 3], "reference": "ab" * 32})
references.append(Points(points[start : start + 500], 1 / 255) for start in range(0, 5000, 500))
"""


@pytest.mark.parametrize(("stage", "present"), [("half a shard", 2048), ("whole shard", 2048), ("shard renamed", 4096)])
def test_a_kill_loses_only_the_shard_in_writing_and_the_next_goes_on_to_the_same_points(
    stage: str, present: int, stored: Path, tmp_path: Path
) -> None:
    place = tmp_path / "killed"
    ended = subprocess.run([sys.executable, "-c", KILLED, str(place), stage], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert any(path.name.endswith(".part") for path in place.iterdir()) == (stage != "shard renamed")
    references = References(place, SETTINGS)
    assert len(references) == present
    references.append([Points(pixels(5000).values[len(references) :], SCALE)])
    for one, other in zip(References(place).shards, References(stored).shards, strict=True):
        assert one.points.values.tobytes() == other.points.values.tobytes()
        assert (one.first, one.digests, one.settings) == (other.first, other.digests, other.settings)
    assert sorted(path.name for path in place.iterdir()) == sorted(path.name for path in stored.iterdir())


def test_after_an_error_in_the_points_the_full_shards_stand_and_no_part_is_left(
    tmp_path: Path, small_shards: None
) -> None:
    def blocks() -> Iterator[Points]:
        yield pixels(3000)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        References(tmp_path, SETTINGS).append(blocks())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000.safetensors", "lock"]
    assert len(References(tmp_path)) == 2048


def refused(kind: type[ManifptError], act: Callable[[], object], line: str) -> None:
    with pytest.raises(ManifptError) as refusal:
        act()
    assert str(refusal.value) == line
    assert type(refusal.value) is kind


def test_a_truncated_shard_is_refused_on_opening(stored: Path) -> None:
    path = stored / "00001.safetensors"
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(DamageError) as refusal:
        References(stored, SETTINGS)
    assert re.fullmatch(
        rf"{re.escape(str(path))} is damaged \(.*\); expected a shard as it was written; {REMEDY}", str(refusal.value)
    )


def test_a_missing_shard_in_the_middle_is_named(stored: Path) -> None:
    (stored / "00001.safetensors").unlink()
    refused(
        DamageError,
        lambda: References(stored),
        f"{stored} lacks 00001.safetensors, but holds 00002.safetensors; expected shards numbered without a gap; "
        "restore it, or delete the shards after it and append their rows again",
    )


def test_shards_that_changed_places_are_refused(stored: Path) -> None:
    (stored / "00000.safetensors").rename(stored / "x")
    (stored / "00001.safetensors").rename(stored / "00000.safetensors")
    (stored / "x").rename(stored / "00001.safetensors")
    refused(
        DamageError,
        lambda: References(stored),
        f"{stored / '00000.safetensors'} is damaged (it begins with reference 2048, not 0); "
        f"expected a shard as it was written; {REMEDY}",
    )


def flip(path: Path, position: int, bit: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        (byte,) = file.read(1)
        file.seek(position)
        file.write(bytes([byte ^ 1 << bit]))


def test_a_flipped_byte_is_found_when_its_block_is_asked_for_and_only_then(stored: Path) -> None:
    path = stored / "00001.safetensors"
    flip(path, path.stat().st_size - 1)
    references = References(stored, SETTINGS)
    references.check(np.arange(3072))
    references.check([4096, 4999])
    line = f"block 1 of {path} is damaged (references 3072 to 4095); expected the bytes that were written; {REMEDY}"
    for _ in range(2):
        refused(DamageError, lambda: references.check([0, 4000]), line)
    assert [str(damage) for damage in references.damaged()] == [line.partition(";")[0]]


def test_a_block_is_compared_once_by_check_and_again_by_damaged(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    monkeypatch.setattr(
        "manifpt.manifolds.shards.block_digest", lambda rows: compared.append(len(rows)) or block_digest(rows)
    )
    references = References(stored)
    assert compared == []
    references.check([0, 1, 1023])
    references.check([5, 1024])
    assert compared == [1024, 1024]
    references.damaged()
    assert len(compared) == 2 + 5


def test_any_byte_of_a_shard_may_flip_and_it_is_noticed(tmp_path: Path) -> None:
    References(tmp_path / "whole", SETTINGS).append([pixels(20)])
    content, rng = (tmp_path / "whole" / "00000.safetensors").read_bytes(), random.Random(0)
    (tmp_path / "flipped").mkdir()
    path = tmp_path / "flipped" / "00000.safetensors"
    for position in range(len(content)):
        path.write_bytes(content)
        flip(path, position, rng.randrange(8))
        try:
            assert References(tmp_path / "flipped", SETTINGS).damaged(), position
        except ReferencesError as error:
            assert "\n" not in str(error)


def test_references_out_of_range_are_refused(stored: Path) -> None:
    for row in (-1, 5000):
        refused(
            NumbersError,
            lambda row=row: References(stored).check([0, row]),
            f"reference {row} of {stored}; expected 0 to 4999; give indices of references",
        )


def test_other_settings_are_refused_with_the_first_that_differs(stored: Path) -> None:
    refused(
        ReferencesError,
        lambda: References(stored, {**SETTINGS, "size": [4, 4]}),
        f"{stored / '00000.safetensors'} holds references of other settings (size is [2, 3], not [4, 4]); "
        "expected references of the settings asked for; choose another folder",
    )


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (Points(np.zeros((2, 3, 2, 3), np.float32), SCALE), "shape (3, 2, 3), type float32 and scale 0.00392157"),
        (Points(np.zeros((2, 3, 2, 4), np.uint8), SCALE), "shape (3, 2, 4), type uint8 and scale 0.00392157"),
        (Points(np.zeros((2, 3, 2, 3), np.uint8), 1.0), "shape (3, 2, 3), type uint8 and scale 1"),
    ],
    ids=["type", "shape", "scale"],
)
def test_points_of_another_form_are_refused(other: Points, what: str, stored: Path) -> None:
    refused(
        NumbersError,
        lambda: References(stored).append([pixels(1), other]),
        f"references of {what} for {stored}; expected shape (3, 2, 3), type uint8 and scale 0.00392157, "
        "as the others have; embed all with the same space at the same image size",
    )
    assert len(References(stored)) == 5000


@pytest.mark.parametrize(
    "points",
    [
        Points(np.zeros((2, 3))),  # type: ignore[arg-type]
        Points(np.zeros((2, 0), np.float32)),
        Points(np.zeros((2, 3), np.uint8), float("nan")),
        Points(np.zeros((2, 3), np.uint8), 0.0),
    ],
    ids=["float64", "no coordinates", "no scale", "scale 0"],
)
def test_points_that_cannot_be_kept_are_refused(points: Points, tmp_path: Path) -> None:
    with pytest.raises(NumbersError, match="expected at least one coordinate, uint8 or float32"):
        References(tmp_path, SETTINGS).append([points])
    assert len(References(tmp_path, SETTINGS)) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_with_the_references_number(value: float, tmp_path: Path) -> None:
    points = np.zeros((10, 4), np.float32)
    points[7, 2] = value
    references = References(tmp_path, SETTINGS).append([Points(np.ones((5, 4), np.float32))])
    refused(
        NumbersError,
        lambda: references.append([Points(np.ones((3, 4), np.float32)), Points(points)]),
        f"reference 15 for {tmp_path} holds NaN or infinity; expected finite coordinates; "
        "leave the image out, or check the space's weights",
    )
    assert len(References(tmp_path)) == 5


def test_a_second_writer_is_refused_at_once(stored: Path) -> None:
    with writer(stored):
        refused(
            ReferencesError,
            lambda: References(stored).append([pixels(1)]),
            f"another process is writing {stored}; expected one writer for each folder of references; "
            "wait for it, or choose another folder",
        )


def test_what_another_writer_added_meanwhile_is_not_doubled(stored: Path) -> None:
    references = References(stored)
    References(stored).append([pixels(1)])
    refused(
        ReferencesError,
        lambda: references.append([pixels(1)]),
        f"{stored} has 5001 references by now, and had 5000 when it was opened; expected the references that were "
        "there; open the folder again, and append what is missing",
    )


@pytest.mark.parametrize("name", ["notes.txt", "0.safetensors", "000001.safetensors", "٠٠٠٠٣.safetensors", "\x1b[31m"])
def test_a_folder_with_anything_else_is_refused_and_left_as_it_is(name: str, stored: Path) -> None:
    (stored / name).write_text("mine")
    with pytest.raises(
        ReferencesError, match="which is no part of a folder of references; expected a new folder"
    ) as refusal:
        References(stored, SETTINGS)
    assert str(refusal.value).isprintable()
    assert (stored / name).read_text() == "mine"


def _link(path: Path) -> None:
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _rewritten(**changed: str) -> Callable[[Path], None]:
    """A shard whose header somebody changed and sealed again."""

    def write(path: Path) -> None:
        with safe_open(path, "np") as file:
            about = {**file.metadata(), **changed}
        tensors = load_file(path)
        save_file(tensors, path, {**about, "digest": header_digest("U8", tensors["points"].shape, about)})

    return write


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "link": (_link, "is damaged (no plain file)"),
    "pipe": (_pipe, "is damaged (no plain file)"),
    "folder": (_folder, "is damaged (no plain file)"),
    "empty": (lambda path: path.write_bytes(b""), "is damaged ("),
    "text": (lambda path: path.write_text("no shard at all, but words"), "is damaged ("),
    "other tensors": (lambda path: save_file({"x": np.zeros(3)}, path), "is damaged (its header is not as it was"),
    "no header": (lambda path: save_file(load_file(path), path), "is damaged (its header is not as it was written)"),
    "other rows": (_rewritten(rows="3"), "is damaged (its header contradicts itself)"),
    "fewer blocks": (_rewritten(blocks=""), "is damaged (its header contradicts itself)"),
    "scale of nan": (_rewritten(scale="nan"), "is damaged (its header contradicts itself)"),
    "settings of depth": (_rewritten(settings="[" * 10**5), "is damaged (its header contradicts itself)"),
    "settings of text": (_rewritten(settings='"rgb"'), "is damaged (its header contradicts itself)"),
    "other scale": (_rewritten(scale="1.0"), "holds references of shape (3, 2, 3), type uint8 and scale 1;"),
    "schema": (_rewritten(schema="2"), "has schema 2; expected schema 1; use the version of manifpt that wrote it"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_hostile_shard_is_refused_in_one_line(damage: str, stored: Path) -> None:
    change, line = DAMAGES[damage]
    change(stored / "00001.safetensors")
    with pytest.raises(ReferencesError) as refusal:
        References(stored, SETTINGS)
    assert str(refusal.value).startswith(f"{stored / '00001.safetensors'} {line}")
    assert "\n" not in str(refusal.value)


def test_places_that_hold_no_references_are_refused(tmp_path: Path) -> None:
    line = "holds no references; expected a folder of references; check the path"
    refused(ReferencesError, lambda: References(tmp_path / "absent"), f"{tmp_path / 'absent'} {line}")
    assert not (tmp_path / "absent").exists()
    (tmp_path / "file").touch()
    for settings in (None, SETTINGS):
        with pytest.raises(ReferencesError, match=r"file cannot be opened \(.*\); expected a folder of references"):
            References(tmp_path / "file", settings)


ALONE = """
import sys
import numpy as np
from manifpt.embeddings.embedding import Points
from manifpt.errors import ManifptError
from manifpt.manifolds import forms
from manifpt.manifolds.references import References
forms.SHARD_BYTES = 2**19
try:
    References(sys.argv[1], {"space": "rgb"}).append([Points(np.zeros((2**11, 2**10), np.uint8), 1.0)])
except ManifptError as error:
    print(error)
import os
print(len(References(sys.argv[1], {"space": "rgb"})), *sorted(os.listdir(sys.argv[1])))
"""


def alone(words: list[str], folder: Path) -> list[str]:
    ended = subprocess.run(
        [*words, sys.executable, "-c", ALONE, str(folder)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_a_full_disk_is_told_in_one_line_and_leaves_whole_shards(
    small_disk: Callable[..., list[str]], tmp_path: Path
) -> None:
    told, rest = alone(small_disk("1300k"), tmp_path / "disk" / "r")
    assert told == (
        f"{tmp_path / 'disk' / 'r'} cannot be written (No space left on device); expected a place with room for "
        "references; free some space or check the permissions, or choose another folder"
    )
    assert rest == "1024 00000.safetensors 00001.safetensors lock"


def test_a_folder_that_may_not_be_written_is_read_and_told(stored: Path, powerless: list[str]) -> None:
    (stored / "lock").unlink(missing_ok=True)
    stored.chmod(0o555)
    script = ALONE.replace('{"space": "rgb"}', "None")
    try:
        ended = subprocess.run(
            [*powerless, sys.executable, "-c", script, str(stored)], capture_output=True, text=True, check=False
        )
    finally:
        stored.chmod(0o755)
    told, rest = ended.stdout.splitlines()
    assert told.startswith(f"{stored} cannot be written (Permission denied); expected a place with room")
    assert rest.startswith("5000 00000.safetensors")


def test_opening_reads_no_points(tmp_path: Path) -> None:
    import psutil

    folder = tmp_path / "r"
    References(folder, SETTINGS).append([Points(np.zeros((64, 2**20), np.uint8), 1.0)])
    before = psutil.Process().memory_info().rss
    for _ in range(20):
        assert len(References(folder)) == 64
    assert psutil.Process().memory_info().rss - before < 8 * 2**20


def test_the_cache_lists_and_prunes_by_the_day_of_the_last_writing(tmp_path: Path) -> None:
    for name in ("old", "new"):
        References(tmp_path / "references" / name, {**SETTINGS, "reference": name}).append([pixels(3)])
    (tmp_path / "references" / "foreign").mkdir()
    (tmp_path / "references" / "foreign" / "thesis.tex").touch()
    os.utime(tmp_path / "references" / "old" / "00000.safetensors", (0, 0))
    found = {one.folder.name: (one.settings, one.references, one.used) for one in kept(tmp_path)}
    assert found["old"] == ({**SETTINGS, "reference": "old"}, 3, "1970-01-01")
    assert set(found) == {"old", "new"}
    assert prune(tmp_path, before="1970-01-01") == 0
    assert prune(tmp_path, before="2000-01-01") == 1
    assert prune(tmp_path) == 1
    assert [path.name for path in (tmp_path / "references").iterdir()] == ["foreign"]


def test_pruning_leaves_what_is_being_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "references" / "a"
    References(folder, SETTINGS).append([pixels(3)])
    with writer(folder):
        assert prune(tmp_path) == 0
    assert "another process is writing" in caplog.text
    assert len(References(folder)) == 3


def test_maps_outlive_the_folder(stored: Path) -> None:
    references = References(stored)
    shutil.rmtree(stored)
    np.testing.assert_array_equal(values(references), pixels(5000).values)


@pytest.fixture
def few_files() -> Iterator[None]:
    """Lets this process open twenty files more than it has."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 20, most[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, most)


def test_more_shards_than_open_files_are_told_and_not_taken_for_damaged(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / KEPT / ("0" * 32)
    for row in range(40):
        References(folder, SETTINGS).append([pixels(1, row)])
    request.getfixturevalue("few_files")
    with pytest.raises(ReferencesError) as caught:
        References(folder, SETTINGS)
    assert not isinstance(caught.value, DamageError)
    assert re.fullmatch(
        re.escape(f"{folder}/000") + r"\d\d\.safetensors cannot be read \(Too many open files\); "
        "expected one open file for each shard; raise `ulimit -n`",
        str(caught.value),
    )


@pytest.mark.parametrize(
    ("value", "why"),
    [({1}, "Object of type set is not JSON serializable"), (float("nan"), "Out of range float values")],
)
def test_settings_that_are_no_json_are_refused(value: object, why: str, tmp_path: Path) -> None:
    with pytest.raises(ReferencesError) as caught:
        References(tmp_path / "r", {"x": value})
    assert str(caught.value).startswith(f"the settings are no JSON ({why}")
    assert str(caught.value).endswith("; expected text, finite numbers, lists and dictionaries; change them")
    assert not (tmp_path / "r").exists()


MEASURING = """
import sys
import numpy as np
from manifpt.embeddings.embedding import Points
from manifpt.manifolds.references import References
def anonymous():
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("RssAnon"))) * 1024
base, most = anonymous(), 0
def blocks():
    global most
    block = np.empty((256, 3, 256, 256), np.uint8)
    for number in range(10):
        block[:] = number
        most = max(most, anonymous())
        yield Points(block, 1 / 255)
if sys.argv[2] == "build":
    References(sys.argv[1], {}).append(blocks())
else:
    references = References(sys.argv[1], {})
    for shard in references.shards:
        references.check(np.arange(shard.first, shard.first + len(shard)))
        most = max(most, anonymous())
    assert len(references) == 2560 and references.shards[-1].points.values[-1].max() == 9
print((max(most, anonymous()) - base) // 2**20)
"""


@pytest.mark.slow
def test_neither_building_nor_verifying_holds_the_points_in_anonymous_memory(tmp_path: Path) -> None:
    # 480 MiB of points. Building holds the rows of one shard and the block that is given, here 48 MiB.
    for act, most in (("build", 64 + 48 + 16), ("check", 16)):
        words = [sys.executable, "-c", MEASURING, str(tmp_path / "r"), act]
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        assert int(ended.stdout) <= most
