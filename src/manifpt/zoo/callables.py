"""Any Python function that returns images, as a source."""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from manifpt.errors import DataError, ImageError, ManifptError
from manifpt.zoo.returned import checked, failure, one_size, refuse_negative
from manifpt.zoo.source import Images, Source

BATCH = 50
Function = Callable[..., Any]


def source(place: str, *, name: str, family: str = "unknown") -> Source:
    """Return a Python function as a source of images.

    It is called as ``function(count, seed=seed, start=start)``, for at most 50 images at a time, and returns images
    ``start`` to ``start + count`` of the seed's sequence: uint8 or floats in [0, 1], (count, height, width, 3), as an
    array or tensor. Image i shall depend on the seed and i alone. The module is imported, so that its code runs.

    Args:
        place: ``package.module:function``.
        name: What its images are labelled with.
        family: Family of the generator.

    Raises:
        DataError: The module or function is not there, or cannot be imported.
        ImageError: When images are drawn: the function fails, or returns something else.
    """
    function = imported(place)
    return Source(name, family, _digest(function), partial(drawn, function, place))


def imported(place: str) -> Function:
    """Return the function of ``package.module:function``.

    Raises:
        DataError: It is not there, or importing its module fails.

    Example:
        >>> imported("math:sqrt")(4)
        2.0
    """
    module, colon, path = place.partition(":")
    if not (module and colon and path):
        raise _absent(f"{place!r} names no function of a module", "write python:package.module:function")
    try:
        found: Any = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # Importing runs the module, which may raise whatever it likes.
        raise _absent(
            f"the module {module} cannot be imported ({failure(error)})",
            "start the command in the module's folder, or name it in PYTHONPATH",
        ) from error
    for part in path.split("."):
        if not hasattr(found, part):
            raise _absent(f"{module} has no {path}", "correct the name after the colon")
        found = getattr(found, part)
    if not callable(found):
        raise _absent(f"{place} is {type(found).__name__}, which cannot be called", "name a function")
    function: Function = found
    return function


def drawn(function: Function, who: str, count: int, /, *, seed: int = 0, start: int = 0) -> Iterator[Images]:
    """Yield what a function returns in blocks of at most 50, uint8 (n, h, w, 3).

    Args:
        function: Called as ``function(count, seed=seed, start=start)``.
        who: What errors call it.
        count: How many images.
        seed: Of the sequence.
        start: The first image's place in the sequence.

    Raises:
        NumbersError: A number is negative.
        ImageError: The function fails, returns something else than images of one size, or the same block again.
    """
    refuse_negative(count, seed, start)
    return one_size(_blocks(function, who, range(start, start + count), seed), who=who)


def _blocks(function: Function, who: str, places: range, seed: int) -> Iterator[Images]:
    first = None
    for part in (places[begin : begin + BATCH] for begin in range(0, len(places), BATCH)):
        try:
            values = function(len(part), seed=seed, start=part.start)
        except (MemoryError, ManifptError):
            raise
        except (Exception, SystemExit) as error:  # Foreign code raises whatever it likes.
            raise ImageError(
                f"{who} stopped with {failure(error)}",
                expected=f"a function that {who}({len(part)}, seed={seed}, start={part.start}) can call",
                remedy="correct the function",
            ) from error
        images = checked(values, len(part), who=who)
        if first is not None and np.array_equal(images, first[: len(part)]):
            raise ImageError(
                f"{who} returned the same images from {part.start} on as from {places.start} on",
                expected="image i of a sequence that goes on",
                remedy="let the function heed start",
            )
        first = images if first is None else first
        yield images


def _digest(function: Function) -> str:
    """Return the SHA-256 of the file that defines a function; empty where there is none."""
    plain = function.func if isinstance(function, partial) else function
    try:
        file = inspect.getsourcefile(inspect.unwrap(plain if inspect.isroutine(plain) else type(plain)))
        return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
    except (TypeError, OSError):
        return ""


def _absent(happened: str, remedy: str) -> DataError:
    return DataError(happened, expected="python:package.module:function", remedy=remedy)
