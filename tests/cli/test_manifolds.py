"""Manifolds by name on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manifpt import ImageSet, ManiFPT
from manifpt.manifolds.approximate import Approximate
from manifpt.manifolds.tangent import Tangent
from manifpt.registry import built


def test_a_model_of_approximate_neighbours_is_fitted_saved_loaded_and_asked(
    command: Any, data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    ended = command("fit", data, "--out", folder, "--manifold", "approximate", "--attributor", "linear")
    assert ended.status == 0, ended.err
    assert command("attribute", folder, data / "rows" / "001.png").status == 0
    loaded = ManiFPT.load(folder)
    manifold = {"name": "approximate", "neighbors": 1, "index": "hnsw", "candidates": 64}
    manifold |= {"links": 32, "construction": 80, "breadth": 64, "seed": 0}
    assert loaded.extractor.settings()["manifold"] == manifold
    answers = [json.loads(line) for line in command("attribute", folder, data / "rows", "--json").out.splitlines()]
    assert len(answers) == 30
    # Outside this process, where nothing else is loaded, the answers are the same bits.
    code = "from manifpt.cli.application import run; run()"
    words = [sys.executable, "-W", "error", "-c", code, "attribute", folder, data / "rows", "--json"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert [json.loads(line) for line in ended.stdout.splitlines()] == answers


def test_the_seed_of_a_method_is_that_of_a_manifold_that_takes_one(command: Any, data: Path, tmp_path: Path) -> None:
    words = ["fit", data, "--attributor", "linear", "--seed", 3]
    for name, seed in (("approximate", 3), ("nearest", None)):
        ended = command(*words, "--manifold", name, "--out", tmp_path / name)
        assert ended.status == 0, ended.err
        assert ManiFPT.load(tmp_path / name).extractor.settings()["manifold"].get("seed") == seed
    assert ManiFPT(manifold=Approximate(seed=5), seed=3).extractor.settings()["manifold"]["seed"] == 5


def test_settings_of_the_index_come_back_with_a_model(data: Path, tmp_path: Path) -> None:
    images = ImageSet.open(data)
    manifold = Approximate(neighbors=2, candidates=9, links=5, breadth=40, construction=17, seed=4)
    fitted = ManiFPT("freq", manifold=manifold, attributor="linear").fit(images)
    loaded = ManiFPT.load(fitted.save(tmp_path / "model"))
    assert loaded.extractor.settings()["manifold"] == manifold.settings()
    np.testing.assert_array_equal(loaded.extractor.extract(images), fitted.extractor.extract(images))


def test_an_evaluation_takes_approximate_neighbours(command: Any, data: Path, tmp_path: Path) -> None:
    words = ["evaluate", data, "--attributor", "linear", "--folds", 2]
    scores = []
    for name in ("approximate", "nearest"):
        ended = command(*words, "--manifold", name, "--out", tmp_path / name)
        assert ended.status == 0, ended.err
        scores.append(json.loads(next((tmp_path / name).glob("*.json")).read_text())["balanced_accuracy"])
    assert scores[0] == scores[1]  # so few references are all proposed


def test_only_the_exact_search_compares_blocks(command: Any, data: Path, tmp_path: Path) -> None:
    ended = command("fit", data, "--out", tmp_path / "m", "--manifold", "approximate", "--block", "9")
    assert ended.status != 0
    assert (
        ended.err.strip()
        .splitlines()[-1]
        .endswith("the manifold approximate compares no blocks; expected nearest; leave --block out")
    )


@pytest.mark.parametrize("name", ["tangent", "barycentre"])
def test_a_model_of_combined_references_is_fitted_saved_loaded_and_asked(
    name: str, command: Any, data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    ended = command("fit", data, "--out", folder, "--manifold", name, "--attributor", "linear")
    assert ended.status == 0, ended.err
    loaded = ManiFPT.load(folder)
    assert loaded.extractor.settings()["manifold"] == built("manifolds", name).settings()
    answers = [json.loads(line) for line in command("attribute", folder, data / "rows", "--json").out.splitlines()]
    expected = loaded.predict_proba(ImageSet.photographs([str(data / "rows")]))
    assert len(answers) == len(expected) == 30
    found = [[answer["probabilities"][generator] for generator in loaded.classes_] for answer in answers]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_settings_of_hulls_come_back_with_a_model(data: Path, tmp_path: Path) -> None:
    images = ImageSet.open(data)
    manifold = Tangent(neighbors=6, rank=3, ridge=0.25, patch=8, stride=8, shift=2)
    fitted = ManiFPT("freq", manifold=manifold, attributor="linear").fit(images)
    loaded = ManiFPT.load(fitted.save(tmp_path / "model"))
    assert loaded.extractor.settings()["manifold"] == manifold.settings()
    np.testing.assert_array_equal(loaded.extractor.extract(images), fitted.extractor.extract(images))
