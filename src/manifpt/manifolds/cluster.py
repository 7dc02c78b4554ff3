"""A Ray cluster as a place to compute, whose failures are told in one line."""

from __future__ import annotations

import importlib
import logging
import os
import time
from collections.abc import Sequence
from typing import Any

from manifpt.errors import ManifptError

LOOK = 1.0  # second between two looks at the nodes
PATIENCE = 30.0  # seconds without a node that can compute, or without an answer before that is said
logger = logging.getLogger("manifpt")


class ClusterError(ManifptError):
    """Ray is not installed, no cluster answers, or what was held on one is lost."""


def installed() -> Any:
    """Return the module ``ray``.

    Raises:
        ClusterError: It is not installed.
    """
    try:
        return importlib.import_module("ray")
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
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        place = address or os.environ.get("RAY_ADDRESS") or "this machine"
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


def answers(ray: Any, calls: Sequence[Any]) -> list[Any]:
    """Wait for calls of actors, and return what they answer.

    Calls whose worker or node dies are made again elsewhere by Ray, as often as the actor's options allow.

    Raises:
        ManifptError: What a call raised, as if it had been made here.
        ClusterError: There is no node left to make a call again, or a worker died too often.
    """
    waiting = list(calls)
    seen = said = time.monotonic()
    while waiting:
        done, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=LOOK)
        now = time.monotonic()
        seen = now if done or _computing(ray) else seen
        said = now if done else said
        if waiting and now - seen >= PATIENCE:
            raise _lost("no node with a processor has been there for half a minute")
        if waiting and now - said >= PATIENCE:
            logger.warning("waiting for %d of %d shards of the references", len(waiting), len(calls))
            said = now
    try:
        found: list[Any] = ray.get(list(calls))
    except ray.exceptions.RayTaskError as error:
        raise (error.cause if isinstance(error.cause, Exception) else error) from None
    except ray.exceptions.RayError as error:
        raise _lost(type(error).__name__) from error
    return found


def _computing(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]


def _lost(reason: str) -> ClusterError:
    return ClusterError(
        f"references that were held on the Ray cluster are lost ({reason})",
        expected="a cluster in which at least one node stays, with memory for all shards",
        remedy="add nodes, and run the same command again",
    )
