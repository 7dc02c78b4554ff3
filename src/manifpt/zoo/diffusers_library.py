"""The library diffusers, which is optional, slow to import and talkative."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from manifpt.errors import ManifptError
from manifpt.zoo.returned import failure


def diffusers() -> Any:
    """Return the library diffusers.

    Raises:
        ManifptError: It is not installed.
    """
    try:
        with quiet():
            library = importlib.import_module("diffusers")
            # Its parts are imported when they are asked for.
            library.DiffusionPipeline  # noqa: B018
            return library
    except (ImportError, RuntimeError) as error:
        raise ManifptError(
            f"diffusers cannot be imported ({failure(error)})",
            expected="the library that runs such pipelines",
            remedy="pip install 'manifpt[zoo]'",
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the remarks and loading bars of diffusers and transformers off the terminal."""
    with ExitStack() as undone, warnings.catch_warnings():
        # So diffusers speaks of settings of published pipelines that newer ones have otherwise; they were trained so.
        warnings.simplefilter("ignore", FutureWarning)
        for name in ("transformers.utils.logging", "diffusers.utils.logging"):
            # The second imports diffusers, whose remarks come from the first.
            told = importlib.import_module(name)
            undone.callback(told.set_verbosity, told.get_verbosity())
            # Their errors are raised as well.
            told.set_verbosity(logging.CRITICAL)
            if told.is_progress_bar_enabled():
                undone.callback(told.enable_progress_bar)
                told.disable_progress_bar()
        yield
