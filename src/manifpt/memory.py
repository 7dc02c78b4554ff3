"""How much memory a process may still take."""

from __future__ import annotations

import resource
from pathlib import Path

import psutil

# Version 2 of Linux's control groups, by which containers are limited.
GROUP = Path("/sys/fs/cgroup")


def available() -> int:
    """Return the bytes that can still be allocated: the least of what machine, container and process limit leave.

    Example:
        >>> available() > 0
        True
    """
    return max(0, int(min(psutil.virtual_memory().available, _left_to_group(), _left_to_process())))


def _left_to_group() -> float:
    try:
        most, taken = ((GROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return float("inf") if most == "max" else int(most) - int(taken)
    except (OSError, ValueError):
        return float("inf")


def _left_to_process() -> float:
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    return float("inf") if most == resource.RLIM_INFINITY else most - psutil.Process().memory_info().vms
