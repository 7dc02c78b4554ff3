"""How ``manifpt structure`` looks on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifpt.cli.text import console, plain

if TYPE_CHECKING:
    from manifpt.studies.structure import Structure


def show(found: Structure, clustering: str, rule: str) -> None:
    """Print a study of structure: a row for each choice, what has to be known beside it, and the Mantel test.

    Args:
        found: The study.
        clustering: Whose groups are shown.
        rule: What gives their number.
    """
    from rich.table import Table  # noqa: PLC0415  (rich loads only where something is drawn)

    from manifpt.reports.structure_tables import HEADINGS, caption, figures, mantel_line, notes  # noqa: PLC0415

    terminal = console()
    terminal.print(f"{plain(found.method)}:", style="bold")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("choice", no_wrap=True)
    for heading in HEADINGS:
        table.add_column(heading, justify="right")
    table.add_column("finding", no_wrap=True)
    asked = {"clustering": clustering, "rule": rule}
    for choice in found.choices.names:
        verdict = found.grouping(choice, **asked).verdict
        table.add_row(plain(choice), *figures(found, choice, **asked), verdict)
    terminal.print(table)
    for choice in found.choices.names:
        if told := notes(found, choice, **asked):
            terminal.print(f"{plain(choice)}: {plain(told)}", style="dim")
    terminal.print(plain(caption(found, **asked)), style="dim")
    terminal.print(plain(mantel_line(found)))
