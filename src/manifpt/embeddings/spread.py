"""A space whose points are made by the nodes of a Ray cluster."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from manifpt.cluster import ClusterError, installed, joined, lost, processors, watched
from manifpt.embeddings.embedding import Embedding, Images, Points
from manifpt.embeddings.rows import failure_table, images_of, images_table, points_of, points_table
from manifpt.images import ImageSet

# Of a processor: workers that hold references reserve the rest of it, a hundredth each.
SHARE = 0.9
WINDOW = 2**28  # bytes of images that wait at most, unless there are not enough for all processors


class Spread:
    """Makes the points of another space on a Ray cluster, to the same bits.

    Sets of images are one Ray Data pipeline: a part is a block, and ``map_batches`` gives it whole to one task, which
    decodes the images and makes their points as this process would have, with the batches, the thread number and the
    network of this process. Files travel as paths, and all other images by their pixels.

    Args:
        embedding: The space.
        address: The cluster's address; None for that in ``RAY_ADDRESS``, else the one on this machine, else a new one.

    Raises:
        ClusterError: Ray is not installed.
    """

    def __init__(self, embedding: Embedding, *, address: str | None = None) -> None:
        installed("ray.data")
        self.embedding, self.address = embedding, address
        self.name, self.costly, self.mirrors = embedding.name, embedding.costly, embedding.mirrors

    def settings(self) -> dict[str, Any]:
        """Return the settings of the space; the cluster decides no point."""
        return self.embedding.settings()

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return the shape of the point of an image of this size."""
        return self.embedding.shape(height, width)

    def __call__(self, images: Images) -> Points:
        """Return the points of uint8 images (n, height, width, 3), made by this process."""
        return self.embedding(images)

    def sets(self, parts: Iterable[ImageSet]) -> Generator[Points]:
        """Yield the points of each set of images, in order; one set alone is not worth the way.

        Args:
            parts: Of one size.

        Raises:
            ManifptError: What making them in this process raises.
            ClusterError: No cluster answers, no node is left, or a node cannot make what this process can.
        """
        given = iter(parts)
        first = list(islice(given, 2))
        if len(first) <= 1:
            yield from (self.embedding(part.pixels()) for part in first)
            return
        ray = joined(self.address)
        # A network loads when it is asked for a shape, and then travels with its weights.
        shape = self.embedding.shape(first[0].height, first[0].width)
        held = ray.put(self.embedding)
        for window in _windows(chain(first, given), processors(ray)):
            yield from self._points(ray, held, window, shape)

    def _points(
        self, ray: Any, held: Any, window: list[tuple[ImageSet, Any]], shape: tuple[int, ...]
    ) -> Iterator[Points]:
        tables = _mapped(ray, held, [table for _, table in window])
        try:
            found = points_of(watched(ray, tables, f"points ({self.name})"), shape)
            for number, (images, _) in enumerate(window):
                part, points = next(found, (-1, ""))
                if part == number and isinstance(points, str):
                    raise self._failed(images, points)
                if part != number or isinstance(points, str) or len(points) != len(images):
                    raise lost("points of some images did not come back")
                yield points
        finally:
            # A pipeline that is left ends when nothing holds it; one that is still asked cannot end.
            with suppress(ValueError):
                tables.close()

    def _failed(self, images: ImageSet, reason: str) -> ClusterError:
        """Return why a node could not make points, unless this process cannot either: then that is raised."""
        self.embedding(images.pixels())
        return ClusterError(
            f"a node of the Ray cluster cannot make points ({reason}; {len(images)} images from {images.paths[0]} on)",
            expected="images in a folder that all nodes see under one path, and the same packages on all nodes",
            remedy="move the images there, or leave --engine out",
        )


def _windows(parts: Iterable[ImageSet], least: int) -> Iterator[list[tuple[ImageSet, Any]]]:
    """Yield consecutive parts with their tables, so many that neither memory is short nor a processor idle."""
    window: list[tuple[ImageSet, Any]] = []
    size = 0
    for images in parts:
        table = images_table(len(window), images)
        window.append((images, table))
        size += table.nbytes
        if size >= WINDOW and len(window) >= least:
            yield window
            window, size = [], 0
    if window:
        yield window


def _mapped(ray: Any, held: Any, tables: list[Any]) -> Generator[Any]:
    """Yield the tables of points of tables of images, in order."""
    torch = sys.modules.get("torch")
    data = _data()
    with _silent():
        # Others ask a whole processor for the schema of tables, of which workers with references hold a part.
        given = data.from_blocks(tables)
        given.context.execution_options.preserve_order = True
        given.context.enable_progress_bars = False
        points = given.map_batches(
            made,
            batch_size=None,
            batch_format="pyarrow",
            fn_kwargs={"held": [held], "threads": torch.get_num_threads() if torch else None},
            num_cpus=SHARE,
        )
        # Its iterators of batches have threads, which go on after they are left and end a process that leaves Ray.
        for bundle in points.iter_internal_ref_bundles():
            yield from map(ray.get, bundle.block_refs)


def made(table: Any, *, held: list[Any], threads: int | None) -> Any:
    """Return the points of a table of images, in a process of a node.

    Args:
        table: Of ``images_table``.
        held: The space in the object store, in a list, lest Ray fetch it for every part.
        threads: Of torch, on which the bits of a network's points may depend; None where it is not used.
    """
    part = table.column("part")[0].as_py()
    try:
        embedding = _fetched(held[0], threads)
        return points_table(part, embedding(images_of(table).pixels()))
    except Exception as error:  # Told by the process that asked, which knows the images by their names.
        return failure_table(part, " ".join(f"{type(error).__name__}: {error}".split()))


@lru_cache(maxsize=1)
def _fetched(held: Any, threads: int | None) -> Embedding:
    if threads is not None:
        import torch  # noqa: PLC0415  (spaces without a network answer without it)

        torch.set_num_threads(threads)
    found: Embedding = installed().get(held)
    return found


def _data() -> Any:
    """Return the module ``ray.data``, whose own settings warn of each other when they are first made."""
    data = installed("ray.data")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        data.DataContext.get_current()
    return data


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what Ray Data says of its progress, and of errors that are told in one line, off the terminal."""
    terminals = [one for one in logging.getLogger("ray.data").handlers if isinstance(one, logging.StreamHandler)]
    levels = [terminal.level for terminal in terminals]
    for terminal in terminals:
        terminal.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for terminal, level in zip(terminals, levels, strict=True):
            terminal.setLevel(level)
