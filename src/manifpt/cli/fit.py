"""``manifpt fit``: learn the fingerprints of a folder of generators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from manifpt.cli import options
from manifpt.cli.given import GivenImages, GivenMethod
from manifpt.cli.idle import refuse_idle
from manifpt.cli.text import plain
from manifpt.errors import ManifptError
from manifpt.outputs import refuse_unusable

if TYPE_CHECKING:
    from manifpt.methods.method import Method


# What a method of a name brings with it.
OF_THE_METHOD = {
    "space": "--space",
    "attributor": "--attributor",
    "manifold": "--manifold",
    "block": "--block",
    "engine": "--engine",
}


def fit(
    context: typer.Context,
    data: Annotated[str, typer.Argument(help="Folder, manifest, Parquet or .npz with generated (and real) images.")],
    out: options.Out,
    reference: options.Reference = None,
    real: options.Real = None,
    layout: options.Layout = "auto",
    generators: options.Generators = None,
    resize: options.Resize = None,
    crop: options.Crop = None,
    strict: options.Strict = False,
    method: options.MethodName = None,
    space: options.Space = "rgb",
    attributor: options.AttributorName = None,
    manifold: options.ManifoldName = "nearest",
    seed: options.Seed = 0,
    device: options.DeviceName = options.Device.AUTO,
    block: options.Block = None,
    no_cache: options.NoCache = False,
    engine: options.EngineName = options.Engine.LOCAL,
) -> None:
    """Learn the fingerprints of generators and save them as a model.

    A run that was stopped or killed goes on from OUT.checkpoint when it is started again.

    Example: [bold]manifpt fit demo/images --space freq --attributor linear --out demo/model[/bold]
    """
    from manifpt.methods.description import listed  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.methods.resuming import resumable  # noqa: PLC0415

    given = GivenImages(data, reference, real, layout, generators, resize, crop, strict)
    refuse_unusable(out, ours=listed(out), what="a model", sources=given.sources)
    if method is not None:
        refuse_idle(context, OF_THE_METHOD, _beside_method)
    built = GivenMethod(space, attributor, manifold, seed, device, block, no_cache, engine)
    model: Method = built.built() if method is None else built.named(method)
    with resumable(out) as checkpoint:
        model.fit(given.opened(), checkpoint=checkpoint)
        model.save(out)
    typer.echo(
        f"wrote {plain(str(out))}: {len(model.classes_)} classes, {plain(model.attributor.name)} on "
        f"{plain(space if method is None else method)}"
    )
    typer.echo(f"next: manifpt attribute {plain(str(out))} IMAGE")


def _beside_method(given: str) -> ManifptError:
    return ManifptError(
        f"{given} was given with --method",
        expected="a method's name only: it has its own space, manifold and attributor",
        remedy="leave it out, or leave --method out",
    )
