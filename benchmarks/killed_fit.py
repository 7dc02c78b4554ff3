"""Kill a fit at random moments until it ends, and compare the model with that of an unbroken run.

    python benchmarks/killed_fit.py --kills 60 --seed 0

Each run is `manifpt fit` in a process of its own, on the demo's images: features of `ssl-cifar` through `mlp`, and
`rgb` through `resnet-small` in every sixth round. The process gets SIGKILL at a moment drawn uniformly from the seconds
that an unbroken run takes, and is started again until it ends. Every embedded batch, projected block and training step
is logged, so that what was done twice is counted. Threads are fixed to one.

The tests use single runs, which kill themselves at a named point.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

METHODS = {"ssl-cifar": ("ssl-cifar", "mlp"), "rgb": ("rgb", "resnet-small")}
RARE = 6  # every so many rounds the slower method has its turn
BATCH, STEPS = 256, 100
QUICK = {"epochs": 1, "least_steps": 30, "batch": 16}


def die(*_: Any) -> None:
    """End this process as the kernel would."""
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str, act: Callable[[], None]) -> None:
    """Let ``act`` happen before each call of a function."""
    whole = getattr(owner, name)

    def acting(*arguments: Any, **options: Any) -> Any:
        act()
        return whole(*arguments, **options)

    setattr(owner, name, acting)


def halved(owner: Any, name: str) -> None:
    """Let a function write half of its file, and the process die."""
    whole = getattr(owner, name)

    def half(tensors: Any, path: Any, *more: Any) -> None:
        whole(tensors, path, *more)
        os.truncate(path, Path(path).stat().st_size // 2)
        die()

    setattr(owner, name, half)


class Nth:
    """Dies at the nth call."""

    def __init__(self, nth: int) -> None:
        self.left = nth

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            die()


class DyingConnection(sqlite3.Connection):
    """Dies when rows are in the transaction, which is not committed yet."""

    def executemany(self, *arguments: Any) -> Any:
        """Add the rows, and die."""
        super().executemany(*arguments)
        die()


def _dying_connections() -> None:
    from manifpt import cache

    connect = sqlite3.connect
    cache.sqlite3.connect = lambda *path, **options: connect(*path, factory=DyingConnection, **options)


def _before(module: str, owner: str | None, name: str, nth: int) -> Callable[[], None]:
    def prepared() -> None:
        from importlib import import_module

        found = import_module(module)
        before(getattr(found, owner) if owner else found, name, Nth(nth))

    return prepared


def _halved(module: str) -> Callable[[], None]:
    def prepared() -> None:
        from importlib import import_module

        halved(import_module(module), "save_file")

    return prepared


POINTS: dict[str, Callable[[], None]] = {
    "while images are read": _before("manifpt.images.opening", None, "thumbnail", 40),
    "while images are embedded": _before("manifpt.embeddings.inference", "NetworkEmbedding", "_inferred", 3),
    "with cache entries not committed": _dying_connections,
    "while points are projected": _before("manifpt.manifolds.nearest", "Nearest", "project", 2),
    "in the second of three trainings": _before("manifpt.attributors.training", None, "_stepped", 47),
    "with half a checkpoint written": _halved("manifpt.sealed"),
    "with a whole checkpoint not in its place": _before("manifpt.writing", None, "_kept", 3),
    "with half a model written": _halved("manifpt.methods.saving"),
    "with a whole model not in its place": _before("manifpt.writing", None, "_renamed", 1),
    "with the model in its place and the checkpoint there": _before("manifpt.methods.resuming", None, "removed", 1),
}


def fit(folder: Path, space: str, point: str | None, *, small: bool) -> None:
    """Run `manifpt fit` in this process, and log what it does."""
    # A shell that starts jobs in the background makes them, and what they start, deaf to Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MANIFPT_CACHE=str(folder / "cache"))
    from manifpt.attributors import checkpoints, network, trained_network, training
    from manifpt.cli import application
    from manifpt.embeddings.inference import NetworkEmbedding
    from manifpt.extractors import points
    from manifpt.manifolds.nearest import Nearest

    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    part = "?"

    def noted(event: str, number: int) -> None:
        os.write(log, f"{event}\t{number}\n".encode())

    if small:
        points.BATCH, checkpoints.STEPS = 32, 10
        for made in (network.MLP, network.SmallResNet):
            made.__init__.__kwdefaults__.update(QUICK)

    inferred, project, trained, stepped = (
        NetworkEmbedding._inferred,
        Nearest.project,
        training.trained,
        training._stepped,
    )

    def training_noted(*arguments: Any, description: str, **options: Any) -> Any:
        nonlocal part
        part = description
        return trained(*arguments, description=description, **options)

    def step_noted(state: Any, *arguments: Any) -> Any:
        noted(part, state.step)
        return stepped(state, *arguments)

    NetworkEmbedding._inferred = lambda self, images: (noted("embed", len(images)), inferred(self, images))[1]
    Nearest.project = lambda self, points: (noted("project", len(points)), project(self, points))[1]
    training.trained = trained_network.training.trained = training_noted
    training._stepped = step_noted
    if point:
        POINTS[point]()
    space, attributor = METHODS[space]
    words = ["fit", str(folder.parent / "images"), "--out", str(folder / "model")]
    sys.argv = ["manifpt", *words, "--space", space, "--attributor", attributor]
    application.run()


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Args:
        status: Exit status, negative for a signal.
        log: What it did: (event, number), in order.
        seconds: Its duration.
        told: Its standard error.
    """

    status: int
    log: list[tuple[str, int]]
    seconds: float
    told: str


