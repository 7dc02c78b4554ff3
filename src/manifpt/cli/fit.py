"""``manifpt fit``: learn the fingerprints of a folder of generators."""

from __future__ import annotations

from typing import Annotated

import typer

from manifpt.cli import options
from manifpt.cli.given import GivenImages, GivenMethod
from manifpt.cli.text import plain


def fit(
    data: Annotated[str, typer.Argument(help="Folder, manifest, Parquet or .npz with generated (and real) images.")],
    out: options.Out,
    reference: options.Reference = None,
    real: options.Real = None,
    layout: options.Layout = "auto",
    generators: options.Generators = None,
    resize: options.Resize = None,
    crop: options.Crop = None,
    strict: options.Strict = False,
    space: options.Space = "rgb",
    attributor: options.AttributorName = None,
    manifold: options.ManifoldName = "nearest",
    seed: options.Seed = 0,
    device: options.DeviceName = options.Device.AUTO,
    no_cache: options.NoCache = False,
) -> None:
    """Learn the fingerprints of generators and save them as a model.

    Example: [bold]manifpt fit demo/images --space freq --attributor linear --out demo/model[/bold]
    """
    model = GivenMethod(space, attributor, manifold, seed, device, no_cache).built()
    images = GivenImages(data, reference, real, layout, generators, resize, crop, strict).opened()
    model.fit(images)
    model.save(out)
    typer.echo(
        f"wrote {plain(str(out))}: {len(model.classes_)} classes, {plain(model.attributor.name)} on {plain(space)}"
    )
    typer.echo(f"next: manifpt attribute {plain(str(out))} IMAGE")
