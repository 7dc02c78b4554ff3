"""Where weights come from: a folder of the user's, the Hugging Face cache, the hub.

Pickled objects and foreign code are never run.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from manifpt.errors import WeightsError

FOLDER = "MANIFPT_WEIGHTS"
_PATTERNS = [
    "config.json",
    "preprocessor_config.json",
    "model.safetensors",
    "model-*.safetensors",
    "model.safetensors.index.json",
]
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack")
_ALONE = ("config.json", "preprocessor_config.json")


def checkpoint(space: str, filename: str, weights: str | Path | None, *, model: str, recipe: str) -> Path:
    """Return the checkpoint file of a space.

    Args:
        space: The space's name; ``$MANIFPT_WEIGHTS/<space>`` is searched, then ``$MANIFPT_WEIGHTS`` itself.
        filename: The file's published name.
        weights: The file, or its folder, where the user gave one; nothing else is searched then.
        model: What the checkpoint holds, for the error.
        recipe: How to come by the file without a network, for the error.

    Raises:
        WeightsError: The file is absent; the remedy is one line.
    """
    for path in _places(space, weights):
        file = path / filename if path.is_dir() else path
        if file.is_file():
            return file
    where = f"in {weights}" if weights is not None else f"({FOLDER} is {os.environ.get(FOLDER) or 'not set'})"
    raise WeightsError(f"{space}: the weights of {model} are absent {where}", expected=filename, remedy=recipe)


def _places(space: str, weights: str | Path | None) -> tuple[Path, ...]:
    if weights is not None:
        return (Path(weights).expanduser(),)
    root = os.environ.get(FOLDER)
    return (Path(root).expanduser() / space, Path(root).expanduser()) if root else ()


def tensors(path: Path) -> dict[str, Tensor]:
    """Return the state dict of a PyTorch checkpoint, read with ``weights_only=True``.

    Args:
        path: A ``.th``, ``.pt`` or ``.pth`` file: a state dict, or one below ``state_dict`` or ``model``.

    Raises:
        WeightsError: The file is damaged, or holds more than tensors.
    """
    try:
        with warnings.catch_warnings():
            # torch remarks on the pickle protocol of a file that it then refuses.
            warnings.simplefilter("ignore")
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise WeightsError(
            f"{path} cannot be read as tensors",
            expected="a PyTorch state dict without other objects",
            remedy="fetch the file again from its publisher",
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    return {name: tensor for name, tensor in dict(content).items() if isinstance(tensor, Tensor)}


def model_folder(model: str, *, space: str, recipe: str) -> Path:
    """Return the folder of a Hugging Face model: a local one, the cache's, or the hub's after a download.

    Args:
        model: Folder, or repository id (``facebook/dinov2-base``).
        space: Who asks, for the error.
        recipe: How to come by the model without a network, for the error.

    Raises:
        WeightsError: The model is nowhere, or has no safetensors.
    """
    local = Path(model).expanduser()
    if local.is_dir():
        return _safe(local, model, space)
    if model.startswith((".", "/", "~")) or model.count("/") != 1:
        raise WeightsError(
            f"{space}: there is no folder {model}",
            expected="a model folder with config.json and model.safetensors, or a repository id (owner/name)",
            remedy=recipe,
        )
    found = _snapshot(model)
    if found is None:
        raise WeightsError(
            f"{space}: {model} is no folder, not in the Hugging Face cache, and the hub is out of reach or lacks it",
            expected="config.json and model.safetensors",
            remedy=recipe,
        )
    return _safe(found, model, space)


def _snapshot(model: str) -> Path | None:
    """Return the folder of a hub model, the cache's where it holds weights."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415  (slow to import)
    from huggingface_hub.constants import is_offline_mode  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError  # noqa: PLC0415

    found = None
    for local in (True,) if is_offline_mode() else (True, False):
        try:
            found = Path(snapshot_download(model, allow_patterns=_PATTERNS, local_files_only=local))
        except (OSError, HfHubHTTPError, HFValidationError):
            continue
        if any(found.glob("model*.safetensors")):
            return found
    return found


def _safe(found: Path, model: str, space: str) -> Path:
    if not (found / "config.json").is_file():
        raise WeightsError(
            f"{space}: {model} has no config.json",
            expected="a model folder as save_pretrained writes it",
            remedy="save the model with save_pretrained",
        )
    if any(found.glob("model*.safetensors")):
        return found
    pickles = sorted(path.name for pattern in _PICKLES for path in found.glob(pattern))
    held = f"only {', '.join(pickles)}" if pickles else "no safetensors"
    raise WeightsError(
        f"{space}: {model} holds {held}",
        expected="model.safetensors (pickled weights can run code, so manifpt never opens them)",
        remedy="save the model with save_pretrained, which writes safetensors",
    )


def model_files(found: Path) -> tuple[Path, ...]:
    """Return the files of a model folder that decide its features, sorted by name."""
    fixed = [found / name for name in _ALONE if (found / name).is_file()]
    return tuple(sorted([*fixed, *found.glob("model*.safetensors")]))
