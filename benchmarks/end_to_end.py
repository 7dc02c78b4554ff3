"""Where the time of `fit` and `attribute` goes on real images, and how long a plain script takes for the same.

    python benchmarks/end_to_end.py [--only WORD …] [--pairs 5] [--json] [--keep]

References are CIFAR-10's training reals, generators those of ``gm-cifar10-wild`` with CIFAR-10's test reals as a class
of their own, all from ``MANIFPT_DATA`` (default: ``../shared/data`` beside the repository). Every second image of a
generator trains, the others are attributed. `fit` goes from files to a saved model, `attribute` from a saved model and
files to answers, both without a cache. The script (`plain.py`) decodes by Pillow, embeds by NumPy or a plain loop,
projects by FAISS Flat and uses the same attributor; it neither checks files nor looks for near-duplicates (their groups
are given to it), nor shows evidence. Both must find the same distances, and the same generators but for a few that
rounding decides. Seconds and shares of the stages are medians over the same runs as the ratio.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch
from embedding import DATA, in_batches, plain_network, weights
from figures import Row, add_options, report
from interleaved import PAIRS, Measured, measured
from plain import Plain, pixels
from stages import NAMES, OTHER, watched

from manifpt import ImageSet, ManiFPT
from manifpt.embeddings.embedding import Embedding
from manifpt.embeddings.small import SupervisedCIFAR
from manifpt.manifolds.threads import threads
from manifpt.methods.attribution import Attribution
from manifpt.methods.method import Method
from manifpt.registry import built

DISTANT = 1e-4  # what distances may differ by, as a share
ADMITTED = 0.99  # the share of answers that agree
RESNET = ("resnet-small", {"epochs": 2, "least_steps": 0, "calibration_folds": 0})
REAL = "real"


@dataclass(frozen=True)
class Data:
    """Files.

    Args:
        references: Reals that estimate the manifold.
        training: A folder per generator.
        asked: What is attributed.
    """

    references: Path
    training: Path
    asked: list[Path]


def copied(folder: Path, references: int, generators: int) -> Data:
    """Copy the files of a run, so that nothing else lies beside them."""
    sources = [DATA / "reals" / "cifar10-test", *sorted((DATA / "gm-cifar10-wild").glob("*-*"))]
    asked: list[Path] = []
    for source in sources[: 1 + generators]:
        name = REAL if source is sources[0] else source.name
        for part in ("training", "asked"):
            (folder / part / name).mkdir(parents=True)
        files = sorted(source.glob("*.png"))
        for file in files[::2]:
            shutil.copy(file, folder / "training" / name)
        asked += [Path(shutil.copy(file, folder / "asked" / name)) for file in files[1::2]]
    (folder / "references").mkdir()
    for file in sorted((DATA / "reals" / "cifar10-train").glob("*.png"))[:references]:
        shutil.copy(file, folder / "references")
    return Data(folder / "references", folder / "training", asked)


class Run:
    """One configuration, by manifpt and by a script.

    Args:
        space: The embedding.
        plain: The script's embedding.
        attributor: Its name.
        options: Its settings.
        data: The files.
        folder: Where both write.
    """

    def __init__(
        self, space: Embedding, plain: Any, attributor: str, options: dict[str, Any], *, data: Data, folder: Path
    ):
        self.space, self.attributor, self.options = space, attributor, options
        self.data, self.folder, self.seconds = data, folder, {"fit": [], "attribute": []}
        self.script = Plain(
            plain,
            1 / 255 if space.name == "rgb" else 1.0,
            partial(built, "attributors", attributor, **self._settings()),
        )
        opened = self._opened()
        scored = opened.scored
        self.references = [Path(path) for path in opened.reference.paths]
        self.given = ([Path(path) for path in scored.paths], scored.generators, scored.groups)

    def _settings(self) -> dict[str, Any]:
        flips = {"flips": True} if self.attributor == "resnet-small" and self.space.mirrors else {}
        return {"seed": 0, **flips, **self.options}

    def _opened(self) -> ImageSet:
        return ImageSet.open(self.data.training, reference=self.data.references)

    def fit(self) -> None:
        """Fit and save by manifpt, watched."""
        with watched(self.space, self._kind()) as seconds:
            model = ManiFPT(self.space, attributor=self.attributor, seed=0, **self.options).fit(self._opened())
            model.save(self.folder / "model")
        self.seconds["fit"].append(seconds)

    def fit_by_script(self) -> None:
        """Likewise by the script."""
        self.script.fit(self.references, *self.given, self.folder / "plain.npz")

    def attribute(self) -> list[Attribution]:
        """Load and attribute by manifpt, watched."""
        with watched(self.space, self._kind()) as seconds:
            found = list(Method.load(self.folder / "model").attributions(self.data.asked))
        self.seconds["attribute"].append(seconds)
        return [answer for answer in found if isinstance(answer, Attribution)]

    def attribute_by_script(self) -> tuple[Any, Any]:
        """Likewise by the script."""
        return self.script.attribute(self.folder / "plain.npz", self.data.asked)

    def _kind(self) -> type:
        return type(built("attributors", self.attributor))

    def agreement(self) -> dict[str, float]:
        """Return how far the answers of both agree, after both have fitted.

        Raises:
            AssertionError: Not far enough.
        """
        answers, (theirs, distances) = self.attribute(), self.attribute_by_script()
        assert len(answers) == len(self.data.asked)
        same = float(np.mean(theirs == [answer.generator for answer in answers]))
        own = np.array([answer.distance for answer in answers])
        apart = float(np.max(np.abs(own - distances) / np.maximum(distances, 1)))
        assert apart <= DISTANT, apart
        assert same >= ADMITTED, same
        return {"same_answers": round(same, 4), "difference_of_distances": float(f"{apart:.1e}")}

    def stages(self, what: str, pairs: int) -> dict[str, dict[str, float]]:
        """Return the median seconds of each stage over the last runs, and its share."""
        runs = self.seconds[what][-pairs:]
        found = {name: statistics.median(run[name] for run in runs) for name in (*NAMES, OTHER)}
        whole = statistics.median(sum(run.values()) for run in runs)
        return {
            name: {"seconds": round(took, 4), "share": round(took / whole, 3)} for name, took in found.items() if took
        }


@dataclass
class Profiled:
    """A row.

    Args:
        measured: The times.
        stages: Name → seconds and share.
    """

    measured: Measured
    stages: dict[str, dict[str, float]]

    def row(self) -> Row:
        """Return the row for JSON."""
        return {**self.measured.row(), "stages": self.stages}

    def line(self, name: str) -> str:
        """Return the row in words, and a table of the stages."""
        shown = [f"    {stage:<8} {one['seconds']:9.3f} s {one['share']:7.1%}" for stage, one in self.stages.items()]
        return "\n".join([self.measured.line(name), *shown])


def rows(data: Data, folder: Path, pairs: int, words: list[str]) -> Iterator[tuple[str, Profiled]]:
    """Yield a row for `fit` and one for `attribute` of each configuration."""
    network, where = SupervisedCIFAR(), {"data": data, "folder": folder}
    runs: dict[str, Callable[[], Run]] = {
        "rgb, resnet-small of 2 epochs": lambda: Run(built("embeddings", "rgb"), pixels, *RESNET, **where),
        "freq, linear": lambda: Run(built("embeddings", "freq"), in_batches, "linear", {}, **where),
        "sl-cifar, linear": lambda: Run(network, plain_network(network), "linear", {}, **where),
    }
    for name, made in runs.items():
        if not any(word in name for word in words):
            continue
        run = made()
        about: Row = {"data": "reals and gm-cifar10-wild, 32²", "seed": 0, "threads": threads()}
        about |= {"references": len(run.references)}
        sizes = {"fit": len(run.given[0]), "attribute": len(data.asked)}
        both = {"fit": (run.fit, run.fit_by_script), "attribute": (run.attribute, run.attribute_by_script)}
        timed = {
            what: measured(*sides, peer="Pillow, NumPy, FAISS Flat", pairs=pairs, **about, images=sizes[what])
            for what, sides in both.items()
        }
        stages = {what: run.stages(what, pairs) for what in both}
        agreed = run.agreement()
        for what, one in timed.items():
            yield f"{what}: {name}", Profiled(replace(one, about={**one.about, **agreed}), stages[what])


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument(
        "--only", nargs="+", metavar="WORD", default=[""], help="rows whose name has one of these words"
    )
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--references", type=int, default=4000, help="at most")
    parser.add_argument("--generators", type=int, default=4)
    given = parser.parse_args()
    if not DATA.is_dir():
        parser.error(f"{DATA} is no folder; set MANIFPT_DATA")
    if weights() is not None:  # A saved model looks for its space's weights where the user keeps them.
        os.environ.setdefault("MANIFPT_WEIGHTS", str(weights()))
    faiss.omp_set_num_threads(threads())
    torch.set_num_threads(threads())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        data = copied(folder, given.references, given.generators)
        report("end_to_end", rows(data, folder, given.pairs, given.only), given)


if __name__ == "__main__":
    main()
