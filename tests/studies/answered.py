"""Runs whose answers are given, without a method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from manifpt.studies.rows import Key, Run

NOTES: dict[str, Any] = {"seconds": {"training": 1.5, "answering": 0.5}, "threads": 1, "trials": [{}, {}, {}]}


def answered(
    truth: Sequence[int],
    answers: Sequence[int],
    *,
    method: str = "raw",
    data: str = "set",
    repeat: int = 0,
    fold: int = 0,
    classes: tuple[str, ...] = ("a", "b", "real"),
    first: int = 0,
    **others: Any,
) -> Run:
    """Return a run about images ``first``, ``first + 1``, … that is sure to 0.75 of every answer."""
    count = len(truth)
    true, given = np.asarray(truth, np.int64), np.asarray(answers, np.int64)
    rows = np.arange(first, first + count)
    values: dict[str, Any] = {
        "paths": np.array([f"image-{row:05}.png" for row in rows]),
        "groups": rows,
        "of_truth": np.where(true == given, 0.75, 0.125),
        "of_answer": np.full(count, 0.75),
        "of_real": np.where(given == 2, 0.75, 0.125),
        "notes": NOTES,
        **others,
    }
    return Run(key=Key(data, method, repeat, fold), inputs="i", classes=classes, truth=true, answers=given, **values)
