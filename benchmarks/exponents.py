"""With which power of the references time grows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES, INTERVAL = 2000, (2.5, 97.5)
LEAST = 3  # counts
GREATEST = 3  # counts that show where growth is going
Row = dict[str, Any]


def exponent(counts: list[int], times: list[list[float]], seed: int = 0) -> dict[str, float]:
    """Return the exponent of time over references, with its interval over the repetitions.

    Args:
        counts: References.
        times: Seconds of each repetition, for each count.
        seed: Of the resamples.
    """

    def fitted(some: list[NDArray[np.float64]]) -> float:
        return float(np.polyfit(np.log(counts), np.log([np.median(each) for each in some]), 1)[0])

    each, rng = [np.array(one) for one in times], np.random.default_rng(seed)
    resampled = [fitted([rng.choice(one, len(one)) for one in each]) for _ in range(RESAMPLES)]
    low, high = np.percentile(resampled, INTERVAL)
    return {"value": round(fitted(each), 3), "low": round(float(low), 3), "high": round(float(high), 3)}


def exponents(rows: list[Row]) -> Row:
    """Return the exponents of manifpt and FAISS over the counts that each has, and over the greatest of these alone."""
    found: Row = {}
    for kind, name in (("times", "manifpt"), ("times_faiss", "FAISS Flat")):
        some = sorted((row for row in rows if kind in row), key=lambda row: int(row["references"]))
        for part, title in ((some, name), (some[-GREATEST:], f"{name}, greatest")):
            if len(part) >= LEAST:
                found[title] = exponent([row["references"] for row in part], [row[kind] for row in part])
    return found
