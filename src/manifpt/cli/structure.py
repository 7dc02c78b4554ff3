"""``manifpt structure``: whether fingerprints group by the design choices of their generators."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manifpt.cli import options
from manifpt.cli.given import GivenImages
from manifpt.cli.idle import refuse_idle
from manifpt.cli.structure_shown import show
from manifpt.cli.text import plain, tell
from manifpt.errors import DataError, ManifptError
from manifpt.outputs import refuse_unusable

if TYPE_CHECKING:
    from manifpt.images import ImageSet
    from manifpt.methods.method import Method
    from manifpt.studies.choices import Choices

DESIGN = "Designs"


class Distance(StrEnum):
    """How far apart fingerprints lie: by their means, or by whole distributions."""

    EUCLIDEAN = "euclidean"
    COSINE = "cosine"
    ENERGY = "energy"
    FRECHET = "frechet"


class Way(StrEnum):
    """How fingerprints are grouped."""

    MEANS = "k-means"
    AGGLOMERATIVE = "agglomerative"
    SPECTRAL = "spectral"


class Count(StrEnum):
    """What gives the number of groups."""

    LEVELS = "levels"
    SILHOUETTE = "silhouette"


def structure(
    context: typer.Context,
    data: Annotated[str, typer.Argument(help="Folder, manifest, Parquet or array of images.", metavar="DATA")],
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="Methods after commas, whose features are the fingerprints: their means with paper-rgb are mean "
            "artifacts.",
            rich_help_panel=options.METHOD,
            metavar="NAMES",
        ),
    ] = "paper-rgb",
    penultimate: Annotated[
        Path | None,
        typer.Option(
            help="A model: fingerprints are the mean penultimate features of its attributor, of images that it has not "
            "seen.",
            rich_help_panel=options.METHOD,
            metavar="MODEL",
        ),
    ] = None,
    reference: options.Reference = None,
    real: options.Real = None,
    layout: options.Layout = "auto",
    generators: options.Generators = None,
    resize: options.Resize = None,
    crop: options.Crop = None,
    strict: options.Strict = False,
    choices: Annotated[
        Path | None,
        typer.Option(
            help="CSV file of further choices, or better ones: a column generator, and one for each choice.",
            rich_help_panel=DESIGN,
            metavar="FILE",
        ),
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(
            help="Shuffle only among generators that share these choices (names after commas), such as family.",
            rich_help_panel=DESIGN,
            metavar="NAMES",
        ),
    ] = None,
    terms: Annotated[
        str | None,
        typer.Option(
            help="The choices of which each is tested beyond the others (names after commas).",
            show_default="all but family and code_base",
            rich_help_panel=DESIGN,
            metavar="NAMES",
        ),
    ] = None,
    distance: Annotated[
        Distance,
        typer.Option(help="Between means, or (energy, frechet) distributions.", rich_help_panel=options.METHOD),
    ] = Distance.EUCLIDEAN,
    clustering: Annotated[
        Way, typer.Option(help="Which groups are shown; files hold all.", rich_help_panel=options.METHOD)
    ] = Way.MEANS,
    groups: Annotated[
        Count, typer.Option(help="What gives their number.", rich_help_panel=options.METHOD)
    ] = Count.LEVELS,
    permutations: Annotated[
        int, typer.Option(min=19, help="Shuffles drawn for each test.", rich_help_panel=options.METHOD)
    ] = 999,
    seed: options.Seed = 0,
    no_cache: options.NoCache = False,
    as_json: options.AsJson = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for tables and figures.")] = None,
) -> None:
    """Measure whether generators that share a design choice have fingerprints alike.

    Designs of published generators and of the zoo's are known; --choices adds others. What is not known of a generator
    leaves it out of that choice's row, and is counted.

    Example: [bold]manifpt structure demo/images --method spectrum --out demo/structure[/bold]
    """
    from manifpt.cache import Cache  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.progress import tracked  # noqa: PLC0415
    from manifpt.reports.structures import files, written  # noqa: PLC0415
    from manifpt.studies.structure import fingerprint_distances  # noqa: PLC0415
    from manifpt.studies.structure import structure as structured  # noqa: PLC0415

    given = GivenImages(data, reference, real, layout, generators, resize, crop, strict)
    if penultimate is not None:
        refuse_idle(context, {"method": "--method", "reference": "--reference"}, _beside_model)
    methods: list[str | Method] = [*_methods(method)] if penultimate is None else [_loaded(penultimate)]
    if out:
        refuse_unusable(out, ours=files(), what="a study of structure", sources=given.sources)
    added = _read(choices)
    images = given.opened(reference_needed=_references_needed(methods))
    table = _table(images, added, choices)
    strata, model = _chosen(within, table) or (), _chosen(terms, table)
    found = []
    cache = None if no_cache else Cache()
    for one in tracked(methods, "methods"):
        apart = fingerprint_distances(one, images, kind=distance.value, seed=seed, cache=cache)
        name = one if isinstance(one, str) else "penultimate"
        found.append(structured(name, apart, table, within=strata, terms=model, permutations=permutations, seed=seed))
    if out:
        names = written(found, out, data=Path(data).resolve().name)
    if as_json:
        sys.stdout.write(json.dumps([study.record() for study in found], allow_nan=False) + "\n")
        return
    for study in found:
        show(study, clustering.value, groups.value)
    if out:
        typer.echo(f"wrote {plain(str(out))}: {', '.join(names)}")


def _methods(text: str) -> list[str]:
    """Return the methods, each once.

    Raises:
        UnknownNameError: One is in no table.
    """
    from manifpt.methods.presets import preset  # noqa: PLC0415  (commands load what they need when they run)

    names = list(dict.fromkeys(text.split(",")))
    for name in names:
        preset(name)
    return names


def _loaded(folder: Path) -> Method:
    from manifpt.methods.method import Method  # noqa: PLC0415  (commands load what they need when they run)

    return Method.load(folder)


def _beside_model(idle: str) -> ManifptError:
    return ManifptError(
        f"{idle} was given with --penultimate",
        expected="a model, which has its own method and references",
        remedy="leave it out, or leave --penultimate out",
    )


def _references_needed(methods: list[str | Method]) -> bool:
    """Return whether a method looks at more than the points of a space."""
    from manifpt.methods.presets import preset  # noqa: PLC0415  (commands load what they need when they run)

    return any(isinstance(one, str) and preset(one).extractor != "points" for one in methods)


def _read(path: Path | None) -> Choices | None:
    from manifpt.studies.choices import read_choices  # noqa: PLC0415  (commands load what they need when they run)

    return None if path is None else read_choices(path)


def _table(images: ImageSet, added: Choices | None, path: Path | None) -> Choices:
    """Return what is known of the designs of a set's generators, and say of which nothing is.

    Raises:
        DataError: The file that adds choices names none of the generators.
    """
    from manifpt.images import REAL  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.zoo.taxonomy import taxonomy  # noqa: PLC0415

    names = [name for name in images.scored.classes if name != REAL]
    families = dict(zip(images.generators.tolist(), images.families.tolist(), strict=True))
    table = taxonomy(names, families=families)
    if added is not None:
        if not set(added.rows) & set(names):
            raise DataError(
                f"{path} names none of the generators",
                expected=f"rows of {', '.join(names[:3])}{', …' if len(names) > 3 else ''}",  # noqa: PLR2004
                remedy="write the generators as the data set does",
            )
        table = added.over(table)
    known = {choice: table.column(choice, names) != "" for choice in table.names if choice != "family"}
    strangers = [name for place, name in enumerate(names) if not any(column[place] for column in known.values())]
    if strangers:
        tell(f"note: of {len(strangers)} generators no design is known: {', '.join(strangers)}")
    return table


def _chosen(text: str | None, table: Choices) -> tuple[str, ...] | None:
    """Return names of choices.

    Raises:
        UnknownNameError: One is no choice.
    """
    if text is None:
        return None
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        table.column(name, [])
    return names
