"""The evaluation of one method in plain words, tables and figures."""

from __future__ import annotations

import numpy as np

from manifpt.metrics.interval import Interval
from manifpt.reports import pictures
from manifpt.reports.exhibited import evidence, is_real
from manifpt.reports.origins import limits, origins
from manifpt.reports.runs import RunFolder
from manifpt.reports.sections import NONE, Bar, Cell, Column, Section, Table, number, percent
from manifpt.studies.answers import Scores

MOST_MISTAKES = 20
FEW = 100  # images of a class, below which its share is coarse
GOOD = 0.9  # share of right answers that is called nearly always


def verdict(scores: Scores) -> tuple[str, ...]:
    """Return the result in plain words, the most important sentence first."""
    found, chance = scores.balanced_accuracy, scores.chance
    told = [
        _strength(scores),
        f"Of {scores.answers:,} answers, {int(np.trace(scores.confusion)):,} name the right one of "
        f"{len(scores.classes)} classes; with every class counting alike that is {percent(found.value)} "
        f"({_range(found)} with 95 % confidence), where guessing would reach {percent(chance)}.",
    ]
    known = [one for one in scores.per_class if one.recall is not None]
    if len(known) > 1:
        best = max(known, key=lambda one: one.recall or 0)
        worst = min(known, key=lambda one: one.recall or 0)
        told.append(
            f"Recognised best is {best.name} ({percent(best.recall or 0)} of its images), worst "
            f"{worst.name} ({percent(worst.recall or 0)}){_confused(scores, worst.name)}."
        )
    told += _detection(scores)
    return tuple(told)


def sections(run: RunFolder, scores: Scores, *, references: bool) -> tuple[Section, ...]:
    """Return what follows the verdict."""
    return (
        _numbers(scores),
        _classes(run, scores),
        *_fingerprints(run),
        evidence(run.exhibits, references=references),
        origins(run.provenance, _fitted(scores)),
        limits(*_limits(scores)),
    )


def _strength(scores: Scores) -> str:
    found, chance = scores.balanced_accuracy, scores.chance
    if found.low <= chance:
        return "These images do not show that the classes can be told apart: guessing might do as well."
    if found.low >= GOOD:
        return "The classes are told apart nearly always."
    if found.value >= (1 + chance) / 2:
        return "The classes are told apart much better than by guessing, with mistakes."
    return "The classes are told apart better than by guessing, but often not."


def _confused(scores: Scores, name: str) -> str:
    row = scores.confusion[scores.classes.index(name)].copy()
    row[scores.classes.index(name)] = 0
    return f", most often taken for {scores.classes[int(row.argmax())]}" if row.any() else ""


def _detection(scores: Scores) -> list[str]:
    real = [index for index, name in enumerate(scores.classes) if is_real(name)]
    made = [index for index in range(len(scores.classes)) if index not in real]
    counts = scores.confusion
    if not real or not made or not counts[real].sum() or not counts[made].sum():
        return []
    alarms = counts[np.ix_(real, made)].sum() / counts[real].sum()
    missed = counts[np.ix_(made, real)].sum() / counts[made].sum()
    return [
        f"Of the real images, {percent(float(alarms))} were taken for generated ones; of the generated ones, "
        f"{percent(float(missed))} were taken for real."
    ]


def _range(interval: Interval, *, digits: int = 1) -> str:
    return f"between {percent(interval.low, digits=digits)} and {percent(interval.high, digits=digits)}"


def _numbers(scores: Scores) -> Section:
    def row(name: str, value: str, interval: str, meaning: str) -> tuple[Cell, ...]:
        return Cell(name), Cell(value), Cell(interval), Cell(meaning)

    def shared(name: str, found: Interval, meaning: str) -> tuple[Cell, ...]:
        return row(name, percent(found.value), f"{percent(found.low)} to {percent(found.high)}", meaning)

    rows = [
        shared(
            "balanced accuracy",
            scores.balanced_accuracy,
            f"share of right answers, every class counting alike; guessing: {percent(scores.chance)}",
        ),
        shared("accuracy", scores.accuracy, "share of right answers"),
        row(
            "macro-F1",
            number(scores.macro_f1),
            NONE,
            "mean over the classes of precision and recall together; 1 is best",
        ),
    ]
    if scores.detection_auc:
        found = scores.detection_auc
        rows.append(
            row(
                "real against generated (AUC)",
                number(found.value),
                f"{number(found.low)} to {number(found.high)}",
                "chance that a generated image looks less real than a real one; 0.5 is guessing",
            )
        )
    else:
        rows.append(row("real against generated (AUC)", NONE, NONE, scores.detection_reason or "not measured"))
    rows.append(row("log-loss", number(scores.log_loss), NONE, "how wrong the probabilities are, in nats; 0 is best"))
    rows.append(
        row(
            "calibration error",
            percent(scores.calibration_error),
            NONE,
            "how far probabilities and shares of right answers lie apart",
        )
    )
    if scores.fdr:
        found = scores.fdr.interval
        meaning = (
            "how far classes lie apart in what the attributor learned, in units of how far a class lies from itself "
            f"(1: not at all; {scores.fdr.images} images a side)"
        )
        rows.append(
            row(
                "FDR",
                number(found.value, digits=1),
                f"{number(found.low, digits=1)} to {number(found.high, digits=1)}",
                meaning,
            )
        )
    else:
        rows.append(row("FDR", NONE, NONE, scores.fdr_reason or "not measured"))
    columns = (
        Column("measure", numeric=False), Column("value"), Column("95\xa0% interval"),
        Column("what it says", numeric=False, prose=True),
    )  # fmt: skip
    table = Table("Figures of merit", columns, tuple(rows), sortable=False)
    found = scores.balanced_accuracy
    bar = Bar("balanced accuracy", found.value, found.low, found.high, scores.chance)
    return Section("In numbers", bars=(bar,), tables=(table,))


