"""``manifpt transfer``: methods trained on one set and asked about another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from manifpt.cli import options
from manifpt.cli.given import GivenImages
from manifpt.cli.idle import refuse_idle
from manifpt.cli.transferring import Match, Wanted, Whose, ask
from manifpt.errors import DataError, ManifptError

ASKED = "The set that is asked about"
PAIR = 2
OF_THE_TARGET = {
    "target": "TARGET",
    "target_reference": "--target-reference",
    "target_real": "--target-real",
    "target_generators": "--target-generators",
}


def transfer(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="Images that train; with --codes, the only set.", metavar="SOURCE")],
    methods: Annotated[
        str,
        typer.Option(help="Names of methods after commas, or all.", rich_help_panel=options.METHOD, metavar="NAMES"),
    ],
    target: Annotated[str | None, typer.Argument(help="Images that are asked about.", metavar="[TARGET]")] = None,
    match: Annotated[
        Match | None,
        typer.Option(
            help="Take generators for one class that have one name, are of one model (MODEL-CODE), or of one family.",
            show_default="generator; with --codes, model",
            rich_help_panel=options.DATA,
        ),
    ] = None,
    codes: Annotated[
        str | None,
        typer.Option(
            help="Two code bases of SOURCE, whose generators are called MODEL-CODE: the first trains.",
            rich_help_panel=options.DATA,
            metavar="CODE,CODE",
        ),
    ] = None,
    reference: options.Reference = None,
    real: options.Real = None,
    layout: options.Layout = "auto",
    generators: options.Generators = None,
    resize: options.Resize = None,
    crop: options.Crop = None,
    strict: options.Strict = False,
    allow_shortcuts: Annotated[
        bool,
        typer.Option(
            "--allow-shortcuts", help="Also where the files give the class away.", rich_help_panel=options.DATA
        ),
    ] = False,
    target_reference: Annotated[
        list[str] | None,
        typer.Option(help="Its --reference.", show_default="that of SOURCE", rich_help_panel=ASKED, metavar="FOLDER"),
    ] = None,
    target_real: Annotated[
        list[str] | None, typer.Option(help="Its --real.", rich_help_panel=ASKED, metavar="FOLDER")
    ] = None,
    target_generators: Annotated[
        list[str] | None, typer.Option(help="Its --generators.", rich_help_panel=ASKED, metavar="NAME")
    ] = None,
    references: Annotated[
        Whose, typer.Option(help="Whose references its images are projected onto.", rich_help_panel=ASKED)
    ] = Whose.BOTH,
    against: Annotated[
        str, typer.Option(help="The method that the others are tested against.", rich_help_panel=options.METHOD)
    ] = "raw",
    repeats: Annotated[
        int, typer.Option(min=1, help="Trainings of each, with seeds of their own.", rich_help_panel=options.METHOD)
    ] = 1,
    budget: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Begin nothing new after so many minutes.",
            rich_help_panel=options.METHOD,
            metavar="MINUTES",
        ),
    ] = None,
    seed: options.Seed = 0,
    device: options.DeviceName = options.Device.AUTO,
    no_cache: options.NoCache = False,
    name: Annotated[
        str | None,
        typer.Option(help="How the results call it.", show_default="SOURCE to TARGET by MATCH, of file names"),
    ] = None,
    as_json: options.AsJson = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for all results.")] = None,
) -> None:
    """Train methods on one set, and measure how well they name the same classes in another.

    Nothing of the target is seen before it is asked about. OUT/rows keeps every result: what is there already is not
    run again.

    Examples: [bold]manifpt zoo sample folder:demo/images/gan-demo folder:demo/images/vae-demo --count 80 --out demo/first[/bold]

    [bold]manifpt zoo sample folder:demo/images/gan-demo folder:demo/images/vae-demo --start 80 --count 80 --out demo/second[/bold]

    [bold]manifpt transfer demo/first demo/second --reference demo/images/reference --references target --methods durall20,ricker22 --against ricker22[/bold]
    """  # noqa: E501  (examples that can be pasted)
    from manifpt.device import choose  # noqa: PLC0415  (commands load what they need when they run)

    choose(device.value)
    if codes is not None:
        refuse_idle(context, OF_THE_TARGET, _beside_codes)
    given = GivenImages(source, reference, real, layout, generators, resize, crop, strict)
    other: GivenImages | tuple[str, str]
    if target is None:
        other = _pair_of_codes(codes, source)
    else:
        _refuse_one_set(source, target)
        other = GivenImages(
            target, target_reference or reference, target_real, layout, target_generators, resize, crop, strict
        )
    rule = match or (Match.MODEL if codes else Match.GENERATOR)
    wanted = Wanted(methods.split(","), rule, references, repeats, budget, against, seed, not no_cache, allow_shortcuts)
    ask(given, other, wanted, name=name, out=out, as_json=as_json)


def _pair_of_codes(codes: str | None, source: str) -> tuple[str, str]:
    """Return the two code bases.

    Raises:
        ManifptError: There are none, so that a TARGET is missing, or not two.
    """
    if codes is None:
        raise ManifptError(
            f"{source} was given, and no TARGET that is asked about",
            expected="`manifpt transfer SOURCE TARGET`, or `manifpt transfer SOURCE --codes CODE,CODE`",
            remedy="give a second set, or two code bases of this one",
        )
    pair = codes.split(",")
    if len(pair) != PAIR or not all(pair):
        raise ManifptError(
            f"--codes is {codes!r}",
            expected="two code bases with a comma between them, the one that trains first",
            remedy="write --codes CODE,CODE",
        )
    return pair[0], pair[1]


def _refuse_one_set(source: str, target: str) -> None:
    if Path(target).resolve() == Path(source).resolve():
        raise DataError(
            f"{target} is SOURCE and TARGET",
            expected="two sets that share no image but references",
            remedy="give another TARGET, or --codes for two code bases of one set",
        )


def _beside_codes(given: str) -> ManifptError:
    return ManifptError(
        f"{given} was given with --codes",
        expected="SOURCE alone: both code bases are in it",
        remedy="leave it out, or leave --codes out to ask about another set",
    )
