"""A report as one HTML file that needs nothing else: no network, no other file, no script of others."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manifpt.errors import DataError, plain
from manifpt.methods.provenance import version
from manifpt.reports import asked, evaluated, structured, studied
from manifpt.reports.runs import RunFolder
from manifpt.reports.sections import Page
from manifpt.writing import replaced_file

if TYPE_CHECKING:
    from jinja2 import Template

MARK = '<meta name="generator" content="manifpt'
HEAD = 4096  # bytes in which the mark stands


def described(run: RunFolder, *, references: bool = True) -> Page:
    """Return what the page of a run says.

    Args:
        run: The results.
        references: Whether photographs may be shown.
    """
    names = ", ".join((run.provenance or {}).get("data", {}))
    if run.scores:
        parts = evaluated.sections(run, run.scores, references=references)
        return Page(
            "How well are these generators told apart?", names, evaluated.verdict(run.scores), (), parts, version()
        )
    if run.data_sets:
        names = ", ".join(data.name for data in run.data_sets)
        told, parts = studied.verdict(run), studied.sections(run)
        return Page("Which method tells these generators apart?", names, told, studied.warnings(run), parts, version())
    if run.structures:
        told, parts = structured.verdict(run), structured.sections(run)
        return Page("Do generators of like design have fingerprints alike?", names, told, (), parts, version())
    parts = asked.sections(run, references=references)
    return Page("Which generator made these images?", names, asked.verdict(run), (), parts, version())


def rendered(page: Page) -> str:
    """Return a page as HTML; what stands in it is shown as it is, whatever it contains."""
    style, script = _asset("page.css"), _asset("sorting.js")
    policy = "; ".join([
        "default-src 'none'", "img-src data:", f"style-src '{_hash(style)}'", f"script-src '{_hash(script)}'",
        "base-uri 'none'", "form-action 'none'",
    ])  # fmt: skip
    return _template().render(page=page, style=style, script=script, policy=policy)


def written(run: RunFolder, out: Path, *, references: bool = True) -> Path:
    """Write the report of a run beside its place, then rename it there.

    Args:
        run: The results.
        out: Where the report shall be; an earlier report is replaced.
        references: Whether photographs may be shown: references, and images whose class is real.

    Raises:
        DataError: Something else stands there, or it cannot be written.
    """
    refuse_other(out)
    text = rendered(described(run, references=references))
    try:
        with replaced_file(out) as beside:
            beside.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise DataError(
            f"{out} cannot be written ({error.strerror or error})",
            expected="a writable place",
            remedy="choose another -o",
        ) from error
    return out


def refuse_other(out: Path) -> None:
    """Refuse a place at which something else than a report stands.

    Raises:
        DataError: It is a folder, or a file that is no report.
    """
    if not out.exists():
        return
    if out.is_file():
        with out.open("rb") as file:
            if MARK.encode() in file.read(HEAD):
                return
    raise DataError(
        f"{out} exists and is no report", expected="a new file, or an earlier report", remedy="choose another -o"
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  (loads only for a report)

    environment = Environment(
        loader=PackageLoader("manifpt.reports"),
        autoescape=True,
        finalize=_harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja")


def _harmless(value: Any) -> Any:
    """Return text in which invisible characters, and those that turn others round, are written out."""
    from markupsafe import Markup  # noqa: PLC0415  (loads only for a report)

    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _asset(name: str) -> Any:
    from markupsafe import Markup  # noqa: PLC0415  (loads only for a report)

    return Markup(files("manifpt.reports").joinpath("templates", name).read_text(encoding="utf-8"))


def _hash(text: str) -> str:
    # What the browser compares is all between the tags.
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
