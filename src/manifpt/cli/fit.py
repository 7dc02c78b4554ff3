"""``manifpt fit``: learn the fingerprints of a folder of generators."""

from __future__ import annotations

from typing import Annotated

import typer

from manifpt.cli import options
from manifpt.cli.choosing import chosen, worded
from manifpt.cli.given import GivenImages, GivenMethod
from manifpt.cli.text import plain
from manifpt.outputs import refuse_unusable


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
    paper: options.Paper = False,
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

    Without a word about the method it is auto: statistics of patches along the axes of real ones, and raw pixels,
    fused. --space, --attributor or --manifold put another together, and --paper takes the paper's.

    A run that was stopped or killed goes on from OUT.checkpoint when it is started again.

    Example: [bold]manifpt fit demo/images --space freq --attributor linear --out demo/model[/bold]
    """
    from manifpt.methods.description import listed  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.methods.resuming import resumable  # noqa: PLC0415

    given = GivenImages(data, reference, real, layout, generators, resize, crop, strict)
    refuse_unusable(out, ours=listed(out), what="a model", sources=given.sources)
    asked = GivenMethod(space, attributor, manifold, seed, device, block, no_cache, engine)
    model = chosen(context, asked, method=method, paper=paper)
    with resumable(out) as checkpoint:
        model.fit(given.opened(), checkpoint=checkpoint)
        model.save(out)
    typer.echo(f"wrote {plain(str(out))}: {len(model.classes_)} classes, {plain(worded(model))}")
    typer.echo(f"next: manifpt attribute {plain(str(out))} IMAGE")
