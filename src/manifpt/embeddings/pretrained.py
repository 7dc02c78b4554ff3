"""Networks of transformers, filled from a folder or a state dict: every weight from the file, or an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from manifpt.embeddings.torchvision_keys import renamed
from manifpt.errors import WeightsError


def vision_network(folder: Path, space: str) -> tuple[nn.Module, bool]:
    """Return the vision network of a model folder, and whether the folder holds the weights of its pooler.

    Of a model of images and texts (CLIP, SigLIP) it is the vision tower.

    Args:
        folder: Holds config.json and safetensors.
        space: Who asks, for the error.

    Raises:
        WeightsError: It is no vision model, or some of its weights are absent.
    """
    from transformers import AutoConfig, AutoModel  # noqa: PLC0415  (takes seconds to import)

    given: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with _quiet(), torch.random.fork_rng(devices=[]):
        try:
            config = AutoConfig.from_pretrained(folder, **given)
            network, report = AutoModel.from_pretrained(
                folder,
                config=getattr(config, "vision_config", config),
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                **given,
            )
        except Exception as error:  # Transformers raises whatever a damaged file leads it into.
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise _unfit(f"{space}: transformers cannot load {folder} ({reason})") from error
    if network.main_input_name != "pixel_values":
        raise _unfit(f"{space}: {type(network).__name__} does not take images")
    missing = set(report["missing_keys"])
    poolers = {name for name in missing if "pooler." in name}
    if absent := sorted(missing - poolers):
        raise _unfit(f"{space}: {folder} lacks {len(absent)} weights of {type(network).__name__} ({absent[0]}, …)")
    return network, not poolers


def resnet50(state: Mapping[str, Tensor], path: Path) -> nn.Module:
    """Return transformers' ResNet-50 with the weights of a torchvision state dict.

    Args:
        state: Parameters by torchvision's names; classifier and projector are left out.
        path: Where they come from, for the error.

    Raises:
        WeightsError: They are not those of a ResNet-50.
    """
    from transformers import ResNetConfig, ResNetModel  # noqa: PLC0415  (takes seconds to import)

    with torch.random.fork_rng(devices=[]):
        network: nn.Module = ResNetModel(ResNetConfig())
    filled(network, renamed(state), path, "a ResNet-50 by torchvision's parameter names (conv1.weight, …)")
    return network


def filled(network: nn.Module, state: Mapping[str, Tensor], path: Path, expected: str) -> None:
    """Copy ``state`` into ``network``; only the batch counters, which inference never reads, may be absent.

    Raises:
        WeightsError: A parameter is absent, unknown or of another shape.
    """
    wanted = {name: tensor.shape for name, tensor in network.state_dict().items()}
    differing = sorted(
        name
        for name in wanted.keys() | state.keys()
        if not name.endswith("num_batches_tracked")
        and (name not in state or name not in wanted or state[name].shape != wanted[name])
    )
    if differing:
        raise WeightsError(
            f"{path} does not fit: {len(differing)} parameters differ ({differing[0]}, …)",
            expected=expected,
            remedy="fetch the file that its publisher names",
        )
    network.load_state_dict(state, strict=False)


def _unfit(happened: str) -> WeightsError:
    return WeightsError(
        happened,
        expected="a vision model of transformers with all of its weights",
        remedy="choose another model, or save this one with save_pretrained",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' load report and progress bar off the terminal."""
    from transformers.utils import logging  # noqa: PLC0415  (takes seconds to import)

    level, drawn = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if drawn:
            logging.enable_progress_bar()
