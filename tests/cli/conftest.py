"""The command line, run in this process as the console script runs it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from manifpt.cli.application import run


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def ended(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["manifpt", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            run()
        captured = capsys.readouterr()
        code = stopped.value.code
        return Ended(code if isinstance(code, int) else 0 if code is None else 1, captured.out, captured.err)

    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("NO_COLOR", "1")
    return ended


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three folders: two generators with planted stripes, and reals."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    stripes = 40 * (np.arange(16) % 2)
    patterns = {"real": 0, "rows": stripes[:, None, None], "columns": stripes[None, :, None]}
    for name, pattern in patterns.items():
        (root / name).mkdir()
        for index in range(120 if name == "real" else 30):
            pixels = rng.integers(60, 190, (16, 16, 3)) + pattern
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{index:03d}.png")
    return root


@pytest.fixture(scope="session")
def model(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from manifpt import ImageSet, ManiFPT

    folder = tmp_path_factory.mktemp("models") / "model"
    return ManiFPT("rgb", attributor="linear").fit(ImageSet.open(data)).save(folder)