def run(
    folder: Path, space: str, *, point: str | None = None, after: float | None = None, small: bool = False
) -> Ended:
    """Run a fit, killing it after so many seconds, or at a point."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    log.write_text("")
    words = [sys.executable, __file__, "fit", str(folder), space, point or "", "small" if small else ""]
    start = time.monotonic()
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as child:
        try:
            told = child.communicate(timeout=after)[1]
        except subprocess.TimeoutExpired:
            child.kill()
            told = child.communicate()[1]
    seconds = time.monotonic() - start
    entries = [line.split("\t") for line in log.read_text().splitlines()]
    return Ended(child.returncode, [(event, int(number)) for event, number in entries], seconds, told)


def digests(folder: Path) -> dict[str, str]:
    """Return the digest of every file of a model but its description, which holds the time."""
    files: dict[str, str] = json.loads((folder / "model" / "model.json").read_text())["files"]
    return files


def times(event: str, runs: list[Ended]) -> int:
    """Return how many images were embedded or projected; a single one is embedded to learn a point's shape."""
    return sum(number for run in runs for name, number in run.log if name == event and number > 1)


def repeated(runs: list[Ended]) -> int:
    """Return the most steps that one run did again of what the run before it had done."""
    most = 0
    for earlier, later in itertools.pairwise(runs):
        reached = dict(earlier.log)
        first = dict(reversed(later.log))
        trainings = reached.keys() & first.keys() - {"embed", "project"}
        most = max([most, *(reached[training] - first[training] + 1 for training in trainings)])
    return most


def images(folder: Path, per_generator: int) -> None:
    """Write the demo's images."""
    from manifpt.zoo.demo_images import demo_set

    demo_set(folder / "images", per_generator=per_generator)


def measured(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """Kill so many runs, and return what came out."""
    images(folder, 160)
    whole = {space: run(folder / f"whole-{space}", space) for space in METHODS}
    for space, one in whole.items():
        assert one.status == 0, one.told
        print(f"unbroken {space}: {one.seconds:.1f} s", flush=True)
    rng, rounds, different, most_steps = random.Random(seed), 0, 0, 0
    stages: Counter[str] = Counter()
    again: Counter[str] = Counter()
    while stages.total() < kills:
        space = "rgb" if rounds % RARE == RARE - 1 else "ssl-cifar"
        work, runs = folder / f"round-{rounds}", []
        while not _ended(work):
            after = rng.uniform(0, whole[space].seconds) if stages.total() < kills else None
            runs.append(run(work, space, after=after))
            assert runs[-1].status in (0, -signal.SIGKILL), runs[-1].told
            assert "Traceback" not in runs[-1].told, runs[-1].told
            if runs[-1].status != 0:
                stages[runs[-1].log[-1][0] if runs[-1].log else "starting, reading images"] += 1
        rounds += 1
        for event in ("embed", "project"):
            extra = times(event, runs) - times(event, [whole[space]])
            assert extra <= BATCH * (len(runs) - 1), (event, extra)
            again[event] += extra
        most_of_round = repeated(runs)
        assert most_of_round <= STEPS, runs
        most_steps = max(most_steps, most_of_round)
        different += digests(work) != digests(folder / f"whole-{space}")
        left = {path.name for path in work.iterdir() if not path.name.endswith(".part")}
        assert left == {"cache", "log", "model"}, left
        print(f"round {rounds} {space}: {len(runs) - 1} kills, models that differ so far: {different}", flush=True)
    return {
        "kills": stages.total(),
        "models": rounds,
        "models that differ from the unbroken one": different,
        "most steps done again after a kill": most_steps,
        "images embedded again, all kills": again["embed"],
        "images projected again, all kills": again["project"],
        "what was under way": dict(stages.most_common()),
        "seed": seed,
    }


def _ended(work: Path) -> bool:
    """Return whether a model is there and no checkpoint: a kill after that has nothing left to stop."""
    return (work / "model").exists() and not (work / "model.checkpoint").exists()


def main() -> None:
    """Read the command line and print what came out."""
    if sys.argv[1:2] == ["fit"]:
        folder, space, point, small = sys.argv[2:]
        fit(Path(folder), space, point or None, small=bool(small))
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), asked.kills, asked.seed)
    print(json.dumps(found | {"seconds": round(time.monotonic() - start)}, indent=1))


if __name__ == "__main__":
    main()
