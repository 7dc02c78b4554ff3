from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manifpt.embeddings.spectrum import log_spectrum
from manifpt.errors import DataError, NumbersError
from manifpt.reports.artifact_figure import Counterparts, artifact_figure
from manifpt.reports.figure_data import exported
from manifpt.reports.style import saved


def some(images: int, columns: int, *, side: int = 8) -> Counterparts:
    rng = np.random.default_rng(0)
    drawn = rng.random((columns + 1, images, side, side, 3))
    names = [f"gan-of-a-very-long-code-base-name-${row}" for row in range(images)]
    return Counterparts(names, drawn[0], {f"space-{place} of many": drawn[place + 1] for place in range(columns)})


def shown(figure: Any, kind: str) -> list[np.ndarray]:
    """Return the tiles of a figure in the order in which they are drawn: images, or maps of one value a pixel."""
    arrays = [np.asarray(axes.images[0].get_array()) for axes in figure.axes[:-2]]
    return [array for array in arrays if (array.ndim == 3) == (kind == "images")]


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("images", "columns"), [(1, 1), (2, 4), (1, 7)])
def test_nothing_is_clipped_and_nothing_touches(images: int, columns: int, shared: bool) -> None:
    figure = artifact_figure(some(images, columns), title="Nearest real of each image in each space", shared=shared)
    figure.draw_without_rendering()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 >= 0 <= box.y0
    assert box.x1 <= width
    assert box.y1 <= height
    captions = [axes.xaxis.label.get_window_extent() for axes in figure.axes[-2:]]
    texts = [text.get_window_extent() for text in figure.texts if text.get_text()]
    boxes = [*texts, *captions, *(axes.bbox for axes in figure.axes)]
    touching = [(a, b) for place, a in enumerate(boxes) for b in boxes[place + 1 :] if a.overlaps(b)]
    assert not touching


def test_each_image_has_its_own_tile_and_three_in_each_column() -> None:
    given = some(2, 3)
    figure = artifact_figure(given)
    assert len(figure.axes) == 2 * (1 + 3 * 3) + 2
    first, second = np.asarray(given.images)
    counterparts = [np.asarray(column) for column in given.columns.values()]
    expected = [first, *(one[0] for one in counterparts), second, *(one[1] for one in counterparts)]
    assert all(np.array_equal(a, b) for a, b in zip(shown(figure, "images"), expected, strict=True))
    artifact, spectrum = shown(figure, "maps")[:2]
    difference = first - counterparts[0][0]
    assert np.allclose(artifact, difference.mean(axis=2))
    assert np.allclose(spectrum, log_spectrum(np.moveaxis(difference, 2, 0)).mean(axis=0))


def test_artifacts_share_one_scale_around_zero_or_have_one_for_each_column() -> None:
    image = np.full((1, 4, 4, 3), 0.5)
    given = Counterparts(["gan"], image, {"near": image + 0.01, "far": image - 0.25})
    for shared, reaches in ((True, (0.25, 0.25)), (False, (0.01, 0.25))):
        figure = artifact_figure(given, shared=shared)
        limits = [figure.axes[place].images[0].get_clim() for place in (2, 5)]
        assert np.allclose(limits, [(-reach, reach) for reach in reaches])
        assert [axes.images[0].get_array()[0, 0] for axes in figure.axes[2:6:3]] == pytest.approx([-0.01, 0.25])
    told = [text.get_text() for text in figure.texts]
    assert any(text.startswith("artifact ±0.01\nln |F| ") for text in told)
    assert any(text.startswith("artifact ±0.25\nln |F| ") for text in told)


def test_an_artifact_of_zeros_does_not_decide_the_scale_of_spectra() -> None:
    given = some(2, 1)
    ((name, counterparts),) = given.columns.items()
    same = np.stack([np.asarray(given.images)[0], np.asarray(counterparts)[1]])
    figure = artifact_figure(Counterparts(given.names, given.images, {name: same}))
    low, _ = figure.axes[3].images[0].get_clim()
    assert low > -10  # ln 1e-12 is −27.6
    artifact_figure(Counterparts(["a"], same[:1], {"itself": same[:1]})).draw_without_rendering()


