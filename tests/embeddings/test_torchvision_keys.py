"""Barlow Twins' checkpoint in transformers' ResNet-50 gives what it gives in torchvision's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from manifpt.embeddings.network import SelfSupervised
from manifpt.embeddings.torchvision_keys import renamed

STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))


class Bottleneck(nn.Module):
    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width_in, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        if stride != 1 or width_in != 4 * width:
            convolution = nn.Conv2d(width_in, 4 * width, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(4 * width))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.downsample(x) if hasattr(self, "downsample") else x
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.relu(self.bn2(self.conv2(x)))
        return functional.relu(self.bn3(self.conv3(x)) + shortcut)


class TorchvisionResNet50(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        width_in = 64
        for index, (width, blocks, stride) in enumerate(STAGES, 1):
            layer = [Bottleneck(width_in, width, stride)]
            width_in = 4 * width
            layer += [Bottleneck(width_in, width, 1) for _ in range(blocks - 1)]
            setattr(self, f"layer{index}", nn.Sequential(*layer))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for index in range(1, 5):
            x = getattr(self, f"layer{index}")(x)
        return x.mean((2, 3))


@pytest.fixture(scope="module")
def original() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = TorchvisionResNet50()
        for module in network.modules():
            if (
                isinstance(module, nn.BatchNorm2d)
                and module.running_mean is not None
                and module.running_var is not None
            ):
                # Distinct everywhere, so that no two parameters could be exchanged unnoticed.
                nn.init.uniform_(module.weight, 0.5, 1)
                nn.init.normal_(module.bias, std=0.1)
                nn.init.normal_(module.running_mean, std=0.1)
                nn.init.uniform_(module.running_var, 0.5, 2)
    return network.eval()


def below(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


@pytest.mark.parametrize("kind", ["published", "classifier", "checkpoint"])
def test_penultimate_features_are_those_of_torchvision(kind: str, original: nn.Module, tmp_path: Path) -> None:
    state = original.state_dict()
    content = {
        "published": state,
        "classifier": {**below("module.", state), "module.fc.weight": torch.zeros(1000, 2048)},
        "checkpoint": {
            "epoch": 3,
            "model": {
                **below("module.backbone.", state),
                "module.projector.0.weight": torch.zeros(8, 2048),
                "module.bn.running_mean": torch.zeros(8),
            },
        },
    }[kind]
    torch.save(content, tmp_path / "resnet50.pth")
    embedding = SelfSupervised(weights=tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (3, 64, 80, 3), dtype=np.uint8)
    points = embedding(images).values
    with torch.inference_mode():
        expected = original(embedding.preprocessing(images)).numpy()
    assert points.shape == (3, 2048)
    assert 0.1 < expected.std() < 10, "the comparison means something"
    np.testing.assert_allclose(points, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(embedding(images[2:]).values, points[2:], rtol=1e-5, atol=1e-5)


def test_every_parameter_finds_a_place_of_its_own(original: nn.Module) -> None:
    state = original.state_dict()
    assert len(renamed(state)) == len(state)
