"""``manifpt evaluate``: how well generators are told apart."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from manifpt.cli import options
from manifpt.cli.given import GivenImages, GivenMethod, model_folder
from manifpt.cli.scores import show, written
from manifpt.cli.text import plain


def evaluate(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] DATA",
            help="DATA alone makes its own splits; a MODEL before it is tested on DATA as it is.",
        ),
    ],
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
    splits: Annotated[int, typer.Option("--folds", min=2, help="Folds of each repetition.")] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="Repetitions of the folds.")] = 1,
    seed: options.Seed = 0,
    device: options.DeviceName = options.Device.AUTO,
    no_cache: options.NoCache = False,
    as_json: options.AsJson = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for scores.json, answers.csv and confusion.png.")
    ] = None,
) -> None:
    """Measure how well generators are told apart, on images that the method has not seen.

    Example: [bold]manifpt evaluate demo/images --space freq --attributor linear[/bold]
    """
    from manifpt.device import choose  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.errors import ManifptError  # noqa: PLC0415
    from manifpt.methods.method import Method  # noqa: PLC0415
    from manifpt.studies.evaluation import cross_validated, tested  # noqa: PLC0415

    *models, data = targets
    if len(models) > 1 or (models and not model_folder(models[0])):
        raise ManifptError(
            f"{' '.join(targets)} is not a model and a data set",
            expected="DATA, or the folder that `manifpt fit` wrote and DATA",
            remedy="give one data set; further reals go to --reference and --real",
        )
    given = GivenImages(data, reference, real, layout, generators, resize, crop, strict)
    if models:
        choose(device.value)
        model = Method.load(models[0])
        answers = tested(model, given.opened(preparation=model.training_.preparation, reference_needed=False))
    else:
        unfitted = GivenMethod(space, attributor, manifold, seed, device, no_cache).built()
        answers = cross_validated(unfitted, given.opened(), splits=splits, repeats=repeats, seed=seed)
    scores = answers.scores(seed=seed)
    if out:
        written(answers, scores, out)
    if as_json:
        sys.stdout.write(json.dumps(scores.record(), allow_nan=False) + "\n")
    else:
        show(scores)
        if out:
            typer.echo(f"wrote {plain(str(out))}: scores.json, answers.csv, confusion.png")
