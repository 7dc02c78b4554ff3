"""``manifpt zoo sample``: images of trained generators and of others' generators."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from manifpt.cli import options
from manifpt.cli.text import plain
from manifpt.errors import DataError

OTHERS = "Others' generators"
LAST = 2**31 - 1


def sample(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Names of trained generators, diffusers:FOLDER-OR-ID, python:module:function or folder:PATH.",
            metavar="SOURCE",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write, or a file that ends in .parquet.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=LAST, help="Images of each.")] = 1000,
    start: Annotated[int, typer.Option(min=0, max=LAST, help="Place of the first in the seed's sequence.")] = 0,
    seed: options.Seed = 0,
    weights: options.Weights = None,
    name: Annotated[
        str | None,
        typer.Option(help="What the images are labelled with.", show_default="the last part of SOURCE"),
    ] = None,
    family: Annotated[
        str | None,
        typer.Option(help="Family of the generator: gan, vae, flow, score, …", show_default="unknown for others'"),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Steps of a pipeline's sampler.", rich_help_panel=OTHERS, metavar="N"),
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            help="Text for a pipeline; of several, images take one after the other.",
            rich_help_panel=OTHERS,
            metavar="TEXT",
        ),
    ] = None,
    device: Annotated[
        options.Device, typer.Option(help="Where a pipeline runs.", rich_help_panel=OTHERS)
    ] = options.Device.AUTO,
    resize: options.Resize = None,
    crop: options.Crop = None,
) -> None:
    """Write images of generators as lossless PNG with a manifest, or as one Parquet file.

    A generator is one that was trained here, a diffusers pipeline, a Python function or a folder of published images.

    Example: [bold]manifpt zoo sample dcgan --weights demo/zoo --count 20 --out demo/samples[/bold]
    """
    import sys  # noqa: PLC0415  (commands load what they need when they run)
    from itertools import chain  # noqa: PLC0415

    from manifpt.device import choose  # noqa: PLC0415
    from manifpt.outputs import refuse_unusable  # noqa: PLC0415
    from manifpt.zoo import foreign  # noqa: PLC0415
    from manifpt.zoo.output import samples, write_folder, write_parquet  # noqa: PLC0415

    choose(device.value)
    table = out.suffix == ".parquet"
    read = [place for text in sources if (place := foreign.place_of_images(text))]
    if table and out.exists():
        raise DataError(f"{out} exists", expected="a new file", remedy="choose another --out, or remove it")
    refuse_unusable(out, ours=(), what="a set of samples", sources=read)
    if any(foreign.is_python(text) for text in sources):
        # The module of a function is looked for where the command was started, as `python -m` does.
        sys.path.insert(0, str(Path.cwd()))
    wishes = foreign.Wishes(weights, name, family, steps, prompt or (), resize, crop)
    made = foreign.sources(sources, wishes)
    found = chain.from_iterable(samples(one, count, seed=seed, start=start) for one in made)
    written = write_parquet(out, found) if table else write_folder(out, found)
    typer.echo(f"wrote {plain(str(out))}: {written} images of {len(made)} generators")
