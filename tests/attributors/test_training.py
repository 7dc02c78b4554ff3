from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from manifpt.attributors import augmentation, checkpoints, inference, training
from manifpt.attributors.architectures import Classifier, small_resnet
from manifpt.attributors.meter import Meter
from manifpt.attributors.recipe import Recipe
from manifpt.errors import ModelError, NumbersError

from .planted import planted, quick

FEATURES, GENERATORS = planted()


class KilledError(Exception):
    """Stands for a kill."""


def dying_at(step: int, patch: pytest.MonkeyPatch) -> list[int]:
    """Let the training die before its nth step, counted over all trainings of a fit; return where steps are noted."""
    noted: list[int] = []
    stepped = training._stepped

    def counted(state: training.Training, *arguments: Any) -> Any:
        if len(noted) == step:
            raise KilledError
        noted.append(state.step)
        return stepped(state, *arguments)

    patch.setattr(training, "_stepped", counted)
    return noted


# All networks share one loop; `wang20`, whose batches are augmented, is killed in tests of its own.
KILLED = ("mlp", "resnet-small", "resnet50", "dna-det")


@pytest.mark.parametrize("row", KILLED)
@pytest.mark.parametrize(("killed_before", "kept"), [(0, 0), (4, 3), (5, 3), (6, 6), (16, 15), (19, 18), (23, 21)])
def test_a_fit_killed_at_any_step_repeats_less_than_an_interval_and_ends_in_the_bits_of_an_unbroken_one(
    row: str, killed_before: int, kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two inner trainings of 6 steps and one of 12, in batches of 16 and 3 epochs; a save after 3 steps is also one in
    # the middle of an epoch of 2 or 4.
    monkeypatch.setattr(checkpoints, "STEPS", 3)
    settings: dict[str, Any] = {"epochs": 3, **({"flips": True} if "flips" in quick(row).settings() else {})}
    settings |= {"pretraining_steps": 0} if row == "dna-det" else {}
    with monkeypatch.context() as patch:
        steps = dying_at(-1, patch)
        unbroken = quick(row, **settings).fit(FEATURES, GENERATORS)
        assert steps == [*range(6), *range(6), *range(12)]
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        dying_at(killed_before, patch)
        quick(row, **settings).fit(FEATURES, GENERATORS, checkpoint=tmp_path)
    again = dying_at(-1, monkeypatch)
    resumed = quick(row, **settings).fit(FEATURES, GENERATORS, checkpoint=tmp_path)
    for name, value in unbroken.state().items():
        np.testing.assert_array_equal(resumed.state()[name], value)
    assert len(again) == 24 - kept


def test_a_save_is_due_by_steps_by_time_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: clock)
    state: Any = SimpleNamespace(step=0, total=1000)
    checkpoint = checkpoints.Checkpoint(tmp_path / "c", "key")
    dues = []
    for step, clock in [(99, 1.0), (100, 1.0), (1, 59.0), (1, 60.0), (1000, 1.0)]:  # noqa: B007  (the clock reads it)
        state.step = step
        dues.append(checkpoint.due(state))
    assert dues == [False, True, False, True, True]


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick("mlp", epochs=1).fit(FEATURES, GENERATORS, checkpoint=tmp_path)
    text = r"belongs to a training with other settings, images, device or versions; .*; delete the folder to start"
    with pytest.raises(ModelError, match=text):
        quick("mlp", epochs=2).fit(FEATURES, GENERATORS, checkpoint=tmp_path)
    with pytest.raises(ModelError, match=text):
        quick("mlp", epochs=1).fit(FEATURES + 1, GENERATORS, checkpoint=tmp_path)
    with monkeypatch.context() as patch, pytest.raises(ModelError, match=text):
        patch.setattr(checkpoints, "VERSION", checkpoints.VERSION + 1)
        quick("mlp", epochs=1).fit(FEATURES, GENERATORS, checkpoint=tmp_path)
    with pytest.raises(ModelError, match="belongs to the training of a network"):
        quick("linear").fit(FEATURES, GENERATORS, checkpoint=tmp_path)


