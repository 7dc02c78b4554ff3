"""What tests of networks may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from manifpt.embeddings.residual import SmallResNet


@pytest.fixture(scope="session")
def checkpoint_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint of ``sl-cifar`` as its publisher writes it, of random weights."""
    folder = tmp_path_factory.mktemp("weights")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SmallResNet((3, 3, 3), (16, 32, 64), 10)
    state = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"state_dict": state, "best_prec1": 10.0}, folder / "resnet20-12fca82f.th")
    return folder


@pytest.fixture
def feature_weights(checkpoint_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lets ``sl-cifar`` find a checkpoint of random weights."""
    monkeypatch.setenv("MANIFPT_WEIGHTS", str(checkpoint_folder))
    return checkpoint_folder


@pytest.fixture(autouse=True)
def same_numbers() -> None:
    """Draw the same numbers in every run: a law must not fail by luck."""
    torch.manual_seed(0)
