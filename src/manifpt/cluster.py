"""A Ray cluster as a place to compute, whose failures are told in one line."""

from __future__ import annotations

import importlib
import logging
import os
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar, cast

from manifpt.errors import ManifptError

LOOK = 1.0  # second between two looks at the nodes
CONNECTION = 10.0  # seconds until a cluster has to listen
PATIENCE = 30.0  # seconds without a node that can compute, or without an answer before that is said
logger = logging.getLogger("manifpt")
T = TypeVar("T")


class ClusterError(ManifptError):
    """Ray is not installed, no cluster answers, or what was held on one is lost."""


def installed(name: str = "ray") -> Any:
    """Return the module ``ray``, or one of its own.

    Raises:
        ClusterError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ClusterError(
            f"Ray cannot be imported ({error})",
            expected="the packages of the extra `ray`",
            remedy="run `pip install 'manifpt[ray]'`",
        ) from error


def joined(address: str | None = None) -> Any:
    """Return the module ``ray``, connected to a cluster; a process that is connected stays where it is.

    Args:
        address: The cluster's address; None for that in ``RAY_ADDRESS``, else the one on this machine, else a new one
            on this machine, which ends with the process.

    Raises:
        ClusterError: Ray is not installed, or no cluster answers.
    """
    ray = installed()
    if ray.is_initialized():
        return ray
    # Ray would report the use of a cluster that it starts to its makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    place = address or os.environ.get("RAY_ADDRESS") or "this machine"
    try:
        _refuse_silent(place)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        raise ClusterError(
            f"no Ray cluster answers at {place} ({str(error).splitlines()[0] if str(error) else type(error).__name__})",
            expected="the address of a running cluster",
            remedy="start one with `ray start --head`, and give its address in RAY_ADDRESS",
        ) from error
    return ray


def places(ray: Any, workers: int | None = None) -> list[Any]:
    """Return where to put workers, so that each node has about as many for each of its processors.

    A worker whose node is lost goes to another one.

    Args:
        ray: The module, connected.
        workers: How many; None for one for each processor.

    Raises:
        ClusterError: There is no node with a processor.
    """
    free = {node["NodeID"]: int(node["Resources"]["CPU"]) for node in _computing(ray)}
    if not free:
        raise ClusterError(
            "no node of the Ray cluster has a processor",
            expected="at least one that computes",
            remedy="add nodes with `ray start --address=…`",
        )
    held = dict.fromkeys(free, 0)
    for _ in range(workers or sum(free.values())):
        held[min(free, key=lambda node: ((held[node] + 1) / free[node], node))] += 1
    affinity = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    return [affinity(node, soft=True) for node, count in held.items() for _ in range(count)]


def processors(ray: Any) -> int:
    """Return how many processors the nodes of a cluster have."""
    return sum(int(node["Resources"]["CPU"]) for node in _computing(ray))


def answers(ray: Any, calls: Sequence[Any]) -> list[Any]:
    """Wait for calls of actors, and return what they answer.

    Calls whose worker or node dies are made again elsewhere by Ray, as often as the actor's options allow.

    Raises:
        ManifptError: What a call raised, as if it had been made here.
        ClusterError: There is no node left to make a call again, or a worker died too often.
    """
    waiting, watch = list(calls), Watch(ray)
    while waiting:
        done, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=LOOK)
        if waiting:
            watch.look(bool(done), f"{len(waiting)} of {len(calls)} shards of the references")
    try:
        found: list[Any] = ray.get(list(calls))
    except ray.exceptions.RayTaskError as error:
        raise (error.cause if isinstance(error.cause, Exception) else error) from None
    except ray.exceptions.RayError as error:
        raise lost(type(error).__name__) from error
    return found


def watched(ray: Any, items: Iterable[T], what: str) -> Iterator[T]:
    """Yield items that a cluster makes, and say so when none comes for long.

    Args:
        ray: The module, connected.
        items: What is made.
        what: What they are.

    Raises:
        ClusterError: There is no node left to make them, or Ray gave up.
    """
    given, end = iter(items), object()
    while (item := _next(ray, given, what, end)) is not end:
        yield cast("T", item)


class Watch:
    """Looks after something that a cluster owes.

    Args:
        ray: The module, connected.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._seen = self._said = time.monotonic()

    def look(self, moved: bool, what: str) -> None:
        """Warn, every half minute, that nothing has come.

        Args:
            moved: Whether something has come since the last look.
            what: What is waited for.

        Raises:
            ClusterError: No node that can compute has been there for half a minute.
        """
        now = time.monotonic()
        self._seen = now if moved or _computing(self._ray) else self._seen
        self._said = now if moved else self._said
        if now - self._seen >= PATIENCE:
            raise lost("no node with a processor has been there for half a minute")
        if now - self._said >= PATIENCE:
            logger.warning("waiting for %s", what)
            self._said = now


def lost(reason: str) -> ClusterError:
    """Return the error that what a cluster held or made cannot be had again."""
    return ClusterError(
        f"what the Ray cluster held or made is lost ({reason})",
        expected="a cluster in which at least one node stays, with memory for its part of the references",
        remedy="add nodes, and run the same command again",
    )


def _refuse_silent(place: str) -> None:
    """Raise OSError where a host and port are given and nobody listens, which Ray tries for minutes."""
    host, _, port = place.rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECTION).close()


def _next(ray: Any, given: Iterator[Any], what: str, end: object) -> object:
    """Return the next item, asked for by a thread of its own, since asking may never return."""
    found: SimpleQueue[tuple[object, Exception | None]] = SimpleQueue()

    def ask() -> None:
        try:
            found.put((next(given, end), None))
        except Exception as error:  # Raised by whoever waits.
            found.put((end, error))

    # When Python ends it waits for all threads but such ones.
    Thread(target=ask, daemon=True).start()
    watch = Watch(ray)
    while True:
        try:
            item, error = found.get(timeout=LOOK)
        except Empty:
            watch.look(moved=False, what=what)
            continue
        if error is not None:
            raise _told(ray, error) from error
        return item


def _told(ray: Any, error: Exception) -> Exception:
    return lost(type(error).__name__) if isinstance(error, ray.exceptions.RayError) else error


def _computing(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
