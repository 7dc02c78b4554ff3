"""Options that were given and would change nothing."""

from __future__ import annotations

from collections.abc import Callable

import typer

from manifpt.errors import ManifptError


def refuse_idle(context: typer.Context, idle: dict[str, str], error: Callable[[str], ManifptError]) -> None:
    """Raise an error about the options that were given and would change nothing.

    Args:
        context: Of the command.
        idle: Such options, by the names of their parameters.
        error: Makes the error of their names.

    Raises:
        ManifptError: One of them was given.
    """
    if found := given(context, idle):
        raise error(" and ".join(found))


def given(context: typer.Context, options: dict[str, str]) -> list[str]:
    """Return those of some options that were given on the command line.

    Args:
        context: Of the command.
        options: Options, by the names of their parameters.
    """
    sources = {option: context.get_parameter_source(name) for name, option in options.items()}
    return [option for option, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
