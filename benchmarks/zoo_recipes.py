"""How fast a step of the zoo's training is, by precision, memory layout, compilation, threads and size of the batch.

Every row trains the same generator on the same reals; rows are measured in turn, again and again, and the median of the
rounds is shown as images a second and as the ratio to the first row, which is how the zoo is trained.

Run: python benchmarks/zoo_recipes.py [--design dcgan] [--rounds 5] [--steps 20]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch

from manifpt.zoo import training
from manifpt.zoo.design import Design
from manifpt.zoo.designs import named
from manifpt.zoo.run import Run

WARM = 3


@dataclasses.dataclass(frozen=True)
class Row:
    """A way to take a step.

    Args:
        name: In the table.
        batch: Images in a step.
        threads: Of torch.
        bf16: Whether the step runs in mixed precision.
        channels_last: Whether maps lie in memory pixel by pixel.
        compiled: Whether the networks are compiled.
    """

    name: str
    batch: int = 64
    threads: int = 1
    bf16: bool = False
    channels_last: bool = False
    compiled: bool = False


ROWS = (
    Row("fp32, 1 thread"),
    Row("bf16", bf16=True),
    Row("channels last", channels_last=True),
    Row("channels last, bf16", channels_last=True, bf16=True),
    Row("compiled", compiled=True),
    Row("batch of 128", batch=128),
    Row("batch of 256", batch=256),
    Row("2 threads", threads=2),
    Row("2 threads, batch of 256", threads=2, batch=256),
)


def main() -> None:
    """Measure all rows in turn, and print a table."""
    options = _options()
    design = named(options.design)
    images = np.random.default_rng(0).integers(0, 256, (1000, 32, 32, 3), np.uint8)
    rows = [row for row in ROWS if not row.compiled or (shutil.which("c++") and not options.uncompiled)]
    stepped = {row: _prepared(row, design, images) for row in rows}
    seconds: dict[Row, list[float]] = {row: [] for row in rows}
    for _ in range(options.rounds):
        for row, step in stepped.items():
            torch.set_num_threads(row.threads)
            started = time.perf_counter()
            for _ in range(options.steps):
                step()
            seconds[row].append((time.perf_counter() - started) / options.steps)
    rates = {row: row.batch / median(times) for row, times in seconds.items()}
    first = rates[ROWS[0]]
    found = [
        {"recipe": row.name, "images_per_second": round(rate), "ratio": rate / first} for row, rate in rates.items()
    ]
    if options.json:
        print(json.dumps({"design": options.design, "rounds": options.rounds, "rows": found}))
        return
    for one in found:
        print(f"{one['recipe']:26} {one['images_per_second']:6} images/s  × {one['ratio']:.2f}")


def _prepared(row: Row, design: Design, images: np.ndarray) -> Callable[[], object]:
    run = training._begun(design, 10**6)
    _change(run, row)

    def step() -> object:
        return training._stepped(run, design, images, None)

    torch.set_num_threads(row.threads)
    for _ in range(WARM):
        step()
    return step


def _change(run: Run, row: Row) -> None:
    run.objective.recipe = dataclasses.replace(run.objective.recipe, batch=row.batch, bf16=row.bf16)
    for network in run.objective.networks.values():
        if row.channels_last:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
        if row.compiled:
            network.compile()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--design", default="dcgan")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--uncompiled", action="store_true", help="leave out what has to be compiled first")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
