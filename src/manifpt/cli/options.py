"""The options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Device(StrEnum):
    """Where networks run."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Engine(StrEnum):
    """Where points are made and projections are found."""

    LOCAL = "local"
    RAY = "ray"


DATA, METHOD = "Data", "Method"

Reference = Annotated[
    list[str] | None,
    typer.Option(
        help="Folder of real images that estimate the manifold; may be given several times.",
        rich_help_panel=DATA,
        metavar="FOLDER",
    ),
]
Real = Annotated[
    list[str] | None,
    typer.Option(
        help="Folder of real images that form the class `real`; may be given several times.",
        rich_help_panel=DATA,
        metavar="FOLDER",
    ),
]
Layout = Annotated[
    str,
    typer.Option(
        help="How DATA is laid out: auto, folders, release, real-fake, manifest, datasets, arrays.",
        rich_help_panel=DATA,
    ),
]
Generators = Annotated[
    list[str] | None,
    typer.Option(
        help="Only these generators (names or globs); may be given several times.",
        rich_help_panel=DATA,
        metavar="NAME",
    ),
]
Resize = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Scale the shorter side to N pixels and cut out the middle N × N.",
        rich_help_panel=DATA,
        metavar="N",
    ),
]
Crop = Annotated[
    int | None, typer.Option(min=1, help="Cut out the middle N × N pixels.", rich_help_panel=DATA, metavar="N")
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Stop at the first unreadable image instead of skipping it.", rich_help_panel=DATA),
]
MethodName = Annotated[
    str | None,
    typer.Option(
        "--method",
        help="A method by its name (`evaluate --methods` lists them): it has a space, a manifold and an attributor of "
        "its own.",
        show_default="auto, unless --space, --attributor or --manifold is given",
        rich_help_panel=METHOD,
        metavar="NAME",
    ),
]
Paper = Annotated[
    bool,
    typer.Option(
        "--paper",
        help="The paper's own setting: artifacts to the nearest real in --space, named by ResNet-50.",
        rich_help_panel=METHOD,
    ),
]
Space = Annotated[
    str,
    typer.Option(
        help="rgb, freq, freq-grey, rgb+freq, sl, ssl, sl-cifar, ssl-cifar, or hf:MODEL[@LAYER].",
        rich_help_panel=METHOD,
    ),
]
AttributorName = Annotated[
    str | None,
    typer.Option(
        "--attributor",
        help="linear, linear-svm, lda, svm, knn, fingerprints, mlp, resnet-small, resnet50, yu19, nataraj-cnn, "
        "xception, wang20 or dna-det.",
        show_default="linear for vectors, resnet-small up to 96 px, resnet50 above",
        rich_help_panel=METHOD,
    ),
]
ManifoldName = Annotated[
    str,
    typer.Option(
        "--manifold",
        help="nearest (exact), approximate (may miss it), tangent (the hull of 20 neighbours), barycentre (their "
        "weighted mean), denoiser, restorer or autoencoder (networks trained on the references), or none for the "
        "points themselves.",
        rich_help_panel=METHOD,
    ),
]
DeviceName = Annotated[
    Device,
    typer.Option(
        "--device", help="Where the attributor's network runs; spaces run on the CPU.", rich_help_panel=METHOD
    ),
]
Block = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="References compared at once: fewer take less memory and more time, and change no result.",
        show_default="1,024",
        rich_help_panel=METHOD,
        metavar="N",
    ),
]
EngineName = Annotated[
    Engine,
    typer.Option(
        "--engine",
        help="Where points are made and projected: in this process, or on the Ray cluster of RAY_ADDRESS; same bits.",
        rich_help_panel=METHOD,
    ),
]
Seed = Annotated[
    int,
    # NumPy's and scikit-learn's seeds have 32 bits, and repetitions count up from the first.
    typer.Option(min=0, max=2**31 - 1, help="Seed of everything random.", rich_help_panel=METHOD),
]
NoCache = Annotated[
    bool,
    typer.Option(
        "--no-cache", help="Neither read nor write the cache of points and projections.", rich_help_panel=METHOD
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV for spreadsheets.")]
Weights = Annotated[
    Path | None,
    typer.Option(help="Folder of trained generators.", show_default="MANIFPT_ZOO, or zoo/weights", metavar="FOLDER"),
]
