from __future__ import annotations

import numpy as np
import pytest

from manifpt.errors import NumbersError
from manifpt.reports.fingerprints import fingerprint_figure


def means(count: int, channels: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {f"gan-of-a-very-long-code-base-name-${index}": rng.normal(size=(channels, 8, 8)) for index in range(count)}


@pytest.mark.parametrize("count", [1, 2, 5, 17, 33])
@pytest.mark.parametrize("spectra", [True, False])
def test_nothing_is_clipped_and_every_generator_is_named(count: int, spectra: bool) -> None:
    title = "Fingerprints in RGB against 8,336 references of CIFAR-10"
    figure = fingerprint_figure(means(count), means(count, 1) if spectra else None, title=title)
    figure.draw_without_rendering()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 >= 0 <= box.y0
    assert box.x1 <= width
    assert box.y1 <= height
    shown = [text.get_text() for text in figure.texts[1:]]
    assert len(set(shown)) == count
    assert all(text.endswith(f"-${index}") for index, text in enumerate(shown))


def test_headings_and_tiles_do_not_touch_each_other() -> None:
    figure = fingerprint_figure(means(33), means(33, 1), title="a title")
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.texts] + [axes.bbox for axes in figure.axes]
    touching = [(a, b) for place, a in enumerate(boxes) for b in boxes[place + 1 :] if a.overlaps(b)]
    assert not touching


def test_artifacts_share_one_scale_that_is_symmetric_around_zero() -> None:
    figure = fingerprint_figure({"small": np.full((1, 4, 4), 0.1), "large": np.full((1, 4, 4), -3.0)})
    limits = [axes.images[0].get_clim() for axes in figure.axes[:2]]
    assert limits[0] == limits[1] == (-3, 3)


def test_a_tile_is_the_mean_of_the_channels() -> None:
    artifact = np.stack([np.zeros((4, 4)), np.ones((4, 4)), np.full((4, 4), 5.0)])
    tile = fingerprint_figure({"a": artifact}).axes[0].images[0].get_array()
    assert np.asarray(tile).tolist() == np.full((4, 4), 2.0).tolist()


def test_hostile_names_are_drawn_as_they_are() -> None:
    figure = fingerprint_figure({r"$\nothing{$": np.ones((1, 4, 4)), "a\nb": np.ones((1, 4, 4))})
    figure.draw_without_rendering()
    assert [text.get_text() for text in figure.texts[1:]] == [r"$\nothing{$", r"a\nb"]


def test_artifacts_of_zero_and_flat_spectra_can_be_drawn() -> None:
    figure = fingerprint_figure({"a": np.zeros((3, 4, 4))}, {"a": np.zeros((4, 4))})
    figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("artifacts", "spectra", "message"),
    [
        ({}, None, "there is no mean artifact"),
        ({"a": np.zeros(2048)}, None, r"the mean artifact of 'a' has shape \(2048,\)"),
        ({"a": np.full((3, 2, 2), np.nan)}, None, "the mean artifact of 'a' holds NaN or infinity"),
        ({"a": np.zeros((2, 2))}, {"b": np.zeros((2, 2))}, "'a' has only one of artifact and spectrum"),
    ],
)
def test_what_cannot_be_shown_as_an_image_is_refused(artifacts, spectra, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(NumbersError, match=message):
        fingerprint_figure(artifacts, spectra)
