"""Which classes of two sets are the same: by generator, by model across code bases, or by family.

Song et al. 2024 do not state which classes they match for their table 2; each rule here is this project's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import DataError
from manifpt.images import REAL, ImageSet, folds
from manifpt.images.folders import FAMILIES

# What names of models add for the network inside: one model, trained with plain convolutions or with residual blocks.
VARIANTS = ("_cnn", "_res")
NAMED = 2  # parts of a name model-source; a family may stand before them


@dataclass(frozen=True, slots=True)
class Matching:
    """What each generator of two sets is called when they are compared.

    Reals are always called ``real``, and need no entry.

    Args:
        source: Common name of each generator of the set that trains.
        target: Common name of each generator of the set that is tested.
    """

    source: Mapping[str, str]
    target: Mapping[str, str]

    @property
    def shared(self) -> tuple[str, ...]:
        """The sorted names that both sets have."""
        return tuple(sorted({*self.source.values()} & {*self.target.values()}))


def by_generator(source: ImageSet, target: ImageSet) -> Matching:
    """Return the match of generators with equal names, as in two sets of one zoo.

    Example:
        >>> pixels = np.zeros((2, 8, 8, 3), np.uint8)
        >>> one, other = (ImageSet.from_arrays(pixels + place, names)
        ...               for place, names in enumerate([["dcgan", "ddpm"], ["dcgan", "glow"]]))
        >>> by_generator(one, other).shared
        ('dcgan',)
    """
    return _matching(source, target, lambda generator, _: generator)


def by_model(source: ImageSet, target: ImageSet) -> Matching:
    """Return the match of generators of one model, whatever code trained them; see ``model``."""
    return _matching(source, target, lambda generator, _: model(generator))


def by_family(source: ImageSet, target: ImageSet) -> Matching:
    """Return the match of generators of one family: that which the set knows, or else the first part of the name.

    For two sets without a common model, such as CIFAR-10 at 32 px and CelebA at 64 px. Sizes have to be equal:
    ``ImageSet.open(…, resize=32)`` reduces the larger one, which weakens traces of high frequency.

    Raises:
        DataError: Nothing says of which family a generator is.
    """
    return _matching(source, target, _family)


def model(generator: str) -> str:
    """Return the model of a generator called ``[family-]model-code``, in one spelling.

    Underscores are left out, and so is ``_cnn`` or ``_res`` at the end, which tells the network inside.

    Example:
        >>> model("gan-wgan_gp-chainerganlib"), model("wgangp_res-w86763777"), model("sngan-xyfjason"), model("ddpm")
        ('wgangp', 'wgangp', 'sngan', 'ddpm')
    """
    name = "-".join(_parts(generator)[:-1]) or generator
    for variant in VARIANTS:
        name = name.removesuffix(variant)
    return name.replace("_", "").lower()


def code_base(generator: str) -> str:
    """Return the code base of a generator called ``[family-]model-code``; "" where the name tells none.

    Example:
        >>> code_base("dcgan-xyfjason"), code_base("ddpm")
        ('xyfjason', '')
    """
    parts = _parts(generator)
    return parts[-1] if len(parts) >= NAMED else ""


def models(generators: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the generators of each model, both sorted.

    Example:
        >>> models(["dcgan-xyfjason", "ddim-alokia", "dcgan-w86763777"])
        {'dcgan': ('dcgan-w86763777', 'dcgan-xyfjason'), 'ddim': ('ddim-alokia',)}
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    for generator in sorted({*map(str, generators)} - {REAL}):
        found[model(generator)].append(generator)
    return {name: tuple(members) for name, members in sorted(found.items())}


def code_bases(images: ImageSet, *, source: str, target: str, seed: int = 0) -> tuple[ImageSet, ImageSet]:
    """Return the images of two code bases of one set as two sets that share no scored image.

    Each gets its code base's generators and half of the scored reals, near-duplicates on one side; the references are
    those of both.

    Args:
        images: A set in which generators are called ``[family-]model-code``.
        source: Code base of the first set.
        target: Code base of the second set.
        seed: Decides which reals go where.

    Raises:
        DataError: No generator is of a code base, both are one, or a single real is scored.
    """
    scored, codes = images.roles != "reference", np.array([code_base(name) for name in images.generators.tolist()])
    reals = scored & (images.generators == REAL)
    known = sorted({*codes[scored & ~reals].tolist()} - {""})
    for code in (source, target):
        if code not in known or source == target:
            raise DataError(
                f"{code!r} is {'given twice' if code in known else 'no code base of the set'}",
                expected=f"two of {', '.join(known) or 'none: no generator is called model-code'}",
                remedy="name others",
            )
    rows = np.flatnonzero(reals)
    halves = folds(images.subset(rows), folds=2, seed=seed) if len(rows) else []
    sides = [rows[fold.test] for fold in halves] or [rows, rows]
    return _side(images, codes == source, sides[0]), _side(images, codes == target, sides[1])


def _side(images: ImageSet, generated: NDArray[np.bool_], reals: NDArray[np.int64]) -> ImageSet:
    kept = (images.roles == "reference") | (generated & (images.generators != REAL))
    return images.subset(np.sort(np.concatenate([np.flatnonzero(kept), reals])))


def _matching(source: ImageSet, target: ImageSet, name: Callable[[str, str], str]) -> Matching:
    def names(images: ImageSet) -> dict[str, str]:
        known = dict(zip(images.generators.tolist(), images.families.tolist(), strict=True))
        return {generator: name(generator, family) for generator, family in sorted(known.items()) if generator != REAL}

    return Matching(names(source), names(target))


def _family(generator: str, family: str) -> str:
    found = family or generator.partition("-")[0].lower()
    if found not in FAMILIES:
        raise DataError(
            f"the family of {generator} is {found!r}" if family else f"nothing says of which family {generator} is",
            expected=f"one of {', '.join(FAMILIES)}",
            remedy="add a column family to the manifest, or name folders family-model",
        )
    return found


def _parts(generator: str) -> list[str]:
    parts = generator.split("-")
    return parts[1:] if len(parts) > NAMED and parts[0].lower() in FAMILIES else parts
