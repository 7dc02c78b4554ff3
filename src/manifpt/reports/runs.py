"""What a report is made of: the folder that a command wrote, recognised by its files and read with care."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifpt.errors import DataError
from manifpt.studies import exhibits, provenance
from manifpt.studies.answers import Scores
from manifpt.studies.comparison import Line
from manifpt.studies.effects import Effect
from manifpt.studies.exhibits import Exhibits
from manifpt.studies.grouping import Grouping

SCORES, TABLE, ATTRIBUTIONS = "scores.json", "table.json", "attributions.jsonl"
MODEL = "model.json"


@dataclass(frozen=True, slots=True)
class Compared:
    """A method of a comparison, as its table tells it.

    Args:
        method: Its name.
        about: What it is.
        line: Its figures of merit; None where it has none.
        reason: Why there are none or fewer.
    """

    method: str
    about: str
    line: Line | None
    reason: str


@dataclass(frozen=True, slots=True)
class DataSet:
    """The methods on one data set.

    Args:
        name: Of the data set.
        control: What each method was tested against.
        methods: In the order of the table.
        warning: What a reader must know before any number.
    """

    name: str
    control: str
    methods: tuple[Compared, ...]
    warning: str


@dataclass(frozen=True, slots=True)
class Structured:
    """What the fingerprints of one method have to do with designs, as a study of structure tells it.

    Args:
        method: Whose features were looked at.
        generators: How many there are.
        images_each: With how many images each counts.
        distance: What was measured between them.
        groupings: Groups of fingerprints against each choice.
        effects: The share of the spread that goes with each choice.
        mantel: Correlation of the distances of designs and of fingerprints, and its p-value; None where not tested.
        mantel_reason: Why there is none.
        within: Choices within whose values labels were shuffled.
        permutations: How many shuffles were drawn.
    """

    method: str
    generators: int
    images_each: int
    distance: str
    groupings: tuple[Grouping, ...]
    effects: tuple[Effect, ...]
    mantel: tuple[float, float] | None
    mantel_reason: str
    within: tuple[str, ...]
    permutations: int


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The results of one command.

    Args:
        folder: Where they are.
        scores: Of an evaluation of one method.
        data_sets: Of a comparison of methods.
        structures: Of a study of fingerprints and designs.
        attributions: Of images whose generator was asked for, and of inputs that failed.
        exhibits: Images that are shown as evidence.
        provenance: What was asked for and used; None where the run did not say.
    """

    folder: Path
    scores: Scores | None = None
    data_sets: tuple[DataSet, ...] = ()
    structures: tuple[Structured, ...] = ()
    attributions: tuple[dict[str, Any], ...] = ()
    exhibits: Exhibits | None = None
    provenance: dict[str, Any] | None = None


def opened(folder: Path) -> RunFolder:
    """Return what ``evaluate``, ``transfer``, ``structure``, ``attribute`` or ``demo`` wrote with ``--out``.

    Raises:
        DataError: There is no such folder, it holds no results, or they are damaged.
    """
    kinds: dict[str, Callable[[Path], dict[str, Any]]] = {
        SCORES: lambda path: {"scores": _scores(path)},
        TABLE: _tabled,
        ATTRIBUTIONS: lambda path: {"attributions": _attributions(path)},
    }
    name = next((name for name in kinds if (folder / name).is_file()), None)
    if name is None:
        raise _unknown(folder)
    try:
        found = kinds[name](folder / name)
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{folder / name} holds no results ({type(error).__name__})",
            expected="the file that the run wrote",
            remedy="run it again",
        ) from error
    pictures = folder / exhibits.FILE
    kept = Exhibits.load(pictures) if pictures.is_file() and name != TABLE else None
    return RunFolder(folder, exhibits=kept, provenance=provenance.read(folder), **found)


def _unknown(folder: Path) -> DataError:
    what = (
        "is a model, not the results of a run"
        if (folder / MODEL).is_file()
        else "holds no results of a run"
        if folder.is_dir()
        else "is no folder"
        if folder.exists()
        else "does not exist"
    )
    return DataError(
        f"{folder} {what}",
        expected="a folder that `manifpt evaluate`, `transfer`, `structure`, `attribute` or `demo` wrote with --out",
        remedy="run one of them first",
    )