def _classes(run: RunFolder, scores: Scores) -> Section:
    matrix = scores.confusion
    rows = []
    for one in scores.per_class:
        place = scores.classes.index(one.name)
        wrong = matrix[place].copy()
        wrong[place] = 0
        most = scores.classes[int(wrong.argmax())] if wrong.any() else NONE
        rows.append(
            (
                Cell(one.name),
                _share(one.recall),
                _share(one.precision),
                Cell(f"{one.support:,}", one.support),
                Cell(most),
            )
        )
    columns = (
        Column("class", numeric=False), Column("recall"), Column("precision"), Column("answers about it"),
        Column("most often taken for", numeric=False),
    )  # fmt: skip
    caption = (
        "Recall: share of a class's images that are named right. Precision: share of right ones among "
        "the answers that name it."
    )
    tables = [Table(caption, columns, tuple(rows))]
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_MISTAKES]
    mistakes = []
    for truth, answer in zip(*np.unravel_index(order, wrong.shape), strict=True):
        count = int(wrong[truth, answer])
        if count:
            share = count / int(matrix[truth].sum())
            mistakes.append((
                Cell(scores.classes[truth]), Cell(scores.classes[answer]), Cell(f"{count:,}", count),
                Cell(percent(share), share),
            ))  # fmt: skip
    if mistakes:
        pairs = int((wrong > 0).sum())
        more = f" (the {len(mistakes)} most frequent of {pairs})" if pairs > len(mistakes) else ""
        headings = (
            Column(
                "truth", numeric=False), Column("answer", numeric=False), Column("times"), Column("share "
                "of the class"
            ),
        )  # fmt: skip
        tables.append(Table(f"Mistakes{more}", headings, tuple(mistakes)))
    recalls = "; ".join(
        f"{one.name} {percent(one.recall, digits=0)}" for one in scores.per_class if one.recall is not None
    )
    figure = pictures.figure(
        run.folder / "confusion.png",
        alt=f"Confusion matrix, truth in rows and answers in columns. Shares on its diagonal: {recalls}",
        caption="Confusion matrix: rows are the truth, columns the answers, numbers per cent of a row.",
    )
    return Section("Class by class", tables=tuple(tables), figures=(figure,) if figure else ())


def _share(share: float | None) -> Cell:
    return Cell(NONE) if share is None else Cell(percent(share), share)


def _fingerprints(run: RunFolder) -> tuple[Section, ...]:
    figure = pictures.figure(
        run.folder / "fingerprints.png",
        alt="For each generator its mean artifact and its mean log-spectrum, as two tiles side by side",
        caption="Mean artifact (image minus nearest real, in pixels) and mean log-spectrum of each generator.",
    )
    if figure is None:
        return ()
    text = (
        "What all images of a generator have in common, when each is compared with its nearest real "
        "image: its fingerprint."
    )
    return (Section("Fingerprints", text=(text,), figures=(figure,)),)


def _fitted(scores: Scores) -> tuple[str, ...]:
    many = f"{scores.runs} attributors" if scores.runs > 1 else "one attributor"
    return (
        f"{scores.images:,} images were scored by {many}. Intervals are of 95 %, by bootstrap over "
        "groups of near-duplicate "
        f"images within each class{' and over the attributors' if scores.runs > 1 else ''}.",
    )


def _limits(scores: Scores) -> list[str]:
    told = []
    fewest = min(scores.per_class, key=lambda one: one.support)
    if fewest.support < FEW:
        told.append(f"Some classes have few images ({fewest.name}: {fewest.support}); their shares are coarse.")
    if not any(is_real(name) for name in scores.classes):
        told.append("There was no class of real images: that an image is real is no possible answer here.")
    if scores.runs == 1:
        told.append("One attributor was fitted: how much another training would change is not in the intervals.")
    told.append(
        "Whether something other than the generator tells the classes apart (file formats, crops, "
        "other subjects) was not "
        "asked here; `manifpt audit` asks it."
    )
    return told
