"""The page on performance is what the benchmarks kept."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FIGURES, PAGE, PICTURES = ROOT / "benchmarks" / "figures", ROOT / "docs" / "performance.md", ROOT / "docs" / "figures"


def imported(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return __import__(name)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return imported("performance_page", monkeypatch)


@pytest.fixture
def plots(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return imported("performance_plots", monkeypatch)


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return imported("figures", monkeypatch)


def put(folder: Path, name: str, rows: dict[str, Any]) -> None:
    (folder / f"{name}.json").write_text(json.dumps(rows), encoding="utf-8")


def searched(**ratios: float) -> dict[str, Any]:
    peers = {peer: {"peer": peer, "seconds": 1, "peer_seconds": 2, "pairs": 5, "built": 1.5} for peer in ratios}
    sizes = {"references": 50_000, "queries": 2_000, "coordinates": 3_072, "threads": 2}
    found = {"seconds": 0.157, "built": 2.04, "exact": True, "memory": 123, "machine": "2 cores, a processor"}
    return {"ratios": ratios, **sizes, **found, "peers": peers}


def compared(ratio: float, **about: Any) -> dict[str, Any]:
    return {"peer": "a loop", "ratio": ratio, "seconds": 0.5, "peer_seconds": ratio / 2, "pairs": 5, **about}


def counted(references: int, seconds: float, **faiss: Any) -> dict[str, Any]:
    found = {"queries": 500, "threads": 2, "built": 1.0, "memory": 30, "exact": True}
    return {"references": references, **found, "seconds": seconds, "times": [seconds] * 7, **faiss}


def test_a_ratio_stands_in_its_row_beside_its_aim_and_a_peer_that_was_not_run_is_left_out(
    written: ModuleType, tmp_path: Path
) -> None:
    put(tmp_path, "projection", {"rgb": searched(faiss=15.54, torch=20.0), "freq": searched(faiss=4.3)})
    page = written.page(tmp_path)
    assert "| row | references × queries × coordinates | aim | FAISS Flat | PyTorch | manifpt |" in page
    assert "| `rgb` | 50,000 × 2,000 × 3,072 | 10 | 15.5 | 20.0 | 157 ms | 2.0 s | 123 |" in page
    assert "| `freq` | 50,000 × 2,000 × 3,072 | 3 | 4.3 | – | 157 ms |" in page
    assert (
        "Not measured for this page: `rgb-generated`, `single`, `network`, `noise`, `rgb-256`. Every other row" in page
    )
    assert "2 cores, a processor" in page


def test_every_row_reaches_its_aim_only_where_every_row_was_measured(written: ModuleType, tmp_path: Path) -> None:
    put(tmp_path, "projection", {name: searched(faiss=40) for name in written.words.ROWS})
    assert "Every row reaches its aim." in written.page(tmp_path)


def test_what_falls_short_of_an_aim_is_told(written: ModuleType, tmp_path: Path) -> None:
    put(tmp_path, "projection", {"rgb": searched(faiss=9.9), "rgb-256": searched(faiss=3.5)})
    page = " ".join(written.page(tmp_path).split())
    assert "What falls short: `rgb` is 9.9 times as fast, not 10; `rgb-256` is 3.5 times as fast, not 30." in page
    assert "crops of three photographs" in page
    assert "reaches its aim" not in page


def test_a_row_that_is_not_exact_is_named_instead_of_the_claim(written: ModuleType, tmp_path: Path) -> None:
    put(tmp_path, "projection", {"rgb": searched(faiss=12), "freq": searched(faiss=12) | {"exact": False}})
    page = written.page(tmp_path)
    assert "**Not exact: `freq`.**" in page
    assert "In each row the neighbours" not in page


def test_what_ran_in_fewer_pairs_is_told(written: ModuleType, tmp_path: Path) -> None:
    rows = {"rgb": searched(faiss=12, sklearn=30)}
    rows["rgb"]["peers"]["sklearn"]["pairs"] = 2
    put(tmp_path, "projection", rows)
    page = " ".join(written.page(tmp_path).split())
    assert "Pairs: 5; fewer where a go takes more than 20 s (`rgb` beside scikit-learn 2)." in page


def test_a_row_slower_than_its_peer_is_named(written: ModuleType, tmp_path: Path) -> None:
    put(tmp_path, "training", {"mlp": compared(0.85, images_per_second=100), "resnet": compared(1.5)})
    page = written.page(tmp_path)
    assert "| mlp | a loop | **0.85** |" in page
    assert "Slower than the other: mlp." in page


def test_exponents_and_intervals_are_told(written: ModuleType, tmp_path: Path) -> None:
    powers = {name: {"value": value, "low": value - 0.01, "high": value + 0.01} for name, value in (("manifpt", 0.4),)}
    put(tmp_path, "scaling", {"1,000": counted(1000, 1e-4), "10,000": counted(10_000, 2.5e-4), "exponents": powers})
    page = written.page(tmp_path)
    assert "with the power **0.40** (95 % of resampled repetitions: 0.39 to 0.41)" in " ".join(page.split())
    assert "| 10,000 | 250 µs | – | 1.0 s | 30 |" in page


def test_the_exponent_is_the_slope_of_the_logarithms_and_its_interval_that_of_the_repetitions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exponents = imported("exponents", monkeypatch)
    counts = [1_000, 10_000, 100_000]
    steady = exponents.exponent(counts, [[count**0.5 * 1e-6] * 5 for count in counts])
    assert steady == {"value": 0.5, "low": 0.5, "high": 0.5}
    shaken = exponents.exponent(counts, [[count**0.5 * each for each in (1, 2, 3, 4, 5)] for count in counts])
    assert shaken["low"] < shaken["value"] == 0.5 < shaken["high"]


def test_rows_run_again_replace_their_own_figures_only(figures: ModuleType, tmp_path: Path) -> None:
    figures.keep("some", {"one": {"ratio": 1}, "other": {"ratio": 2}}, tmp_path)
    figures.keep("some", {"one": {"ratio": 3}}, tmp_path)
    found = figures.stored("some", tmp_path)
    assert {name: row["ratio"] for name, row in found.items()} == {"one": 3, "other": 2}
    assert all("cores" in row["machine"] for row in found.values())


@pytest.mark.parametrize("name", ["projection", "scaling", "transforms"])
def test_a_plot_has_the_same_bytes_for_the_same_rows_and_names_them(plots: ModuleType, name: str) -> None:
    powers = {"manifpt": {"value": 0.5, "low": 0.5, "high": 0.5}}
    left = {"seconds": 1.0, "left": {"64": 0.01, "128": 0.001}}
    rows = {
        "projection": {"rgb": searched(faiss=15, hnsw=3)},
        "scaling": {"a": counted(1000, 1e-4), "b": counted(10_000, 2e-4), "exponents": powers},
        "transforms": {"rgb": {"transforms": dict.fromkeys(("haar", "dct", "pca"), left)}},
    }[name]
    drawn = plots.drawn(name, rows)
    assert drawn == plots.drawn(name, rows)
    assert plots.digest(rows) in drawn


def test_the_page_and_its_plots_are_those_of_the_committed_figures(
    written: ModuleType, plots: ModuleType, figures: ModuleType
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written.page(), "run python benchmarks/performance_page.py"
    pictures = re.findall(r"!\[[^]]*\]\(figures/(\w+)\.svg\)", page)
    assert pictures
    for name in pictures:
        drawn = (PICTURES / f"{name}.svg").read_text(encoding="utf-8")
        assert plots.digest(figures.stored(name)) in drawn, "run python benchmarks/performance_page.py"


def test_every_row_that_is_kept_is_exact() -> None:
    rows = [row for path in FIGURES.glob("*.json") for row in json.loads(path.read_text(encoding="utf-8")).values()]
    assert rows
    assert all(row.get("exact", True) for row in rows)