@pytest.mark.parametrize("damage", ["flipped", "truncated", "text", "empty", "forged step"])
def test_a_damaged_checkpoint_is_reported_and_its_training_starts_anew(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unbroken = quick("mlp", epochs=1).fit(FEATURES, GENERATORS, checkpoint=tmp_path)
    path = tmp_path / "fold-0.safetensors"
    content = path.read_bytes()
    path.write_bytes(
        {
            "flipped": content[:-1] + bytes([content[-1] ^ 1]),
            "truncated": content[:-1],
            "text": b"text",
            "empty": b"",
            # Even a forged step is noticed: the digest covers it.
            "forged step": content.replace(b'"step":"', b'"step":"1', 1),
        }[damage]
    )
    again = quick("mlp", epochs=1).fit(FEATURES, GENERATORS, checkpoint=tmp_path)
    assert caplog.text.count("its training starts anew") == 1
    for name, value in unbroken.state().items():
        np.testing.assert_array_equal(again.state()[name], value)


def test_a_loss_that_is_no_number_is_reported_with_its_step() -> None:
    with pytest.raises(NumbersError, match=r"^the loss is \w+ at step \d+ of \d+; expected a finite loss; lower"):
        quick("mlp", learning_rate=1e30).fit(1e6 * FEATURES, GENERATORS)


def test_few_examples_get_more_epochs_and_many_do_not() -> None:
    recipe = Recipe(epochs=30, least_steps=600, batch=64)
    assert recipe.fitted_to(64).epochs == 600
    assert recipe.fitted_to(5000).epochs == 30


def test_the_average_is_of_the_weights_that_training_went_through() -> None:
    labels = np.unique(GENERATORS, return_inverse=True)[1]
    recipe = Recipe(epochs=1, least_steps=0, batch=60, averaged=1.0, precision="fp32")

    def network(epochs: int, averaged: float) -> dict[str, torch.Tensor]:
        with training.seeded(0):
            untrained = small_resnet((3, 8, 8), 3, width=16, depth=1, dropout=0.0)
        chosen = replace(recipe, epochs=epochs, averaged=averaged)
        rows = np.arange(len(labels))
        found = training.trained(untrained, FEATURES, labels, chosen, rows=rows)
        return {"average": found.head.weight.detach(), "last": untrained.head.weight.detach()}

    last = network(3, 0.0)
    torch.testing.assert_close(last["average"], last["last"])
    averaged = network(3, 1.0)
    assert not torch.allclose(averaged["average"], averaged["last"])
    torch.testing.assert_close(averaged["last"], last["last"])


def test_the_average_follows_the_weights_of_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.unique(GENERATORS, return_inverse=True)[1]
    went: list[dict[str, torch.Tensor]] = []
    stepped = training._stepped

    def noted(state: training.Training, *arguments: Any) -> Any:
        found = stepped(state, *arguments)
        went.append(copy.deepcopy(state.network.state_dict()))
        return found

    monkeypatch.setattr(training, "_stepped", noted)
    with training.seeded(0):
        network = small_resnet((3, 8, 8), 3, width=16, depth=1, dropout=0.0)
    recipe = Recipe(epochs=6, least_steps=0, batch=20, averaged=0.2, precision="fp32")
    found = training.trained(network, FEATURES, labels, recipe, rows=np.arange(len(labels)))
    decay = 1 - 1 / (0.2 * len(went))
    shares = decay ** np.arange(len(went))[::-1]
    for name, average in found.state_dict().items():
        steps = np.stack([weights[name].numpy() for weights in went])
        expected = np.average(steps, axis=0, weights=shares) if average.is_floating_point() else steps[-1]
        np.testing.assert_allclose(average.numpy(), expected, rtol=1e-5, atol=1e-6, err_msg=name)


def test_flips_mirror_about_half_of_the_maps_left_to_right() -> None:
    maps = np.arange(200 * 6, dtype=np.float32).reshape(200, 1, 2, 3)
    flipped = augmentation.flipped(maps, np.random.default_rng(0))
    same = (flipped == maps).all(axis=(1, 2, 3))
    assert 70 < same.sum() < 130
    np.testing.assert_array_equal(flipped[~same], maps[~same][..., ::-1])


def test_the_learning_rate_rises_then_falls_to_almost_nothing() -> None:
    rates = [training.scheduled(step, 100, 0.1) for step in range(100)]
    assert rates[9] == 1.0
    assert rates == sorted(rates[:10]) + sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.001


def test_channels_are_normalised_by_their_own_mean_and_deviation() -> None:
    shifted = (
        FEATURES * np.array([1, 10, 0], np.float32)[:, None, None] + np.array([0, 5, 7], np.float32)[:, None, None]
    )
    network = quick("resnet-small", epochs=1, calibration_folds=0).fit(shifted, GENERATORS).network_
    np.testing.assert_allclose(network.mean.flatten(), shifted.mean(axis=(0, 2, 3)), rtol=1e-4, atol=1e-5)
    expected = [*shifted.std(axis=(0, 2, 3), dtype=np.float64)[:2], 1.0]
    np.testing.assert_allclose(network.deviation.flatten(), expected, rtol=1e-4)


def test_bf16_is_chosen_only_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    device = torch.device("cpu")
    for able, expected in (({"avx512_bf16": True}, torch.bfloat16), ({}, torch.float32)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able)
        assert inference.chosen_precision("native", device) is expected
        assert inference.chosen_precision("auto", device) is torch.float32
    assert inference.chosen_precision("bf16", device) is torch.bfloat16
    assert inference.chosen_precision("fp32", device) is torch.float32
    assert inference.chosen_precision("bf16", device, (3, 32, 32)) is torch.bfloat16
    assert inference.chosen_precision("bf16", device, (3, 31, 32)) is torch.float32
    assert inference.chosen_precision("bf16", device, (512,)) is torch.bfloat16


@pytest.mark.parametrize("row", ["nataraj-cnn", "resnet50", "wang20"])
def test_small_maps_learn_nothing_from_what_the_memory_held(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loss = Classifier.loss

    def spoiling(*given: Any) -> Any:
        found = loss(*given)
        # Where a kernel of the way back reads memory that nobody wrote, it finds these.
        spoiled = [torch.full((size,), torch.nan) for size in (10**3, 10**4, 10**5, 10**6) for _ in range(8)]
        spoiled.clear()
        return found

    monkeypatch.setattr(Classifier, "loss", spoiling)
    fitted = quick(row, precision="bf16", epochs=2, calibration_folds=0).fit(FEATURES, GENERATORS)
    plain = quick(row, precision="fp32", epochs=2, calibration_folds=0).fit(FEATURES, GENERATORS)
    np.testing.assert_array_equal(fitted.predict_proba(FEATURES), plain.predict_proba(FEATURES))


def test_bf16_and_fp32_learn_the_same_task() -> None:
    features, generators = planted(shape=(3, 32, 32))
    unseen, truth = planted(shape=(3, 32, 32), seed=1)
    for precision in ("bf16", "fp32"):
        fitted = quick("resnet-small", precision=precision, calibration_folds=0).fit(features, generators)
        assert (fitted.classes_[fitted.predict_proba(unseen).argmax(1)] == truth).mean() > 0.9


def test_a_meter_draws_loss_and_accuracy_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for terminal in (False, True):
        monkeypatch.setattr("sys.stderr.isatty", lambda terminal=terminal: terminal, raising=False)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("FORCE_COLOR", "1" if terminal else "0")
        with Meter("training", 2) as meter:
            meter.seen(1.5, 3, 4)
            meter.epoch_done()
        printed = capsys.readouterr()
        assert printed.out == ""
        assert ("1.500" in printed.err and "75%" in printed.err) is terminal
