"""Spaces × attributors with every training image and nothing tuned: the last part of docs/results.md.

    python benchmarks/untuned.py --rows benchmarks/untuned.jsonl

Every finished row is appended at once; a run that was stopped goes on with the rows that are missing. ``--only`` takes
globs of ``set/method``. The page is made of these rows by ``benchmarks/results.py``. The images are looked for in
``MANIFPT_DATA`` (default: ``../shared/data`` beside the repository).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from manifpt import ImageSet

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("MANIFPT_DATA", ROOT.parent / "shared" / "data"))
FOLDS, SEED = 5, 0


@dataclass(frozen=True)
class Task:
    """A data set, as ``ImageSet.open`` takes it."""

    name: str
    title: str
    options: Callable[[Path], dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """A method: space, manifold and attributor."""

    space: str
    manifold: str | None
    attributor: str
    shuffled: bool = False

    @property
    def name(self) -> str:
        kind = "artifact" if self.manifold else "points"
        return f"{kind}:{self.space}:{self.attributor}{':shuffled' if self.shuffled else ''}"


TASKS = (
    Task(
        "gm-cifar10-wild",
        "32 generators trained on CIFAR-10, and real; reference: reals/cifar10-train, real class: reals/cifar10-test",
        lambda data: {
            "data": data / "gm-cifar10-wild",
            "reference": data / "reals" / "cifar10-train",
            "real": data / "reals" / "cifar10-test",
        },
    ),
    Task(
        "vae16",
        "the 16 PyTorch-VAE models of gm-celeba64-wild, no real class; reference: its 269 reals and reals/faces64, "
        "whose crops differ from the models'",
        lambda data: {
            "data": data / "gm-celeba64-wild",
            "generators": ["vae-*-antixk"],
            "reference": [
                *sorted((data / "gm-celeba64-wild").glob("real-*")),
                data / "reals" / "faces64",
            ],
        },
    ),
    Task(
        "gm-runs64-wild",
        "one DCGAN code trained by 5 people, and real; the 392 reals are halved into reference and real class",
        lambda data: {"data": data / "gm-runs64-wild"},
    ),
)
MAPS = ("rgb", "freq", "rgb+freq")
VECTORS = ("sl-cifar", "ssl-cifar")
ROWS = (
    *(Row(space, "nearest", "linear") for space in MAPS),
    *(Row(space, "nearest", "resnet-small") for space in MAPS),
    Row("rgb", None, "resnet-small"),
    *(Row(space, None, "linear") for space in MAPS),
    *(Row(space, manifold, "linear") for space in VECTORS for manifold in ("nearest", None)),
    *(Row(space, manifold, "mlp") for space in VECTORS for manifold in ("nearest", None)),
    Row("freq", None, "resnet-small"),
    # With labels that say nothing, anything above chance would be a leak.
    Row("freq", "nearest", "linear", shuffled=True),
)
# Neither temperature nor penalty is tuned: no method gets a validation trial, and a row costs a third of the time.
UNTUNED = {"calibration_folds": 0}
SETTINGS = {
    "linear": UNTUNED,
    "mlp": UNTUNED,
    "resnet-small": UNTUNED,
}


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=Path, default=ROOT / "benchmarks" / "untuned.jsonl")
    parser.add_argument("--only", nargs="*", default=["*"], help="globs of set/method")
    given = parser.parse_args()
    for task in TASKS:
        run(task, given.rows, given.only)


def run(task: Task, rows: Path, only: list[str]) -> None:
    """Append the missing rows of a data set."""
    from manifpt import Cache, ImageSet, ManiFPT, cross_validated

    done = {(row["set"], row["method"]) for row in stored(rows)}
    wanted = [
        row
        for row in ROWS
        if (task.name, row.name) not in done and any(fnmatchcase(f"{task.name}/{row.name}", glob) for glob in only)
    ]
    if not wanted:
        return
    os.environ.setdefault("MANIFPT_WEIGHTS", str(DATA / "weights"))
    images = ImageSet.open(**task.options(DATA))
    print(images.describe(), flush=True)
    for row in wanted:
        options = SETTINGS[row.attributor]
        method = ManiFPT(
            row.space, attributor=row.attributor, manifold=row.manifold, seed=SEED, cache=Cache(), **options
        )
        started = time.perf_counter()
        answers = cross_validated(method, shuffled(images) if row.shuffled else images, splits=FOLDS, seed=SEED)
        scores = answers.scores(seed=SEED).record()
        for name in ("confusion", "per_class", "classes"):
            scores.pop(name)
        record = {
            "set": task.name,
            "method": row.name,
            "folds": FOLDS,
            "seed": SEED,
            "settings": options,
            "classes": len(answers.classes),
            "reference": len(images.reference),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            **scores,
        }
        with rows.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        print(task.name, row.name, scores["balanced_accuracy"], f"{time.perf_counter() - started:.0f} s", flush=True)


def shuffled(images: ImageSet) -> ImageSet:
    """Return the set with the generators of its scored images permuted."""
    scored = np.flatnonzero(images.roles != "reference")
    generators = images.generators.copy()
    generators[scored] = np.random.default_rng(SEED).permutation(generators[scored])
    records = [replace(record, generator=str(name)) for record, name in zip(images.records, generators, strict=True)]
    return replace(images, records=tuple(records))


def stored(rows: Path) -> list[dict[str, Any]]:
    """Return the finished rows."""
    return [json.loads(line) for line in rows.read_text().splitlines()] if rows.exists() else []


def section(rows: list[dict[str, Any]]) -> str:
    """Return the part of docs/results.md that these rows make."""
    head = (ROOT / "benchmarks" / "untuned_head.md").read_text(encoding="utf-8")
    return head + "\n".join(_section(task, [row for row in rows if row["set"] == task.name]) for task in TASKS)


def _section(task: Task, rows: list[dict[str, Any]]) -> str:
    if not rows:
        return f"## {task.name}\n\n{task.title}. No row was run.\n"
    first = rows[0]
    lines = [
        f"## {task.name}, nothing tuned",
        "",
        f"{task.title}. n = {first['images']} images of {first['classes']} classes, {first['reference']} references; "
        f"chance {first['chance']:.1%}; {FOLDS} folds once, seed {SEED}.",
        "",
        "| space | features | attributor | balanced accuracy % | accuracy % | real against generated, AUC | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    order = {row.name: number for number, row in enumerate(ROWS)}
    for row in sorted(rows, key=lambda row: order.get(row["method"], len(order))):
        kind, space, attributor, *control = row["method"].split(":")
        words = "artifact, nearest" if kind == "artifact" else "point itself"
        words += " (labels shuffled)" if control else ""
        cells = [
            space,
            words,
            attributor,
            _percent(row["balanced_accuracy"]),
            _percent(row["accuracy"]),
            _plain(row["detection_auc"]),
            f"{row['seconds']:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    missing = sorted(set(order) - {row["method"] for row in rows}, key=order.__getitem__)
    lines += ["", f"Not run: {', '.join(missing)}." if missing else "Every row was run.", ""]
    return "\n".join(lines)


def _percent(interval: dict[str, float]) -> str:
    return "{value:.1f} [{low:.1f}, {high:.1f}]".format(**{name: 100 * value for name, value in interval.items()})


def _plain(interval: dict[str, float] | None) -> str:
    return "–" if interval is None else "{value:.3f} [{low:.3f}, {high:.3f}]".format(**interval)


if __name__ == "__main__":
    main()
