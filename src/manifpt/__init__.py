"""Which generator made this image, and how do you know?

Images go in; an embedding turns them into points; a manifold gives each point its nearest real counterpart; the
difference is the artifact; an attributor names the generator.

Example:
    >>> from manifpt import ImageSet, ManiFPT
    >>> images = ImageSet.open("photos-and-fakes")                # doctest: +SKIP
    >>> model = ManiFPT("freq").fit(images)                       # doctest: +SKIP
    >>> model.attribute("suspect.png").generator                  # doctest: +SKIP
    'stylegan2'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from manifpt.cache import Cache
    from manifpt.errors import ManifptError
    from manifpt.extractors.artifacts import Artifacts
    from manifpt.extractors.points import EmbeddedPoints
    from manifpt.images import ImageSet
    from manifpt.manifolds.approximate import Approximate
    from manifpt.manifolds.barycentre import Barycentre
    from manifpt.manifolds.nearest import Nearest
    from manifpt.manifolds.tangent import Tangent
    from manifpt.methods.attribution import Attribution
    from manifpt.methods.fingerprint import Fingerprint, fingerprints
    from manifpt.methods.manifpt import ManiFPT
    from manifpt.methods.method import Method
    from manifpt.methods.named import named
    from manifpt.registry import built, names
    from manifpt.studies.evaluation import cross_validated, tested

# Where each public name lives; nothing is loaded before it is used.
_HOMES = {
    "ImageSet": "manifpt.images",
    "ManiFPT": "manifpt.methods.manifpt",
    "Method": "manifpt.methods.method",
    "named": "manifpt.methods.named",
    "Attribution": "manifpt.methods.attribution",
    "Artifacts": "manifpt.extractors.artifacts",
    "EmbeddedPoints": "manifpt.extractors.points",
    "Approximate": "manifpt.manifolds.approximate",
    "Barycentre": "manifpt.manifolds.barycentre",
    "Nearest": "manifpt.manifolds.nearest",
    "Tangent": "manifpt.manifolds.tangent",
    "Fingerprint": "manifpt.methods.fingerprint",
    "fingerprints": "manifpt.methods.fingerprint",
    "cross_validated": "manifpt.studies.evaluation",
    "tested": "manifpt.studies.evaluation",
    "built": "manifpt.registry",
    "names": "manifpt.registry",
    "Cache": "manifpt.cache",
    "ManifptError": "manifpt.errors",
}

__all__ = [
    "Approximate",
    "Artifacts",
    "Attribution",
    "Barycentre",
    "Cache",
    "EmbeddedPoints",
    "Fingerprint",
    "ImageSet",
    "ManiFPT",
    "ManifptError",
    "Method",
    "Nearest",
    "Tangent",
    "__version__",
    "built",
    "cross_validated",
    "fingerprints",
    "named",
    "names",
    "tested",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("manifpt.methods.provenance").version()
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
