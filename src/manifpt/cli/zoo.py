"""``manifpt zoo``: generators whose design choices are known, trained and sampled here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manifpt.cli import card, options
from manifpt.cli.given import photographs
from manifpt.cli.text import console, plain
from manifpt.errors import ManifptError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from manifpt.zoo.design import Design
    from manifpt.zoo.training import Run

GRID = 64
COLUMNS = {
    "design": "name",
    "up": "upsampling",
    "act": "nonlinearity",
    "norm": "normalisation",
    "down": "downsampling",
    "skip": "skip",
    "loss": "loss",
}
LIMITS = "Training"

application = typer.Typer(
    no_args_is_help=True,
    help="Train generators from named designs, and sample them (MANIFPT_ZOO names the folder of their weights).",
)


@application.command("list")
def list_(weights: options.Weights = None) -> None:
    """Show the designs that have names, and which of them are trained.

    Example: [bold]manifpt zoo list[/bold]
    """
    from rich.table import Table  # noqa: PLC0415  (commands load what they need when they run)
    from rich.text import Text  # noqa: PLC0415

    from manifpt.zoo.designs import TABLE  # noqa: PLC0415
    from manifpt.zoo.trained import names  # noqa: PLC0415

    made = names(weights)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, no_wrap=column not in ("norm", "loss"), overflow="fold")
    table.add_column("runs", justify="right")
    family = ""
    for design in TABLE:
        if design.family != family:
            family = design.family
            table.add_row(Text(family, style="italic"))
        table.add_row(*(str(getattr(design, field)) for field in COLUMNS.values()), _runs(design.name, made))
    console().print(table)


def _runs(name: str, made: tuple[str, ...]) -> str:
    """Return how many trainings of a design there are, of any seed and size; nothing for none."""
    runs = [one for one in made if one == name or one.startswith((f"{name}@", f"{name}-64"))]
    return str(len(runs) or "")


@application.command("train")
def train(
    designs: Annotated[
        list[str], typer.Argument(help="Names of designs; NAME@SEED for another seed.", metavar="DESIGN")
    ],
    data: Annotated[
        list[str],
        typer.Option(help="Folder of reals to learn from; may be given several times.", metavar="FOLDER"),
    ],
    steps: Annotated[int | None, typer.Option(min=1, help="Steps to take, or", rich_help_panel=LIMITS)] = None,
    minutes: Annotated[float | None, typer.Option(help="how long to train each.", rich_help_panel=LIMITS)] = None,
    size: Annotated[int, typer.Option(help="Height and width of the images: 32 or 64.", rich_help_panel=LIMITS)] = 32,
    out: options.Weights = None,
    resize: options.Resize = None,
    crop: options.Crop = None,
    device: options.DeviceName = options.Device.AUTO,
) -> None:
    """Train generators on reals, and write their weights, a record and a grid of samples.

    A training that was stopped or killed goes on from WEIGHTS/DESIGN.checkpoint when it is started again.

    Example: [bold]manifpt zoo train dcgan --data demo/images/real --steps 40 --out demo/zoo[/bold]
    """
    from manifpt.device import choose  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.extractors.artifacts import digest  # noqa: PLC0415
    from manifpt.zoo.designs import named  # noqa: PLC0415
    from manifpt.zoo.trained import folder  # noqa: PLC0415

    choose(device.value)
    if (steps is None) == (minutes is None):
        raise ManifptError(
            "neither or both of --steps and --minutes were given", expected="one of them", remedy="give --steps N"
        )
    chosen = [named(name, size=size) for name in designs]
    images = photographs(data, resize, crop)
    reals, about = images.pixels(), {"reals": len(images), "reals_digest": digest(images)}
    for design in chosen:
        _trained(design, reals, steps, minutes, out or folder(), about)


@application.command("sample")
def sample(
    designs: Annotated[list[str], typer.Argument(help="Names of trained generators.", metavar="DESIGN")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write, or a file that ends in .parquet.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="Images of each.")] = 1000,
    start: Annotated[int, typer.Option(min=0, help="Place of the first in the seed's sequence.")] = 0,
    seed: options.Seed = 0,
    weights: options.Weights = None,
) -> None:
    """Write images of trained generators as lossless PNG with a manifest, or as one Parquet file.

    Example: [bold]manifpt zoo sample dcgan --weights demo/zoo --count 20 --out demo/samples[/bold]
    """
    from itertools import chain  # noqa: PLC0415

    from manifpt.outputs import refuse_unusable  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.zoo.output import samples, write_folder, write_parquet  # noqa: PLC0415
    from manifpt.zoo.sampling import source  # noqa: PLC0415
    from manifpt.zoo.trained import generator  # noqa: PLC0415

    table = out.suffix == ".parquet"
    if not table:
        refuse_unusable(out, ours=(), what="an empty folder")
    made = [source(generator(name, weights)) for name in designs]
    found = chain.from_iterable(samples(one, count, seed=seed, start=start) for one in made)
    written = write_parquet(out, found) if table else write_folder(out, found)
    typer.echo(f"wrote {plain(str(out))}: {written} images of {len(made)} generators")


@application.command("build")
def build(
    name: Annotated[str, typer.Argument(help="gm-cifar10-zoo, gm-catsdogs-zoo or gm-decoders-zoo.", metavar="SET")],
    reference: Annotated[
        list[str], typer.Option(help="Folder of the reals that generators learned from.", metavar="FOLDER")
    ],
    real: Annotated[list[str], typer.Option(help="Folder of reals that none has seen.", metavar="FOLDER")],
    out: options.Out,
    designs: Annotated[
        list[str] | None,
        typer.Option("--design", help="Only these; may be given several times.", metavar="DESIGN"),
    ] = None,
    resize: options.Resize = None,
    weights: options.Weights = None,
) -> None:
    """Build a data set from trained generators: train and test images of each, held-out reals and the reference.

    Example: [bold]manifpt zoo build gm-cifar10-zoo --reference demo/images/reference --real demo/images/real --weights demo/zoo --out demo/set[/bold]
    """  # noqa: E501  (an example that can be pasted)
    from manifpt.images import ImageSet  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.outputs import refuse_unusable  # noqa: PLC0415
    from manifpt.zoo.output import write_folder  # noqa: PLC0415
    from manifpt.zoo.sets import built, recipe  # noqa: PLC0415
    from manifpt.zoo.trained import generator, names  # noqa: PLC0415

    chosen = recipe(name)
    refuse_unusable(out, ours=(), what="an empty folder", sources=[*reference, *real])
    all_made = [generator(one, weights) for one in designs or names(weights)]
    made = [one for one in all_made if (one.design.family == "decoder") == chosen.decoders]
    references, reals = (ImageSet.photographs(places, resize=resize) for places in (reference, real))
    written = write_folder(out, built(chosen, made, reference=references, real=reals))
    typer.echo(f"wrote {plain(str(out))}: {written} images, {len(made)} generators, {chosen.about}")


application.command("card")(card.card)


def _trained(
    design: Design,
    reals: NDArray[np.uint8],
    steps: int | None,
    minutes: float | None,
    place: Path,
    about: dict[str, object],
) -> None:
    import numpy as np  # noqa: PLC0415

    from manifpt.methods.resuming import ZOO, resumable  # noqa: PLC0415
    from manifpt.zoo.grid import drawn  # noqa: PLC0415
    from manifpt.zoo.sampling import sampled  # noqa: PLC0415
    from manifpt.zoo.trained import Trained, written  # noqa: PLC0415
    from manifpt.zoo.training import trained  # noqa: PLC0415

    def watched(run: Run) -> None:
        network = run.average.eval()
        images = np.concatenate(list(sampled(Trained(design, network, "", {}), GRID)))
        drawn(images, place / f"{design.name}.png")

    with resumable(place / design.name, ZOO) as folder:
        run = trained(
            design, reals, steps=steps, minutes=minutes, checkpoint=folder / "training.safetensors", watched=watched
        )
        path = written(run, design, place, about)
    typer.echo(f"wrote {plain(str(path))}: {run.step} steps in {run.seconds:.0f} s")
