"""FAISS indices that propose references, built so that a seed decides them."""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.threads import shared_out

Rows = slice | NDArray[np.int64]
Coordinates = Callable[[Rows], NDArray[np.float32]]

CENTROIDS = 256  # of one quantiser: a byte each
TRAINING = 40  # points for each centroid; FAISS wants at least 39
ROWS = 1024  # added at once; fixed, because the graph depends on it
LEAST = 16  # queries of a thread


class Proposals:
    """An index of references.

    Args:
        index: The FAISS index.
        padding: How many zeros each point needs at its end.
        together: How many queries one search of the index takes at most.
    """

    def __init__(self, index: Any, *, padding: int = 0, together: int = ROWS) -> None:
        self.index, self.padding, self.together = index, padding, together

    def __call__(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """Return which references may be the nearest to queries (n, d): indices (n, count), −1 where there are less."""
        faiss, numbers = library(), np.full((len(queries), count), -1, np.int64)

        def some(start: int, stop: int) -> None:
            with one_thread(faiss):
                for first in range(start, stop, self.together):
                    part = slice(first, min(first + self.together, stop))
                    numbers[part] = self.index.search(self.padded(queries[part]), count)[1]

        shared_out(some, len(queries), least=LEAST)
        return numbers

    def padded(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return points (n, d) with the zeros that they need, (n, d + padding)."""
        return np.pad(points, ((0, 0), (0, self.padding))) if self.padding else points

    def added(self, coordinates: Coordinates, references: int) -> Proposals:
        """Return the index with all references in it."""
        for start in range(0, references, ROWS):
            self.index.add(self.padded(coordinates(slice(start, min(start + ROWS, references)))))
        return self


def graph(
    coordinates: Coordinates, references: int, *, links: int, construction: int, breadth: int, seed: int
) -> Proposals:
    """Return a navigable graph of the references (Malkov and Yashunin 2018), with their float32 coordinates.

    Args:
        coordinates: Gives the float32 coordinates (n, d) of some references.
        references: How many there are.
        links: Links of each reference (M).
        construction: How many references are weighed for the links of a new one (efConstruction).
        breadth: How many references a search keeps in view (efSearch).
        seed: Decides the levels.
    """
    faiss = library()
    index = faiss.IndexHNSWFlat(coordinates(slice(0, 1)).shape[1], links)
    # More than all references change nothing, and FAISS makes room for as many as it is told.
    index.hnsw.efConstruction, index.hnsw.efSearch = min(construction, references), min(breadth, references)
    index.hnsw.rng = faiss.RandomGenerator(seed)
    with one_thread(faiss):
        return Proposals(index).added(coordinates, references)


def quantised(
    coordinates: Coordinates, references: int, *, lists: int | None, code: int, probes: int, seed: int
) -> Proposals:
    """Return lists of product-quantised residuals (Jégou, Douze and Schmid 2011), one code for each reference.

    Args:
        coordinates: Gives the float32 coordinates (n, d) of some references.
        references: How many there are, at least 256.
        lists: Coarse lists; None for 4 √n of n references. No more than n / 40 are made.
        code: Bytes of one code; no more than there are coordinates.
        probes: How many lists a search reads.
        seed: Decides the training of the quantisers.
    """
    faiss = library()
    width = coordinates(slice(0, 1)).shape[1]
    bytes_, made = min(code, width), min(lists or round(4 * math.sqrt(references)), references // TRAINING)
    padding = -width % bytes_
    index = faiss.IndexIVFPQ(faiss.IndexFlatL2(width + padding), width + padding, made, bytes_, 8)
    index.nprobe = probes
    for clustering in (index.cp, index.pq.cp):
        clustering.seed = seed
        # Few points train a coarser code, which is what few references need; FAISS would write to the terminal.
        clustering.min_points_per_centroid = 1
    chosen = np.random.default_rng(seed).choice(
        references, min(references, TRAINING * max(made, CENTROIDS)), replace=False
    )
    # Of many queries FAISS takes products, whose rounding, and so which lists are read, depends on how many they are.
    proposals = Proposals(index, padding=padding, together=1)
    with one_thread(faiss):
        index.train(proposals.padded(coordinates(np.sort(chosen))))
        return proposals.added(coordinates, references)


@contextmanager
def one_thread(faiss: Any) -> Iterator[None]:
    """Let FAISS work with one thread: with several, the order in which they end would decide the graph.

    OpenMP keeps this number for each thread that calls, so that searches in other threads notice nothing.
    """
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


@cache
def library() -> Any:
    """Return the library FAISS."""
    # Its compiled types have no module, which newer versions of Python deprecate. Filters are those of the whole
    # process, so that no search may change them.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module("faiss")
