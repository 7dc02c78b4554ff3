from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from manifpt.attributors import checkpoints, dna_det, training
from manifpt.attributors.dna_det import DNADet
from manifpt.errors import NumbersError

from .planted import planted, quick

FEATURES, GENERATORS = planted()


class KilledError(Exception):
    """Stands for a kill."""


def noted(patch: pytest.MonkeyPatch, *, dying_at: int = -1) -> list[tuple[float, int]]:
    """Return where the loss and the number of right answers of each step are noted, over all trainings of a fit."""
    found: list[tuple[float, int]] = []
    stepped = training._stepped

    def noting(*arguments: Any) -> Any:
        if len(found) == dying_at:
            raise KilledError
        found.append(stepped(*arguments))
        return found[-1]

    patch.setattr(training, "_stepped", noting)
    return found


def images(count: int, side: int) -> NDArray[np.float32]:
    """Smooth images with some grain."""
    rng = np.random.default_rng(0)
    rough = rng.normal(size=(count, 3, side, side))
    for axis in (2, 3):
        rough = rough + np.roll(rough, 1, axis)
    return np.asarray((0.5 + 0.08 * rough + 0.03 * rng.normal(size=rough.shape)).clip(0, 1), np.float32)


def test_pretraining_lowers_its_loss_and_more_answers_become_right(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = noted(monkeypatch)
    attributor = quick("dna-det", batch=32, patch=0.5, pretraining_steps=60, epochs=1, calibration_folds=0)
    attributor.fit(images(60, 16), GENERATORS)
    assert len(steps) == 60 + 2
    losses, right = np.array(steps[:60]).T
    # At first ln 61 = 4.1 of the classification, and as much again of the contrast.
    assert losses[-10:].mean() < losses[:10].mean() - 0.5
    assert right[-20:].mean() / 32 > 2 / 61


def test_pretraining_changes_the_body_and_leaves_head_and_normalisation_alone() -> None:
    def network(steps: int) -> dict[str, torch.Tensor]:
        attributor = quick("dna-det", pretraining_steps=steps)
        with training.seeded(0, 0):
            built = attributor._built((3, 8, 8), 3)
        built.normalised_by(np.array([0.1, 0.2, 0.3]), np.array([1.0, 2.0, 3.0]))
        attributor._initialised(built, FEATURES, np.arange(60))
        attributor._pretrained(built, FEATURES, np.arange(60), "training", None)
        return {name: value.clone() for name, value in built.state_dict().items()}

    before, after = network(0), network(2)
    same = {name for name, value in before.items() if torch.equal(value, after[name])}
    assert same == {"body.whitened.filters", *(name for name in before if not name.startswith("body."))}


def test_each_network_learns_transformations_from_the_images_that_it_may_see(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[int]] = []
    made = dna_det.Transformed

    def noting(features: Any, rows: NDArray[np.int64], **settings: Any) -> Any:
        seen.append(set(rows.tolist()))
        return made(features, rows, **settings)

    monkeypatch.setattr(dna_det, "Transformed", noting)
    quick("dna-det", epochs=1).fit(FEATURES, GENERATORS)
    one, other, every = seen
    assert every == set(range(60))
    assert one | other == every
    assert not one & other


@pytest.mark.parametrize(("killed_before", "kept"), [(2, 0), (9, 7), (13, 13), (24, 24)])
def test_a_fit_killed_in_pretraining_or_after_it_ends_in_the_bits_of_an_unbroken_one(
    killed_before: int, kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each of three trainings, of 6, 6 and 12 steps, comes after 4 of pre-training; a save after 3 and at each end.
    monkeypatch.setattr(checkpoints, "STEPS", 3)
    settings = {"epochs": 3, "pretraining_steps": 4, "views": 1}
    with monkeypatch.context() as patch:
        steps = noted(patch)
        unbroken = quick("dna-det", **settings).fit(FEATURES, GENERATORS)
        assert len(steps) == 36
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        noted(patch, dying_at=killed_before)
        quick("dna-det", **settings).fit(FEATURES, GENERATORS, checkpoint=tmp_path)
    again = noted(monkeypatch)
    resumed = quick("dna-det", **settings).fit(FEATURES, GENERATORS, checkpoint=tmp_path)
    for name, value in unbroken.state().items():
        np.testing.assert_array_equal(resumed.state()[name], value)
    assert len(again) == 36 - kept


def test_a_faint_trace_that_every_patch_carries_is_learned() -> None:
    features = images(80, 16)
    generators = np.array(["gan", "real"] * 40)
    features[generators == "gan"] += np.float32(0.02) * (-1) ** np.add.outer(np.arange(16), np.arange(16))
    settings = {"epochs": 16, "patch": 0.5, "calibration_folds": 0}
    fitted = quick("dna-det", **settings).fit(features[:60], generators[:60])
    assert (fitted.classes_[fitted.predict_proba(features[60:]).argmax(1)] == generators[60:]).mean() > 0.9


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"pretraining_steps": -1}, "-1 pretraining steps; expected 0 or more; use 600"),
        ({"views": 0}, "0 views; expected at least one patch of an image; use 4"),
        ({"patch": 0}, "a patch of 0; expected a share of the side, above 0 and up to 1; use 0.5"),
        ({"patch": 16}, "a patch of 16; expected a share of the side, above 0 and up to 1; use 0.5"),
        ({"contrast": -1.0}, "a contrast of -1.0; expected a finite weight of 0 or more; use 1"),
        ({"contrast": float("nan")}, "a contrast of nan; expected a finite weight of 0 or more; use 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(NumbersError) as caught:
        DNADet(**settings)
    assert str(caught.value) == text


def test_maps_without_colours_are_refused() -> None:
    with pytest.raises(NumbersError) as caught:
        quick("dna-det").fit(FEATURES[:, :1], GENERATORS)
    assert str(caught.value) == (
        "the features have the shape (1, 8, 8); expected maps (3, h, w): dna-det takes colour images; use resnet-small"
    )
