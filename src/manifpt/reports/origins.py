"""Where the numbers of a page come from, and what they do not tell."""

from __future__ import annotations

import json
from typing import Any

from manifpt.reports.sections import Cell, Column, Section, Table, told_command, without_places

ABBREVIATED = 16


def origins(record: dict[str, Any] | None, protocol: tuple[str, ...] = ()) -> Section:
    """Return the section of protocol and provenance.

    Args:
        record: What the run wrote about itself; None where it wrote nothing.
        protocol: Further sentences about how it was measured.
    """
    title = "How it was measured, and with what"
    if record is None:
        lacking = "The run did not keep its command, its seed and the digests of its data, so that they cannot be told."
        return Section(title, text=(*protocol, lacking))
    facts = [("command", told_command([str(word) for word in record["command"]]))]
    if record["seed"] is not None:
        facts.append(("seed", str(record["seed"])))
    for part, settings in (record["method"] or {}).items():
        facts.append((str(part), _settings(settings)))
    text = (*protocol, *(without_places(str(line)) for line in record["protocol"]))
    tables = (*(_data(str(name), images) for name, images in record["data"].items()), _versions(record["versions"]))
    notes = tuple(
        f"{name}: {without_places(str(note))}" for name, images in record["data"].items() for note in images["notes"]
    )
    return Section(title, text=text, facts=tuple(facts), tables=tables, points=notes)


def _settings(settings: Any) -> str:
    return without_places(json.dumps(settings, ensure_ascii=False, sort_keys=True).replace('"', ""))


def _data(name: str, images: dict[str, Any]) -> Table:
    """Return what a set of images holds, a row for each fact."""
    counts = ", ".join(f"{generator} {count}" for generator, count in images["classes"].items())
    prepared = ", ".join(f"{how} to {side}" for how, side in images["preparation"].items() if side is not None)
    facts = {
        "images": f"{sum(images['classes'].values()):,} ({counts})",
        "references": f"{images['references']:,} real images",
        "size": f"{images['width']} × {images['height']} pixels; {prepared or 'as they are'}",
        "unreadable, skipped": f"{images['skipped']:,}",
        "SHA-256 of images, classes and roles": images["digest"],
        "SHA-256 of the references": images["reference_digest"],
    }
    columns = (Column("fact", numeric=False), Column("value", numeric=False, prose=True))
    rows = tuple((Cell(fact), Cell(str(value))) for fact, value in facts.items())
    return Table(f"Data: {name}", columns, rows, sortable=False)


def _versions(versions: dict[str, Any]) -> Table:
    rows = tuple((Cell(str(name)), Cell(str(version))) for name, version in versions.items())
    return Table("Versions", (Column("package", numeric=False), Column("version", numeric=False)), rows, sortable=False)


def limits(*further: str) -> Section:
    """Return the section of limits: what holds of every answer, after what holds of this run."""
    always = (
        "An answer is always one of the classes that the method learned. An image of any other "
        "generator is given one of "
        "these names too, sometimes with a high probability.",
        "Compression, resizing, cropping and screenshots change or remove the trace that is looked "
        "for. Figures that were "
        "measured on untouched images do not hold for such copies.",
        "Intervals tell how far the figures would move with other images of the same kind. They do "
        "not cover other data, "
        "other settings of a generator, or later versions of it.",
        "An attribution is evidence, not proof: it can be wrong about any single image, and it says "
        "nothing about who made "
        "the image or why.",
    )
    return Section("What this does not tell", points=(*further, *always))
