"""The data sets of docs/results.md: which images, which reals, and what is trained on one and tested on the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from manifpt import ImageSet
    from manifpt.studies.matching import Matching


@dataclass(frozen=True)
class Places:
    """Where the images are.

    Args:
        data: Folder of published images and reals.
        zoo: Folder of the sets that ``manifpt zoo build`` made.
    """

    data: Path
    zoo: Path


@dataclass(frozen=True)
class Set:
    """A data set of Table 1.

    Args:
        name: How the rows call it.
        about: What it is, for the page.
        options: What ``ImageSet.open`` takes.
    """

    name: str
    about: str
    options: Callable[[Places], dict[str, Any]]

    def opened(self, places: Places) -> ImageSet:
        """Return its images."""
        from manifpt import ImageSet

        return ImageSet.open(**self.options(places))


@dataclass(frozen=True)
class Direction:
    """A transfer of Table 2.

    Args:
        name: How the rows call it.
        about: What it is, for the page.
        opened: Returns the set that trains, the set that is tested and which classes match.
    """

    name: str
    about: str
    opened: Callable[[Places], tuple[ImageSet, ImageSet, Matching]]


def _wild(places: Places) -> dict[str, Any]:
    reals = places.data / "reals"
    return {
        "data": places.data / "gm-cifar10-wild",
        "reference": reals / "cifar10-train",
        "real": reals / "cifar10-test",
    }


def _vaes(places: Places) -> dict[str, Any]:
    celeba = places.data / "gm-celeba64-wild"
    return {
        "data": celeba,
        "generators": ["vae-*-antixk"],
        "reference": [*sorted(celeba.glob("real-*")), places.data / "reals" / "faces64"],
    }


SETS = (
    Set(
        "gm-cifar10-wild",
        "32 published generators trained on CIFAR-10, and real. Reference: reals/cifar10-train; real class: "
        "reals/cifar10-test.",
        _wild,
    ),
    Set(
        "vae16",
        "the 16 PyTorch-VAE models of gm-celeba64-wild, no real class. Reference: its 269 reals and reals/faces64, "
        "whose crops differ from the models'.",
        _vaes,
    ),
    Set(
        "gm-runs64-wild",
        "one DCGAN code trained by five people, and real. The 392 reals are halved into reference and real class.",
        lambda places: {"data": places.data / "gm-runs64-wild"},
    ),
    Set(
        "gm-cifar10-zoo",
        "five generators of the zoo, trained here on reals/cifar10-train (`manifpt zoo build`), 1,000 images each to "
        "learn from and 500 to test, and real: reals/cifar10-test.",
        lambda places: {"data": places.zoo / "gm-cifar10-zoo"},
    ),
)


@cache
def _opened(kind: str, places: Places) -> ImageSet:
    from manifpt import ImageSet

    if kind == "celeba":
        celeba, faces = places.data / "gm-celeba64-wild", places.data / "reals" / "faces64"
        return ImageSet.open(celeba, reference=faces, resize=32)
    if kind == "wild":
        return ImageSet.open(**_wild(places))
    return ImageSet.open(places.zoo / kind)


def _codes(source: str, target: str) -> Callable[[Places], tuple[ImageSet, ImageSet, Matching]]:
    def opened(places: Places) -> tuple[ImageSet, ImageSet, Matching]:
        from manifpt.studies.matching import by_model, code_bases

        pair = code_bases(_opened("wild", places), source=source, target=target)
        return (*pair, by_model(*pair))

    return opened


def _sets(source: str, target: str, *, rule: str) -> Callable[[Places], tuple[ImageSet, ImageSet, Matching]]:
    def opened(places: Places) -> tuple[ImageSet, ImageSet, Matching]:
        from manifpt.studies.matching import by_family, by_generator

        pair = _opened(source, places), _opened(target, places)
        return (*pair, (by_family if rule == "family" else by_generator)(*pair))

    return opened


def _both(one: str, other: str, about: str, make: Callable[..., Any], **how: str) -> Sequence[Direction]:
    return [
        Direction(f"{source} to {target}", about, make(source, target, **how))
        for source, target in ((one, other), (other, one))
    ]


DIRECTIONS = (
    *_both("xyfjason", "w86763777", "two code bases of gm-cifar10-wild, matched by model", _codes),
    *_both("chainerganlib", "xyfjason", "two code bases of gm-cifar10-wild, matched by model", _codes),
    *_both("gm-cifar10-zoo", "gm-catsdogs-zoo", "the zoo's generators of CIFAR-10 and of cats and dogs, by family",
           _sets, rule="family"),
    *_both("wild", "celeba", "gm-cifar10-wild and gm-celeba64-wild reduced to 32 pixels, matched by family",
           _sets, rule="family"),
)  # fmt: skip
