"""Where networks run."""

from __future__ import annotations

import pytest
import torch

from manifpt.attributors.inference import chosen_device
from manifpt.device import choose, device
from manifpt.errors import ManifptError


def test_what_is_chosen_is_what_networks_on_auto_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    choose("auto")
    assert device() == "cuda"
    choose("cpu")
    assert chosen_device("auto") == torch.device("cpu")
    choose("auto")


def test_a_gpu_that_is_not_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ManifptError) as caught:
        choose("cuda")
    assert str(caught.value) == "no CUDA device was found; expected a CUDA GPU; use --device cpu"
