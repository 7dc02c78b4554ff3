"""``manifpt evaluate --methods``: many methods on equal terms."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from manifpt.cli.many_methods import MINUTE, chosen, kept, refuse_shortcuts, refuse_unusable_store, show
from manifpt.cli.ran import command
from manifpt.cli.text import plain
from manifpt.errors import ManifptError, WeightsError

if TYPE_CHECKING:
    from manifpt.cli.given import GivenImages
    from manifpt.images import ImageSet
    from manifpt.studies.attribution import LeftOut, Study

# As in the paper: (a) pixels, (b) features of a network that was trained for something else.
MAPPED = ("rgb", "sl-cifar")


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
        return chosen(self.methods, self.control)


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

    started = time.monotonic()
    if model:
        raise ManifptError(
            f"{model} is a model, and --methods fits its own",
            expected="DATA alone",
            remedy="leave the model out, or leave --methods out",
        )
    names = asked.names()
    if out:
        refuse_unusable_store(out)
    images = given.opened()
    warning = refuse_shortcuts(images, allowed=asked.shortcuts, seed=asked.seed)
    called = name or Path(given.data).resolve().name
    with kept(out) as rows:
        cache = Cache() if asked.cached else None
        study = Study(called, images, rows, splits=asked.splits, seed=asked.seed, cache=cache)
        deadline = None if asked.budget is None else started + asked.budget * MINUTE
        left = study.run(names, repeats=asked.repeats, one_fold=asked.one_fold, deadline=deadline)
        lines = compared(rows, called, names, control=asked.control, seed=asked.seed)
        if out:
            _write(study, images, names, left, out, asked, warning)
    if as_json:
        record = {"lines": [line.record() for line in lines], "left_out": [asdict(one) for one in left]}
        sys.stdout.write(json.dumps(record, allow_nan=False) + "\n")
    else:
        show(lines, left, asked.control)
        if out:
            typer.echo(f"wrote {plain(str(out))}: table.md, table.tex, table.csv, table.json, run.json, and figures")
            typer.echo(f"next: manifpt report {plain(str(out))}")


def _write(
    study: Study,
    images: ImageSet,
    names: Sequence[str],
    left: Sequence[LeftOut],
    out: Path,
    asked: Asked,
    warning: str,
) -> None:
    """Write all tables and figures, and the maps of what the methods start from."""
    from manifpt.reports.study import written  # noqa: PLC0415  (commands load what they need when they run)
    from manifpt.studies import provenance  # noqa: PLC0415
    from manifpt.studies.maps import mapped_space  # noqa: PLC0415

    told = provenance.provenance(command(), seed=asked.seed, data={study.name: images})
    provenance.written(told, out)
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
