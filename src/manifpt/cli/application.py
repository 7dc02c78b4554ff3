"""The ``manifpt`` command: its groups, and how errors leave it."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Annotated, NoReturn, ParamSpec

import typer

from manifpt.cli import attribute, cache, demo, evaluate, fit
from manifpt.cli.text import plain
from manifpt.errors import ManifptError

MISTAKE, INTERRUPTED = 2, 130
P = ParamSpec("P")

application = typer.Typer(
    name="manifpt",
    help="Which generator made this image, and how do you know?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _interruptible(command: Callable[P, None]) -> Callable[P, None]:
    # Typer would answer Ctrl-C with "Aborted." before `run` sees it.
    @wraps(command)
    def told(*words: P.args, **options: P.kwargs) -> None:
        try:
            command(*words, **options)
        except KeyboardInterrupt:
            _stop("stopped; what the cache holds is kept, run the same command again to go on", INTERRUPTED)

    return told


for _command in (fit.fit, attribute.attribute, evaluate.evaluate, demo.demo):
    application.command(_command.__name__)(_interruptible(_command))
application.add_typer(cache.application, name="cache")


def _version(asked: bool) -> None:
    if asked:
        from manifpt.methods.provenance import version  # noqa: PLC0415  (loads only when asked)

        typer.echo(f"manifpt {version()}")
        raise typer.Exit


@application.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Which generator made this image, and how do you know?"""


def run() -> None:
    """Run the command line: a user's mistake gives one line on stderr and exit status 2, never a traceback."""
    # Threads that spin while they wait slow each other down many times over on a busy machine. OpenMP reads this once,
    # when the first numeric library loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="manifpt: %(message)s")
    try:
        application()
    except ManifptError as error:
        _stop(f"error: {error}", MISTAKE)
    except BrokenPipeError:
        # The reader (head, less) has closed; there is nobody left to tell.
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        _stop(f"error: {error.strerror or error}: {error.filename or 'no file named'}", MISTAKE)


def _stop(line: str, status: int) -> NoReturn:
    sys.stderr.write(f"manifpt: {plain(line)}\n")
    sys.exit(status)
