"""Scores of the reals' density at several scales: which way, and how far, an image would have to move to be real."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from manifpt.cache import Cache
from manifpt.embeddings.embedding import Embedding
from manifpt.errors import NumbersError, UnknownNameError
from manifpt.extractors.artifacts import digest
from manifpt.extractors.extractor import Features
from manifpt.extractors.reference_points import reference_points, references
from manifpt.images import ImageSet
from manifpt.manifolds.counts import whole
from manifpt.manifolds.denoiser import Denoiser, deviation
from manifpt.manifolds.learned import learned, signed, verified
from manifpt.progress import tracked
from manifpt.registry import built, suggestion
from manifpt.storage import allocated

FORMS = ("direct", "averaged")
BATCH = 256


class Scores:
    """x − D(x) of a denoiser D of the reals, for several deviations s of the noise that it assumes, as channels.

    D is the manifold ``denoiser``, trained on images of role ``reference`` only. x − D(x) is −s² ∇ log p(x) of the
    reals' density p, blurred by noise of that deviation (Robbins 1956; Miyasawa 1961). Each channel is divided by its
    root mean square over references, and not by s²: the reals lie near a thin set, where x − D(x) grows far less than
    s², so that the smallest s alone would be seen.

    Args:
        manifold: A denoiser, or its row of the registry.
        noises: s of each group of three channels, from 0.01 to 0.1 of the range of pixels.
        form: ``direct`` for x − D(x); ``averaged`` for the mean of x − D(x + sε) over draws of white noise ε, as D has
            learned to see images, the same draws for every image, each beside its opposite.
        draws: How many, for ``averaged``.
        cache: Where the weights are kept; None for nowhere.

    Raises:
        UnknownNameError: There is no such form.
        NumbersError: There is no deviation, one is not between 0.01 and 0.1, or the draws are not whole or none.

    Example:
        >>> Scores(noises=[0.02, 0.05]).shape(32, 48)
        (6, 32, 48)
    """

    learns = False

    def __init__(
        self,
        *,
        manifold: str | Denoiser = "denoiser",
        noises: Sequence[float] = (0.01, 0.03, 0.1),
        form: str = "direct",
        draws: int = 4,
        cache: Cache | None = None,
    ) -> None:
        if form not in FORMS:
            raise UnknownNameError(
                f"{form!r} is no form of scores", expected=f"one of {', '.join(FORMS)}", remedy=suggestion(form, FORMS)
            )
        if not len(noises):
            raise NumbersError("no deviation", expected="at least one", remedy="give one, such as noises=[0.03]")
        self.manifold = manifold
        self.noises = tuple(deviation(noise) for noise in noises)
        self.form = form
        self.draws = whole("draws", draws, least=1, most=1024)
        self.cache = cache
        self.embedding: Embedding = built("embeddings", "rgb")
        self.denoiser_: Denoiser = built("manifolds", manifold) if isinstance(manifold, str) else manifold

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments, and the settings of the denoiser."""
        return {
            "name": "scores",
            "manifold": self.denoiser_.settings(),
            "noises": list(self.noises),
            "form": self.form,
            "draws": self.draws,
        }

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return (3 · deviations, height, width)."""
        return (3 * len(self.noises), height, width)

    def fit(self, images: ImageSet) -> Self:
        """Train the denoiser on the images of role ``reference``, and measure the channels on them.

        Raises:
            DataError: No image has that role.
        """
        reference = references(images, to="train the denoiser")
        content = digest(reference)
        blocks = reference_points(reference, self.embedding, digest=content, cache=self.cache)
        learned(self.denoiser_, blocks, space=self.embedding.settings(), reference=content, cache=self.cache)
        self.spread_ = np.ones(3 * len(self.noises), np.float32)
        some = self._scores(reference.subset(np.arange(min(len(reference), BATCH))).pixels())
        squares = np.square(some, dtype=np.float64).mean(axis=(0, 2, 3))
        self.spread_ = np.maximum(np.sqrt(squares), np.finfo(np.float32).tiny).astype(np.float32)
        return self

    def extract(self, images: ImageSet) -> Features:
        """Return the scores of each image, float32 (n, 3 · deviations, height, width), about 1 on reals."""
        features = allocated((len(images), *self.shape(images.height, images.width)), np.float32)
        size = max(1, min(BATCH, 2**22 // (images.height * images.width)))
        for rows, pixels in tracked(images.batches(size), "scores", total=math.ceil(len(images) / size)):
            features[rows] = self._scores(pixels)
        return features

    def _scores(self, pixels: NDArray[np.uint8]) -> Features:
        maps = self.embedding(pixels).coordinates()
        parts = [self._direct(maps, noise) if self.form == "direct" else self._averaged(maps, noise)
                 for noise in self.noises]  # fmt: skip
        return np.concatenate(parts, axis=1) / self.spread_[:, None, None]

    def _direct(self, maps: Features, noise: float) -> Features:
        return self.denoiser_.residual(maps, noise)

    def _averaged(self, maps: Features, noise: float) -> Features:
        total = np.zeros_like(maps)
        rng = np.random.default_rng([self.denoiser_.seed, 2])
        drawn = np.empty(0, np.float32)
        for draw in range(self.draws):
            # Beside its opposite, so that what D passes on linearly of the noise cancels out.
            drawn = rng.standard_normal(maps.shape[1:], np.float32) * np.float32(noise) if draw % 2 == 0 else -drawn
            total += self.denoiser_.residual(maps + drawn, noise) - drawn
        return total / np.float32(self.draws)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return the denoiser's weights and the spread of each channel."""
        return signed({**self.denoiser_.weights(), "spread": self.spread_}, self.settings())

    def restore(self, state: dict[str, NDArray[np.generic]], reference: ImageSet) -> Self:
        """Take over what ``state`` returned.

        Raises:
            ModelError: The weights do not fit the settings.
        """
        weights = verified(state, self.settings())
        self.spread_ = np.asarray(weights.pop("spread"), np.float32).reshape(3 * len(self.noises))
        self.denoiser_.weighted(weights)
        return self
