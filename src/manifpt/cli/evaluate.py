"""``manifpt evaluate``: how well generators are told apart."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from manifpt.cli import options
from manifpt.cli.choosing import OF_A_NAMED, PUT_TOGETHER, chosen
from manifpt.cli.comparing import Asked, compare
from manifpt.cli.given import GivenImages, GivenMethod, computing, model_folder
from manifpt.cli.idle import refuse_idle
from manifpt.cli.ran import evaluated
from manifpt.cli.scores import FILES, Evaluated, show, written
from manifpt.cli.text import plain
from manifpt.errors import ManifptError
from manifpt.outputs import refuse_unusable

MANY: dict[str, str] = {"rich_help_panel": "Many methods"}
# Options of one method, which each of many has settings of its own for.
OF_ONE_METHOD = {
    **OF_A_NAMED,
    "method_name": "--method",
    "paper": "--paper",
}
OF_MANY_METHODS = {
    "against": "--against",
    "one_fold": "--one-fold",
    "budget": "--budget",
    "name": "--name",
    "allow_shortcuts": "--allow-shortcuts",
}
# What a model brings with it, so that giving it beside one would change nothing.
OF_THE_MODEL = {
    **PUT_TOGETHER,
    "method_name": "--method",
    "paper": "--paper",
    "reference": "--reference",
    "splits": "--folds",
    "repeats": "--repeats",
    "block": "--block",
    "no_cache": "--no-cache",
}


def evaluate(
    context: typer.Context,
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
    method_name: options.MethodName = None,
    paper: options.Paper = False,
    space: options.Space = "rgb",
    attributor: options.AttributorName = None,
    manifold: options.ManifoldName = "nearest",
    splits: Annotated[int, typer.Option("--folds", min=2, help="Folds of each repetition.")] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="Repetitions of the folds.")] = 1,
    seed: options.Seed = 0,
    device: options.DeviceName = options.Device.AUTO,
    block: options.Block = None,
    no_cache: options.NoCache = False,
    engine: options.EngineName = options.Engine.LOCAL,
    methods: Annotated[
        str | None,
        typer.Option(
            help="Compare these methods (names after commas, or all) on equal terms.", **MANY, metavar="NAMES"
        ),
    ] = None,
    against: Annotated[str, typer.Option(help="The method that the others are tested against.", **MANY)] = "raw",
    one_fold: Annotated[
        bool, typer.Option("--one-fold", help="Only the first fold of each repetition.", **MANY)
    ] = False,
    budget: Annotated[
        float | None, typer.Option(min=0, help="Begin nothing new after so many minutes.", **MANY, metavar="MINUTES")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="How the results call DATA.", show_default="its file name", **MANY)
    ] = None,
    allow_shortcuts: Annotated[
        bool, typer.Option("--allow-shortcuts", help="Also where the files give the class away.", **MANY)
    ] = False,
    as_json: options.AsJson = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder for scores.json, answers.csv, confusion.png and what a report needs; of many methods, for all "
            "tables.",
        ),
    ] = None,
) -> None:
    """Measure how well generators are told apart, on images that the method has not seen.

    With --out, a run that was stopped or killed goes on from OUT.checkpoint when it is started again. Of many methods
    OUT/rows keeps every result: what is there already is not run again.

    Examples: [bold]manifpt evaluate demo/images --space freq --attributor linear[/bold]

    [bold]manifpt evaluate demo/images --methods durall20,ricker22 --against ricker22 --one-fold[/bold]
    """
    from manifpt.device import choose  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.methods.method import Method  # noqa: PLC0415
    from manifpt.methods.resuming import EVALUATE, resumable  # noqa: PLC0415
    from manifpt.studies.evaluation import cross_validated, tested  # noqa: PLC0415
    from manifpt.studies.exhibiting import exhibited  # noqa: PLC0415

    model_given, data = _told_apart(targets)
    given = GivenImages(data, reference, real, layout, generators, resize, crop, strict)
    if methods is not None:
        refuse_idle(context, OF_ONE_METHOD, _beside_methods)
        asked = Asked(
            methods.split(","), splits, repeats, one_fold, budget, against, seed, not no_cache, allow_shortcuts
        )
        choose(device.value)
        compare(given, asked, name=name, out=out, as_json=as_json, model=model_given)
        return
    refuse_idle(context, OF_MANY_METHODS, _without_methods)
    if out:
        refuse_unusable(out, ours=FILES, what="an evaluation", sources=given.sources)
    if model_given:
        refuse_idle(context, OF_THE_MODEL, _beside_model)
        choose(device.value)
    with resumable(out, EVALUATE) if out else nullcontext() as checkpoint:
        if model_given:
            method = computing(Method.load(model_given), engine)
            images = given.opened(preparation=method.training_.preparation, reference_needed=False)
            answers = tested(method, images)
        else:
            put = GivenMethod(space, attributor, manifold, seed, device, block, no_cache, engine)
            method = chosen(context, put, method=method_name, paper=paper)
            images = given.opened()
            answers = cross_validated(method, images, splits=splits, repeats=repeats, seed=seed, checkpoint=checkpoint)
        scores = answers.scores(seed=seed)
        if out:
            record = evaluated(given.data, images, method, scores, seed=seed, model=model_given)
            written(
                Evaluated(answers, scores, exhibited(method, images, answers, fitted=bool(model_given)), record), out
            )
    if as_json:
        sys.stdout.write(json.dumps(scores.record(), allow_nan=False) + "\n")
    else:
        show(scores)
        if out:
            typer.echo(f"wrote {plain(str(out))}: {', '.join(FILES[:-1])}")
            typer.echo(f"next: manifpt report {plain(str(out))}")


def _told_apart(targets: list[str]) -> tuple[str | None, str]:
    """Return the model, if one is given, and the data."""
    *before, data = targets
    models = [name for name in targets if model_folder(name)]
    if not before and models:
        raise ManifptError(
            f"{data} is a model, and no images to test it on were given",
            expected="`manifpt evaluate MODEL DATA`",
            remedy="give the images after it",
        )
    if len(before) == 1 and before != models and models == [data]:
        raise ManifptError(
            f"{data} is a model, and stands after the data {before[0]}",
            expected="the model first, then the data",
            remedy=f"run `manifpt evaluate {data} {before[0]}`",
        )
    if len(before) > 1 or before != models[:1]:
        raise ManifptError(
            f"{before[0]} is no model" if len(before) == 1 else f"{len(targets)} paths were given",
            expected="DATA alone, or a folder that `manifpt fit` wrote and then DATA",
            remedy="give one data set; further reals go to --reference and --real",
        )
    return (before[0] if before else None), data


def _beside_model(given: str) -> ManifptError:
    return ManifptError(
        f"{given} was given beside a model",
        expected="only DATA and what belongs to it: the model has its own method and references",
        remedy="leave it out, or leave the model out to evaluate a method on DATA's own splits",
    )


def _beside_methods(given: str) -> ManifptError:
    return ManifptError(
        f"{given} was given with --methods",
        expected="names of methods only: each has its own space, manifold and attributor",
        remedy="leave it out, or leave --methods out to evaluate one method",
    )


def _without_methods(given: str) -> ManifptError:
    return ManifptError(
        f"{given} was given without --methods",
        expected="it beside --methods, which it belongs to",
        remedy="name methods to compare, or leave it out",
    )
