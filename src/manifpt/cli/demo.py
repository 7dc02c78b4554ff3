"""``manifpt demo``: the main job on real photographs, from nothing, in a minute."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manifpt.cli import options
from manifpt.cli.scores import FILES as EVALUATION
from manifpt.cli.text import plain, tell
from manifpt.outputs import refuse_unusable

if TYPE_CHECKING:
    from manifpt.images import ImageSet
    from manifpt.methods.manifpt import ManiFPT

UNSEEN = 10_000  # seed of the suspect: no image of the demo's set is made with it
REPORT = EVALUATION[-1]
MARK = ".manifpt-demo"  # tells a demo from a folder of the user's
FOLDERS = ("images", "model")
FILES = (*EVALUATION, "fingerprints.png", "suspect.png")


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder to write; an earlier demo in it is replaced.")
    ] = Path("manifpt-demo"),
    per_generator: Annotated[int, typer.Option("--images", min=20, help="Images of each generator.")] = 160,
    seed: options.Seed = 0,
) -> None:
    """Tell four small generators and real photographs apart: sample, evaluate, fit, attribute.

    Everything comes with the package: photographs from scikit-image, generators trained by this project.

    Example: [bold]manifpt demo --out demo[/bold]
    """
    from PIL import Image  # noqa: PLC0415  (commands load what they need when they run)

    from manifpt.cli.attribute import show_table  # noqa: PLC0415
    from manifpt.cli.ran import evaluated  # noqa: PLC0415
    from manifpt.cli.scores import Evaluated, added, show  # noqa: PLC0415
    from manifpt.images import ImageSet  # noqa: PLC0415
    from manifpt.methods.manifpt import ManiFPT  # noqa: PLC0415
    from manifpt.reports.page import written  # noqa: PLC0415
    from manifpt.reports.runs import opened  # noqa: PLC0415
    from manifpt.studies.attributed import attributed  # noqa: PLC0415
    from manifpt.studies.evaluation import cross_validated  # noqa: PLC0415
    from manifpt.studies.exhibiting import exhibited  # noqa: PLC0415
    from manifpt.zoo import demo_generators, demo_set, sampled  # noqa: PLC0415

    clear(out)
    tell("1/4  sampling four generators and cutting photographs into patches")
    demo_set(out / "images", per_generator=per_generator, seed=seed)
    images = ImageSet.open(out / "images")
    tell(images.describe())
    tell("2/4  evaluating on splits that the attributor has not seen")
    model = ManiFPT("freq", attributor="linear", seed=seed)
    answers = cross_validated(model, images, seed=seed)
    scores = answers.scores(seed=seed)
    record = evaluated("the demo's images", images, model, scores, seed=seed)
    shown = exhibited(model, images, answers, fitted=False)
    tell("3/4  fitting on all images")
    model.fit(images)
    model.save(out / "model")
    _gallery(model, images, out / "fingerprints.png")
    tell("4/4  attributing an image that nobody has seen")
    name = demo_generators()[0]
    suspect = out / "suspect.png"
    Image.fromarray(sampled(name, 1, seed=UNSEEN + seed)[0]).save(suspect)
    answer = model.attribute(suspect)
    first = attributed(model, [answer], why="a new image, attributed by the fitted model", truth=name)
    added(Evaluated(answers, scores, first.joined(shown), record), out)
    written(opened(out), out / REPORT)
    typer.echo()
    show(scores)
    typer.echo(f"\nsuspect.png was made by {name}:")
    show_table([answer])
    listed = ", ".join([*FILES, *(f"{folder}/" for folder in FOLDERS)])
    typer.echo(f"\nwrote {plain(str(out))}/: {listed}")
    typer.echo(f"look at {plain(str(out))}/{REPORT} in a browser: everything in one file")
    typer.echo(f"next: manifpt attribute {plain(str(out))}/model {plain(str(out))}/suspect.png --json")


def clear(out: Path) -> None:
    """Make the folder of a demo, without an earlier demo's files; what a user put beside them stays.

    Raises:
        DataError: The folder holds something else, or cannot be written.
    """
    import shutil  # noqa: PLC0415

    if not (out / MARK).is_file():
        refuse_unusable(out, ours=(), what="an earlier demo")
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).touch()
    for name in FOLDERS:
        shutil.rmtree(out / name, ignore_errors=True)
    for name in FILES:
        (out / name).unlink(missing_ok=True)


def _gallery(model: ManiFPT, images: ImageSet, path: Path) -> None:
    from manifpt.extractors.artifacts import Artifacts  # noqa: PLC0415
    from manifpt.methods.fingerprint import fingerprints  # noqa: PLC0415
    from manifpt.reports.fingerprints import fingerprint_figure  # noqa: PLC0415
    from manifpt.reports.style import saved  # noqa: PLC0415

    found = fingerprints(Artifacts("rgb").fit(images), images)
    artifacts = {name: print_.mean for name, print_ in found.items()}
    spectra = {name: spectrum for name, print_ in found.items() if (spectrum := print_.mean_spectrum) is not None}
    saved(fingerprint_figure(artifacts, spectra, title="Fingerprints of the demo's generators"), path)
