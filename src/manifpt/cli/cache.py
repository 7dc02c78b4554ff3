"""``manifpt cache``: what is kept on disk, and how to be rid of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from manifpt.cli.text import console, plain

if TYPE_CHECKING:
    from manifpt.cache import Shelf

application = typer.Typer(
    no_args_is_help=True, help="Show, check and prune the cache of points and projections (MANIFPT_CACHE moves it)."
)


@application.command("show")
def show() -> None:
    """Show what the cache holds.

    Example: [bold]manifpt cache show[/bold]
    """
    from rich.table import Table  # noqa: PLC0415  (commands load what they need when they run)

    from manifpt.cache import Cache  # noqa: PLC0415

    cache = Cache()
    shelves = cache.shelves()
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("what", overflow="fold")
    for name in ("images", "size", "last written"):
        table.add_column(name, justify="right")
    for shelf in shelves:
        table.add_row(plain(_described(shelf)), str(shelf.entries), f"{shelf.size / 2**20:.1f} MiB", shelf.used)
    terminal = console()
    if shelves:
        terminal.print(table)
    terminal.print(f"{len(shelves)} kinds of entries in {plain(str(cache.path))}", soft_wrap=True)


@application.command("verify")
def verify() -> None:
    """Check every entry and remove the damaged ones.

    Example: [bold]manifpt cache verify[/bold]
    """
    from manifpt.cache import Cache  # noqa: PLC0415

    cache = Cache()
    typer.echo(f"{cache.damaged()} damaged entries removed from {plain(str(cache.path))}")


@application.command("prune")
def prune(
    days: Annotated[
        int | None,
        typer.Option(
            "--older-than", min=0, max=36500, help="Only entries last written more than DAYS days ago.", metavar="DAYS"
        ),
    ] = None,
) -> None:
    """Remove entries; all of them unless --older-than is given.

    Example: [bold]manifpt cache prune --older-than 30[/bold]
    """
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415

    from manifpt.cache import Cache  # noqa: PLC0415

    before = None if days is None else (datetime.now(UTC) - timedelta(days=days)).date().isoformat()
    typer.echo(f"{Cache().prune(before=before)} entries removed")


def _described(shelf: Shelf) -> str:
    settings = shelf.settings
    if "points" in settings:
        height, width = settings["size"]
        return f"points of {settings['points']['name']}, {width} × {height}"
    return f"projections in {settings['space']['name']} onto {settings['reference'][:12]}…"
