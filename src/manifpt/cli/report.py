"""``manifpt report``: the results of a run as one page that can be sent to somebody."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from manifpt.cli.text import plain


def report(
    run: Annotated[
        Path,
        typer.Argument(
            help="Folder that `evaluate`, `transfer`, `structure`, `attribute` or `demo` wrote with --out.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="HTML file to write; an earlier report is replaced.", metavar="FILE")
    ] = Path("report.html"),
    no_reference_images: Annotated[
        bool,
        typer.Option(
            "--no-reference-images",
            help="Leave out photographs: references, images of class real, and artifacts, which show outlines.",
        ),
    ] = False,
) -> None:
    """Write the results of a run as one HTML file: verdict, tables, figures, evidence, provenance and limits.

    The file needs no network and no other file, and can be read on a phone and printed.

    Example: [bold]manifpt report demo -o demo/report.html[/bold]
    """
    from manifpt.reports.page import refuse_other, written  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.reports.runs import opened  # noqa: PLC0415

    refuse_other(out)
    written(opened(run), out, references=not no_reference_images)
    typer.echo(f"wrote {plain(str(out))}: one file of {out.stat().st_size / 1e6:.1f} MB, to be opened in any browser")
