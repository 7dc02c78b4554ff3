"""Sources by the texts that users give: trained generators by name, others' by a prefix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from manifpt.errors import DataError, ManifptError, UnknownNameError, plain
from manifpt.images.record import is_real
from manifpt.registry import suggestion
from manifpt.zoo.output import MANIFEST
from manifpt.zoo.source import Source

DIFFUSERS, PYTHON, FOLDER = "diffusers", "python", "folder"
# What may be said of each kind of source.
TAKEN = {DIFFUSERS: ("steps", "prompts"), PYTHON: (), FOLDER: ("resize", "crop"), "": ()}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user says about sources, where it is not left to them.

    Args:
        weights: Folder of trained generators.
        name: What the images are labelled with.
        family: Family of the generator.
        steps: Of a pipeline's sampler.
        prompts: Texts for a pipeline.
        resize: Of a folder's images: scale the shorter side to this and cut out the middle square.
        crop: Of a folder's images: cut out the middle square of this size.
    """

    weights: Path | None = None
    name: str | None = None
    family: str | None = None
    steps: int | None = None
    prompts: Sequence[str] = ()
    resize: int | None = None
    crop: int | None = None


NOTHING = Wishes()


def sources(texts: Sequence[str], wishes: Wishes = NOTHING) -> list[Source]:
    """Return several sources, each with a name of its own.

    Raises:
        DataError: Two have one name, one name is wished for several, or none takes what is wished.
        ManifptError: A source is not there, or cannot be used.
    """
    if len(texts) > 1 and (wishes.name or wishes.family):
        raise DataError(
            f"--name or --family was given for {len(texts)} sources",
            expected="one source, which they belong to",
            remedy="sample the sources one by one",
        )
    taken = {wish for text in texts for wish in TAKEN[_split(text)[0]]}
    for wish in ("steps", "prompts", "resize", "crop"):
        if getattr(wishes, wish) and wish not in taken:
            raise _untaken(wish)
    _refuse_twice([label(text, wishes) for text in texts])
    return [source(text, wishes) for text in texts]


def source(text: str, wishes: Wishes = NOTHING) -> Source:
    """Return a source by the text that a user gives.

    Args:
        text: ``diffusers:FOLDER-OR-ID``, ``python:module:function``, ``folder:PATH``, or a trained generator's name.
        wishes: What is not left to the source.

    Raises:
        UnknownNameError: The prefix is unknown, or no generator of that name was trained.
        DataError: The name or family is none of a generator.
        ManifptError: The source is not there, or cannot be used.
    """
    kind, place = _split(text)
    name, family = label(text, wishes), wishes.family or "unknown"
    if is_real(family) or plain(family) != family:
        raise DataError(
            f"the family is {family!r}", expected="a family of generators", remedy="leave --family out, or correct it"
        )
    settings: dict[str, Any] = {wish: getattr(wishes, wish) for wish in TAKEN[kind]}
    if kind == DIFFUSERS:
        from manifpt.zoo import pipelines  # noqa: PLC0415  (each kind loads only what it needs)

        return pipelines.source(place, name=name, family=family, **settings)
    if kind == PYTHON:
        from manifpt.zoo import callables  # noqa: PLC0415

        return callables.source(place, name=name, family=family)
    if kind == FOLDER:
        from manifpt.zoo import folder  # noqa: PLC0415

        return folder.source(place, name=name, family=family, **settings)
    from manifpt.zoo import sampling, trained  # noqa: PLC0415

    found = sampling.source(trained.generator(place, wishes.weights))
    return replace(found, name=name, family=wishes.family or found.family)


def label(text: str, wishes: Wishes = NOTHING) -> str:
    """Return what the images of a source are labelled with: what is wished, or the last part of its text.

    Raises:
        DataError: It cannot name a folder of generated images.

    Example:
        >>> label("diffusers:google/ddpm-cifar10-32"), label("python:models.mine:draw"), label("dcgan@1")
        ('ddpm-cifar10-32', 'draw', 'dcgan@1')
    """
    kind, place = _split(text)
    name = wishes.name if wishes.name is not None else _last_part(kind, place)
    if (
        not name
        or name.startswith(".")
        or name != name.strip()
        or set("/\\") & set(name)
        or plain(name) != name
        or name == MANIFEST
    ):
        raise DataError(
            f"{name!r} cannot name a generator and the folder of its images",
            expected="letters, digits and signs without / and \\, not hidden",
            remedy="give another --name",
        )
    if is_real(name):
        raise DataError(
            f"generated images would be labelled {name!r}",
            expected="a name other than that of camera images",
            remedy="give another --name",
        )
    return name


def place_of_images(text: str) -> str | None:
    """Return the path that a source of published images reads; None for any other source."""
    kind, place = _split(text)
    return place if kind == FOLDER else None


def is_python(text: str) -> bool:
    """Return whether a source is a function, whose module has to be found."""
    return _split(text)[0] == PYTHON


def _split(text: str) -> tuple[str, str]:
    """Return the kind of a source, empty for a trained generator, and where it is."""
    prefix, colon, place = text.partition(":")
    if not colon:
        return "", text
    known = tuple(kind for kind in TAKEN if kind)
    if prefix in known and place:
        return prefix, place
    expected = "diffusers:FOLDER-OR-ID, python:module:function, folder:PATH, or a trained generator's name"
    if prefix in known:
        raise UnknownNameError(
            f"{text!r} ends where a source should follow", expected=expected, remedy=f"write it after {prefix}:"
        )
    raise UnknownNameError(f"{text!r} is no source", expected=expected, remedy=suggestion(prefix, known))


def _last_part(kind: str, place: str) -> str:
    if kind == PYTHON:
        return place.rpartition(":")[2]
    if not kind:
        return place
    path = Path(place).expanduser()
    # The folder may be given as . or with a link in its way.
    return path.stem if path.is_file() else path.resolve().name if path.exists() else path.name


def _refuse_twice(names: list[str]) -> None:
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(
            f"{count} sources are named {name!r}",
            expected="names that tell sources apart",
            remedy="give each once, or sample them one by one with --name",
        )


def _untaken(wish: str) -> ManifptError:
    option = {"prompts": "--prompt"}.get(wish, f"--{wish}")
    kind = next(kind for kind, taken in TAKEN.items() if wish in taken)
    return DataError(
        f"{option} was given, and no source takes it", expected=f"it beside {kind}: only", remedy=f"leave {option} out"
    )
