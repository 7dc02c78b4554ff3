"""``manifpt evaluate --methods``: many methods on equal terms, and the table of their results."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from manifpt.cli.text import console, plain, tell
from manifpt.errors import DataError, ManifptError, WeightsError

if TYPE_CHECKING:
    from manifpt.cli.given import GivenImages
    from manifpt.images import ImageSet
    from manifpt.metrics.interval import Interval
    from manifpt.studies.attribution import LeftOut, Study
    from manifpt.studies.comparison import Line

ROWS = "rows"
# As in the paper: (a) pixels, (b) features of a network that was trained for something else.
MAPPED = ("rgb", "sl-cifar")
SHORTCUT_CHECKS = 999
MINUTE = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """What a comparison was asked for.

    Args:
        methods: Names, or ``all``.
        splits: Folds of each repetition.
        repeats: Repetitions.
        one_fold: Whether only the first fold of each repetition is run.
        budget: Minutes after which nothing new begins; None for no limit.
        control: What each method is tested against.
        seed: Of everything random.
        cached: Whether projections and costly points are kept.
        shortcuts: Whether files may give the class away.
    """

    methods: Sequence[str]
    splits: int
    repeats: int
    one_fold: bool
    budget: float | None
    control: str
    seed: int
    cached: bool
    shortcuts: bool

    def names(self) -> list[str]:
        """Return the methods, the control first, each once, members of fusions with them.

        Raises:
            UnknownNameError: A method is in no table.
        """
        from manifpt.methods.presets import presets  # noqa: PLC0415  (commands load what they need when they run)
        from manifpt.studies.attribution import with_members  # noqa: PLC0415

        asked = list(presets()) if list(self.methods) == ["all"] else list(self.methods)
        return with_members([self.control, *asked])


def compare(
    given: GivenImages, asked: Asked, *, name: str | None, out: Path | None, as_json: bool, model: str | None
) -> None:
    """Compare methods on a data set: run what is missing, then print and write everything from the rows.

    Args:
        given: The data set.
        asked: Which methods, and how often.
        name: How the rows call the data set; its file name when None.
        out: Folder whose ``rows`` keep the results; None forgets them.
        as_json: Whether to print JSON.
        model: A model that was given too.

    Raises:
        ManifptError: A model was given.
        DataError: The folder holds something else, or files give their class away.
    """
    from manifpt.cache import Cache  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.studies.attribution import Study  # noqa: PLC0415
    from manifpt.studies.comparison import compared  # noqa: PLC0415
    from manifpt.studies.rows import Rows  # noqa: PLC0415

    started = time.monotonic()
    if model:
        raise ManifptError(
            f"{model} is a model, and --methods fits its own",
            expected="DATA alone",
            remedy="leave the model out, or leave --methods out",
        )
    names = asked.names()
    if out:
        _refuse_unusable_store(out)
    images = given.opened()
    warning = _refuse_shortcuts(images, allowed=asked.shortcuts, seed=asked.seed)
    called = name or Path(given.data).resolve().name
    with ExitStack() as stack:
        rows = Rows(out / ROWS if out else Path(stack.enter_context(TemporaryDirectory())))
        cache = Cache() if asked.cached else None
        study = Study(called, images, rows, splits=asked.splits, seed=asked.seed, cache=cache)
        deadline = None if asked.budget is None else started + asked.budget * MINUTE
        left = study.run(names, repeats=asked.repeats, one_fold=asked.one_fold, deadline=deadline)
        lines = compared(rows, called, names, control=asked.control, seed=asked.seed)
        if out:
            _write(study, names, left, out, asked, warning)
    if as_json:
        record = {"lines": [line.record() for line in lines], "left_out": [asdict(one) for one in left]}
        sys.stdout.write(json.dumps(record, allow_nan=False) + "\n")
    else:
        _show(lines, left, asked.control)
        if out:
            typer.echo(f"wrote {plain(str(out))}: table.md, table.tex, table.csv, table.json, and figures")


def _write(study: Study, names: Sequence[str], left: Sequence[LeftOut], out: Path, asked: Asked, warning: str) -> None:
    """Write all tables and figures, and the maps of what the methods start from."""
    from manifpt.reports.study import written  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.studies.maps import mapped_space  # noqa: PLC0415

    for space in MAPPED:
        with suppress(WeightsError):
            mapped_space(study.rows, study.name, study.scored, study.folds(0)[0], space, seed=asked.seed)
    written(
        study.rows,
        [study.name],
        names,
        {study.name: left},
        out,
        control=asked.control,
        seed=asked.seed,
        warnings={study.name: warning},
    )


def _refuse_unusable_store(out: Path) -> None:
    """Refuse a folder that holds something, but no results of a study.

    Raises:
        DataError: It is a file, or holds other files and no rows.
    """
    if not out.exists() or (out / ROWS).is_dir() or (out.is_dir() and not any(out.iterdir())):
        return
    raise DataError(
        f"{out} exists and holds no results of a study",
        expected="a new folder, or one that `manifpt evaluate --methods` wrote",
        remedy="choose another --out",
    )


def _refuse_shortcuts(images: ImageSet, *, allowed: bool, seed: int) -> str:
    """Refuse images whose files give their class away; where that is allowed, return what does.

    Raises:
        DataError: File format, size, colour, JPEG settings or grid, or metadata go with the class.
    """
    from manifpt.studies.audit import file_shortcuts  # noqa: PLC0415  (commands load what they need when they run)

    found = file_shortcuts(images, permutations=SHORTCUT_CHECKS, seed=seed)
    if not found:
        return ""
    what = f"{found[0].name} gives the {found[0].question} away: {found[0].effect}"
    if not allowed:
        raise DataError(
            what,
            expected="files that differ in nothing but their pixels",
            remedy="look with `manifpt audit`, convert all images alike, or give --allow-shortcuts",
        )
    tell(f"note: {what}; what follows may measure that")
    return what


def _show(lines: Sequence[Line], left: Sequence[LeftOut], control: str) -> None:
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
        terminal.print(
            f"left out: {plain(one.method)} ({one.runs} run{'s' if one.runs > 1 else ''}): {plain(one.reason)}"
        )


def _runs(lines: Sequence[Line]) -> str:
    fewest, most = min(line.runs for line in lines), max(line.runs for line in lines)
    return f"{fewest if fewest == most else f'{fewest} to {most}'} fitted attributor{'s' if most > 1 else ''} each"


def _percent(interval: Interval, *, sign: str = "") -> str:
    value, low, high = (f"{100 * number:{sign}.1f}" for number in (interval.value, interval.low, interval.high))
    return f"{value} [{low}, {high}]"
