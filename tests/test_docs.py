"""What the documentation says is what the commands do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    return [code for kind, code in BLOCK.findall(text) if kind == language]


@pytest.mark.parametrize("name", ["cli", "datasets"])
def test_a_written_page_is_that_of_what_it_tells_of(name: str) -> None:
    fresh = subprocess.run(
        [sys.executable, "-c", f"import {name}_page as written; print(written.page(), end='')"],
        cwd=ROOT / "docs",
        capture_output=True,
        text=True,
        check=True,
    )
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert page == fresh.stdout, f"run python docs/{name}_page.py"


def test_every_local_link_of_the_readme_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the README's commands ran in the order in which they are printed."""
    return tmp_path_factory.mktemp("readme")


def ran(words: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(words, cwd=place, env=environment, capture_output=True, text=True, check=False)


def tour() -> list[str]:
    return next(block for block in blocks(README, "bash") if "manifpt fit" in block).splitlines()


@pytest.mark.slow
def test_the_readmes_command_line_tour_and_python_example_run_as_printed(place: Path) -> None:
    for line in tour():
        ended = ran(["bash", "-c", line], place)
        assert ended.returncode == 0, f"{line}\n{ended.stderr}"
    (example,) = blocks(README, "python")
    ended = ran([sys.executable, "-W", "error", "-c", example], place)
    assert ended.returncode == 0, ended.stderr
    assert "balanced accuracy" in ended.stdout
    assert (place / "demo" / "my-model" / "model.json").is_file()


@pytest.mark.slow
def test_the_examples_in_the_help_texts_run_as_printed(place: Path) -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    lines = [line for block in blocks(page, "bash") for line in block.splitlines()]
    # The demo makes what the others use. What the README prints too, word for word, its own test runs on the same demo.
    elsewhere = {line.split("#")[0].strip() for line in tour() if "demo --out" not in line}
    lines = [line for line in lines if line.strip() not in elsewhere]
    for line in sorted(lines, key=lambda line: "demo --out" not in line):
        ended = ran(["bash", "-c", line], place)
        assert ended.returncode == 0, f"{line}\n{ended.stderr}"
