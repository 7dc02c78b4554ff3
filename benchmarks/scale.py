"""What a shard costs, how two shards share the work, and what a large set would take: the tables of docs/scale.md.

    OMP_NUM_THREADS=1 python benchmarks/scale.py [--references 100000000] [--price 2.5] …

One thread decodes images and searches a shard as large as a file of references (CIFAR-10 reals, 32 × 32); then a Ray
cluster of one node makes points of 6,144 images in a network's space, in turn with this process, and searches 50,000
references in one shard and in two, in turn. The plan multiplies the figures of one thread. It takes time per reference
as constant, and nothing about larger machines, networks or prices is measured: they are the options.

Reals are looked for in ``MANIFPT_DATA``, else in ``../shared/data`` beside the repository.
"""

from __future__ import annotations

import argparse
import logging
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from projection_data import DATA, embedded, held_out, reals

from manifpt.cluster import installed
from manifpt.embeddings.embedding import Points
from manifpt.embeddings.spread import Spread
from manifpt.extractors.points import embedded as points_of
from manifpt.images import ImageSet
from manifpt.manifolds import nearest
from manifpt.manifolds.nearest import Nearest
from manifpt.manifolds.sharded import Sharded
from manifpt.manifolds.shards import BLOCK_ROWS, block_digest
from manifpt.registry import built
from manifpt.storage import IN_MEMORY_BYTES

REFERENCES, QUERIES, REPEATS = 50_000, 2_000, 5
SPACE, IMAGES, TURNS = "ssl-cifar", 6144, 3  # of which points are made, and how often
BATCH = 10_000  # queries of one broadcast, in the plan
FREE = 0.8  # share of a node's memory for references and indices


@dataclass(frozen=True)
class Shard:
    """What one file of references costs one thread.

    Args:
        references: How many it holds.
        point: Bytes of a reference.
        index: Bytes of the index for each.
        build: Seconds to build the index for each.
        digest: Seconds to compare the digest for each.
        pair: Seconds for each of a query and a reference.
        decode: Seconds to read, decode and compare an image.
    """

    references: int
    point: int
    index: float
    build: float
    digest: float
    pair: float
    decode: float


def shard(references: Points, queries: Points, images: ImageSet) -> Shard:
    """Return what a shard costs, with an index that is built for the first query."""
    nearest.WORK = 0
    first = Points(queries.values[:1], queries.scale)
    Nearest().fit([Points(references.values[:BLOCK_ROWS], references.scale)]).search(first)  # loads the machine code
    one = Nearest().fit([references])
    count = len(references)
    digest = statistics.median(seconds(lambda: block_digest(references.values)) for _ in range(REPEATS))
    build = statistics.median(seconds(lambda: Nearest().fit([references]).search(first)) for _ in range(REPEATS))
    one.search(first)
    decode = seconds(lambda: [images[index] for index in range(len(images))]) / len(images)
    search = statistics.median(seconds(lambda: one.search(queries)) for _ in range(REPEATS))
    held = sum(array.nbytes for array in arrays(one.parts_[0].index))
    point = references.values[0].nbytes
    return Shard(count, point, held / count, build / count, digest / count, search / count / len(queries), decode)


def arrays(thing: Any) -> list[np.ndarray[Any, Any]]:
    """Return all arrays that a thing holds."""
    if isinstance(thing, np.ndarray):
        return [thing]
    names = getattr(thing, "__dataclass_fields__", ())
    return [array for name in names for array in arrays(getattr(thing, name))]


def spread(images: ImageSet) -> dict[str, float]:
    """Return the seconds that points take in this process and on the cluster, medians of runs in turn."""
    here = built("embeddings", SPACE)
    places = {"this process": here, "the cluster": Spread(here)}
    expected = [points.values.tobytes() for _, points in points_of(images, here)]
    times: dict[str, list[float]] = {name: [] for name in places}
    for repeat in range(TURNS + 1):  # The first starts workers and hands the network to them.
        for name, one in places.items():
            start = time.perf_counter()
            found = [points.values for _, points in points_of(images, one)]
            times[name] += [time.perf_counter() - start] if repeat else []
            assert [values.tobytes() for values in found] == expected
    return {name: statistics.median(some) for name, some in times.items()}


def shared(references: Points, queries: Points) -> dict[int, float]:
    """Return the seconds of a search by the number of shards, each with one thread, medians of runs in turn."""
    expected = Nearest().fit([references]).search(queries)
    times: dict[int, list[float]] = {1: [], 2: []}
    held = {count: Sharded(shards=count).fit([references]) for count in times}
    for repeat in range(REPEATS + 1):  # The first builds the indices.
        for count, one in held.items():
            start = time.perf_counter()
            found = one.search(queries)
            times[count] += [time.perf_counter() - start] if repeat else []
            assert found.squares.tobytes() == expected.squares.tobytes()
            assert (found.numbers == expected.numbers).all()
    return {count: statistics.median(some) for count, some in times.items()}


