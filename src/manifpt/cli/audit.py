"""``manifpt audit``: whether the class can be told from what is not content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from manifpt.cli import options
from manifpt.cli.given import GivenImages
from manifpt.cli.text import console, plain, tell

if TYPE_CHECKING:
    from manifpt.studies.audit import Audit

FOUND = 3


def audit(
    data: Annotated[str, typer.Argument(help="Folder, manifest, Parquet or array of images.", metavar="DATA")],
    reference: options.Reference = None,
    real: options.Real = None,
    layout: options.Layout = "auto",
    generators: options.Generators = None,
    resize: options.Resize = None,
    crop: options.Crop = None,
    permutations: Annotated[int, typer.Option(min=19, help="Shuffled labellings drawn for each test.")] = 1999,
    seed: options.Seed = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with status 3 when something is found.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Look for shortcuts before a study: what tells the classes apart and is not content.

    File format, pixel size, bit depth, JPEG settings and grid, colour profile, metadata, border rows, crops, copies,
    classes of few distinct images, and the same content in two roles. Each test shuffles the labels; p-values are
    corrected for the number of tests.

    Example: [bold]manifpt audit demo/images[/bold]
    """
    import json  # noqa: PLC0415  (commands load what they need when they run)
    import sys  # noqa: PLC0415

    from manifpt.audits.suspects import suspects  # noqa: PLC0415
    from manifpt.studies.audit import audit as audited  # noqa: PLC0415

    given = GivenImages(data, reference, real, layout, generators, resize, crop, strict=False)
    images = suspects(
        given.data,
        reference=reference,
        real=real,
        layout=layout,
        resize=resize,
        crop=crop,
        generators=generators,
    )
    tell(images.describe())
    found = audited(images, permutations=permutations, seed=seed)
    if as_json:
        sys.stdout.write(json.dumps(found.record(), allow_nan=False) + "\n")
    else:
        _show(found)
    if found.findings and strict:
        raise typer.Exit(FOUND)


def _show(found: Audit) -> None:
    from rich.table import Table  # noqa: PLC0415

    terminal = console()
    table = Table(box=None, pad_edge=False)
    for heading in ("", "check", "tells", "strength", "p (Holm)", "what was seen"):
        table.add_column(heading, justify="right" if heading in ("strength", "p (Holm)") else "left")
    for check in found.checks:
        strength = f"{check.statistic:.0f}" if check.corrected is None else f"{check.statistic:.2g}"
        p = "fact" if check.corrected is None else f"{check.corrected:.4f}"
        table.add_row(
            "!" if check.found else "",
            check.name,
            check.question,
            strength,
            p,
            plain(check.effect) if check.found else "",
        )
    terminal.print(table)
    terminal.print()
    for check in found.findings:
        if check.files:
            terminal.print(f"{check.name}, {check.question}: see {', '.join(map(plain, check.files))}")
    terminal.print(
        f"{len(found.findings)} findings in {len(found.checks)} checks of {found.images} images "
        f"({found.distinct} distinct), {found.permutations} permutations, seed {found.seed}"
    )
