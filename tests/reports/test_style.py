from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from manifpt.errors import DataError
from manifpt.reports.artifact_figure import Counterparts, artifact_figure
from manifpt.reports.confusion import confusion_figure
from manifpt.reports.fingerprints import fingerprint_figure
from manifpt.reports.gallery import gallery, gallery_figure
from manifpt.reports.style import label, labels, saved

SIGNATURES = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize("kind", ["png", "svg", "pdf", "PNG"])
def test_the_suffix_decides_the_format_and_nothing_else_is_left_behind(kind: str, tmp_path: Path) -> None:
    path = saved(confusion_figure(np.eye(2), ["$a$", "<b>"]), tmp_path / "new" / f"figure.{kind}")
    assert path.read_bytes().startswith(SIGNATURES[kind.lower()])
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "figure.png"
    path.write_text("old")

    def half_written(self: Figure, target: Path, **_: object) -> None:
        target.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", half_written)
    with pytest.raises(DataError, match="cannot be written: No space left on device; expected a writable place"):
        saved(Figure(), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_another_suffix_is_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        saved(Figure(), tmp_path / "figure.bmp")
    assert str(caught.value) == (
        f"{str(tmp_path / 'figure.bmp')!r} does not end in the name of a figure format; "
        "expected .png, .svg, .pdf; change the suffix"
    )


def test_figures_leave_the_global_state_of_matplotlib_alone(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    saved(confusion_figure(np.eye(3), ["a", "b", "c"], title="t"), tmp_path / "a.png")
    saved(fingerprint_figure({"a": np.zeros((3, 4, 4))}), tmp_path / "b.svg")
    saved(
        artifact_figure(Counterparts(["a"], np.zeros((1, 4, 4, 3)), {"b": np.ones((1, 4, 4, 3))})), tmp_path / "c.pdf"
    )
    saved(gallery_figure(gallery({"a": np.ones((1, 3, 4, 4))})), tmp_path / "d.svg")
    assert dict(matplotlib.rcParams) == before


def test_importing_reports_loads_no_matplotlib_and_drawing_no_pyplot(tmp_path: Path) -> None:
    code = (
        "import sys, manifpt.reports.fingerprints\n"
        "from manifpt.reports import confusion as c, style as s\n"
        "assert 'matplotlib' not in sys.modules\n"
        f"s.saved(c.confusion_figure([[1]], ['a']), {str(tmp_path / 'a.png')!r})\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_long_name_keeps_its_ends() -> None:
    shown = label("gan-dcgan-" + "x" * 50 + "-seed-7")
    assert len(shown) == 30
    assert shown.startswith("gan-dcgan-")
    assert shown.endswith("-seed-7")


def test_names_that_shortening_makes_equal_are_numbered() -> None:
    shown = labels(["a" * 40 + "1" + "a" * 40, "a" * 40 + "2" + "a" * 40])
    assert [text[:2] for text in shown] == ["1 ", "2 "]
