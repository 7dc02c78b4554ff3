"""Resize, crop and normalise as published configurations say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from manifpt.embeddings.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing, resized, scaled


def plain(side: int, mode: str = "bilinear") -> Preprocessing:
    return Preprocessing(side, (side, side), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), mode=mode)


@pytest.mark.parametrize(
    ("config", "shorter", "crop", "mode"),
    [
        ({"size": 224, "resample": 2}, 224, (224, 224), "bilinear"),
        ({"size": {"height": 224, "width": 224}, "resample": 3}, 224, (224, 224), "bicubic"),
        ({"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}}, 256, (224, 224), "bicubic"),
        ({"size": {"shortest_edge": 224}, "crop_pct": 0.875, "resample": 3}, 256, (224, 224), "bicubic"),
        ({"size": {"shortest_edge": 384}, "crop_pct": 0.875}, 384, (384, 384), "bicubic"),
        ({}, 96, (96, 96), "bicubic"),
    ],
    ids=["old vit", "vit", "dinov2", "convnext", "large convnext", "nothing but the network's side"],
)
def test_every_published_notation_is_read(
    config: dict[str, Any], shorter: int, crop: tuple[int, int], mode: str, tmp_path: Path
) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    read = Preprocessing.read(tmp_path, 96)
    assert (read.shorter, read.crop, read.mode) == (shorter, crop, mode)
    assert (read.mean, read.std) == (IMAGENET_MEAN, IMAGENET_STD)


def test_mean_and_deviation_come_from_the_folder_when_it_has_them(tmp_path: Path) -> None:
    path = tmp_path / "preprocessor_config.json"
    path.write_text(json.dumps({"image_mean": [0.5, 0.4, 0.3], "image_std": [0.1, 0.2, 0.3]}))
    assert Preprocessing.read(tmp_path, 32).mean == (0.5, 0.4, 0.3)
    assert Preprocessing.read(tmp_path, 32).std == (0.1, 0.2, 0.3)
    path.write_text(json.dumps({"do_normalize": False, "image_mean": [0.5, 0.4, 0.3]}))
    assert Preprocessing.read(tmp_path, 32) == plain(32, "bicubic")


def test_an_image_of_the_right_size_is_only_normalised() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    expected = (images / 255 - IMAGENET_MEAN) / IMAGENET_STD
    found = Preprocessing(8, (8, 8))(images).permute(0, 2, 3, 1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_centre_is_kept_and_the_ratio_of_the_sides() -> None:
    images = np.zeros((1, 10, 20, 3), np.uint8)
    images[:, :, 5:15] = 255
    assert torch.all(plain(10)(images) == 1)
    assert resized(scaled(images), 5, "bilinear").shape == (1, 3, 5, 10)


@pytest.mark.parametrize(
    ("mode", "pillow"), [("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)]
)
def test_shrinking_is_antialiased_as_by_pillow(mode: str, pillow: Image.Resampling) -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(image).resize((30, 20), pillow))
    found = resized(scaled(image[None]), 20, mode)[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(found - expected).max() < 1.5
