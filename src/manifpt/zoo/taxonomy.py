"""The designs of generators that are known: of published ones from ``taxonomy.csv``, of the zoo's from their designs.

The table holds the models of the paper (Song et al. 2024, whose own values it does not print: these follow the models'
papers), and generators whose images were published in code repositories, read from that code; a column says which.
Unknown values are empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from manifpt.errors import UnknownNameError
from manifpt.images.folders import FAMILIES
from manifpt.studies.choices import Choices, parsed
from manifpt.zoo.design import CHOICES
from manifpt.zoo.designs import named

CODE_BASE = "manifpt-zoo"


def taxonomy(generators: Iterable[str], *, families: Mapping[str, str] | None = None) -> Choices:
    """Return what is known of the designs of generators; nothing is guessed.

    Args:
        generators: Names, as in a data set: ``dcgan-xyfjason``, ``gan-ddgan``, ``wgan-gp@2``, ``glow-64``.
        families: Family of each, as the data set tells; used where the design is not known.

    Example:
        >>> table = taxonomy(["dcgan-xyfjason", "stylegan2", "unheard-of"], families={"unheard-of": "gan"})
        >>> table.column("upsampling", ["dcgan-xyfjason", "stylegan2", "unheard-of"]).tolist()
        ['transposed', 'fir', '']
        >>> table.column("family", ["unheard-of"]).tolist()
        ['gan']
    """
    told = families or {}
    rows = {name: {"family": told.get(name, ""), **_known(name)} for name in generators}
    return Choices(published().names, rows)


@cache
def published() -> Choices:
    """Return the table of published generators."""
    return parsed(
        files("manifpt.zoo").joinpath("taxonomy.csv").read_text(encoding="utf-8").splitlines(True), where="taxonomy.csv"
    )


def _known(name: str) -> Mapping[str, str]:
    family, dash, rest = name.partition("-")
    bare = rest if dash and family.lower() in FAMILIES else name
    for called in dict.fromkeys([name, bare]):
        if called in published().rows:
            return published().rows[called]
        design = _designed(called)
        if design:
            return design
    return {}


def _designed(name: str) -> Mapping[str, str]:
    """Return the choices of a design of the zoo, whatever its size and seed; nothing where there is none."""
    try:
        record = named(re.sub(rf"-({'|'.join(CHOICES['size'])})(?=@|$)", "", name)).record()
    except UnknownNameError:
        return {}
    shown = {choice: str(record[choice]) for choice in published().names if choice in record}
    return {**shown, "code_base": CODE_BASE}
