"""``manifpt attribute``: which generator made these images."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manifpt.cli import options
from manifpt.cli.given import computing, model_folder
from manifpt.cli.text import cell, console, plain
from manifpt.outputs import refuse_unusable

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

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
    engine: options.EngineName = options.Engine.LOCAL,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for attributions.jsonl and what a report needs."),
    ] = None,
) -> None:
    """Name the generator of each image, with the evidence.

    Exit status 3 when some inputs failed. With --out, `manifpt report OUT` makes a page of the answers.

    Example: [bold]manifpt attribute demo/model demo/images/gan-demo/0000.png --json[/bold]
    """
    from manifpt.cli.attributed import FILES, NOTHING, written  # noqa: PLC0415  (loads numpy)
    from manifpt.device import choose  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.errors import ManifptError  # noqa: PLC0415
    from manifpt.images import Preparation  # noqa: PLC0415
    from manifpt.methods.attribution import Failure  # noqa: PLC0415
    from manifpt.methods.method import Method  # noqa: PLC0415

    if as_json and as_csv:
        raise ManifptError("both --json and --csv were given", expected="one of them", remedy="leave one out")
    _refuse_swapped(model, files)
    if out:
        refuse_unusable(out, ours=FILES, what="attributions", sources=[name for name in files if name not in ("", "-")])
    choose(device.value)
    method = computing(Method.load(model), engine)
    failures = 0
    kept: list[Attribution | Failure] = []

    def counted() -> Iterator[Attribution | Failure]:
        nonlocal failures
        for answer in method.attributions(_named(files), resize=resize, crop=crop):
            if isinstance(answer, Failure):
                failures += 1
                if strict:
                    raise answer.cause
            if out:
                # What the attributor saw of many images would fill the memory.
                kept.append(answer if isinstance(answer, Failure) else replace(answer, features=NOTHING))
            yield answer

    show = _json if as_json else _csv if as_csv else show_table
    show(counted())
    if out:
        written(method, kept, out, Preparation(resize, crop))
        if not (as_json or as_csv):
            typer.echo(f"wrote {plain(str(out))}: {', '.join(FILES[:-1])}")
            typer.echo(f"next: manifpt report {plain(str(out))}")
    if failures:
        raise typer.Exit(SOME_FAILED)


def _refuse_swapped(model: str, files: list[str]) -> None:
    from manifpt.errors import ManifptError  # noqa: PLC0415

    found = None if model_folder(model) else next((name for name in files if model_folder(name)), None)
    if found is not None:
        raise ManifptError(
            f"{model} is no model, but {found} is",
            expected="the model first, then the images",
            remedy=f"run `manifpt attribute {found} {model}`",
        )


def _named(files: list[str]) -> Iterator[str | bytes]:
    from manifpt.errors import ManifptError  # noqa: PLC0415
    from manifpt.images import inputs  # noqa: PLC0415

    for name in files:
        if not name:
            raise ManifptError("an image's path is empty", expected="a file or folder", remedy="write it out")
        if name == "-":
            yield from _standard_input()
        else:
            yield from (str(path) for path in inputs([name]))


def _standard_input() -> Iterator[str | bytes]:
    """Yield one image's bytes, or the paths of a list: a line each, or ended by NULs as ``find -print0`` ends them."""
    from manifpt.errors import ManifptError  # noqa: PLC0415
    from manifpt.images.limits import MOST_BYTES  # noqa: PLC0415

    content = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ManifptError(
            f"standard input has more than {MOST_BYTES // 2**20} MiB",
            expected="one image, or a list of paths",
            remedy="give files or folders as arguments",
        )
    listed = os.fsdecode(content)
    paths = [path.removesuffix("\r") for path in listed.split("\0" if "\0" in listed else "\n")]
    paths = [path for path in paths if path.strip()]
    # Names need not be Unicode, and an image may happen to be: a list of such names is one whose first entry exists.
    if paths and (_unicode(content) or os.path.lexists(paths[0])):
        yield from paths
    else:
        yield content


def _unicode(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


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
    from rich.text import Text  # noqa: PLC0415  (rich loads only where something is drawn)

    from manifpt.methods.attribution import Failure  # noqa: PLC0415

    terminal, found = console(), list(answers)
    sound = [answer for answer in found if not isinstance(answer, Failure)]
    if sound:
        terminal.print(_listed(sound[0]) if len(found) == 1 else _tabled(found))
    for answer in found:
        if isinstance(answer, Failure):
            terminal.print(Text.assemble(("failed", "red"), " ", plain(answer.error)), soft_wrap=True)
            continue
        for warning in answer.warnings:
            line = Text.assemble(("note", "yellow"), " ", plain(answer.path), ": ", plain(warning))
            terminal.print(line, soft_wrap=True)


def _bold(name: str, rest: str = "") -> Text:
    from rich.text import Text  # noqa: PLC0415

    return Text.assemble((plain(name), "bold"), rest)


def _listed(answer: Attribution) -> Table:
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("image", plain(answer.path))
    table.add_row("generator", _bold(answer.generator, f", {answer.probability:.1%}"))
    if answer.runner_up is not None:
        table.add_row("runner-up", f"{plain(answer.runner_up)}, {answer.probabilities[answer.runner_up]:.1%}")
    among = "" if answer.real_percentile is None else f"; {answer.real_percentile:.0f}% of held-out reals lie closer"
    table.add_row("distance", f"{answer.distance:.2f} to the manifold{among}")
    table.add_row("nearest real", f"{plain(answer.nearest.path)}, {answer.nearest.distance:.2f} in RGB")
    return table


def _tabled(answers: list[Attribution | Failure]) -> Table:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

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
            table.add_row(plain(answer.path), Text("failed", "red"))
            continue
        table.add_row(
            plain(answer.path),
            _bold(answer.generator),
            f"{answer.probability:.1%}",
            "–" if answer.runner_up is None else plain(answer.runner_up),
            f"{answer.distance:.2f}",
            "–" if answer.real_percentile is None else f"{answer.real_percentile:.0f}%",
        )
    return table
