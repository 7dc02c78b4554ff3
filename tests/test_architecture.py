"""The house rules that can be counted."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "manifpt"
FILES = sorted(PACKAGE.rglob("*.py"))
HEAVY = (
    "torch",
    "faiss",
    "transformers",
    "matplotlib",
    "datasets",
    "sklearn",
    "scipy",
    "numba",
    "skimage",
    "pyarrow",
    "ray",
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_a_file_holds_one_idea_under_a_name_that_says_which(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 260
    assert not re.fullmatch(r"(utils?|helpers?|common|base|core|misc|manager).*", file.stem)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_nothing_inside_imports_the_package_root(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.module != "manifpt"
        elif isinstance(node, ast.Import):
            assert "manifpt" not in [alias.name for alias in node.names]


@pytest.mark.parametrize("statement", ["import manifpt", "import manifpt.cli.application"])
def test_importing_loads_nothing_heavy(statement: str) -> None:
    code = f"import sys; {statement}; print([name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
