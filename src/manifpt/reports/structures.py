"""All tables and figures of studies of structure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from manifpt.methods.presets import FAULTS, presets
from manifpt.reports.dendrogram import dendrogram_figure
from manifpt.reports.design_maps import design_map_figure
from manifpt.reports.structure_tables import FORMATS, distances_csv
from manifpt.reports.study import file_name
from manifpt.reports.style import saved
from manifpt.studies.structure import Structure
from manifpt.writing import replaced

DRAWN = ("png", "svg")
TREE, MAP, TABLE = "dendrogram", "map", "distances"


def files() -> list[str]:
    """Return the names of all files that studies of any methods write."""
    made = [f"table.{kind}" for kind in FORMATS]
    for method in (*presets(), *FAULTS):
        name = file_name(method)
        made += [f"{what}-{name}.{kind}" for what in (TREE, MAP) for kind in DRAWN]
        made.append(f"{TABLE}-{name}.csv")
    return made


def written(studies: Sequence[Structure], out: Path, *, data: str) -> list[str]:
    """Write all tables and figures into a folder, which is replaced as a whole, and return their names.

    They are ``table.md``, ``.tex``, ``.csv`` and ``.json`` of all studies, and for each
    ``dendrogram-METHOD`` and ``map-METHOD`` as PNG and SVG, and ``distances-METHOD.csv``.

    Args:
        studies: One for each method.
        out: The folder, made if needed.
        data: What the figures call the data set.

    Raises:
        DataError: The folder cannot be written.
    """
    names = []
    with replaced(out) as folder:
        for kind, form in FORMATS.items():
            (folder / f"table.{kind}").write_text(form(studies), encoding="utf-8", newline="")
            names.append(f"table.{kind}")
        for found in studies:
            name, title = file_name(found.method), f"{data}: fingerprints of {found.method}"
            (folder / f"{TABLE}-{name}.csv").write_text(distances_csv(found), encoding="utf-8", newline="")
            names.append(f"{TABLE}-{name}.csv")
            for what, figure in (
                (TREE, dendrogram_figure(found, title=title)),
                (MAP, design_map_figure(found, title=title)),
            ):
                for kind in DRAWN:
                    names.append(saved(figure, folder / f"{what}-{name}.{kind}").name)
    return names
