"""``manifpt cache``: what is kept on disk, and how to be rid of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manifpt.cli.text import console, plain

if TYPE_CHECKING:
    from manifpt.cache import Shelf
    from manifpt.manifolds.folders import Kept

application = typer.Typer(
    no_args_is_help=True,
    help="Show, check and prune the cache of points, projections and references (MANIFPT_CACHE moves it).",
)


@application.command("show")
def show() -> None:
    """Show what the cache holds.

    Example: [bold]manifpt cache show[/bold]
    """
    from rich.table import Table  # noqa: PLC0415  (commands load what they need when they run)

    from manifpt.cache import Cache  # noqa: PLC0415
    from manifpt.manifolds.folders import KEPT, kept  # noqa: PLC0415

    cache = Cache()
    shelves, folders = cache.shelves(), kept(cache.folder)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("what", overflow="fold")
    for name in ("images", "size", "last written"):
        table.add_column(name, justify="right")
    for shelf in shelves:
        table.add_row(plain(_described(shelf)), str(shelf.entries), f"{shelf.size / 2**20:.1f} MiB", shelf.used)
    for one in folders:
        table.add_row(plain(_told(one)), str(one.references), f"{one.size / 2**20:.1f} MiB", one.used)
    terminal = console()
    if shelves or folders:
        terminal.print(table)
    terminal.print(f"{len(shelves)} kinds of entries in {plain(str(cache.path))}", soft_wrap=True)
    if folders:
        terminal.print(f"{len(folders)} folders of references in {plain(str(cache.folder / KEPT))}", soft_wrap=True)


@application.command("verify")
def verify(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders of references to check besides; damage in them is told, and nothing removed.",
            metavar="[FOLDER]…",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Check every entry and every folder of references in the cache, and remove the damaged ones.

    Example: [bold]manifpt cache verify[/bold]
    """
    from manifpt.cache import Cache  # noqa: PLC0415
    from manifpt.errors import DataError  # noqa: PLC0415
    from manifpt.manifolds.folders import KEPT, discarded, kept  # noqa: PLC0415

    cache = Cache()
    bad = [folder for folder in folders or [] if _problems(folder, praised=True)]
    present = kept(cache.folder)
    damaged = [one.folder for one in present if one.size and any(_problems(one.folder))]
    removed = sum(map(discarded, damaged))
    typer.echo(f"{cache.damaged()} damaged entries removed from {plain(str(cache.path))}")
    if present:
        typer.echo(f"{removed} of {len(present)} folders of references removed from {plain(str(cache.folder / KEPT))}")
    if bad:
        raise DataError(
            f"{len(bad)} of {len(folders or [])} folders are not sound ({bad[0]})",
            expected="references as they were written",
            remedy="delete the shards named above and those after them, then append their rows again",
        )


@application.command("prune")
def prune(
    days: Annotated[
        int | None,
        typer.Option(
            "--older-than", min=0, max=36500, help="Only what was last written more than DAYS days ago.", metavar="DAYS"
        ),
    ] = None,
) -> None:
    """Remove entries and folders of references; all of them unless --older-than is given.

    Example: [bold]manifpt cache prune --older-than 30[/bold]
    """
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415

    from manifpt.cache import Cache  # noqa: PLC0415
    from manifpt.manifolds import folders  # noqa: PLC0415

    cache = Cache()
    before = None if days is None else (datetime.now(UTC) - timedelta(days=days)).date().isoformat()
    typer.echo(f"{cache.prune(before=before)} entries removed")
    if folders.kept(cache.folder):
        typer.echo(f"{folders.prune(cache.folder, before=before)} folders of references removed")


def _described(shelf: Shelf) -> str:
    settings = shelf.settings
    if "points" in settings:
        height, width = settings["size"]
        return f"points of {settings['points']['name']}, {width} × {height}"
    if "network" in settings:
        return f"{settings['network']['name']} in {settings['space']['name']}"
    return f"projections in {settings['space']['name']} onto {settings['reference'][:12]}…"


def _told(kept: Kept) -> str:
    settings = kept.settings or {}
    try:
        height, width = settings["size"]
        return f"references in {settings['space']['name']}, {width} × {height}"
    except (KeyError, TypeError, ValueError):
        return f"references in the folder {kept.folder.name}" + ("" if settings else ", which cannot be read")


def _problems(folder: Path, *, praised: bool = False) -> list[bool]:
    """Print what is wrong with a folder of references; return of each problem whether it is damage."""
    from manifpt.manifolds.references import References  # noqa: PLC0415
    from manifpt.manifolds.shards import DamageError, ReferencesError  # noqa: PLC0415

    try:
        references = References(folder)
        damages = references.damaged()
    except ReferencesError as error:
        typer.echo(plain(error.happened))
        return [isinstance(error, DamageError)]
    for damage in damages:
        typer.echo(plain(str(damage)))
    if praised and not damages:
        typer.echo(f"{plain(str(folder))} is sound: {references!r}")
    return [True] * len(damages)