def plan(cost: Shard, asked: argparse.Namespace) -> list[tuple[str, str]]:
    """Return what a set of references would take."""
    count, network = asked.references, asked.gigabits * 1e9 / 8
    points, indices = count * cost.point, count * cost.index
    nodes = math.ceil((points + indices) / (FREE * asked.memory * 2**30))
    workers = nodes * asked.cores
    load = points / nodes / network + count / workers * (cost.digest + cost.build)
    search = count / workers * cost.pair
    broadcast = BATCH * cost.point * nodes / network
    job = asked.queries * search + asked.queries / BATCH * broadcast
    making = max(count / workers * cost.decode, points / network)
    hours = (count * cost.decode + making + load + count * cost.digest + job) / 3600
    return [
        ("points on the shared disk", f"{points / 1e9:,.0f} GB"),
        ("points and indices in memory", f"{(points + indices) / 1e9:,.0f} GB"),
        ("nodes", f"{nodes}"),
        ("shards, one for each core", f"{workers} of {count / workers:,.0f} references"),
        ("opening the set by the process that fits, one thread", f"{count * cost.decode / 3600:,.1f} h"),
        ("making RGB points on the nodes, which go to the process that fits", f"{making / 60:,.1f} min"),
        ("digests by the process that fits, one thread", f"{count * cost.digest / 60:,.1f} min"),
        ("reading, comparing digests and indexing by the nodes", f"{load / 60:,.1f} min"),
        (
            "a shard again after a death",
            f"{(count / workers) * (cost.point / network + cost.digest + cost.build):,.0f} s",
        ),
        (f"broadcast of {BATCH:,} queries, node after node", f"{broadcast:,.2f} s"),
        (f"search of {BATCH:,} queries", f"{BATCH * search:,.1f} s"),
        (f"{asked.queries:,} queries, without making their points", f"{job / 60:,.1f} min"),
        ("all of it", f"{hours:,.2f} h, {nodes * hours:,.1f} node-hours, {nodes * hours * asked.price:,.2f} $"),
        ("for each hour that it stays up", f"{nodes * asked.price:,.2f} $"),
    ]


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def table(rows: list[tuple[str, str]]) -> str:
    """Return rows as Markdown."""
    return "\n".join(["| | |", "|---|---:|", *(f"| {name} | {value} |" for name, value in rows)])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--references", type=int, default=10**8)
    parser.add_argument("--queries", type=int, default=10**6)
    parser.add_argument("--cores", type=int, default=32, help="of a node")
    parser.add_argument("--memory", type=float, default=256, help="GiB of a node")
    parser.add_argument("--gigabits", type=float, default=10, help="each second, of a node's network")
    parser.add_argument("--price", type=float, default=2.5, help="dollars for an hour of a node")
    asked = parser.parse_args()
    references, queries = embedded("rgb", reals(REFERENCES)), embedded("rgb", held_out(QUERIES))
    rows = IN_MEMORY_BYTES // references.values[0].nbytes // BLOCK_ROWS * BLOCK_ROWS
    images = ImageSet.photographs([str(DATA / "reals" / "cifar10-train")]).subset(range(IMAGES))
    cost = shard(Points(references.values[:rows], references.scale), queries, images)
    measured = [
        ("references of a file", f"{cost.references:,}"),
        ("bytes of a point", f"{cost.point:,}"),
        ("bytes of the index, for each", f"{cost.index:,.0f}"),
        ("digest, for each", f"{cost.digest * 1e6:.2f} µs"),
        ("building the index, for each", f"{cost.build * 1e6:.1f} µs"),
        ("search, for each of a query and a reference", f"{cost.pair * 1e9:.2f} ns"),
        ("reading, decoding and comparing an image", f"{cost.decode * 1e6:.0f} µs"),
    ]
    ray = installed()
    ray.init(
        num_cpus=2,
        object_store_memory=250 * 2**20,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    made = spread(images)
    making = [(f"points made by {place}", f"{each:,.1f} s") for place, each in made.items()]
    making.append(("ratio", f"{made['this process'] / made['the cluster']:.2f}"))
    times = shared(references, queries)
    scaling = [(f"shards: {count}", f"{1000 * each:,.0f} ms") for count, each in times.items()]
    ray.shutdown()
    for rows_of_one in (measured, making, [*scaling, ("ratio", f"{times[1] / times[2]:.2f}")], plan(cost, asked)):
        print(table(rows_of_one), end="\n\n")


if __name__ == "__main__":
    main()
