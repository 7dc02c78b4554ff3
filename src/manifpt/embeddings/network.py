"""Features of large pretrained networks: ``sl``, ``ssl`` and ``hf:<model>[@layer]``."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from manifpt.embeddings.checkpoints import FOLDER, checkpoint, model_files, model_folder, tensors
from manifpt.embeddings.embedding import Images
from manifpt.embeddings.inference import NetworkEmbedding
from manifpt.embeddings.preprocessing import Preprocessing
from manifpt.embeddings.pretrained import resnet50, vision_network
from manifpt.errors import UnknownNameError, WeightsError

RESNET50 = "microsoft/resnet-50"
SL_RECIPE = f"run `hf download {RESNET50} --local-dir sl` on a networked machine, and copy sl into ${FOLDER}"
SSL_RECIPE = f"download https://dl.fbaipublicfiles.com/barlowtwins/ljng/resnet50.pth into ${FOLDER}/ssl"
_CLASS_TOKENS = ("cls_token", "class_embedding")


class HuggingFace(NetworkEmbedding):
    """Any vision model of transformers, at any layer: ViT, DINOv2, ResNet, ConvNeXt, CLIP's vision tower.

    Without a layer a point is the network's pooled output; where the checkpoint lacks the pooler's weights,
    what layer -1 gives of the last hidden state. At a layer it is the class token of that hidden state, or the
    mean over positions where there is none: in convolutional networks, and at layer 0, the input of the first
    block, whose class token has not yet seen the image. Layers are numbered as transformers' ``hidden_states``.

    Args:
        model: ``owner/name`` or a folder, optionally with ``@layer``: ``openai/clip-vit-large-patch14@-2``.

    Raises:
        UnknownNameError: The layer is not a whole number; its range is checked when the network is loaded.
    """

    def __init__(self, model: str) -> None:
        self.name = f"hf:{model}"
        head, at, layer = model.rpartition("@")
        if not at or Path(model).expanduser().is_dir():
            head, at, layer = model, "", ""
        if at and not layer.removeprefix("-").isdecimal():
            raise UnknownNameError(
                f"{layer!r} is not a layer of {head}",
                expected="a whole number after @",
                remedy=f"try hf:{head}@-1",
            )
        self.model = head
        self.layer = int(layer) if at else None

    def options(self) -> dict[str, Any]:
        """Return the layer."""
        return {"layer": self.layer}

    @cached_property
    def folder(self) -> Path:
        """The model's folder.

        Raises:
            WeightsError: It is nowhere, or without safetensors.
        """
        recipe = f"run `hf download {self.model} --local-dir FOLDER` on a networked machine, and name hf:FOLDER"
        return model_folder(self.model, space=self.name, recipe=recipe)

    def files(self) -> tuple[Path, ...]:
        """Return weights, configuration and preprocessing."""
        return model_files(self.folder)

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """What the model's folder says about its input."""
        side = getattr(self.network.config, "image_size", None)
        return Preprocessing.read(self.folder, side if isinstance(side, int) or side is None else tuple(side))

    def loaded(self) -> nn.Module:
        """Return the vision network.

        Raises:
            WeightsError: The folder holds no vision network, or some of its weights are absent.
        """
        network, self._pooled = vision_network(self.folder, self.name)
        return network

    def features(self, images: Images) -> Tensor:
        """Return pooled features, or those of the layer."""
        network = self.network
        output = network(self.preprocessing(images), output_hidden_states=True)
        if self.layer is not None:
            index = self._index(len(output.hidden_states))
            return self._token(output.hidden_states[index], seen=index > 0)
        pooled = getattr(output, "pooler_output", None) if self._pooled else None
        return self._token(output.last_hidden_state) if pooled is None else torch.flatten(pooled, 1)

    def _index(self, layers: int) -> int:
        layer = self.layer or 0
        if -layers <= layer < layers:
            return layer % layers
        raise UnknownNameError(
            f"{self.model} has no layer {layer}",
            expected=f"a layer from {-layers} to {layers - 1}",
            remedy=f"try hf:{self.model}@-1",
        )

    def _token(self, hidden: Tensor, *, seen: bool = True) -> Tensor:
        """Return one vector per image of a hidden state: (n, d, h, w) maps or (n, tokens, d)."""
        if hidden.ndim > 3:  # noqa: PLR2004 (maps have two spatial axes, tokens one)
            return hidden.mean(dim=(2, 3))
        return hidden[:, 0] if seen and self._has_class_token else hidden.mean(dim=1)

    @cached_property
    def _has_class_token(self) -> bool:
        return any(name.endswith(_CLASS_TOKENS) for name, _ in self.network.named_parameters())


class Supervised(HuggingFace):
    """``sl``: penultimate features (2048) of an ImageNet ResNet-50 (section 4.1 of ManiFPT).

    Shorter side to 256 (bicubic), centre crop 224, ImageNet's mean and deviation. Weights: ``weights``, else
    ``$MANIFPT_WEIGHTS/sl``, else microsoft/resnet-50 in the Hugging Face cache or on the hub.

    Args:
        weights: Folder with config.json and model.safetensors.
    """

    def __init__(self, *, weights: str | Path | None = None) -> None:
        super().__init__(RESNET50)
        self.name = "sl"
        self.weights = weights

    @cached_property
    def folder(self) -> Path:
        """The model's folder."""
        ours = Path(os.environ.get(FOLDER, "")).expanduser() / "sl"
        found = ours if os.environ.get(FOLDER) and ours.is_dir() else RESNET50
        given = found if self.weights is None else Path(self.weights).expanduser().absolute()
        return model_folder(str(given), space="sl", recipe=SL_RECIPE)

    def loaded(self) -> nn.Module:
        """Return the ResNet-50.

        Raises:
            WeightsError: The folder holds another network.
        """
        network = super().loaded()
        config = cast("Any", network).config
        if config.model_type == "resnet" and (config.layer_type, *config.depths) == (
            "bottleneck",
            3,
            4,
            6,
            3,
        ):
            return network
        raise WeightsError(
            f"sl: {self.folder} holds another network ({config.model_type})",
            expected="a ResNet-50",
            remedy=SL_RECIPE,
        )

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """The preprocessing that these weights were evaluated with."""
        return Preprocessing(mode="bicubic")


class SelfSupervised(NetworkEmbedding):
    """``ssl``: penultimate features (2048) of the Barlow Twins ResNet-50 (Zbontar et al. 2021).

    Shorter side to 256 (bilinear), centre crop 224, ImageNet's mean and deviation.

    Args:
        weights: The published ``resnet50.pth`` or its folder; else ``$MANIFPT_WEIGHTS/ssl/resnet50.pth``.
    """

    name = "ssl"
    preprocessing = Preprocessing()

    def __init__(self, *, weights: str | Path | None = None) -> None:
        self.weights = weights

    def options(self) -> dict[str, Any]:
        """Return nothing: the weights decide."""
        return {}

    def files(self) -> tuple[Path, ...]:
        """Return the checkpoint."""
        model = "the Barlow Twins ResNet-50"
        return (checkpoint("ssl", "resnet50.pth", self.weights, model=model, recipe=SSL_RECIPE),)

    def loaded(self) -> nn.Module:
        """Return transformers' ResNet-50 with the published weights.

        Raises:
            WeightsError: The checkpoint is not that of a ResNet-50.
        """
        (path,) = self.files()
        return resnet50(tensors(path), path)

    def features(self, images: Images) -> Tensor:
        """Return the pooled output."""
        return torch.flatten(self.network(self.preprocessing(images)).pooler_output, 1)
