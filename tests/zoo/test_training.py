"""A generator's training goes on after a kill to the bits of an unbroken one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from manifpt.errors import DataError, ModelError, NumbersError, UnknownNameError
from manifpt.zoo import batches, trained, training
from manifpt.zoo.design import Design
from manifpt.zoo.networks.objective import Generator, Objective

from .tiny import DESIGN, Tiny, TinyGenerator

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3), np.uint8)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let every design build the tiny objective, and note the steps that are taken."""
    steps: list[int] = []
    stepped = training._stepped

    def noted(run: training.Run, *arguments: Any) -> Any:
        steps.append(run.step)
        return stepped(run, *arguments)

    monkeypatch.setattr(training, "objective", lambda design: Tiny(design.seed))
    monkeypatch.setattr(training, "_stepped", noted)
    monkeypatch.setattr(training, "SAVED_AFTER", 0.0)
    return steps


def bits(run: training.Run) -> dict[str, bytes]:
    parts = {"average": run.average, **run.objective.networks}
    return {
        f"{part}.{name}": value.numpy().tobytes()
        for part, network in parts.items()
        for name, value in network.state_dict().items()
    }


def test_the_tiny_objective_keeps_the_contract() -> None:
    assert isinstance(Tiny(0), Objective)
    assert isinstance(TinyGenerator(), Generator)


