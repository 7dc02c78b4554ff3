from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manifpt.embeddings.spectrum import log_spectrum
from manifpt.errors import NumbersError
from manifpt.reports.gallery import gallery, gallery_figure
from manifpt.reports.style import saved


def noise(count: int, *, side: int = 16, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 3, side, side))


def several(count: int) -> dict[str, np.ndarray]:
    return {f"gan-of-a-very-long-code-base-name-${place}": noise(3, seed=place) for place in range(count)}


@pytest.mark.parametrize("count", [1, 4, 12])
def test_nothing_is_clipped_and_nothing_touches(count: int) -> None:
    figure = gallery_figure(gallery(several(count)), title="Artifacts of generators against 2,084 references")
    figure.draw_without_rendering()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 >= 0 <= box.y0
    assert box.x1 <= width
    assert box.y1 <= height
    drawn = [axes for axes in figure.axes if axes.axison]
    ticks = [label for axes in drawn for label in (*axes.get_xticklabels(), *axes.get_yticklabels())]
    texts = [*figure.texts, *(axes.xaxis.label for axes in drawn), *ticks]
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    boxes += [axes.bbox for axes in figure.axes]
    touching = [(a, b) for place, a in enumerate(boxes) for b in boxes[place + 1 :] if a.overlaps(b)]
    assert not touching


def test_means_are_of_all_images_and_spectra_of_single_ones() -> None:
    # Two artifacts that are opposite: their mean is nothing, their spectrum is that of each.
    one = noise(1)[0]
    found = gallery({"gan": np.stack([one, -one])})
    assert np.allclose(found.means, 0)
    assert np.allclose(found.spectra[0], log_spectrum(one).mean(axis=0))
    assert found.images.tolist() == [2]


def test_a_wave_has_its_frequency_in_the_profile_and_its_period_in_the_autocorrelation() -> None:
    columns = np.arange(32)
    stripes = np.tile(np.cos(2 * np.pi * columns / 4), (2, 3, 32, 1))
    found = gallery({"gan": stripes})
    assert found.frequencies[found.profiles[0].argmax()] == 0.25
    # At lag zero in the middle and every 4 px along a row +1, half a period beside it −1; down a column all are equal.
    assert np.allclose(found.autocorrelations[0, 16], np.cos(2 * np.pi * (columns - 16) / 4))
    assert np.allclose(found.autocorrelations[0, :, 16], 1)


def test_an_artifact_of_zeros_counts_in_the_mean_alone() -> None:
    some = noise(4)
    without, found = gallery({"a": some}), gallery({"a": np.concatenate([some, np.zeros_like(some)])})
    assert np.allclose(found.means, without.means / 2)
    assert np.array_equal(found.spectra, without.spectra)
    assert np.array_equal(found.autocorrelations, without.autocorrelations)


def test_each_generator_has_three_maps_and_a_profile_on_common_scales() -> None:
    found = gallery({"faint": noise(5) * 0.1, "strong": noise(5, seed=1)})
    figure = gallery_figure(found)
    assert len(figure.axes) == 2 * 4 + 3
    rows = [figure.axes[:4], figure.axes[4:8]]
    for kind, values in enumerate((found.means, found.spectra, found.autocorrelations)):
        images = [row[kind].images[0] for row in rows]
        assert [np.array_equal(image.get_array(), own) for image, own in zip(images, values, strict=True)] == [True] * 2
        assert images[0].get_clim() == images[1].get_clim()
        low, high = images[0].get_clim()
        assert (low == -high) == (kind != 1)
    # Lag zero is 1 for all, and would make everything else pale.
    assert rows[0][2].images[0].get_clim()[1] < 0.5
    for row, axes in enumerate(figure.axes[3:8:4]):
        own = max(axes.lines, key=lambda line: line.get_linewidth())
        assert np.array_equal(own.get_xydata(), np.column_stack([found.frequencies, found.profiles[row]]))
    assert figure.axes[3].get_ylim() == figure.axes[7].get_ylim()


def test_hostile_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    figure = gallery_figure(gallery({r"$\nothing{$": noise(1), "a\x1b\nb": noise(1)}), title="$\\frac")
    for kind in ("png", "svg"):
        saved(figure, tmp_path / f"figure.{kind}")
    told = {text.get_text() for text in figure.texts}
    assert {"$\\nothing{$\n1 images", "a\\x1b\\nb\n1 images", "$\\frac"} <= told
    assert not any(text.get_parse_math() for text in figure.texts)


def test_all_that_is_shown_can_be_had_as_arrays_without_pickles(tmp_path: Path) -> None:
    given = gallery(several(2))
    path = given.exported(tmp_path / "new" / "gallery.npz")
    assert list(path.parent.iterdir()) == [path]
    with np.load(path, allow_pickle=False) as found:
        assert found["generators"].tolist() == list(given.generators)
        for name in ("images", "means", "spectra", "frequencies", "profiles", "autocorrelations"):
            assert np.array_equal(found[name], getattr(given, name))
        assert len(found.files) == 7


@pytest.mark.parametrize(
    ("artifacts", "message"),
    [
        ({}, "there is no generator"),
        ({"a": np.zeros((3, 8, 8))}, r"the artifacts of 'a' have shape \(3, 8, 8\); expected \(n, channels, height"),
        ({"a": np.zeros((0, 3, 8, 8))}, r"the artifacts of 'a' have shape \(0, 3, 8, 8\)"),
        ({"a": np.ones((1, 3, 1, 8))}, r"the artifacts of 'a' have shape \(1, 3, 1, 8\)"),
        ({"a": np.full((1, 3, 8, 8), np.inf)}, "the artifacts of 'a' hold NaN or infinity"),
        ({"a": np.zeros((1, 3, 8, 8))}, "the artifacts of 'a' are all zero; expected artifacts of images that are no"),
        ({"a": np.ones((1, 3, 8, 8)), "b": np.ones((1, 3, 8, 9))}, "of 'a' have 8 × 8 pixels, those of 'b' 8 × 9"),
    ],
)
def test_what_has_no_gallery_is_refused(artifacts: Any, message: str) -> None:
    with pytest.raises(NumbersError, match=message):
        gallery(artifacts)
