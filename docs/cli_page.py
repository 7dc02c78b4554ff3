"""Write docs/cli.md from the commands themselves: ``python docs/cli_page.py``; a test holds the page to them."""

from __future__ import annotations

import re
from pathlib import Path

import typer.main

from manifpt.cli.application import application

HEAD = """# Command line

This page is written by `python docs/cli_page.py`; a test compares it with the commands.

Exit status: 0 done; 2 a mistake, told in one line; 3 some inputs of `attribute` failed, or
with `--strict` a card is not sound or an audit has found something; 130 stopped by Ctrl-C.
Tables and progress go to the terminal, notes and errors to stderr, so that `--json` and `--csv` can be piped.
JSON holds names as they are. In CSV, to have a name again, strip one leading `'`, then undo the backslash escapes,
which are Python's.
"""


def page() -> str:
    """Return the page."""
    root = typer.main.get_command(application)
    return HEAD + "".join(_sections(root, "manifpt"))


def _sections(group: object, name: str) -> list[str]:
    parts: list[str] = []
    for word, command in group.commands.items():  # type: ignore[attr-defined]
        whole = f"{name} {word}"
        if hasattr(command, "commands"):
            parts += [f"\n## {whole}\n\n{_prose(command.help)}\n", *_sections(command, whole)]
        else:
            parts.append(_section(command, whole))
    return parts


def _section(command: object, name: str) -> str:
    level = "##" if name.count(" ") == 1 else "###"
    rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]  # type: ignore[attr-defined]
    table = "\n".join(["| argument or option | default | meaning |", "|---|---|---|", *rows])
    return f"\n{level} {name}\n\n{_prose(command.help)}\n\n{table if rows else ''}\n"  # type: ignore[attr-defined]


def _row(parameter: object) -> str:
    names = ", ".join(f"`{name}`" for name in getattr(parameter, "opts", []))
    if not names.startswith("`-"):
        names = f"`{parameter.metavar or parameter.name.upper()}`"  # type: ignore[attr-defined]
    shown, default = getattr(parameter, "show_default", None), parameter.default  # type: ignore[attr-defined]
    value = (
        shown
        if isinstance(shown, str)
        else ""
        if default is None or default is False or callable(default)
        else f"`{default}`"
    )
    if getattr(parameter, "required", False):
        value = "required"
    return f"| {names} | {value} | {getattr(parameter, 'help', '') or ''} |"


def _prose(text: str | None) -> str:
    plain = re.sub(r"\[bold\](.*?)\[/bold\]", r"\n\n```bash\n\1\n```", text or "", flags=re.DOTALL)
    return re.sub(r"Example:\s*\n*```", "Example:\n\n```", plain).strip()


if __name__ == "__main__":
    (Path(__file__).parent / "cli.md").write_text(page(), encoding="utf-8")