def test_projections_beyond_the_range_of_pixels_are_drawn_at_its_ends() -> None:
    image = np.zeros((1, 4, 4, 3))
    figure = artifact_figure(Counterparts(["gan"], image, {"tangent": image + 1.5}))
    assert shown(figure, "images")[1].max() == 1
    assert shown(figure, "maps")[0].min() == -1.5


def test_hostile_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    image = np.zeros((2, 4, 4, 3))
    given = Counterparts([r"$\nothing{$", "a\x1b[31m\nb"], image, {"$x$": image + 0.1, "_^\x00": image})
    figure = artifact_figure(given, title="$\\frac")
    for kind in ("png", "svg"):
        saved(figure, tmp_path / f"figure.{kind}")
    told = {text.get_text() for text in figure.texts}
    assert {r"$\nothing{$", r"a\x1b[31m\nb", "$x$", r"_^\x00", "$\\frac"} <= told
    assert not any(text.get_parse_math() for text in figure.texts)


def test_all_that_is_shown_can_be_had_as_arrays_without_pickles(tmp_path: Path) -> None:
    given = some(2, 3)
    path = given.exported(tmp_path / "new" / "figure.npz")
    assert list(path.parent.iterdir()) == [path]
    with np.load(path, allow_pickle=False) as found:
        assert {name: found[name].shape for name in found.files} == {
            "names": (2,),
            "images": (2, 8, 8, 3),
            "columns": (3,),
            "counterparts": (3, 2, 8, 8, 3),
            "artifacts": (3, 2, 3, 8, 8),
            "spectra": (3, 2, 3, 8, 8),
        }
        assert found["names"].tolist() == given.names
        assert found["columns"].tolist() == list(given.columns)
        differences = found["images"] - found["counterparts"]
        assert np.allclose(found["artifacts"], np.moveaxis(differences, 4, 2), atol=1e-6)
    again = given.exported(tmp_path / "again.npz")
    assert again.read_bytes() == path.read_bytes()


def test_a_failed_export_leaves_the_old_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "figure.npz"
    path.write_text("old")

    def half_written(file: Any, **_: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", half_written)
    with pytest.raises(DataError, match="cannot be written: No space left on device; expected a writable place"):
        exported({"a": [1]}, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_numbers_go_into_a_file_of_arrays_alone(tmp_path: Path) -> None:
    path = tmp_path / "figure.csv"
    with pytest.raises(DataError) as caught:
        exported({"a": [1]}, path)
    assert str(caught.value) == (
        f"{str(path)!r} does not end in .npz; expected the name of a file of arrays; change the suffix"
    )


IMAGE = np.zeros((1, 4, 4, 3))


@pytest.mark.parametrize(
    ("names", "images", "columns", "message"),
    [
        ([], np.zeros((0, 4, 4, 3)), {"rgb": IMAGE}, "there is no image"),
        (["a"], IMAGE, {}, "there is no column"),
        (["a"], IMAGE[0], {"rgb": IMAGE}, r"the images have shape \(4, 4, 3\); expected \(1, height, width, 3\)"),
        (["a", "b"], IMAGE, {"rgb": IMAGE}, r"the images have shape \(1, 4, 4, 3\); expected \(2, height, width, 3\)"),
        (["a"], IMAGE + 255, {"rgb": IMAGE}, r"values from 255 to 255; expected pixels in \[0, 1\]; divide 8-bit"),
        (["a"], IMAGE + np.nan, {"rgb": IMAGE}, "the images hold NaN or infinity"),
        (["a"], IMAGE, {"rgb": IMAGE[:, :2]}, r"the counterparts of 'rgb' have shape \(1, 2, 4, 3\); expected \(1, 4,"),
        (["a"], IMAGE, {"rgb": IMAGE - np.inf}, "the counterparts of 'rgb' hold NaN or infinity"),
    ],
)
def test_what_cannot_be_drawn_is_refused(names: Any, images: Any, columns: Any, message: str) -> None:
    with pytest.raises(NumbersError, match=message):
        Counterparts(names, images, columns)
