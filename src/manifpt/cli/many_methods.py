"""What the commands that compare many methods share: their names, the folder of results, refusals and the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from manifpt.cli.text import console, plain, tell
from manifpt.errors import DataError

if TYPE_CHECKING:
    from manifpt.images import ImageSet
    from manifpt.metrics.interval import Interval
    from manifpt.studies.attribution import LeftOut
    from manifpt.studies.comparison import Line
    from manifpt.studies.rows import Rows

ROWS = "rows"
SHORTCUT_CHECKS = 999
MINUTE = 60


def chosen(methods: Sequence[str], control: str) -> list[str]:
    """Return the methods, the control first, each once, members of fusions with them.

    Args:
        methods: Names, or ``all`` alone.
        control: What each method is tested against.

    Raises:
        UnknownNameError: A method is in no table.
    """
    from manifpt.methods.presets import presets  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.studies.attribution import with_members  # noqa: PLC0415

    return with_members([control, *(presets() if list(methods) == ["all"] else methods)])


@contextmanager
def kept(out: Path | None) -> Iterator[Rows]:
    """Give the results that are kept in a folder, or, without one, a table that is forgotten afterwards."""
    from manifpt.studies.rows import Rows  # noqa: PLC0415  (commands load what they need when they run)

    if out:
        yield Rows(out / ROWS)
        return
    with TemporaryDirectory() as folder:
        yield Rows(folder)


def refuse_unusable_store(out: Path) -> None:
    """Refuse a folder that holds something, but no results of a study.

    Raises:
        DataError: It is a file, or holds other files and no rows.
    """
    if not out.exists() or (out / ROWS).is_dir() or (out.is_dir() and not any(out.iterdir())):
        return
    raise DataError(
        f"{out} exists and holds no results of a study",
        expected="a new folder, or one that `manifpt evaluate --methods` or `manifpt transfer` wrote",
        remedy="choose another --out",
    )


def refuse_shortcuts(images: ImageSet, *, allowed: bool, seed: int, where: str = "") -> str:
    """Refuse images whose files give their class away; where that is allowed, say and return what does.

    Args:
        images: Images with generators.
        allowed: Whether a note is enough.
        seed: Of the permutations.
        where: What the text begins with, where there is more than one set.

    Raises:
        DataError: File format, size, colour, JPEG settings or grid, or metadata go with the class.
    """
    from manifpt.studies.audit import file_shortcuts  # noqa: PLC0415  (commands load what they need when they run)

    found = file_shortcuts(images, permutations=SHORTCUT_CHECKS, seed=seed)
    if not found:
        return ""
    what = f"{where}{found[0].name} gives the {found[0].question} away: {found[0].effect}"
    if not allowed:
        raise DataError(
            what,
            expected="files that differ in nothing but their pixels",
            remedy="look with `manifpt audit`, convert all images alike, or give --allow-shortcuts",
        )
    tell(f"note: {what}; what follows may measure that")
    return what


def show(lines: Sequence[Line], left: Sequence[LeftOut], control: str) -> None:
    """Print the table, and what was left out."""
    from rich.table import Table  # noqa: PLC0415  (rich loads only where something is drawn)

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("method", no_wrap=True)
    for heading in ("balanced accuracy %", f"less {plain(control)}'s", "p (Holm)", "AUC of real", "s/run"):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in sorted(lines, key=lambda one: -one.balanced_accuracy.value):
        table.add_row(
            plain(line.method),
            _percent(line.balanced_accuracy),
            "" if line.difference is None else _percent(line.difference, sign="+"),
            "" if line.p_value is None else f"{line.p_value:.3f}",
            "–" if line.detection_auc is None else f"{line.detection_auc.value:.3f}",
            f"{line.seconds:.0f}",
        )
    terminal = console()
    terminal.print(table)
    if lines:
        terminal.print(
            f"chance {100 * lines[0].chance:.1f}; {_runs(lines)}; 95% intervals by bootstrap over images and runs",
            style="dim",
        )
    for one in left:
        many = "s" if one.runs > 1 else ""
        terminal.print(f"left out: {plain(one.method)} ({one.runs} run{many}): {plain(one.reason)}")


def _runs(lines: Sequence[Line]) -> str:
    fewest, most = min(line.runs for line in lines), max(line.runs for line in lines)
    return f"{fewest if fewest == most else f'{fewest} to {most}'} fitted attributor{'s' if most > 1 else ''} each"


def _percent(interval: Interval, *, sign: str = "") -> str:
    value, low, high = (f"{100 * number:{sign}.1f}" for number in (interval.value, interval.low, interval.high))
    return f"{value} [{low}, {high}]"
