"""A trained generator as a file, and the endless sequence of its images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from manifpt.errors import ImageError, NumbersError, UnknownNameError, WeightsError
from manifpt.zoo import sampling, trained, training

from .tiny import DESIGN, Tiny, TinyGenerator

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3), np.uint8)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "objective", lambda design: Tiny(design.seed))
    monkeypatch.setattr(trained, "untrained", lambda design: Tiny(design.seed).generator)


@pytest.fixture
def folder(tmp_path: Path, tiny: None) -> Path:
    run = training.trained(DESIGN, IMAGES, steps=5)
    trained.written(run, DESIGN, tmp_path / "weights", {"data": "noise"})
    return tmp_path / "weights"


def joined(made: trained.Trained, count: int, **settings: int) -> np.ndarray:
    return np.concatenate([*sampling.sampled(made, count, **settings), np.empty((0, 32, 32, 3), np.uint8)])


def test_what_was_written_comes_back_with_its_design_and_record(folder: Path) -> None:
    made = trained.generator("tiny", folder)
    assert made.design == DESIGN
    assert not made.network.training
    assert {"steps": 5, "data": "noise", "parameters": 21}.items() <= made.sidecar.items()
    assert trained.names(folder) == ("tiny",)
    weights = folder / "tiny.safetensors"
    assert weights.stat().st_size < 1000


def test_an_image_depends_on_seed_and_place_alone(folder: Path) -> None:
    made = trained.generator("tiny", folder)
    whole = joined(made, 120)
    assert whole.shape == (120, 32, 32, 3)
    np.testing.assert_array_equal(joined(made, 7), whole[:7])
    np.testing.assert_array_equal(joined(made, 30, start=40), whole[40:70])
    np.testing.assert_array_equal(joined(made, 1, start=100), whole[100:101])
    assert len(joined(made, 0, start=60)) == 0
    assert not np.array_equal(joined(made, 10, seed=1), whole[:10])


def test_generators_of_one_latent_shape_share_no_noise(folder: Path) -> None:
    made = trained.generator("tiny", folder)
    other = trained.Trained(DESIGN.but(name="other"), made.network, made.digest, made.sidecar)
    assert not np.array_equal(sampling.noise(made, 0, 0), sampling.noise(other, 0, 0))


def test_an_unknown_name_suggests_the_nearest(folder: Path) -> None:
    with pytest.raises(
        UnknownNameError, match=r"holds no trained generator 'tyni'; expected one of tiny; did you mean"
    ):
        trained.generator("tyni", folder)
    with pytest.raises(UnknownNameError, match="train it with `manifpt zoo train tiny`, or set MANIFPT_ZOO"):
        trained.generator("tiny", folder / "nowhere")


@pytest.mark.parametrize(
    "damage", ["flipped", "truncated", "no weights", "other design", "no json", "list", "unsigned"]
)
def test_damaged_weights_are_refused(folder: Path, damage: str) -> None:
    weights, sidecar = folder / "tiny.safetensors", folder / "tiny.json"
    content, record = weights.read_bytes(), json.loads(sidecar.read_text())
    if damage == "flipped":
        weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "truncated":
        weights.write_bytes(content[:-10])
    elif damage == "no weights":
        weights.unlink()
    elif damage == "other design":
        sidecar.write_text(json.dumps(record | {"design": record["design"] | {"loss": "hope"}}))
    elif damage == "unsigned":
        sidecar.write_text(json.dumps({"design": record["design"]}))
    else:
        sidecar.write_text("{" if damage == "no json" else "[]")
    with pytest.raises(
        WeightsError, match=r"tiny.safetensors cannot be used \(.*\); expected .*; copy both files again"
    ):
        trained.generator("tiny", folder)


@pytest.mark.parametrize("numbers", [{"count": -1}, {"count": 1, "seed": -1}, {"count": 1, "start": -1}])
def test_negative_numbers_are_refused(folder: Path, numbers: dict[str, int]) -> None:
    with pytest.raises(NumbersError, match="expected numbers from 0 up"):
        list(sampling.sampled(trained.generator("tiny", folder), **numbers))


@pytest.mark.parametrize("wrong", [torch.full((50, 3, 32, 32), torch.nan), torch.zeros(50, 3, 16, 16)])
def test_a_generator_that_returns_nonsense_is_refused(
    folder: Path, wrong: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trained.generator("tiny", folder)
    monkeypatch.setattr(TinyGenerator, "sampled", lambda self, latent: wrong)
    with pytest.raises(ImageError, match=r"tiny returned values of shape .*; expected finite values of shape"):
        joined(made, 3)
