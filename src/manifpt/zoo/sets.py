"""Data sets made of trained generators: the same images on every machine, with roles by place in the sequence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from manifpt.errors import DataError, UnknownNameError
from manifpt.images import ImageSet
from manifpt.progress import tracked
from manifpt.registry import suggestion
from manifpt.zoo.output import Sample, samples
from manifpt.zoo.sampling import source
from manifpt.zoo.trained import Trained

TRAIN, TEST, REFERENCE = "train", "test", "reference"
SEED = 0
# Of the held-out reals, as of a generator's images: two of three train.
PARTS = 3


@dataclass(frozen=True, slots=True)
class Recipe:
    """A set that has a name.

    Args:
        name: How the command calls it.
        decoders: Whether it is made of decoders, or of all other generators.
        train: Images of each generator that train.
        test: Those that test.
        about: What it is, in one line.
    """

    name: str
    decoders: bool
    train: int
    test: int
    about: str


RECIPES = (
    Recipe("gm-cifar10-zoo", False, 1000, 500, "generators trained on CIFAR-10"),
    Recipe("gm-catsdogs-zoo", False, 1000, 500, "generators trained on cats and dogs, for transfer"),
    Recipe("gm-decoders-zoo", True, 200, 100, "decoders over crossed choices"),
)


def recipe(name: str) -> Recipe:
    """Return the recipe of a name.

    Raises:
        UnknownNameError: There is none; the nearest are suggested.

    Example:
        >>> recipe("gm-cifar10-zoo").train
        1000
    """
    known = {one.name: one for one in RECIPES}
    if name not in known:
        raise UnknownNameError(
            f"{name!r} is not one of the sets",
            expected=f"one of {', '.join(known)}",
            remedy=suggestion(name, tuple(known)),
        )
    return known[name]


def built(chosen: Recipe, made: list[Trained], *, reference: ImageSet, real: ImageSet) -> Iterator[Sample]:
    """Yield the images of a set with their rows: the reference, held-out reals, and each generator's.

    Args:
        chosen: What to build.
        made: Trained generators.
        reference: The reals that generators learned from, which estimate the manifold.
        real: Held-out reals: the class ``real``; their content decides which of them test.

    Raises:
        DataError: There is no generator, or sizes differ, or a held-out real is a reference.
    """
    if not made:
        raise DataError(
            f"no trained generator for {chosen.name}",
            expected="at least one",
            remedy="train some, or name their folder",
        )
    _refuse_sizes(made, reference, real)
    known = set(reference.digests)
    for path, digest in zip(real.paths, real.digests, strict=True):
        if digest in known:
            raise DataError(
                f"{path} is a reference too",
                expected="reals that no generator has seen",
                remedy="leave it out of --real",
            )
    yield from _reals(reference, "reference")
    yield from _reals(real, "real")
    for one in made:
        for place, sample in enumerate(samples(source(one), chosen.train + chosen.test, seed=SEED)):
            yield Sample(sample.pixels, sample.row | {"role": TRAIN if place < chosen.train else TEST})


def _reals(images: ImageSet, name: str) -> Iterator[Sample]:
    for index in tracked(range(len(images)), f"writing {name}"):
        digest = images.digests[index]
        tests = int(hashlib.sha256(digest.encode()).hexdigest(), 16) % PARTS == 0
        role = REFERENCE if name == "reference" else TEST if tests else TRAIN
        row: dict[str, str | int] = {
            "path": f"{name}/{index:06d}.png",
            "generator": "real",
            "family": "real",
            "latent": f"real:{digest[:16]}",
            "seed": "",
            "index": index,
            "weights": "",
        }
        yield Sample(np.asarray(images[index]), row | {"role": role})


def _refuse_sizes(made: list[Trained], reference: ImageSet, real: ImageSet) -> None:
    sides = {one.design.name: (one.design.size, one.design.size) for one in made}
    sides |= {"the reference": (reference.height, reference.width), "the reals": (real.height, real.width)}
    if len(set(sides.values())) > 1:
        shown = ", ".join(f"{name} {width} × {height}" for name, (height, width) in sides.items())
        raise DataError(
            f"images of several sizes: {shown}", expected="one size", remedy="give --resize, or other designs"
        )
