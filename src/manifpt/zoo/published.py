"""The models of the paper's four data sets, and where each is published: read from ``published.toml``."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from manifpt.errors import UnknownNameError
from manifpt.registry import suggestion

PAGE = "docs/datasets.md"
COUNT = 1500
SIGNS = str.maketrans({"+": "p", " ": "-", "_": "-"})
PLACES = {
    "drive.google.com": "Google Drive",
    "huggingface.co": "Hugging Face",
    "api.ngc.nvidia.com": "NVIDIA NGC",
    "storage.googleapis.com": "Google Cloud",
}


@dataclass(frozen=True, slots=True)
class Published:
    """A model of one of the paper's sets, and what its projects' pages say of it.

    Args:
        set: The set that it belongs to.
        model: The paper's name for it.
        family: gan, vae, flow or score.
        code: Address of the code.
        weights: Address of weights for this set's data; empty where none was found.
        samples: Address of samples for this set's data; empty where none was found.
        licence: Of the code and, where it is known or differs, of weights and samples.
        diffusers: Id of a ``diffusers`` pipeline; empty where there is none.
        note: What else whoever uses it should know.
        sources: Addresses of the pages that say so.
        commands: What a shell runs, one after the other, to have images in ``collected/FAMILY-NAME``.
    """

    set: str
    model: str
    family: str
    code: str
    weights: str
    samples: str
    licence: str
    diffusers: str
    note: str
    sources: tuple[str, ...]
    commands: tuple[str, ...]

    @property
    def name(self) -> str:
        """How files and manifests call the model: lower case, no Greek."""
        return slug(self.model)

    @property
    def folder(self) -> str:
        """What its folder is called in the authors' release."""
        return f"{self.family}-{self.name}"

    @property
    def place(self) -> str:
        """Where its weights or samples are, in a few words."""
        if self.diffusers:
            return f"diffusers {self.diffusers}"
        hosts = [urlsplit(place).netloc for place in (self.weights, self.samples) if place]
        return ", ".join(dict.fromkeys(PLACES.get(host, host) for host in hosts)) or "none found"


@dataclass(frozen=True, slots=True)
class PaperSet:
    """One of the paper's data sets.

    Args:
        name: The paper's name for it.
        reals: What its reals are called.
        size: Height and width of its images, pixels.
        where: Address of the reals.
        licence: Of the reals.
        about: What whoever uses the reals should know.
        sources: Addresses of the pages that say so.
        commands: What a shell runs to have the reals.
        models: Its models, in the paper's order.
    """

    name: str
    reals: str
    size: int
    where: str
    licence: str
    about: str
    sources: tuple[str, ...]
    commands: tuple[str, ...]
    models: tuple[Published, ...]

    def model(self, name: str) -> Published:
        """Return one of its models; case, hyphens and Greek letters in the name do not matter.

        Raises:
            UnknownNameError: The set has none of this name; the nearest are suggested.

        Example:
            >>> paper_set("GM-CelebA").model("beta vae").model
            'β-VAE'
        """
        for one in self.models:
            if folded(one.model) == folded(name):
                return one
        known = tuple(one.name for one in self.models)
        raise UnknownNameError(
            f"{name!r} is not one of the models of {self.name}",
            expected=f"one of {', '.join(known)}",
            remedy=suggestion(slug(name), known),
        )


def slug(name: str) -> str:
    """Return a model's name as folders of the release bear it.

    Example:
        >>> slug("β-VAE"), slug("NCSN++"), slug("Residual Flow")
        ('beta-vae', 'ncsnpp', 'residual-flow')
    """
    letters = unicodedata.normalize("NFKC", name).strip().lower().translate(SIGNS)
    return "".join(_spelled(letter) for letter in letters)


def folded(name: str) -> str:
    """Return what names that mean the same model have in common.

    Example:
        >>> folded("VQ-GAN") == folded("vqgan"), folded("β-VAE") == folded("Beta_VAE")
        (True, True)
    """
    return slug(name).replace("-", "")


@cache
def paper_sets() -> tuple[PaperSet, ...]:
    """Return the paper's four data sets."""
    table = tomllib.loads(files("manifpt.zoo").joinpath("published.toml").read_text(encoding="utf-8"))
    models = [_published(row, table["code"]) for row in table["model"]]
    return tuple(
        PaperSet(**_frozen(row), models=tuple(one for one in models if one.set == row["name"])) for row in table["set"]
    )


def is_paper_set(name: str) -> bool:
    """Return whether a name is one of the paper's sets; its case does not matter."""
    return any(folded(one.name) == folded(name) for one in paper_sets())


def paper_set(name: str) -> PaperSet:
    """Return one of the paper's data sets; case and hyphens in its name do not matter.

    Raises:
        UnknownNameError: There is none of this name; the nearest are suggested.

    Example:
        >>> paper_set("gm-cifar10").size
        32
    """
    for one in paper_sets():
        if folded(one.name) == folded(name):
            return one
    known = tuple(one.name for one in paper_sets())
    raise UnknownNameError(
        f"{name!r} is not one of the paper's sets",
        expected=f"one of {', '.join(known)}",
        remedy=suggestion(name, known),
    )


def _spelled(letter: str) -> str:
    """Return a letter, or its name where it is Greek."""
    name = unicodedata.name(letter, "")
    return name.rpartition(" ")[2].lower() if name.startswith("GREEK SMALL LETTER") else letter


def _published(row: dict[str, Any], code: dict[str, dict[str, str]]) -> Published:
    project = code[row["code"]]
    terms = [f"code: {project['licence']}", *([row["terms"]] if "terms" in row else [])]
    return Published(
        set=row["set"],
        model=row["model"],
        family=row["family"],
        code=project["url"],
        weights=row.get("weights", ""),
        samples=row.get("samples", ""),
        licence="; ".join(terms),
        diffusers=row.get("diffusers", ""),
        note=row.get("note", ""),
        sources=tuple(row["sources"]),
        commands=tuple(_commands(row, project["url"])),
    )


def _commands(row: dict[str, Any], code: str) -> Iterator[str]:
    pipeline, name = row.get("diffusers"), slug(row["model"])
    if row.get("clone", not pipeline):
        yield f"git clone {code}"
    # In parentheses, so that the next command starts in the same folder again.
    yield from (f"({step})" for step in row.get("steps", ()))
    place = f"collected/{row['family']}-{name}"
    origin = f"diffusers:{pipeline}" if pipeline else "folder:SAMPLES"
    last = {
        "sample": f"manifpt zoo sample {origin} --count {COUNT} --name {name} --family {row['family']} --out {place}",
        "move": f"mkdir -p collected && mv SAMPLES {place}",
    }
    yield from filter(None, [last.get(row.get("finish", "sample"))])


def _frozen(row: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
