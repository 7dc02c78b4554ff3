"""``manifpt zoo build``: whole data sets, of generators trained here or of images that the user has collected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from manifpt.cli import options, recipes
from manifpt.cli.text import plain
from manifpt.errors import DataError, ManifptError

COLLECTED = "The paper's sets"


def build(
    name: Annotated[
        str,
        typer.Argument(
            help="gm-cifar10-zoo, gm-catsdogs-zoo or gm-decoders-zoo; or one of the paper's: GM-CIFAR10, GM-CelebA, "
            "GM-CHQ, GM-FFHQ.",
            metavar="SET",
        ),
    ],
    reference: Annotated[
        list[str], typer.Option(help="Folder of the reals that generators learned from.", metavar="FOLDER")
    ],
    real: Annotated[list[str], typer.Option(help="Folder of reals that none has seen.", metavar="FOLDER")],
    out: options.Out,
    designs: Annotated[
        list[str] | None,
        typer.Option("--design", help="Only these; may be given several times.", metavar="DESIGN"),
    ] = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            help="Folder of collected images, with a sub-folder FAMILY-MODEL for each model.",
            rich_help_panel=COLLECTED,
        ),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Do without the models that are missing.", rich_help_panel=COLLECTED)
    ] = False,
    resize: options.Resize = None,
    crop: options.Crop = None,
    weights: options.Weights = None,
) -> None:
    """Build a data set from trained generators: train and test images of each, held-out reals and the reference.

    The paper's sets are built from images that you collect; [bold]manifpt zoo recipes[/bold] says where they are.

    Example: [bold]manifpt zoo build gm-cifar10-zoo --reference demo/images/reference --real demo/images/real --weights demo/zoo --out demo/set[/bold]
    """  # noqa: E501  (an example that can be pasted)
    from manifpt.zoo.published import is_paper_set  # noqa: PLC0415  (commands load what they need when they run)

    if not is_paper_set(name):
        if samples is not None or partial:
            raise ManifptError(
                f"--samples or --partial for {name}, which is made of trained generators",
                expected="them for the paper's sets alone",
                remedy="leave them out, or name one of `manifpt zoo recipes`",
            )
        _trained(name, out, reference, real, designs, weights, resize, crop)
        return
    if samples is None or designs:
        raise ManifptError(
            f"{name} is built from images that you have collected, and none are named"
            if samples is None
            else f"--design for {name}, which has the paper's models",
            expected="--samples FOLDER, with a sub-folder for each model",
            remedy=f"see `manifpt zoo recipes {name}`" if samples is None else "leave it out, or give --partial",
        )
    recipes.paper_set(name, samples, out, reference=reference, real=real, partial=partial, resize=resize, crop=crop)


def _trained(
    name: str,
    out: Path,
    reference: list[str],
    real: list[str],
    designs: list[str] | None,
    weights: Path | None,
    resize: int | None,
    crop: int | None,
) -> None:
    from manifpt.images import ImageSet  # noqa: PLC0415
    from manifpt.outputs import refuse_unusable  # noqa: PLC0415
    from manifpt.zoo.output import write_folder  # noqa: PLC0415
    from manifpt.zoo.sets import built, recipe  # noqa: PLC0415
    from manifpt.zoo.trained import folder, generator, names  # noqa: PLC0415

    chosen = recipe(name)
    place = (weights or folder()) / chosen.folder
    refuse_unusable(out, ours=(), what="a set of images", sources=[*reference, *real])
    all_made = [generator(one, place) for one in dict.fromkeys(designs or names(place))]
    made = [one for one in all_made if (one.design.family == "decoder") == chosen.decoders]
    if designs and len(made) < len(all_made):
        other = next(one.design.name for one in all_made if one not in made)
        raise DataError(
            f"{other} is {'no' if chosen.decoders else 'a'} decoder",
            expected=f"{'decoders alone' if chosen.decoders else 'no decoder'} in {name}",
            remedy="leave it out, or name another set",
        )
    references, reals = (ImageSet.photographs(places, resize=resize, crop=crop) for places in (reference, real))
    written = write_folder(out, built(chosen, made, reference=references, real=reals))
    typer.echo(f"wrote {plain(str(out))}: {written} images, {len(made)} generators, {chosen.about}")
