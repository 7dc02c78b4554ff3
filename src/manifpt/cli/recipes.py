"""The paper's four data sets on the command line: where their models come from, and how to build them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manifpt.cli import options
from manifpt.cli.text import console, plain, tell

if TYPE_CHECKING:
    from manifpt.zoo.published import PaperSet, Published


def recipes(
    name: Annotated[
        str | None,
        typer.Argument(help="GM-CIFAR10, GM-CelebA, GM-CHQ or GM-FFHQ.", metavar="SET", show_default="all, in brief"),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Show where the models of the paper's data sets are published, under which licence, and how to get their images.

    Example: [bold]manifpt zoo recipes GM-CIFAR10[/bold]
    """
    import json  # noqa: PLC0415  (commands load what they need when they run)
    from dataclasses import asdict  # noqa: PLC0415

    from manifpt.zoo.published import paper_set, paper_sets  # noqa: PLC0415

    chosen = (paper_set(name),) if name else paper_sets()
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in chosen], ensure_ascii=False, indent=1))
    elif name:
        _shown(chosen[0])
    else:
        _overview(chosen)


def paper_set(
    name: str,
    samples: Path,
    out: Path,
    *,
    reference: list[str],
    real: list[str],
    partial: bool = False,
    resize: int | None = None,
    crop: int | None = None,
) -> None:
    """Build one of the paper's data sets from collected images, and say what was made.

    Args:
        name: Of the set.
        samples: Folder with a sub-folder ``family-model`` for each model.
        out: Folder to write.
        reference: Folders of the reals that estimate the manifold.
        real: Folders of the reals that form the class ``real``.
        partial: Whether models may be missing.
        resize: Of all images: scale the shorter side to this and cut out the middle square.
        crop: Of all images: cut out the middle square of this size.
    """
    from manifpt.images import ImageSet  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.outputs import refuse_unusable  # noqa: PLC0415
    from manifpt.zoo import published  # noqa: PLC0415
    from manifpt.zoo.collected import arranged, collected  # noqa: PLC0415
    from manifpt.zoo.output import write_folder  # noqa: PLC0415

    chosen = published.paper_set(name)
    refuse_unusable(out, ours=(), what="a set of images", sources=[str(samples), *reference, *real])
    found = collected(chosen, samples, partial=partial, resize=resize, crop=crop)
    for note in found.notes:
        tell(f"note: {note}")
    if found.missing:
        tell(f"note: {len(found.missing)} models are left out: {', '.join(found.missing)}")
    references, reals = (ImageSet.photographs(places, resize=resize, crop=crop) for places in (reference, real))
    written = write_folder(out, arranged(chosen, found, reference=references, real=reals))
    typer.echo(
        f"wrote {plain(str(out))}: {written} images, {len(found.sources)} of the {len(chosen.models)} models "
        f"of {chosen.name}"
    )


def _overview(chosen: tuple[PaperSet, ...]) -> None:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("set", "reals"):
        table.add_column(column, no_wrap=True)
    for column in ("pixels", "models", "published", "diffusers"):
        table.add_column(column, justify="right")
    for one in chosen:
        models = one.models
        ready = sum(bool(model.weights or model.samples) for model in models)
        pipelines = sum(bool(model.diffusers) for model in models)
        table.add_row(one.name, one.reals, f"{one.size}²", str(len(models)), str(ready), str(pipelines))
    console().print(table)


def _shown(chosen: PaperSet) -> None:
    from rich.table import Table  # noqa: PLC0415

    out = console()
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("model", no_wrap=True)
    table.add_column("family", no_wrap=True)
    table.add_column("where", overflow="fold", ratio=4)
    table.add_column("licence", overflow="fold", ratio=5)
    table.add_row(chosen.reals, "real", "see below", chosen.licence)
    for one in chosen.models:
        table.add_row(one.model, one.family, one.place, one.licence)
    out.print(table)
    # Not wrapped, so that whatever is pasted stays whole.
    out.print(f"\n# {chosen.reals}: {chosen.where}\n# {chosen.about}", soft_wrap=True)
    out.print("\n".join(chosen.commands), soft_wrap=True)
    for one in chosen.models:
        out.print(_lines(one), soft_wrap=True)


def _lines(one: Published) -> str:
    places = {"code": one.code, "weights": one.weights or "none found", "samples": one.samples}
    told = [f"{what}: {place}" for what, place in places.items() if place]
    return "\n".join([f"\n# {one.model}", *(f"# {text}" for text in (*told, one.note) if text), *one.commands])
