"""``manifpt zoo card``: whether a trained generator is sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from manifpt.cli import options
from manifpt.cli.given import photographs
from manifpt.cli.text import console, tell

if TYPE_CHECKING:
    from manifpt.zoo.card import Card

NOT_SOUND = 3


def card(
    designs: Annotated[list[str], typer.Argument(help="Names of trained generators.", metavar="DESIGN")],
    data: Annotated[list[str], typer.Option(help="Folder of the reals that it learned from.", metavar="FOLDER")],
    real: Annotated[list[str], typer.Option(help="Folder of reals that it has not seen.", metavar="FOLDER")],
    count: Annotated[int, typer.Option("--count", "-n", min=6, help="Images to compare, at most.")] = 1000,
    seed: options.Seed = 0,
    resize: options.Resize = None,
    crop: options.Crop = None,
    weights: options.Weights = None,
    no_classes: Annotated[
        bool, typer.Option("--no-classes", help="The reals do not have CIFAR-10's ten classes: leave them out.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with status 3 when one has collapsed, copies or misses classes.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Measure trained generators: distances to reals, precision, coverage, copies, classes.

    Example: [bold]manifpt zoo card dcgan --weights demo/zoo --data demo/images/reference --real demo/images/real[/bold]
    """
    import json  # noqa: PLC0415  (commands load what they need when they run)
    import sys  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415

    from manifpt.extractors.artifacts import digest  # noqa: PLC0415
    from manifpt.zoo import card as cards  # noqa: PLC0415
    from manifpt.zoo.sampling import sampled  # noqa: PLC0415
    from manifpt.zoo.sets import refuse_seen, refuse_shared  # noqa: PLC0415
    from manifpt.zoo.trained import generator  # noqa: PLC0415

    made = [generator(name, weights) for name in designs]
    seen, unseen = photographs(data, resize, crop), photographs(real, resize, crop)
    refuse_seen(made, unseen)
    refuse_shared(seen, unseen)
    for name in (one.design.name for one in made if one.sidecar.get("reals_digest") not in (None, digest(seen))):
        tell(f"note: {name} was trained on other reals than --data names")
    training, held_out = seen.pixels(), unseen.pixels()
    failed = False
    for one in made:
        images = np.concatenate(list(sampled(one, count, seed=seed)))
        found = cards.card(images, family=one.design.family, training=training, real=held_out, classes=not no_classes)
        failed |= bool(found.failures)
        if as_json:
            sys.stdout.write(json.dumps({"design": one.design.name, **found.record()}, allow_nan=False) + "\n")
        else:
            _show_card(one.design.name, found)
    if failed and strict:
        raise typer.Exit(NOT_SOUND)


def _show_card(name: str, found: Card) -> None:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, show_header=False, pad_edge=False, title=name, title_justify="left")
    table.add_column(style="bold")
    table.add_column()
    table.add_row("Fréchet distance", f"{found.frechet:.2f} in {found.space}; reals to reals {found.frechet_reals:.2f}")
    table.add_row("precision, recall", f"{found.precision:.2f}, {found.recall:.2f}")
    table.add_row("density, coverage", f"{found.density:.2f}, {found.coverage:.2f}")
    for space, *pair in (
        ("ssl-cifar", found.nearest, found.nearest_reals),
        ("rgb", found.nearest_rgb, found.nearest_reals_rgb),
    ):
        ours, theirs = (", ".join(f"{value:.2f}" for value in part) for part in pair)
        table.add_row(f"to training, {space}", f"{ours} (1 %, 50 % quantile); held-out reals {theirs}")
    expected = f"50% ± {found.nearer_error:.0%} expected"
    table.add_row("copies", f"{found.nearer:.0%} nearer to a training image than to as many unseen reals; {expected}")
    if found.classes:
        table.add_row("classes", ", ".join(f"{kind} {share:.0%}" for kind, share in found.classes.items()))
    table.add_row("verdict", "; ".join(found.failures) or "sound")
    console().print(table)
