"""The images that are shown as evidence, as a section of a page."""

from __future__ import annotations

from manifpt.reports import pictures
from manifpt.reports.sections import Card, Picture, Section, number, percent
from manifpt.studies.exhibits import Exhibit, Exhibits

REAL = "real"
MARKS = {True: "right", False: "wrong", None: ""}


def evidence(found: Exhibits | None, *, references: bool) -> Section:
    """Return the section of per-image evidence.

    Args:
        found: The images; None where the run kept none.
        references: Whether photographs may be shown: the references, and images whose class is real. Without them an
            artifact is left out too, for it shows the outlines of both images.
    """
    title = "Evidence, image by image"
    if found is None or not found.entries:
        return Section(title, text=("This run kept no images to show.",))
    differences = pictures.artifacts(found.images, found.nearest)
    coloured, spectra = pictures.coloured_artifacts(differences), pictures.coloured_spectra(differences)
    cards = []
    for row, entry in enumerate(found.entries):
        image = pictures.shown(found.images[row], alt=f"The image {entry.path}{_made(entry)}", caption="image")
        nearest = pictures.shown(
            found.nearest[row],
            alt=f"The reference nearest to {entry.path}: {entry.nearest}",
            caption="nearest real",
        )
        artifact = pictures.shown(
            coloured[row],
            alt=f"Artifact of {entry.path}: where it is brighter (red) or darker (blue) than its nearest reference",
            caption="artifact",
        )
        spectrum = pictures.shown(
            spectra[row],
            alt=f"Log-spectrum of the artifact of {entry.path}, low frequencies in the middle",
            caption="spectrum of the artifact",
        )
        kept = (image, nearest, artifact, spectrum) if references else _faceless(entry, image, spectrum)
        cards.append(Card(entry.path, entry.why, MARKS[entry.right], kept, _facts(entry, found.space), _notes(entry)))
    return Section(title, text=_legend(found, references=references), cards=tuple(cards))


def _faceless(entry: Exhibit, image: Picture, spectrum: Picture) -> tuple[Picture, ...]:
    return (spectrum,) if entry.truth is not None and is_real(entry.truth) else (image, spectrum)


def _notes(entry: Exhibit) -> tuple[str, ...]:
    known = "its pixels are those of a reference: the method knew this image, and what it answers means nothing"
    return (*entry.warnings, known) if entry.nearest_distance == 0 else entry.warnings


def is_real(name: str) -> bool:
    """Return whether a class is one of photographs."""
    return name == REAL or name.startswith(f"{REAL}-")


def _made(entry: Exhibit) -> str:
    if entry.truth is None:
        return ""
    return ", a photograph" if is_real(entry.truth) else f", made by {entry.truth}"


def _facts(entry: Exhibit, space: str) -> tuple[tuple[str, str], ...]:
    facts = [("answer", f"{entry.answer}, {percent(entry.probability)}")]
    if entry.truth is not None:
        facts.append(("truth", entry.truth))
    if entry.runner_up is not None:
        share = f", {percent(entry.runner_up_probability)}" if entry.runner_up_probability is not None else ""
        facts.append(("runner-up", f"{entry.runner_up}{share}"))
    facts.append(("distance to the manifold", f"{number(entry.distance, digits=2)} in {space}"))
    if entry.closer_reals is not None:
        facts.append(("among real images", f"{entry.closer_reals:.0f}\xa0% of {entry.reals:,} lie closer"))
    return (*facts, ("nearest real", f"{entry.nearest}, {number(entry.nearest_distance, digits=2)} away in rgb"))


def _legend(found: Exhibits, *, references: bool) -> tuple[str, ...]:
    told = [f"Shown are, chosen by a rule and not by hand: {found.rule}. They illustrate; the tables count."]
    if references:
        told.append(
            "Nearest real is the reference photograph nearest to the image in pixels, whatever space "
            "the method works in; "
            "it need not have anything to do with how the image was made. The artifact is image "
            "minus nearest real (red: "
            "the image is brighter, blue: darker). All artifacts share one scale of colours."
        )
    else:
        told.append(
            "Photographs are left out as asked for: references, images of the real class, and artifacts (image minus "
            "nearest reference), which would show the outlines of a reference."
        )
    told += [
        "The spectrum of the artifact is a log-spectrum with low frequencies in the middle; a regular pattern in it is "
        "typical of upsampling. All spectra share one scale of colours.",
        "“Among real images” tells how many held-out photographs lie closer to the manifold of references than the "
        "image: near 100\xa0%, hardly any photograph is as far away; a number in the middle is what "
        "photographs have too.",
    ]
    if max(found.images.shape[1:3]) > pictures.LARGEST:
        told.append(f"Pictures are shown at {pictures.LARGEST} pixels; the method saw them whole.")
    return tuple(told)
