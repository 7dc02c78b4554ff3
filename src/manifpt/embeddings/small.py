"""Features of small networks for 32-pixel images: ``sl-cifar`` and ``ssl-cifar``.

Both take pixels / 255 with ImageNet's mean and deviation. Images of other sizes become 32 x 32 first: larger
ones by the mean over areas, smaller ones bilinearly; the ratio of the sides is not kept.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional

from manifpt.embeddings.checkpoints import FOLDER, checkpoint, tensors
from manifpt.embeddings.embedding import Images
from manifpt.embeddings.inference import NetworkEmbedding
from manifpt.embeddings.preprocessing import normalised, scaled
from manifpt.embeddings.pretrained import filled
from manifpt.embeddings.residual import STAGES, SmallResNet
from manifpt.errors import UnknownNameError, WeightsError

SIDE = 32
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CHECKPOINTS = {20: "resnet20-12fca82f.th", 56: "resnet56-4bfd9763.th"}
PUBLISHER = "https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models"


class SmallNetworkEmbedding(NetworkEmbedding):
    """Penultimate features of a small residual network, or the maps of one of its stages.

    Args:
        layer: 1, 2 or 3 for the maps after that stage, (width, side, side) with sides 32, 16 and 8, as a
            convolutional attributor takes them; None for the spatial means of the last.
        weights: A file or folder to use instead of the usual places.

    Raises:
        UnknownNameError: There is no such layer.
    """

    batch = 256

    def __init__(self, *, layer: int | None = None, weights: str | Path | None = None) -> None:
        if layer is not None and layer not in range(1, STAGES + 1):
            raise UnknownNameError(
                f"{self.name} has no layer {layer}",
                expected=f"a layer from 1 to {STAGES}, or none for penultimate features",
                remedy=f"try layer={STAGES}",
            )
        self.layer = layer
        self.weights = weights

    def options(self) -> dict[str, Any]:
        """Return the layer."""
        return {"layer": self.layer}

    def features(self, images: Images) -> Tensor:
        """Return penultimate features, or the maps of the layer."""
        network = cast("SmallResNet", self.network)
        pixels = _pixels(images)
        return network.penultimate(pixels) if self.layer is None else network.maps(pixels, self.layer).contiguous()


class SupervisedCIFAR(SmallNetworkEmbedding):
    """``sl-cifar``: a ResNet-20 or -56 trained on CIFAR-10 (He et al. 2016; checkpoints of Y. Idelbayev).

    Args:
        depth: 20 (91.7 % on CIFAR-10) or 56 (93.4 %).
        layer: See ``SmallNetworkEmbedding``.
        weights: The checkpoint or its folder; else ``$MANIFPT_WEIGHTS/sl-cifar``, then ``$MANIFPT_WEIGHTS``.

    Raises:
        UnknownNameError: There is no such depth or layer.
    """

    name = "sl-cifar"

    def __init__(self, *, depth: int = 20, layer: int | None = None, weights: str | Path | None = None) -> None:
        super().__init__(layer=layer, weights=weights)
        if depth not in CHECKPOINTS:
            raise UnknownNameError(f"sl-cifar has no depth {depth}", expected="20 or 56", remedy="try depth=20")
        self.depth = depth

    def options(self) -> dict[str, Any]:
        """Return depth and layer."""
        return {"depth": self.depth, **super().options()}

    def files(self) -> tuple[Path, ...]:
        """Return the checkpoint."""
        filename = CHECKPOINTS[self.depth]
        recipe = f"download {PUBLISHER}/{filename} into ${FOLDER}"
        model = f"the CIFAR-10 ResNet-{self.depth}"
        return (checkpoint(self.name, filename, self.weights, model=model, recipe=recipe),)

    def loaded(self) -> nn.Module:
        """Return the network with its classifier.

        Raises:
            WeightsError: The checkpoint is of another network.
        """
        (path,) = self.files()
        blocks = (self.depth - 2) // 6
        with torch.random.fork_rng(devices=[]):
            network = SmallResNet((blocks,) * STAGES, (16, 32, 64), len(CIFAR10))
        state = {name.removeprefix("module."): tensor for name, tensor in tensors(path).items()}
        filled(network, state, path, CHECKPOINTS[self.depth])
        return network

    def logits(self, images: Images) -> NDArray[np.float32]:
        """Return the classifier's logits, (n, 10), columns ordered as ``CIFAR10``."""
        batches = range(0, len(images), self.batch)
        with torch.inference_mode():
            parts = [self.network(_pixels(images[start : start + self.batch])).numpy() for start in batches]
        return np.concatenate([np.empty((0, len(CIFAR10)), np.float32), *parts])


class SelfSupervisedCIFAR(SmallNetworkEmbedding):
    """``ssl-cifar``: a small residual network trained with Barlow Twins on 8,336 CIFAR-10 reals.

    No label was used. Its weights come with the package; ``benchmarks/train_ssl_cifar.py`` makes them.

    Args:
        layer: See ``SmallNetworkEmbedding``.
        weights: A file of the training command, to use instead of the package's.
    """

    name = "ssl-cifar"

    def files(self) -> tuple[Path, ...]:
        """Return the safetensors file."""
        packaged = Path(str(files("manifpt.embeddings"))) / "weights"
        recipe = "reinstall manifpt, or run benchmarks/train_ssl_cifar.py"
        weights = packaged if self.weights is None else self.weights
        filename = "ssl-cifar.safetensors"
        return (checkpoint(self.name, filename, weights, model="the small Barlow Twins", recipe=recipe),)

    def loaded(self) -> nn.Module:
        """Return the network without its projector.

        Raises:
            WeightsError: The file is of another network.
        """
        (path,) = self.files()
        try:
            with safe_open(path, framework="pt") as file:
                recipe = json.loads((file.metadata() or {})["recipe"])
                state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (not a mapping)
            with torch.random.fork_rng(devices=[]):
                network = SmallResNet(recipe["blocks"], recipe["widths"])
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise WeightsError(
                f"{path} cannot be read ({type(error).__name__})",
                expected="a file of benchmarks/train_ssl_cifar.py",
                remedy="reinstall manifpt, or make the file again",
            ) from error
        filled(network, state, path, "a file of benchmarks/train_ssl_cifar.py")
        return network


def _pixels(images: Images) -> Tensor:
    pixels = scaled(images)
    height, width = pixels.shape[-2:]
    if height >= SIDE and width >= SIDE:
        pixels = functional.adaptive_avg_pool2d(pixels, SIDE)
    else:
        pixels = functional.interpolate(pixels, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
    return normalised(pixels).contiguous(memory_format=torch.channels_last)
