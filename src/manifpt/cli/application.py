"""The ``manifpt`` command: its groups, and how errors leave it."""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, NoReturn, ParamSpec

import typer

from manifpt.cli import attribute, audit, cache, demo, evaluate, fit, report, structure, transfer, zoo
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
        except KeyboardInterrupt as stop:
            kept = [*getattr(stop, "__notes__", [])]
            if options.get("no_cache") is False:
                kept.append("the cache keeps points and projections")
            _stop(
                "; ".join(["stopped", *kept, *(["run the same command again to go on"] if kept else [])]), INTERRUPTED
            )
        except BrokenPipeError:
            # The reader (head, less) has closed; there is nobody left to tell, nor at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit from None

    return told


_COMMANDS = (
    fit.fit,
    attribute.attribute,
    evaluate.evaluate,
    transfer.transfer,
    structure.structure,
    report.report,
    audit.audit,
    demo.demo,
)
for _command in _COMMANDS:
    application.command(_command.__name__)(_interruptible(_command))
application.add_typer(cache.application, name="cache")
application.add_typer(zoo.application, name="zoo")


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
    # A stream that the caller has closed is None in Python, and whoever writes to it would stumble.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  (it stays open as the stream it stands for)
    # A letter that the terminal's encoding lacks is written out; a crash in the middle of a table helps nobody.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        sys.exit(application(standalone_mode=False) or 0)
    except ManifptError as error:
        _stop(f"error: {error}", MISTAKE)
    except (KeyboardInterrupt, typer.Abort):
        _stop("stopped", INTERRUPTED)
    except OSError as error:
        _stop(f"error: {_told(error)}", MISTAKE)
    except MemoryError as error:
        _stop(
            f"error: there is not enough memory ({error or 'no details'}); expected room for one block of images; "
            "close other programs, or give fewer images, or smaller ones with --crop",
            MISTAKE,
        )
    except Exception as error:
        # Click's own errors, whose class depends on the version of Typer.
        if not hasattr(error, "format_message"):
            raise
        _misused(error)


def _misused(error: Any) -> NoReturn:
    """Tell what is wrong with the words of a command in one line; no words at all give its help."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "manifpt"
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        sys.exit(MISTAKE)
    message = error.format_message().rstrip(".").replace("Value error, ", "")
    _stop(f"error: {message}; expected what `{path} --help` shows; correct the command", MISTAKE)


def _told(error: OSError) -> str:
    """Return what the operating system refused, what was needed, and what to do."""
    place = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"no space is left on the disk{place}; expected room for what is being written; "
            "free some, or move it with --out, MANIFPT_CACHE or TMPDIR"
        )
    return (
        f"{error.strerror or error}{place}; expected a place that can be read and written; check path and permissions"
    )


def _stop(line: str, status: int) -> NoReturn:
    sys.stderr.write(f"manifpt: {plain(line)}\n")
    sys.exit(status)
