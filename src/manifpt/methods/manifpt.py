"""ManiFPT by names: a space, a manifold and an attributor."""

from __future__ import annotations

from typing import Any

from manifpt.attributors.attributor import Attributor
from manifpt.cache import Cache
from manifpt.embeddings.embedding import Embedding
from manifpt.extractors.artifacts import Artifacts
from manifpt.extractors.points import EmbeddedPoints
from manifpt.images import ImageSet
from manifpt.manifolds.manifold import Manifold
from manifpt.methods.method import Method
from manifpt.registry import built

# Above this the small network's stride-1 stem costs more than ResNet-50 and sees too little of the image.
SMALL = 96
MIRRORING = ("resnet-small", "resnet50", "yu19", "xception", "wang20", "dna-det")
CONVOLUTIONAL = (*MIRRORING, "nataraj-cnn")


class ManiFPT(Method):
    """Attribution by artifacts (Song et al. 2024).

    Args:
        space: A row of the registry of embeddings, or an embedding.
        attributor: A row of the registry of attributors, or an attributor. ``None`` takes ``linear`` for vectors,
            ``resnet-small`` for maps up to 96 px, and ``resnet50``, the paper's, above.
        manifold: A row of the registry of manifolds, or a manifold. ``None`` gives the attributor the points
            themselves: with ``rgb`` the raw image, the control that artifacts must not lose to.
        seed: Seed of everything random.
        cache: Where projections and costly points are kept; None for nowhere.
        options: Further constructor arguments of the attributor, where it is given by name.

    Example:
        >>> ManiFPT("freq", attributor="linear").attributor.name
        'linear'
    """

    def __init__(
        self,
        space: str | Embedding = "rgb",
        *,
        attributor: str | Attributor | None = None,
        manifold: str | Manifold | None = "nearest",
        seed: int = 0,
        cache: Cache | None = None,
        **options: Any,
    ) -> None:
        self.space, self.manifold, self.seed, self.options = space, manifold, seed, options
        found = _seeded(manifold, seed) if isinstance(manifold, str) else manifold
        extractor = (
            EmbeddedPoints(space, cache=cache) if found is None else Artifacts(space, manifold=found, cache=cache)
        )
        self._embedding = extractor.embedding
        self._by_size = attributor is None
        chosen = attributor if attributor is not None else "linear"
        super().__init__(extractor, self._named(chosen) if isinstance(chosen, str) else chosen)

    def fresh(self, images: ImageSet) -> Attributor:
        """Return an attributor that has learned nothing yet, of a kind that fits the images' size."""
        if not self._by_size:
            return super().fresh(images)
        name = default_attributor(self._embedding.shape(images.height, images.width))
        return self._named(name)

    def _named(self, name: str) -> Attributor:
        # Flips are a fair augmentation only where the mirrored map is the map of the mirrored image.
        options = {"flips": True} if name in MIRRORING and self._embedding.mirrors else {}
        attributor: Attributor = built("attributors", name, seed=self.seed, **{**options, **self.options})
        return attributor


def _seeded(name: str, seed: int) -> Manifold:
    manifold: Manifold = built("manifolds", name)
    if "seed" in manifold.settings():
        manifold = built("manifolds", name, seed=seed)
    return manifold


def default_attributor(shape: tuple[int, ...]) -> str:
    """Return the attributor taken for points of this shape when the user names none.

    Example:
        >>> default_attributor((64,)), default_attributor((3, 32, 32)), default_attributor((3, 256, 256))
        ('linear', 'resnet-small', 'resnet50')
    """
    if len(shape) == 1:
        return "linear"
    return "resnet-small" if max(shape[-2:]) <= SMALL else "resnet50"
