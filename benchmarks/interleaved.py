"""Two ways of doing the same, timed in turn: what disturbs a machine for a while disturbs both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PAIRS = 5


@dataclass(frozen=True, slots=True)
class Measured:
    """What a row of a benchmark found.

    Args:
        peer: What manifpt is compared with.
        ratio: The peer's seconds in units of manifpt's: the median over pairs.
        seconds: Of manifpt, the median.
        peer_seconds: Likewise.
        about: What else the row found.
    """

    peer: str
    ratio: float
    seconds: float
    peer_seconds: float
    about: dict[str, Any]

    def line(self, name: str) -> str:
        """Return the row in words."""
        found = "".join(f", {key} {value}" for key, value in self.about.items())
        times = f"{self.seconds * 1e3:9.1f} ms, {self.peer}: {self.peer_seconds * 1e3:9.1f} ms"
        return f"{name}: {self.ratio:.2f}× ({times}{found})"

    def row(self) -> dict[str, Any]:
        """Return the row for JSON, rounded."""
        numbers = {"ratio": self.ratio, "seconds": self.seconds, "peer_seconds": self.peer_seconds}
        return {"peer": self.peer, **{key: float(f"{value:.4g}") for key, value in numbers.items()}, **self.about}


def measured(
    ours: Callable[[], object], peers: Callable[[], object], *, peer: str, pairs: int = PAIRS, **about: Any
) -> Measured:
    """Return the median of the ratios of pairs that run in turn, after ours has run once; the first of a pair changes.

    Args:
        ours: What manifpt does.
        peers: What the peer does.
        peer: Its name.
        pairs: How many.
        about: What else the row found.
    """
    ours()
    times: tuple[list[float], list[float]] = ([], [])
    for pair in range(pairs):
        for which in (0, 1) if pair % 2 else (1, 0):
            started = time.perf_counter()
            (ours, peers)[which]()
            times[which].append(time.perf_counter() - started)
    ratios = [theirs / own for own, theirs in zip(*times, strict=True)]
    return Measured(
        peer, statistics.median(ratios), *(statistics.median(each) for each in times), {"pairs": pairs, **about}
    )