@pytest.mark.parametrize("killed_at", [1, 57, 199])
def test_a_killed_training_goes_on_from_its_last_save_to_the_same_bits(
    killed_at: int, tmp_path: Path, tiny: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    unbroken = training.trained(DESIGN, IMAGES, steps=200)
    assert tiny == list(range(200))
    tiny.clear()

    class KilledError(Exception):
        pass

    def kill(run: training.Run) -> None:
        if run.step == killed_at:
            raise KilledError

    with pytest.raises(KilledError):
        training.trained(DESIGN, IMAGES, steps=200, checkpoint=tmp_path / "c", watched=kill)
    assert tiny == list(range(killed_at))
    tiny.clear()
    resumed = training.trained(DESIGN, IMAGES, steps=200, checkpoint=tmp_path / "c")
    assert tiny == list(range(killed_at, 200))
    assert bits(resumed) == bits(unbroken)
    assert resumed.objective.seen == 0  # what depends on data is not set twice


def test_a_finished_training_is_not_repeated_and_another_is_refused(tmp_path: Path, tiny: list[int]) -> None:
    done = training.trained(DESIGN, IMAGES, steps=5, checkpoint=tmp_path / "c")
    tiny.clear()
    again = training.trained(DESIGN, IMAGES, steps=5, checkpoint=tmp_path / "c")
    assert (tiny, bits(again)) == ([], bits(done))
    for design, images, steps in (
        (DESIGN.but(seed=1), IMAGES, 5),
        (DESIGN.but(loss="hinge"), IMAGES, 5),
        (DESIGN, IMAGES[::-1], 5),
        (DESIGN, IMAGES, 6),
    ):
        with pytest.raises(ModelError, match="belongs to another training; expected the same design, reals and limit"):
            training.trained(design, images, steps=steps, checkpoint=tmp_path / "c")


def test_a_time_limit_becomes_a_number_of_steps_that_a_resumed_training_keeps(
    tmp_path: Path, tiny: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = training.trained(DESIGN, IMAGES, minutes=0.01, checkpoint=tmp_path / "c")
    assert done.total == done.step == len(tiny) > training.TIMED
    again = training.trained(DESIGN, IMAGES, minutes=0.01, checkpoint=tmp_path / "c")
    assert again.total == done.total


def test_seeds_differ_and_no_global_generator_is_touched() -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    one, other = (training.trained(DESIGN.but(seed=seed), IMAGES, steps=3) for seed in (0, 1))
    assert torch.equal(before, torch.random.get_rng_state())
    assert bits(one) != bits(other)


def test_the_average_follows_the_generator_and_is_ready_to_sample() -> None:
    run = training.trained(DESIGN, IMAGES, steps=100)
    assert not run.average.training
    average, last = run.average.state_dict(), run.objective.generator.state_dict()
    assert not torch.equal(average["layer.weight"], last["layer.weight"])
    torch.testing.assert_close(average["layer.weight"], last["layer.weight"], atol=0.1, rtol=0)
    assert average["norm.num_batches_tracked"] == last["norm.num_batches_tracked"]


def test_batches_are_reals_of_which_about_half_are_mirrored() -> None:
    ramp = np.broadcast_to(np.arange(32, dtype=np.uint8)[None, None, :, None], (10, 32, 32, 3))
    found = batches.batch(ramp, 400, seed=0, step=0)
    mirrored = found[:, 0, 0, 0] > found[:, 0, 0, -1]
    assert 140 < int(mirrored.sum()) < 260
    assert found.min() == -1
    torch.testing.assert_close(found.max(), torch.tensor(31 / 127.5 - 1))
    assert not torch.equal(found, batches.batch(ramp, 400, seed=0, step=1))


def test_a_loss_that_is_no_number_says_which_and_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tiny, "loss", lambda self, *_: torch.tensor(float("nan"), requires_grad=True))
    with pytest.raises(NumbersError, match=r"the loss of tiny's opponent is nan at step 1; expected a finite loss"):
        training.trained(DESIGN, IMAGES, steps=5)


@pytest.mark.parametrize(
    ("images", "limits", "text"),
    [
        (IMAGES, {}, "expected one of them, above 0; give --steps or --minutes"),
        (IMAGES, {"steps": 5, "minutes": 1.0}, "5 steps and 1.0 minutes"),
        (IMAGES, {"steps": 0}, "0 steps"),
        (IMAGES, {"minutes": -1.0}, "-1.0 minutes"),
        (IMAGES[:0], {"steps": 5}, "0 images of shape"),
        (IMAGES[:, :16], {"steps": 5}, "expected reals of 32 × 32 pixels, which tiny learns from"),
    ],
)
def test_what_cannot_be_trained_is_refused(images: Any, limits: dict[str, Any], text: str) -> None:
    with pytest.raises((DataError, NumbersError), match=text):
        training.trained(DESIGN, images, **limits)


def test_the_first_stage_is_a_share_of_all_steps_also_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StagedTiny(Tiny):
        stage = 3000

    monkeypatch.setattr(training, "objective", lambda design: StagedTiny(design.seed))
    assert training.trained(DESIGN, IMAGES, steps=50, checkpoint=tmp_path / "c").objective.stage == 15
    assert training.trained(DESIGN, IMAGES, steps=50, checkpoint=tmp_path / "c").objective.stage == 15
    timed = training.trained(DESIGN, IMAGES, minutes=0.005)
    assert timed.objective.stage == max(1, round(0.3 * timed.total))


def test_labels_are_those_of_the_images_of_a_batch() -> None:
    labels = np.arange(50)
    images = np.broadcast_to(labels[:, None, None, None].astype(np.uint8), (50, 32, 32, 3))
    drawn = batches.batch(images, 30, seed=4, step=7)[:, 0, 0, 0]
    told = batches.batch_labels(labels, 30, seed=4, step=7)
    torch.testing.assert_close((drawn + 1) * 127.5, told.float())


CLASSES = Design("c", "gan", "dcgan", "nearest", "relu", "batch", "strided", "none", "bce", width=8, classes=3)
LABELS = np.arange(50) % 3


def test_a_killed_training_with_classes_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from manifpt.zoo.networks import dcgan

    monkeypatch.setattr(training, "objective", dcgan.objective)
    unbroken = training.trained(CLASSES, IMAGES, LABELS, steps=6)
    stepped = training._stepped

    def killed(run: training.Run, *arguments: Any) -> Any:
        if run.step == 4:
            raise KeyboardInterrupt
        return stepped(run, *arguments)

    monkeypatch.setattr(training, "_stepped", killed)
    with pytest.raises(KeyboardInterrupt):
        training.trained(CLASSES, IMAGES, LABELS, steps=6, checkpoint=tmp_path / "c")
    monkeypatch.setattr(training, "_stepped", stepped)
    assert bits(training.trained(CLASSES, IMAGES, LABELS, steps=6, checkpoint=tmp_path / "c")) == bits(unbroken)
    with pytest.raises(ModelError, match="another training"):
        training.trained(CLASSES, IMAGES, LABELS[::-1].copy(), steps=6, checkpoint=tmp_path / "c")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (None, "no labels of 50 reals for the 3 classes of c"),
        (LABELS[:9], "9 labels up to 2 of 50 reals"),
        (LABELS + 1, "50 labels up to 3 of 50 reals"),
    ],
)
def test_labels_that_are_not_the_designs_classes_are_refused(labels: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        training.trained(CLASSES, IMAGES, labels, steps=1)


def test_labels_for_a_design_without_classes_are_refused() -> None:
    with pytest.raises(DataError, match="for the 0 classes of c"):
        training.trained(CLASSES.but(classes=0), IMAGES, LABELS, steps=1)


def test_an_architecture_that_cannot_be_told_classes_says_so() -> None:
    with pytest.raises(UnknownNameError, match="dcgan cannot be told the classes of its reals"):
        training.trained(DESIGN.but(classes=3), IMAGES, LABELS, steps=1)


def test_mixed_precision_is_another_training_and_is_said_in_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for there, precision in ((True, torch.bfloat16), (False, torch.float32)):
        asked = {"native": precision, "fp32": torch.float32}
        monkeypatch.setattr(training, "chosen_precision", lambda name, device, asked=asked: asked[name])
        half = training.trained(DESIGN, IMAGES, steps=2, bf16=True, checkpoint=tmp_path / str(there))
        assert half.objective.recipe.bf16 is there
        assert (
            json.loads((trained.written(half, DESIGN, tmp_path, {})).with_suffix(".json").read_text())["bf16"] is there
        )
        with pytest.raises(ModelError, match="another training"):
            training.trained(DESIGN, IMAGES, steps=2, checkpoint=tmp_path / str(there))
