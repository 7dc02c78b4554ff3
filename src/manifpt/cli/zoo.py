"""``manifpt zoo``: generators whose design choices are known, trained and sampled here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manifpt.cli import build, card, options, recipes, sample
from manifpt.cli.given import photographs
from manifpt.cli.text import console, plain, tell
from manifpt.errors import ManifptError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from manifpt.zoo.design import Design
    from manifpt.zoo.run import Run

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
def list_(
    weights: options.Weights = None,
    crossed: Annotated[bool, typer.Option("--decoders", help="Show the crossed decoders instead.")] = False,
) -> None:
    """Show the designs that have names, and which of them are trained.

    Example: [bold]manifpt zoo list[/bold]
    """
    from rich.table import Table  # noqa: PLC0415  (commands load what they need when they run)
    from rich.text import Text  # noqa: PLC0415

    from manifpt.zoo.decoders import decoders  # noqa: PLC0415
    from manifpt.zoo.designs import TABLE  # noqa: PLC0415
    from manifpt.zoo.trained import names  # noqa: PLC0415

    made = names(weights)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, no_wrap=column not in ("norm", "loss"), overflow="fold")
    table.add_column("runs", justify="right")
    family = ""
    for design in decoders() if crossed else TABLE:
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
    bf16: Annotated[
        bool,
        typer.Option("--bf16", help="Train in mixed precision: faster where there is bf16.", rich_help_panel=LIMITS),
    ] = False,
    with_classes: Annotated[
        bool,
        typer.Option(
            "--classes",
            help="Tell the generators each real's class: that of 00017-cat.png, or its folder.",
            rich_help_panel=LIMITS,
        ),
    ] = False,
    out: options.Weights = None,
    resize: options.Resize = None,
    crop: options.Crop = None,
    device: options.DeviceName = options.Device.AUTO,
) -> None:
    """Train generators on reals, and write their weights, a record and a grid of samples.

    A training that was stopped or killed goes on from WEIGHTS/DESIGN.checkpoint when it is started again.

    Example: [bold]manifpt zoo train dcgan --data demo/images/reference --steps 40 --out demo/zoo[/bold]
    """
    from manifpt.device import choose  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.extractors.artifacts import digest  # noqa: PLC0415
    from manifpt.zoo.batches import refuse_unfit  # noqa: PLC0415
    from manifpt.zoo.classes import classes  # noqa: PLC0415
    from manifpt.zoo.designs import named  # noqa: PLC0415
    from manifpt.zoo.trained import folder  # noqa: PLC0415
    from manifpt.zoo.training import untrained_objective  # noqa: PLC0415

    choose(device.value)
    if (steps is None) == (minutes is None):
        raise ManifptError(
            "neither or both of --steps and --minutes were given", expected="one of them", remedy="give --steps N"
        )
    chosen = [named(name, size=size) for name in designs]
    images = photographs(data, resize, crop)
    kinds, labels = classes(images.paths) if with_classes else ((), None)
    reals, about = images.pixels(), {"reals": len(images), "reals_digest": digest(images), "classes": kinds}
    limits = {"steps": steps, "minutes": minutes, "bf16": bf16}
    # All that can be refused is refused before the first, which may take hours.
    told = [design.but(classes=len(kinds)) for design in chosen]
    for design in told:
        refuse_unfit(design, reals, labels)
        untrained_objective(design)
    for design in told:
        _trained(design, (reals, labels), limits, out or folder(), about)


application.command("sample")(sample.sample)


application.command("build")(build.build)
application.command("card")(card.card)
application.command("recipes")(recipes.recipes)


def _trained(
    design: Design,
    reals: tuple[NDArray[np.uint8], NDArray[np.int64] | None],
    limits: dict[str, Any],
    place: Path,
    about: dict[str, object],
) -> None:
    import copy  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415

    from manifpt.methods.resuming import ZOO, resumable  # noqa: PLC0415
    from manifpt.zoo.grid import drawn  # noqa: PLC0415
    from manifpt.zoo.run import key  # noqa: PLC0415
    from manifpt.zoo.sampling import sampled  # noqa: PLC0415
    from manifpt.zoo.trained import Trained, is_written, written  # noqa: PLC0415
    from manifpt.zoo.training import trained  # noqa: PLC0415

    known = key(design, *reals, **limits)
    if is_written(design.name, place, known):
        tell(f"note: {design.name} is trained already, on the same reals and with the same limit")
        return

    def watched(run: Run) -> None:
        network = copy.deepcopy(run.average).cpu().eval()
        images = np.concatenate(list(sampled(Trained(design, network, "", {}), GRID)))
        drawn(images, place / f"{design.name}.png")

    with resumable(place / design.name, ZOO) as folder:
        run = trained(design, *reals, checkpoint=folder / "training.safetensors", watched=watched, **limits)
        path = written(run, design, place, about | {"training": known})
    typer.echo(f"wrote {plain(str(path))}: {run.step} steps in {run.seconds:.0f} s")
