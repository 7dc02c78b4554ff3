"""A fit that was killed anywhere ends, when it is started again, in the model of an unbroken one."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "killed_fit.py"
BATCH, STEPS = 32, 10  # of the small runs


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("killed_fit", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


killed_fit = _loaded()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kills")
    killed_fit.images(folder, 30)
    return folder


@pytest.fixture(scope="module")
def unbroken(place: Path) -> dict[str, Any]:
    runs = {space: killed_fit.run(place / f"whole-{space}", space, small=True) for space in killed_fit.METHODS}
    for run in runs.values():
        assert run.status == 0, run.told
    return runs


@pytest.mark.slow
@pytest.mark.parametrize("point", killed_fit.POINTS)
def test_a_fit_killed_anywhere_ends_in_the_same_model_and_repeats_little(
    point: str, place: Path, unbroken: dict[str, Any]
) -> None:
    space = "rgb" if "training" in point else "ssl-cifar"
    work = place / point.replace(" ", "-")
    killed = killed_fit.run(work, space, point=point, small=True)
    assert killed.status == -signal.SIGKILL, killed.told
    resumed = killed_fit.run(work, space, small=True)
    assert resumed.status == 0, resumed.told
    assert killed_fit.digests(work) == killed_fit.digests(place / f"whole-{space}")
    for event in ("embed", "project"):
        extra = killed_fit.times(event, [killed, resumed]) - killed_fit.times(event, [unbroken[space]])
        assert 0 <= extra <= BATCH
    assert killed_fit.repeated([killed, resumed]) <= STEPS
    assert ("going on from step" in resumed.told) == ("training" in point or "checkpoint not" in point)
    assert sorted(path.name for path in work.iterdir()) == ["cache", "log", "model"]


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on_and_a_second_run_to_the_same_place_is_refused_meanwhile(place: Path) -> None:
    work = place / "interrupted"
    work.mkdir()
    words = [sys.executable, str(SCRIPT), "fit", str(work), "rgb", "", ""]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as child:
        until = time.monotonic() + 120
        while not any((work / "model.checkpoint").glob("*.safetensors")):
            assert child.poll() is None, child.communicate()[1]
            assert time.monotonic() < until
            time.sleep(0.05)
        second = killed_fit.run(work, "rgb")
        child.send_signal(signal.SIGINT)
        told = child.communicate()[1]
    assert second.status == 2
    assert second.told.splitlines()[-1] == (
        f"manifpt: error: another run is writing {work / 'model'}; expected one run for each --out; "
        "wait for it, or choose another --out"
    )
    assert child.returncode == 130
    assert told.splitlines()[-1] == (
        f"manifpt: stopped; its progress is in {work / 'model.checkpoint'}; the cache keeps points and projections; "
        "run the same command again to go on"
    )
