"""Class-conditional generators, with the choice among classes in their noise, as all randomness is.

One more number of the noise chooses the class, each with the same probability.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from manifpt.zoo.networks.objective import Generator


def with_class(shape: tuple[int, ...], classes: int) -> tuple[int, ...]:
    """Return the shape of noise that chooses a class too.

    Args:
        shape: Of the noise without.
        classes: How many there are; 0 for none.

    Example:
        >>> with_class((3, 32, 32), 10), with_class((3, 32, 32), 0)
        ((3073,), (3, 32, 32))
    """
    return (math.prod(shape) + 1,) if classes else shape


def parted(latent: Tensor, shape: tuple[int, ...], classes: int) -> tuple[Tensor, Tensor | None]:
    """Return the noise (n, *shape) and the classes (n,) that a latent (n, *with_class) holds; None without classes."""
    if not classes:
        return latent, None
    places = torch.special.ndtr(latent[:, -1].double()) * classes
    return latent[:, :-1].reshape(-1, *shape), places.long().clamp(max=classes - 1)


def choosing(labels: Tensor, classes: int) -> Tensor:
    """Return the number of the noise, (n,), that chooses each of these classes (n,).

    Example:
        >>> parted(choosing(torch.tensor([3, 0]), 10)[:, None].expand(-1, 2), (1,), 10)[1]
        tensor([3, 0])
    """
    return cast(Tensor, torch.special.ndtri((labels.double() + 0.5) / classes)).float()


def one_hot(labels: Tensor | None, classes: int) -> Tensor | None:
    """Return classes (n,) as vectors (n, classes) with a single 1; None for None."""
    return None if labels is None else functional.one_hot(labels, classes).float()


def class_conditional(generator: nn.Module, classes: int) -> nn.Module:
    """Return a class-conditional generator of one of flat noise, or that itself where there are no classes."""
    return ClassConditional(generator, classes) if classes else generator


class ClassConditional(nn.Module):
    """A generator whose noise is moved by an offset that is learned for each class; a ``Generator``.

    Args:
        inner: Of flat noise.
        classes: How many there are.
    """

    def __init__(self, inner: nn.Module, classes: int) -> None:
        super().__init__()
        self.inner = inner
        self.classes = classes
        (self.length,) = cast(Generator, inner).latent_shape
        self.latent_shape: tuple[int, ...] = with_class((self.length,), classes)
        self.offsets = nn.Embedding(classes, self.length)

    def forward(self, latent: Tensor) -> Tensor:
        """Return images (n, 3, size, size) as they are in training, of latents (n, length + 1)."""
        return cast(Tensor, self.inner(self._moved(latent)))

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], (n, 3, size, size), of standard normal latents (n, length + 1)."""
        return cast(Generator, self.inner).sampled(self._moved(latent))

    def _moved(self, latent: Tensor) -> Tensor:
        noise, labels = parted(latent, (self.length,), self.classes)
        return noise + cast(Tensor, self.offsets(labels))


class Projection(nn.Module):
    """What an image's features say of its class, a part of a discriminator's score (Miyato and Koyama 2018).

    Args:
        classes: How many there are; 0 for none.
        features: How many of an image's there are.
    """

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        self.classes = classes
        if classes:
            # A linear layer of one-hot vectors rather than an embedding, so that spectral norm reaches it.
            self.vectors = nn.Linear(classes, features, bias=False)

    def forward(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """Return (n,), of features (n, f) and classes (n,); zeros without classes."""
        vectors = one_hot(labels, self.classes)
        return features.new_zeros(len(features)) if vectors is None else (self.vectors(vectors) * features).sum(1)
