"""Data sets made of trained generators: the same images on every machine, with roles that nothing but content decides.

A generator's images train or test by their place in its sequence. A decoder's are reconstructions of held-out reals,
the same for all decoders, and have the role of the real that they show: no content is in training and in the test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from manifpt.errors import DataError, UnknownNameError
from manifpt.extractors.artifacts import digest as digest_of
from manifpt.images import ImageSet
from manifpt.progress import tracked
from manifpt.registry import suggestion
from manifpt.zoo.output import Sample, samples
from manifpt.zoo.output import row as row_of
from manifpt.zoo.reconstruction import reconstructed
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
        folder: Where its generators are, below the folder of weights.
        decoders: Whether it is made of decoders, or of all other generators.
        train: Images of each generator that train.
        test: Those that test.
        about: What it is, in one line.
    """

    name: str
    folder: str
    decoders: bool
    train: int
    test: int
    about: str


RECIPES = (
    Recipe("gm-cifar10-zoo", "", False, 1000, 500, "generators trained on CIFAR-10"),
    Recipe("gm-catsdogs-zoo", "catsdogs", False, 1000, 500, "generators trained on cats and dogs, for transfer"),
    Recipe("gm-decoders-zoo", "", True, 200, 100, "held-out reals, reconstructed by decoders of crossed choices"),
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
        DataError: There is no generator, or sizes differ, or a held-out real is a reference, or there are too few.
    """
    if not made:
        below = f", below it in {chosen.folder}" if chosen.folder else ""
        raise DataError(
            f"no trained generator for {chosen.name}",
            expected=f"at least one in the folder of weights{below}",
            remedy="train some, or name that folder",
        )
    _refuse_sizes(made, reference, real)
    refuse_seen(made, real)
    refuse_shared(reference, real)
    _refuse_few(real)
    yield from _distinct(_all(chosen, made, reference, real))


def _all(chosen: Recipe, made: list[Trained], reference: ImageSet, real: ImageSet) -> Iterator[Sample]:
    shown = _shown(chosen, real) if chosen.decoders else []
    yield from reals(reference, role=REFERENCE)
    yield from reals(real)
    for one in made:
        yield from _reconstructions(one, real, shown) if chosen.decoders else _sequence(one, chosen)


def refuse_seen(made: list[Trained], real: ImageSet) -> None:
    """Raise where a generator was trained on what is held out, as far as its record tells.

    Raises:
        DataError: One was.
    """
    found = digest_of(real)
    for one in made:
        if one.sidecar.get("reals_digest") == found:
            raise DataError(
                f"{one.design.name} was trained on the {len(real)} reals that are said to be unseen",
                expected="reals that no generator has seen",
                remedy="exchange what is given as unseen, or give other reals",
            )


def _refuse_few(real: ImageSet) -> None:
    lacking = {TRAIN, TEST} - {held_out_role(digest) for digest in real.digests}
    if lacking:
        raise DataError(
            f"none of the {len(real)} held-out reals is for {' or '.join(sorted(lacking))}",
            expected="some of either role, which content decides; some ten are enough",
            remedy="give more folders with --real",
        )


def refuse_shared(reference: ImageSet, real: ImageSet) -> None:
    """Raise where a held-out real is a reference too.

    Raises:
        DataError: One is.
    """
    known = set(reference.digests)
    for path, digest in zip(real.paths, real.digests, strict=True):
        if digest in known:
            raise DataError(
                f"{path} is a reference too",
                expected="reals that no generator has seen",
                remedy="leave it out of --real",
            )


def reals(images: ImageSet, *, role: str = "") -> Iterator[Sample]:
    """Yield reals with their rows.

    Args:
        images: The reals.
        role: That of all; where there is none, two of three train and the others test, by their content.
    """
    name = role or "real"
    for index in tracked(range(len(images)), f"writing {name}"):
        digest = images.digests[index]
        row: dict[str, str | int] = {
            "path": f"{name}/{index:06d}.png",
            "generator": "real",
            "family": "real",
            "latent": _latent(digest),
            "seed": "",
            "index": index,
            "weights": "",
        }
        yield Sample(np.asarray(images[index]), row | {"role": role or held_out_role(digest)})


def _distinct(found: Iterator[Sample]) -> Iterator[Sample]:
    """Yield samples, and raise where pixels were seen before under another label or in another role."""
    seen: dict[bytes, tuple[str, str, str]] = {}
    for sample in found:
        what = (str(sample.row["generator"]), str(sample.row["role"]), str(sample.row["path"]))
        key = hashlib.blake2b(np.ascontiguousarray(sample.pixels).data, digest_size=16).digest()
        other = seen.setdefault(key, what)
        if other[:2] != what[:2]:
            raise DataError(
                f"{other[2]} ({other[1]}) and {what[2]} ({what[1]}) have the same pixels",
                expected="images that are one generator's and have one role",
                remedy="leave one of the generators out, or name other reals",
            )
        yield sample


def held_out_role(digest: str) -> str:
    """Return whether a held-out real trains or tests, by its content."""
    return TEST if _place(digest) % PARTS == 0 else TRAIN


def _sequence(one: Trained, chosen: Recipe) -> Iterator[Sample]:
    for place, sample in enumerate(samples(source(one), chosen.train + chosen.test, seed=SEED)):
        yield Sample(sample.pixels, sample.row | {"role": TRAIN if place < chosen.train else TEST})


def _shown(chosen: Recipe, real: ImageSet) -> list[int]:
    """Return the reals that every decoder reconstructs: of each role the first ones, in an order that content gives."""
    order = sorted(range(len(real)), key=lambda index: _place(real.digests[index]))
    found: list[int] = []
    for role, count in ((TRAIN, chosen.train), (TEST, chosen.test)):
        some = [index for index in order if held_out_role(real.digests[index]) == role][:count]
        if len(some) < count:
            raise DataError(
                f"{len(some)} of the {len(real)} held-out reals are for {'training' if role == TRAIN else 'the test'}",
                expected=f"at least {count}, for decoders to reconstruct",
                remedy="give more folders with --real",
            )
        found += some
    return found


def _reconstructions(one: Trained, real: ImageSet, shown: list[int]) -> Iterator[Sample]:
    originals = np.stack([np.asarray(real[index]) for index in shown])
    images = chain.from_iterable(reconstructed(one, originals))
    name = one.design.name
    for index, pixels in zip(shown, tracked(images, f"decoding {name}", total=len(shown)), strict=True):
        digest = real.digests[index]
        row = row_of(source(one), SEED, index) | {"latent": _latent(digest), "role": held_out_role(digest)}
        yield Sample(pixels, row)


def _latent(digest: str) -> str:
    return f"real:{digest[:16]}"


def _place(digest: str) -> int:
    return int(hashlib.sha256(digest.encode()).hexdigest(), 16)


def _refuse_sizes(made: list[Trained], reference: ImageSet, real: ImageSet) -> None:
    sides = {one.design.name: (one.design.size, one.design.size) for one in made}
    sides |= {"the reference": (reference.height, reference.width), "the reals": (real.height, real.width)}
    if len(set(sides.values())) > 1:
        shown = ", ".join(f"{name} {width} × {height}" for name, (height, width) in sides.items())
        raise DataError(
            f"images of several sizes: {shown}", expected="one size", remedy="give --resize, or other designs"
        )
