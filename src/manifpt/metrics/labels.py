"""Labels of images, checked before anything is counted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.errors import NumbersError

Labels = NDArray[Any]


def labels(values: ArrayLike, *, name: str = "labels") -> Labels:
    """Return labels (n,) as an array of strings or of integers.

    Args:
        values: Generator names or class numbers, (n,).
        name: What the labels are called in an error.

    Raises:
        NumbersError: There is no label, they are not one-dimensional, or neither text nor integers.

    Example:
        >>> labels(["real", "gan-dcgan"]).dtype.kind
        'U'
    """
    array = np.asarray(values)
    if array.ndim != 1 or not len(array):
        raise NumbersError(
            f"the {name} have shape {array.shape}",
            expected="(images,) with at least one image",
            remedy="pass one label per image",
        )
    if array.dtype.kind == "T" or (array.dtype.kind == "O" and all(isinstance(item, str) for item in array)):
        array = array.astype(np.str_)
    if array.dtype.kind not in "Uiub":
        raise NumbersError(
            f"the {name} are of type {array.dtype}",
            expected="text or integers",
            remedy="pass generator names",
        )
    return array


def matched(*, truth: ArrayLike, answers: ArrayLike) -> tuple[Labels, Labels]:
    """Return the true and the answered labels, each (n,), after checking that they can be compared.

    Raises:
        NumbersError: Their lengths differ, or one is text and the other numbers.
    """
    true, answered = labels(truth, name="true labels"), labels(answers, name="answers")
    if len(true) != len(answered):
        raise NumbersError(
            f"there are {len(true)} true labels and {len(answered)} answers",
            expected="one answer per image",
            remedy="pass both in the same order",
        )
    if (true.dtype.kind == "U") != (answered.dtype.kind == "U"):
        raise NumbersError(
            f"the true labels are of type {true.dtype} and the answers of type {answered.dtype}",
            expected="both text or both integers",
            remedy="convert one of them",
        )
    return true, answered


def positions(values: ArrayLike, classes: ArrayLike, *, name: str = "labels") -> NDArray[np.intp]:
    """Return where each label stands in ``classes``, (n,).

    Raises:
        NumbersError: A class is listed twice, or a label is not among the classes.

    Example:
        >>> positions(["b", "a", "b"], ["a", "b"]).tolist()
        [1, 0, 1]
    """
    given, known = labels(values, name=name), labels(classes, name="classes")
    if (given.dtype.kind == "U") != (known.dtype.kind == "U"):
        raise NumbersError(
            f"the {name} are of type {given.dtype} and the classes of type {known.dtype}",
            expected="both text or both integers",
            remedy="convert one of them",
        )
    order = np.argsort(known, kind="stable")
    ranked = known[order]
    if len(np.unique(known)) != len(known):
        twice = ranked[1:][ranked[1:] == ranked[:-1]][0]
        raise NumbersError(
            f"class {str(twice)!r} is listed twice", expected="distinct classes", remedy="drop one of them"
        )
    where = np.minimum(np.searchsorted(ranked, given), len(known) - 1)
    strangers = given[ranked[where] != given]
    if len(strangers):
        raise NumbersError(
            f"{str(strangers[0])!r} among the {name} is not one of the classes",
            expected=f"one of {', '.join(map(str, known))}",
            remedy="pass the classes that the attributor was fitted on",
        )
    return order[where]
