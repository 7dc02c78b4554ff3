"""``manifpt attribute``: which generator made these images."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from manifpt.cli import options
from manifpt.cli.text import cell, markup

if TYPE_CHECKING:
    from rich.table import Table

    from manifpt.methods.attribution import Attribution, Failure

SOME_FAILED = 3
COLUMNS = (
    "path",
    "generator",
    "probability",
    "runner_up",
    "distance",
    "real_percentile",
    "nearest",
    "nearest_distance",
    "sha256",
    "model",
    "version",
    "warnings",
    "error",
)


def attribute(
    model: Annotated[str, typer.Argument(help="Folder that `manifpt fit` wrote.")],
    files: Annotated[
        list[str],
        typer.Argument(help="Images, folders or globs; - reads one image, or a list of paths, from stdin."),
    ],
    as_json: options.AsJson = False,
    as_csv: options.AsCsv = False,
    resize: options.Resize = None,
    crop: options.Crop = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first input that fails.")] = False,
    device: options.DeviceName = options.Device.AUTO,
) -> None:
    """Name the generator of each image, with the evidence.

    Exit status 3 when some inputs failed.

    Example: [bold]manifpt attribute demo/model demo/images/gan-demo/0000.png --json[/bold]
    """
    from manifpt.device import choose  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.errors import ManifptError  # noqa: PLC0415
    from manifpt.methods.attribution import Failure  # noqa: PLC0415
    from manifpt.methods.method import Method  # noqa: PLC0415

    if as_json and as_csv:
        raise ManifptError("both --json and --csv", expected="one of them", remedy="leave one out")
    choose(device.value)
    method = Method.load(model)
    failures = 0

    def counted() -> Iterator[Attribution | Failure]:
        nonlocal failures
        for answer in method.attributions(_named(files), resize=resize, crop=crop):
            if isinstance(answer, Failure):
                failures += 1
                if strict:
                    raise answer.cause
            yield answer

    show = _json if as_json else _csv if as_csv else show_table
    show(counted())
    if failures:
        raise typer.Exit(SOME_FAILED)


def _named(files: list[str]) -> Iterator[str | bytes]:
    from manifpt.images import inputs  # noqa: PLC0415

    for name in files:
        if name == "-":
            yield from _standard_input()
        else:
            yield from (str(path) for path in inputs([name]))


def _standard_input() -> Iterator[str | bytes]:
    content = sys.stdin.buffer.read()
    try:
        text = content.decode()
    except UnicodeDecodeError:
        yield content
        return
    yield from (line for line in text.replace("\0", "\n").splitlines() if line.strip())


def _json(answers: Iterable[Attribution | Failure]) -> None:
    for answer in answers:
        # ASCII only, so that neither a terminal nor a log is steered by what stands in a file name.
        sys.stdout.write(json.dumps(answer.record(), allow_nan=False) + "\n")
        sys.stdout.flush()


def _csv(answers: Iterable[Attribution | Failure]) -> None:
    import csv  # noqa: PLC0415

    writer = csv.DictWriter(sys.stdout, COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for answer in answers:
        record = answer.record()
        if nearest := record.pop("nearest", None):
            record |= {"nearest": nearest["path"], "nearest_distance": nearest["distance"]}
        record["warnings"] = "; ".join(record.get("warnings", ()))
        writer.writerow({name: cell(value) if isinstance(value, str) else value for name, value in record.items()})


def show_table(answers: Iterable[Attribution | Failure]) -> None:
    """Print one answer as a list and several as a table, and below what failed or may weaken an answer."""
    from rich.console import Console  # noqa: PLC0415

    from manifpt.methods.attribution import Failure  # noqa: PLC0415

    console, found = Console(), list(answers)
    sound = [answer for answer in found if not isinstance(answer, Failure)]
    if sound:
        console.print(_listed(sound[0]) if len(found) == 1 else _tabled(found))
    for answer in found:
        if isinstance(answer, Failure):
            console.print(f"[red]failed[/red] {markup(answer.error)}", soft_wrap=True)
            continue
        for warning in answer.warnings:
            console.print(f"[yellow]note[/yellow] {markup(answer.path)}: {markup(warning)}", soft_wrap=True)


def _listed(answer: Attribution) -> Table:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("image", markup(answer.path))
    table.add_row("generator", f"[bold]{markup(answer.generator)}[/bold], {answer.probability:.1%}")
    if answer.runner_up is not None:
        table.add_row("runner-up", f"{markup(answer.runner_up)}, {answer.probabilities[answer.runner_up]:.1%}")
    among = "" if answer.real_percentile is None else f"; {answer.real_percentile:.0f}% of held-out reals lie closer"
    table.add_row("distance", f"{answer.distance:.2f} to the manifold{among}")
    table.add_row("nearest real", f"{markup(answer.nearest.path)}, {answer.nearest.distance:.2f} in RGB")
    return table


def _tabled(answers: list[Attribution | Failure]) -> Table:
    from rich.table import Table  # noqa: PLC0415

    from manifpt.methods.attribution import Failure  # noqa: PLC0415

    caption = "closer reals: percentage of held-out reals that lie closer to the manifold"
    table = Table(box=None, header_style="bold", pad_edge=False, caption=caption, caption_justify="left")
    table.add_column("image", overflow="fold", ratio=3)
    table.add_column("generator", overflow="fold", ratio=2)
    table.add_column("", justify="right")
    table.add_column("runner-up", overflow="fold", ratio=2)
    table.add_column("distance", justify="right")
    table.add_column("closer reals", justify="right")
    for answer in answers:
        if isinstance(answer, Failure):
            table.add_row(markup(answer.path), "[red]failed[/red]")
            continue
        table.add_row(
            markup(answer.path),
            f"[bold]{markup(answer.generator)}[/bold]",
            f"{answer.probability:.1%}",
            markup(answer.runner_up or "–"),
            f"{answer.distance:.2f}",
            "–" if answer.real_percentile is None else f"{answer.real_percentile:.0f}%",
        )
    return table
