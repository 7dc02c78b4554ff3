"""Where a run's time goes: the seconds of each stage, less those of the stages inside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

from manifpt.embeddings.embedding import Embedding
from manifpt.embeddings.pixels import RGB
from manifpt.images import duplicates, imageset
from manifpt.manifolds.nearest import Nearest
from manifpt.methods import inference, saving
from manifpt.methods.method import Method

NAMES = ("open", "group", "load", "decode", "embed", "project", "train", "answer", "write")
OTHER = "other"


class Stages:
    """A watch that runs for one stage at a time; only calls of the main thread are seen.

    Args:
        names: All stages, in the order in which they are shown.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.seconds = dict.fromkeys((*names, OTHER), 0.0)
        self._open = [OTHER]
        self._since = time.perf_counter()

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Count what happens inside as this stage."""
        self.turned()
        self._open.append(name)
        try:
            yield
        finally:
            self.turned()
            self._open.pop()

    def turned(self) -> None:
        """Add what has passed to the stage that is open."""
        now = time.perf_counter()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now

    def calls(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, whose calls are counted as this stage."""

        @wraps(function)
        def counted(*arguments: Any, **options: Any) -> Any:
            with self.of(name):
                return function(*arguments, **options)

        return counted

    def steps(self, name: str, function: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        """Return the generator function, whose steps are counted as this stage; what its user does is not."""

        @wraps(function)
        def counted(*arguments: Any, **options: Any) -> Iterator[Any]:
            found = function(*arguments, **options)
            while True:
                with self.of(name):
                    try:
                        made = next(found)
                    except StopIteration:
                        return
                yield made

        return counted


@contextmanager
def watched(space: Embedding, attributor: type) -> Iterator[dict[str, float]]:
    """Watch what manifpt does inside, and give the seconds of each stage when it is over.

    Opening reads every image once: size, digest and thumbnail; grouping looks for near-duplicates. Decoding is what the
    main thread waits for it; other threads decode meanwhile. Projecting is fitting and searching the manifold, and the
    search in RGB for the evidence. Loading a model makes its reference points again, which counts as embedding and
    projecting.

    Args:
        space: The embedding in use.
        attributor: The type of the attributor in use.
    """
    watch = Stages(NAMES)
    spaces = {RGB, type(space)}
    called: list[tuple[str, Any, str]] = [
        ("open", imageset, "opened"),
        ("group", duplicates, "grouped"),
        ("load", Method, "load"),
        *(("embed", each, "__call__") for each in spaces),
        *(("project", Nearest, name) for name in ("fit", "project")),
        ("train", attributor, "fit"),
        ("answer", attributor, "predict_proba"),
        ("write", saving, "written"),
    ]
    with ExitStack() as patched:
        for stage, owner, name in called:
            plain = getattr(owner, name)
            given = staticmethod(watch.calls(stage, plain)) if name == "load" else watch.calls(stage, plain)
            patched.enter_context(patch.object(owner, name, given))
        for owner, name in ((imageset, "batches"), (inference, "_inputs")):
            patched.enter_context(patch.object(owner, name, watch.steps("decode", getattr(owner, name))))
        watch.turned()
        yield watch.seconds
        watch.turned()