def _scores(path: Path) -> Scores:
    scores = Scores.restored(json.loads(path.read_text(encoding="utf-8")))
    # Numbers that are none would be told only in the middle of a page.
    numbers = (scores.chance, scores.macro_f1, scores.log_loss, scores.calibration_error, scores.seconds)
    counts = (scores.images, scores.answers, scores.runs, *(one.support for one in scores.per_class))
    shares = [share for one in scores.per_class for share in (one.precision, one.recall) if share is not None]
    if not all(isinstance(value, int | float) for value in (*numbers, *counts, *shares)) or not scores.classes:
        raise TypeError("another type")
    if len(scores.per_class) != len(scores.classes):
        raise ValueError("another number of classes")
    return scores


def _tabled(path: Path) -> dict[str, Any]:
    record = json.loads(path.read_text(encoding="utf-8"))
    if "studies" in record:
        return {"structures": tuple(_structured(one) for one in record["studies"])}
    return {"data_sets": _data_sets(record)}


def _structured(record: dict[str, Any]) -> Structured:
    mantel = record["mantel"]
    tested = "correlation" in mantel
    groupings = tuple(Grouping(**_told(row)) for row in record["groupings"])
    effects = tuple(Effect(**_told(row)) for row in record["effects"])
    numbers: list[float | None] = []
    for group in groupings:
        numbers += (group.nmi, group.ami, group.generators, group.levels, group.p_value, group.corrected, group.least_p)
    for effect in effects:
        numbers += (effect.share, effect.p_value, effect.corrected, effect.least_p)
    # Numbers that are none would be told only in the middle of a page.
    if not groupings or not all(value is None or isinstance(value, int | float) for value in numbers):
        raise TypeError("another type")
    return Structured(
        method=str(record["method"]),
        generators=len(record["generators"]),
        images_each=int(record["images_each"]),
        distance=str(record["distance"]),
        groupings=groupings,
        effects=effects,
        mantel=(float(mantel["correlation"]), float(mantel["p_value"])) if tested else None,
        mantel_reason="" if tested else str(mantel["reason"]),
        within=tuple(map(str, record["within"])),
        permutations=int(record["permutations"]),
    )


def _told(row: dict[str, Any]) -> dict[str, Any]:
    # The verdict follows from the rest.
    return {name: value for name, value in row.items() if name != "verdict"}


def _data_sets(record: dict[str, Any]) -> tuple[DataSet, ...]:
    return tuple(
        DataSet(
            str(one["data"]),
            str(one["control"]),
            tuple(
                Compared(
                    str(entry["method"]),
                    str(entry["about"]),
                    None if entry["results"] is None else _line(entry["results"]),
                    str(entry["reason"] or ""),
                )
                for entry in one["methods"]
            ),
            str(one.get("warning") or ""),
        )
        for one in record["data_sets"]
    )


def _line(record: dict[str, Any]) -> Line:
    line = Line.restored(record)
    numbers = (line.chance, line.macro_f1, line.log_loss, line.calibration_error, line.seconds, line.images, line.runs)
    if not all(isinstance(value, int | float) for value in (*numbers, line.p_value or 0.0)):
        raise TypeError("another type")
    return line


def _attributions(path: Path) -> tuple[dict[str, Any], ...]:
    found = []
    for text in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(text)
        checked: dict[str, Any] = {"path": str(record["path"])}
        if "error" in record:
            checked["error"] = str(record["error"])
        else:
            checked |= {name: str(record[name]) for name in ("generator", "version")}
            checked |= {name: float(record[name]) for name in ("probability", "distance")}
            checked["probabilities"] = {str(name): float(share) for name, share in record["probabilities"].items()}
            checked["runner_up"] = None if record["runner_up"] is None else str(record["runner_up"])
            percentile = record["real_percentile"]
            checked["real_percentile"] = None if percentile is None else float(percentile)
            checked["sha256"] = None if record["sha256"] is None else str(record["sha256"])
            checked["model"] = None if record["model"] is None else str(record["model"])
            checked["warnings"] = tuple(str(warning) for warning in record["warnings"])
        found.append(checked)
    return tuple(found)
