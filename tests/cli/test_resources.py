"""Where disk or memory end, one line says so, and nothing is left half-written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

MANIFPT = [sys.executable, "-c", "from manifpt.cli.application import run; run()"]
NO_SPACE = "expected room for what is being written; free some, or move it with --out, MANIFPT_CACHE or TMPDIR"


def ended(words: list[object], **settings: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | settings
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize("attributor", ["linear", "mlp"])
def test_a_model_for_which_no_space_is_left_is_one_line_and_the_old_model_stays(
    attributor: str, data: Path, model: Path, tmp_path: Path, small_disk: Callable[..., list[str]]
) -> None:
    out = tmp_path / "disk" / model.name
    size = sum(file.stat().st_size for file in model.iterdir())
    words = small_disk(f"{(size + 40_000) // 1024}k", copied=model)
    fit = [*MANIFPT, "fit", str(data), "--attributor", attributor, "--out", str(out)]
    loaded = f"from manifpt import ManiFPT; ManiFPT.load('{out}')"
    shown = f'"$@"; echo status $?; ls -A {out.parent}; exec {sys.executable} -c "{loaded}"'
    found = ended([*words, "sh", "-c", shown, "sh", *fit])
    assert found.returncode == 0, found.stderr
    lines = found.stderr.splitlines()
    assert lines[-1].startswith("manifpt: error: no space is left on the disk (")
    assert lines[-1].endswith(NO_SPACE)
    assert "Traceback" not in found.stderr
    # There was no room for a checkpoint either, so that none is left.
    assert found.stdout.split("status 2\n")[1].split() == [model.name]


def test_a_standard_output_without_space_is_one_line(data: Path, model: Path) -> None:
    with open("/dev/full", "w") as full:
        words = [*MANIFPT, "attribute", str(model), str(data / "rows" / "000.png"), "--json"]
        found = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert found.returncode == 2
    assert found.stderr.splitlines() == [f"manifpt: error: no space is left on the disk; {NO_SPACE}"]


def test_a_place_that_may_not_be_written_is_found_before_images_are_read(
    data: Path, tmp_path: Path, powerless: list[str]
) -> None:
    place = tmp_path / "closed"
    place.mkdir(mode=0o555)
    found = ended([*powerless, *MANIFPT, "fit", data, "--attributor", "linear", "--out", place / "model"])
    assert found.returncode == 2
    assert found.stderr.splitlines() == [
        f"manifpt: error: {place / 'model'} cannot be written (Permission denied); "
        "expected a place for a new folder; choose another --out"
    ]


def test_a_block_for_which_there_is_no_memory_gives_way_to_a_smaller_one_and_says_so(
    data: Path, tmp_path: Path
) -> None:
    words = [*MANIFPT, "fit", data, "--attributor", "linear", "--block", "90", "--out", tmp_path / "model"]
    starved = (
        "import manifpt.manifolds.nearest as n; n.WORK = 0; n.threads = lambda: 2; "
        "n.available = lambda: 2 * 20 * (8 * 768 + 4 * n.BATCH * 2); "
        "from manifpt.cli.application import run; run()"
    )
    words[2] = starved
    found = ended(words)
    assert found.returncode == 0, found.stderr
    said = [line for line in found.stderr.splitlines() if line.startswith("manifpt: ")]
    assert said == [
        "manifpt: there is no memory for a block of 90 references (0.0 GiB); 20 are compared at once",
    ]


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_are_no_crash(closed: str, data: Path, model: Path) -> None:
    shell = f'"$@" {closed}; echo status $? >&9'
    attribute = [*MANIFPT, "attribute", model, data / "rows" / "000.png", "--json"]
    found = ended(["sh", "-c", f"exec 9>&1; {shell}", "sh", *attribute])
    assert "status 0" in found.stdout
    assert "Traceback" not in found.stderr


def test_a_reader_that_closes_early_is_no_mistake(data: Path, model: Path) -> None:
    words = ["bash", "-c", '"$@" | head -1 > /dev/null; echo ${PIPESTATUS[0]}', "bash"]
    found = ended([*words, *MANIFPT, "attribute", model, data, data, data, data, "--json"])
    assert (found.stdout, found.stderr) == ("0\n", "")


def test_standard_input_without_end_is_refused(model: Path) -> None:
    with open("/dev/zero", "rb") as endless:
        words = [*MANIFPT, "attribute", str(model), "-"]
        found = subprocess.run(words, stdin=endless, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert found.stderr.startswith("manifpt: error: standard input has more than 192 MiB; expected one image")


def test_a_user_without_home_and_a_read_only_installation_can_work(
    data: Path, model: Path, powerless: list[str], tmp_path: Path
) -> None:
    code = (
        "import pathlib; from manifpt import cache\n"
        "def lost(): raise RuntimeError('Could not determine home directory.')\n"
        "pathlib.Path.home = lost; print(cache.default_folder())"
    )
    settings = {"MANIFPT_CACHE": "", "XDG_CACHE_HOME": "", "TMPDIR": str(tmp_path)}
    found = ended([sys.executable, "-c", code], **settings)
    assert found.stdout.strip() == f"{tmp_path}/manifpt-{os.getuid()}"
    code = (
        "from numba.core import caching; caching.CacheImpl._locator_classes = []\n"
        f"from manifpt import ManiFPT; print(ManiFPT.load('{model}').attribute('{data}/rows/000.png').generator)"
    )
    found = ended([sys.executable, "-c", code])
    assert found.stdout.strip() == "rows", found.stderr


@pytest.mark.parametrize("table", [False, True], ids=["folder", "parquet"])
def test_samples_for_which_no_space_is_left_are_one_line_and_leave_nothing(
    table: bool, tmp_path: Path, small_disk: Callable[..., list[str]]
) -> None:
    (tmp_path / "noise.py").write_text(
        "import numpy as np\n\n"
        "def draw(count, seed, start):\n"
        "    return np.stack([np.random.default_rng([seed, start + i]).random((64, 64, 3)) for i in range(count)])\n"
    )
    out = tmp_path / "disk" / ("samples.parquet" if table else "samples")
    sample = [*MANIFPT, "zoo", "sample", "python:noise:draw", "-n", "200", "--out", str(out)]
    shown = f'cd {tmp_path}; "$@"; echo status $?; ls -A {out.parent}'
    found = ended([*small_disk("1m"), "sh", "-c", shown, "sh", *sample])
    assert found.stdout.split() == ["status", "2"], found.stderr
    assert found.stderr.splitlines() == [f"manifpt: error: no space is left on the disk; {NO_SPACE}"]
