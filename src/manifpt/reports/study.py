"""All tables and figures of compared methods, made from the rows alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from manifpt.reports.choices import comparison_figure
from manifpt.reports.comparisons import Comparison, comparison
from manifpt.reports.confusion import confusion_figure
from manifpt.reports.maps import map_figure
from manifpt.reports.separation import measured, separation_figure
from manifpt.reports.style import saved
from manifpt.reports.tables import FORMATS
from manifpt.studies.attribution import LeftOut
from manifpt.studies.comparison import answering, confusions
from manifpt.studies.rows import Rows, Run
from manifpt.writing import replaced_file

LONGEST = 100  # letters of a file's name


def written(
    rows: Rows,
    data_sets: Sequence[str],
    methods: Sequence[str],
    left_out: Mapping[str, Sequence[LeftOut]],
    out: Path,
    *,
    control: str = "raw",
    seed: int = 0,
    warnings: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write the tables, maps, and figures of accuracies and confusions into a folder, and return their paths.

    They are ``table.md``, ``.tex``, ``.csv`` and ``.json`` of all data sets, and for each data set
    ``comparison-DATA.png``, ``fdr-DATA.png`` where images are enough, ``tsne-DATA.png`` where there is a map, and
    ``confusion-DATA/METHOD.png``. Other files of the folder stay.

    Args:
        rows: The results.
        data_sets: Their names.
        methods: In the order of the tables.
        left_out: What was not run on each data set.
        out: The folder, made if needed.
        control: What each method is tested against.
        seed: Of the bootstrap.
        warnings: What a reader must know of a data set before any number.

    Raises:
        DataError: A file of the rows is no run, or the folder cannot be written.
    """
    told = warnings or {}
    made = [
        comparison(
            rows,
            data,
            methods,
            left_out=left_out.get(data, ()),
            control=control,
            seed=seed,
            warning=told.get(data, ""),
        )
        for data in data_sets
    ]
    paths = []
    for kind, form in FORMATS.items():
        with replaced_file(out / f"table.{kind}") as path:
            path.write_text(form(made), encoding="utf-8", newline="")
        paths.append(out / f"table.{kind}")
    for one in made:
        paths += _drawn(rows, one, out)
    return paths


def file_name(name: str) -> str:
    """Return a name that any file system takes, another one for every name.

    Example:
        >>> file_name("image+spectrum"), file_name("../x")
        ('image+spectrum', '%2E.%2Fx')
    """
    safe = quote(name, safe="+", errors="surrogatepass")
    safe = f"%2E{safe[1:]}" if safe.startswith(".") else safe or "%"
    if len(safe) <= LONGEST:
        return safe
    return f"{safe[:LONGEST]}-{hashlib.sha256(safe.encode()).hexdigest()[:16]}"


def _drawn(rows: Rows, one: Comparison, out: Path) -> Iterator[Path]:
    data = file_name(one.data)
    yield saved(comparison_figure(one, title=one.data), out / f"comparison-{data}.png")
    if measured(one.lines):
        figure = separation_figure(one.lines, title=f"{one.data}: accuracy and separation")
        yield saved(figure, out / f"fdr-{data}.png")
    maps = _maps(rows, one)
    if maps:
        yield saved(map_figure(maps, title=f"{one.data}: t-SNE of the tested images"), out / f"tsne-{data}.png")
    for line in one.lines:
        counts, classes = confusions(answering(rows, one.data, line.method))
        title = f"{line.method}: balanced accuracy {line.balanced_accuracy.value:.1%}"
        yield saved(
            confusion_figure(counts, classes, title=title), out / f"confusion-{data}" / f"{file_name(line.method)}.png"
        )


def _maps(rows: Rows, one: Comparison) -> list[Run]:
    """Return the first run of each method that has a map: pixels and other inputs before what methods learn of them."""
    found = [run for run in rows.runs(data=one.data) if (run.key.repeat, run.key.fold) == (0, 0)]
    inputs = [run for run in found if run.notes.get("map")]
    learned = {run.key.method: run for run in found if not run.notes.get("map")}
    shown = [*reversed(sorted(inputs, key=lambda run: run.key.method)), *(
        learned[entry.method] for entry in one.entries if entry.method in learned
    )]  # fmt: skip
    return [run for run in shown if run.places is not None]
