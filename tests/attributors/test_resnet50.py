from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import ResNetConfig, ResNetForImageClassification, ResNetModel

from manifpt.attributors import resnet50
from manifpt.attributors.network import ResNet50
from manifpt.errors import ModelError

from .planted import TINY_RESNET50, planted, quick

FEATURES, GENERATORS = planted()


def test_transformers_loads_what_was_saved_and_gives_the_same_answers(tmp_path: Path) -> None:
    fitted = quick("resnet50").fit(FEATURES, GENERATORS)
    fitted.save_pretrained(tmp_path)
    model = ResNetForImageClassification.from_pretrained(tmp_path).eval()
    assert model.config.id2label == {0: "gan-x", 1: "gan-y", 2: "gan-z"}
    inputs = (torch.from_numpy(FEATURES) - fitted.network_.mean) / fitted.network_.deviation
    with torch.inference_mode():
        answers = (model(inputs).logits / model.config.calibration_temperature).softmax(1)
    np.testing.assert_allclose(answers, fitted.predict_proba(FEATURES), atol=1e-5)


def test_what_was_saved_for_transformers_comes_back_whole(tmp_path: Path) -> None:
    fitted = quick("resnet50").fit(FEATURES, GENERATORS)
    fitted.save_pretrained(tmp_path)
    restored = quick("resnet50").from_pretrained(tmp_path)
    for name, value in fitted.state().items():
        np.testing.assert_array_equal(restored.state()[name], value)
    np.testing.assert_array_equal(restored.predict_proba(FEATURES), fitted.predict_proba(FEATURES))


def test_an_incomplete_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot be read: .*; expected config.json, model.safetensors and"):
        quick("resnet50").from_pretrained(tmp_path)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    model = ResNetModel(ResNetConfig(**TINY_RESNET50))
    model.save_pretrained(tmp_path / "sl")
    monkeypatch.setenv("MANIFPT_WEIGHTS", str(tmp_path))
    return dict(model.state_dict())


@pytest.mark.parametrize("times", [1, 2])
def test_weights_at_hand_initialise_the_body_and_six_channels_get_the_stem_twice(
    times: int, weights: dict[str, torch.Tensor]
) -> None:
    network = resnet50.resnet50((3 * times, 8, 8), 2, sizes=TINY_RESNET50)
    assert resnet50.imagenet_initialised(network)
    found = network.body.state_dict()
    for name, value in weights.items():
        torch.testing.assert_close(
            found[f"resnet.{name}"], value if name != resnet50.STEM else value.repeat(1, times, 1, 1) / times
        )


def test_one_channel_cannot_take_the_weights_and_starts_at_random(weights: dict[str, torch.Tensor]) -> None:
    assert not resnet50.imagenet_initialised(resnet50.resnet50((1, 8, 8), 2, sizes=TINY_RESNET50))


def test_without_weights_the_network_says_that_it_started_at_random(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MANIFPT_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(resnet50, "IMAGENET_RESNET50", str(tmp_path / "absent"))
    assert not resnet50.imagenet_initialised(resnet50.resnet50((3, 8, 8), 2, sizes=TINY_RESNET50))
    assert quick("resnet50", epochs=1).fit(FEATURES, GENERATORS).initialised_ == "random"


def test_without_other_sizes_it_is_resnet_50() -> None:
    network = ResNet50()._built((6, 8, 8), 5)
    counted = sum(weight.numel() for weight in network.parameters())
    # 23,508,032 of the body of ResNet-50 with three channels, 3 · 7 · 7 · 64 for three more, 2,048 · 5 + 5 of the head.
    assert counted == 23_508_032 + 9_408 + 10_245
