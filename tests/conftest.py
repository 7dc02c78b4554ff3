"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with published generators' images, which is never part of the repository."""
    folder = Path(os.environ.get("MANIFPT_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "gm-cifar10-wild" / "manifest.csv").exists():
        pytest.skip(f"needs the published images in {folder} (set MANIFPT_DATA)")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's cache out of the tests, and the tests out of the user's cache."""
    monkeypatch.setenv("MANIFPT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
