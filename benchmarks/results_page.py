"""docs/results.md and its figures, from the rows alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import untuned
from results_sets import DIRECTIONS, SETS

from manifpt.methods.presets import FAULTS, preset, presets
from manifpt.metrics.holm import holm
from manifpt.metrics.interval import Interval
from manifpt.reports.comparisons import comparison
from manifpt.reports.study import written
from manifpt.reports.tables import as_markdown
from manifpt.studies.answers import Answers
from manifpt.studies.attribution import LeftOut
from manifpt.studies.comparison import Difference, answering, compared, difference
from manifpt.studies.faults import NONE, Change, effects
from manifpt.studies.rows import Rows, Run

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "results.md"
WORDS = ROOT / "benchmarks" / "results_head.md"
UNTUNED = ROOT / "benchmarks" / "untuned.jsonl"
# Their networks were trained on images that nobody can give away with a program; they are loaded where a user has them.
WEIGHTS_ABSENT = ("paper-sl", "paper-ssl", "univfd")
# What is drawn beside the tables: the accuracies and the maps; confusions are too many for a page.
FIGURES = ("comparison", "fdr", "tsne")
SPACES = ("rgb", "freq")
# Accuracy in per cent in the paper's table 1, on GM-CIFAR10 and GM-CelebA.
PAPER = {
    "mccloskey18": (40.2, 62.6), "nataraj19": (46.3, 61.1), "durall20": (57.3, 62.2), "dzanic20": (56.1, 61.6),
    "wang20": (62.2, 62.2), "marra18": (55.9, 63.1), "marra19": (60.7, 61.1), "yu19": (62.0, 60.6),
    "paper-rgb": (69.5, 70.5), "paper-freq": (70.2, 72.8), "paper-sl": (72.0, 73.6), "paper-ssl": (70.2, 74.7),
}  # fmt: skip
TRANSFER = """\
Trained on the first set, asked about the second, over the classes that both have and `real`. Balanced accuracy in per
cent, with the target's own references and with the source's; methods without a manifold use neither.
"""
BESIDE = """\
Accuracy in per cent. The paper's sets have 12 to 15 newer generators with about 1,000 training images each; its code
has the scored reals among the references. The sets here have other generators, most with 29 to 150 training images,
so that only the order of the methods can be compared."""
FAULTY = """\
The paper's spaces on gm-cifar10-wild with each fault of the authors' released code switched on, on the same folds. In
per cent, and in brackets the change in points, with its paired 95 % interval. Among generators: real images left out;
where reals are given away, chance rises a little, for one answer less is left.
"""
AGAINST = """\
Balanced accuracy of `auto` less that of others on the same runs, in points: raw pixels; the mean of two seeds of them,
which costs more than `auto`; image and spectrum; and the published baseline that is the strongest of the set. *p* is
corrected (Holm) for the rows of this table."""
OPPONENTS = ("raw", "image+image", "image+spectrum")
# What is neither ours, nor the paper's own method, nor a control.
PUBLISHED = (
    "mccloskey18", "nataraj19", "durall20", "dzanic20", "wang20", "marra18", "yu19", "dna-det", "marra19", "frank20",
    "ricker22", "corvi23", "giudice21", "npr", "univfd-sl-cifar", "univfd-ssl-cifar",
)  # fmt: skip
LEAST = 0.001
STAND_INS = {"paper-sl": "paper-sl-cifar", "paper-ssl": "paper-ssl-cifar"}


def write(rows: Rows, page: Path = PAGE) -> None:
    """Write the page, and its figures into ``figures`` beside it."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n".join(_parts(rows)), encoding="utf-8")
    pictures = page.parent / "figures"
    pictures.mkdir(exist_ok=True)
    with TemporaryDirectory() as beside:
        ran = {one.name: [name for name in presets() if answering(rows, one.name, name)] for one in SETS}
        made = [written(rows, [name], methods, {}, Path(beside)) for name, methods in ran.items() if methods]
        for path in chain.from_iterable(made):
            if path.name.startswith(FIGURES):
                shutil.copy(path, pictures / f"results-{path.name}")


def _parts(rows: Rows) -> Iterator[str]:
    yield WORDS.read_text(encoding="utf-8")
    yield "# Table 1: attribution\n"
    for one in SETS:
        yield _attribution(rows, one.name, one.about)
    yield _auto_against(rows)
    yield _beside_the_paper(rows)
    yield "# Table 2: transfer\n"
    yield TRANSFER
    yield from (_transfer(rows, one.name, one.about) for one in DIRECTIONS)
    yield "# The faults of the released code\n"
    yield from _faults(rows)
    yield "# Five folds without a validation part\n"
    yield untuned.section(untuned.stored(UNTUNED))


def _ran(rows: Rows, name: str) -> bool:
    return any(answering(rows, name, method) for method in presets())


def _attribution(rows: Rows, name: str, about: str) -> str:
    left = [LeftOut(method, 1, "weights absent") for method in WEIGHTS_ABSENT]
    names = [method for method in presets() if method not in WEIGHTS_ABSENT]
    table = as_markdown([comparison(rows, name, names, left_out=left)])
    heading, _, rest = table.partition("\n")
    apart = any("interval" in run.notes.get("fdr", {}) for run in rows.runs(data=name))
    separation = f"\n![Accuracy on {name} against FDR](figures/results-fdr-{name}.png)\n" if apart else ""
    figures = "" if not _ran(rows, name) else (
        f"\n![Balanced accuracy of every method on {name}](figures/results-comparison-{name}.png)\n{separation}"
        f"\n![Maps of the tested images of {name}](figures/results-tsne-{name}.png)\n"
    )  # fmt: skip
    return f"{heading.replace('`', '')}\n\n{about[0].upper()}{about[1:]}\n{rest}{figures}"


def _auto_against(rows: Rows) -> str:
    lines = ["## The default against the others", "", AGAINST, ""]
    lines += ["| set | against | difference | p | runs of both |", "|---|---|---:|---:|---:|"]
    found = [
        (one.name, name, difference(ours, theirs), len(_common(theirs, ours)))
        for one in SETS
        if (ours := answering(rows, one.name, "auto"))
        for name in (*OPPONENTS, _strongest(rows, one.name))
        if name and _common(theirs := answering(rows, one.name, name), ours)
    ]
    for (data, name, gain, runs), p_value in zip(found, holm([test.p_value for *_, test, _ in found]), strict=True):
        lines.append(f"| {data} | `{name}` | {_points(gain)} | {_p(p_value)} | {runs} |")
    return "\n".join([*lines, ""])


def _strongest(rows: Rows, data: str) -> str | None:
    """Return the published baseline of the highest balanced accuracy on this set, if any was run."""
    lines = compared(rows, data, PUBLISHED)
    return max(lines, key=lambda line: line.balanced_accuracy.value).method if lines else None


def _p(value: float) -> str:
    return "< 0.001" if value < LEAST else f"{value:.3f}"


def _points(gain: Difference) -> str:
    one = gain.interval
    return f"{100 * one.value:+.1f} [{100 * one.low:+.1f}, {100 * one.high:+.1f}]".replace("-", "−")


def _beside_the_paper(rows: Rows) -> str:
    lines = [
        "## Beside the paper's figures",
        "",
        BESIDE,
        "",
        "| method | paper, GM-CIFAR10 | here, gm-cifar10-wild | paper, GM-CelebA | here, vae16 |",
        "|---|---:|---:|---:|---:|",
    ]
    for method, figures in PAPER.items():
        ours = STAND_INS.get(method, method)
        name = f"`{method}`" if ours == method else f"`{method}`; here `{ours}`"
        wild, vaes = (_accuracy(rows, data, ours) for data in ("gm-cifar10-wild", "vae16"))
        lines.append(f"| {name} | {figures[0]} | {wild} | {figures[1]} | {vaes} |")
    return "\n".join([*lines, ""])


def _accuracy(rows: Rows, data: str, method: str) -> str:
    runs = answering(rows, data, method)
    if not runs:
        return "not run"
    return f"{100 * np.mean(np.concatenate([run.truth == run.answers for run in runs])):.1f}"


def _transfer(rows: Rows, name: str, about: str) -> str:
    target = {line.method: line for line in compared(rows, name, presets())}
    source = {line.method: line for line in compared(rows, f"{name} (source's references)", presets())}
    if not target:
        return f"## {name}\n\n{about[0].upper()}{about[1:]}. Not run.\n"
    first = next(iter(target.values()))
    (run, *_) = answering(rows, name, first.method)
    lines = [
        f"## {name}",
        "",
        f"{about[0].upper()}{about[1:]}: {', '.join(run.classes)}. {first.images} images; "
        f"chance {100 * first.chance:.1f}.",
        "",
        "| method | target's references | source's references | runs |",
        "|---|---:|---:|---:|",
    ]
    for method, line in target.items():
        same = preset(method).extractor != "artifacts"
        other = "the same" if same else _percent(source[method].balanced_accuracy) if method in source else "not run"
        lines.append(f"| `{method}` | {_percent(line.balanced_accuracy)} | {other} | {line.runs} |")
    return "\n".join([*lines, ""])


def _faults(rows: Rows) -> Iterator[str]:
    data = "gm-cifar10-wild"
    yield FAULTY
    yield "| space | fault | balanced accuracy | recall of real | accuracy among generators | runs |"
    yield "|---|---|---:|---:|---:|---:|"
    for space in SPACES:
        found = {NONE: answering(rows, data, f"paper-{space}")}
        found |= {
            name.removeprefix(f"{space}-"): answering(rows, data, name)
            for name in FAULTS
            if name.startswith(f"{space}-")
        }
        both = {name: _common(runs, found[NONE]) for name, runs in found.items()}
        ran = {name: _answers(runs) for name, runs in both.items() if runs}
        for effect in effects(ran) if NONE in ran else ():
            real = "–" if effect.real_recall is None else _change(effect.real_recall)
            changes = f"{_change(effect.balanced_accuracy)} | {real} | {_change(effect.among_generators)}"
            yield f"| {space} | {effect.fault.replace('-', ' ')} | {changes} | {len(both[effect.fault])} |"
        yield from (
            f"| {space} | {name.replace('-', ' ')} | not run | | | 0 |" for name, runs in both.items() if not runs
        )
    yield ""


def _common(runs: list[Run], honest: list[Run]) -> list[Run]:
    # With a fault the first folds may have been run alone.
    places = {(run.key.repeat, run.key.fold) for run in honest}
    return [run for run in runs if (run.key.repeat, run.key.fold) in places]


def _answers(runs: list[Run]) -> Answers:
    classes = np.array(runs[0].classes)
    truth, answers = (np.concatenate([getattr(run, name) for run in runs]) for name in ("truth", "answers"))
    return Answers(
        classes=classes,
        paths=np.concatenate([run.paths for run in runs]),
        truth=classes[truth],
        groups=np.concatenate([run.groups for run in runs]),
        runs=np.repeat(np.arange(len(runs)), [len(run.truth) for run in runs]),
        probabilities=np.eye(len(classes))[answers],
    )


def _change(change: Change) -> str:
    figure, gain = 100 * change.figure.value, change.gain
    if gain.value == gain.low == gain.high == 0:
        return f"{figure:.1f}"
    return f"{figure:.1f} ({100 * gain.value:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}])"


def _percent(interval: Interval) -> str:
    return f"{100 * interval.value:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"
