"""The comparison of methods in plain words, tables and figures."""

from __future__ import annotations

from collections.abc import Iterator

from manifpt.metrics.interval import Interval
from manifpt.reports import pictures
from manifpt.reports.origins import limits, origins
from manifpt.reports.runs import Compared, DataSet, RunFolder
from manifpt.reports.sections import NONE, Cell, Column, Picture, Section, Table, number, percent, without_places
from manifpt.reports.study import file_name
from manifpt.studies.comparison import Line

MOST_CONFUSIONS = 4  # figures of the best methods of a data set
ALPHA = 0.05
LEAST = 0.001  # p-values below are not told apart
FEW_IMAGES = 30  # of a class


def verdict(run: RunFolder) -> tuple[str, ...]:
    """Return the result on each data set in plain words."""
    return tuple(sentence for data in run.data_sets for sentence in _verdict(data))


def warnings(run: RunFolder) -> tuple[str, ...]:
    """Return what a reader must know before any number."""
    return tuple(f"{data.name}: {without_places(data.warning)}" for data in run.data_sets if data.warning)


def sections(run: RunFolder) -> tuple[Section, ...]:
    """Return what follows the verdict."""
    parts = [_compared(run, data) for data in run.data_sets]
    return (*parts, origins(run.provenance, _terms(run)), limits(*_limits(run)))


def _verdict(data: DataSet) -> Iterator[str]:
    lines = _ranked(data)
    if not lines:
        yield f"{data.name}: no method has results."
        return
    best, chance = lines[0], lines[0].chance
    yield (
        f"{data.name}: the highest balanced accuracy is that of {best.method}, "
        f"{_share(best.balanced_accuracy)}; guessing "
        f"would reach {percent(chance)}."
    )
    if best.balanced_accuracy.low <= chance:
        yield "That does not show that the classes can be told apart at all: guessing might do as well."
    others = [(line, line.difference, line.p_value) for line in lines if line.difference and line.p_value is not None]
    if not any(line.method == data.control for line in lines):
        yield f"The control {data.control} has no results, so that no difference could be tested."
        return
    if not others:
        return
    better = [line.method for line, found, p_value in others if p_value <= ALPHA and found.value > 0]
    worse = [line.method for line, found, p_value in others if p_value <= ALPHA and found.value < 0]
    rest = len(others) - len(better) - len(worse)
    many = f"{len(others)} comparison{'s' if len(others) > 1 else ''}"
    told = f"Against the control {data.control}: {_listed(better, 'better')}, {_listed(worse, 'worse')}"
    if rest:
        told += f"; for {rest} {'others' if better or worse else 'of them'} the difference may be chance"
    yield f"{told} (p at most {ALPHA} counts, corrected for {many})."


def _listed(names: list[str], word: str) -> str:
    if not names:
        return f"no method is {word}"
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {word}"


def _ranked(data: DataSet) -> list[Line]:
    lines = [one.line for one in data.methods if one.line]
    return sorted(lines, key=lambda line: (-line.balanced_accuracy.value, line.method))


def _compared(run: RunFolder, data: DataSet) -> Section:
    columns = (
        Column(
            "method", numeric=False), Column("balanced accuracy"), Column("accuracy"), Column("less "
            "{data.control}’s"
        ),
        Column("p"), Column("AUC real"), Column("log-loss"), Column("FDR"), Column("runs"), Column("s/run"),
    )  # fmt: skip
    caption = (
        "Balanced accuracies and differences with intervals of 95 %; p is corrected for the number of methods (Holm)."
    )
    tables = [Table(caption, columns, tuple(_row(one, data.control) for one in data.methods))]
    lacking = [one for one in data.methods if one.reason]
    if lacking:
        left = tuple((Cell(one.method), Cell(without_places(one.reason))) for one in lacking)
        headings = (Column("method", numeric=False), Column("what was left out, and why", numeric=False, prose=True))
        tables.append(Table("Left out", headings, left))
    about = [one for one in data.methods if one.about]
    if about:
        headings = (Column("method", numeric=False), Column("what it does", numeric=False, prose=True))
        tables.append(Table("The methods", headings, tuple((Cell(one.method), Cell(one.about)) for one in about)))
    return Section(data.name, tables=tuple(tables), figures=tuple(_figures(run, data)))


def _row(one: Compared, control: str) -> tuple[Cell, ...]:
    line = one.line
    if line is None:
        return (Cell(one.method), *[Cell(NONE)] * 9)
    return (
        Cell(one.method),
        Cell(_share(line.balanced_accuracy), line.balanced_accuracy.value),
        Cell(percent(line.accuracy.value), line.accuracy.value),
        Cell("control", 0.0) if line.method == control else _difference(line.difference),
        Cell(NONE) if line.p_value is None else Cell(_p_value(line.p_value), line.p_value),
        Cell(NONE) if line.detection_auc is None else Cell(number(line.detection_auc.value), line.detection_auc.value),
        Cell(number(line.log_loss), line.log_loss),
        Cell(NONE) if line.fdr is None else Cell(number(line.fdr.value, digits=1), line.fdr.value),
        Cell(str(line.runs), line.runs),
        Cell(number(line.seconds, digits=1), line.seconds),
    )


def _p_value(value: float) -> str:
    return f"< {LEAST}" if value < LEAST else number(value)


def _difference(found: Interval | None) -> Cell:
    if found is None:
        return Cell(NONE)
    value, low, high = (number(100 * bound, digits=1) for bound in (found.value, found.low, found.high))
    return Cell(f"{'+' if found.value > 0 else ''}{value} [{low}, {high}]", found.value)


def _share(found: Interval) -> str:
    value, low, high = (number(100 * bound, digits=1) for bound in (found.value, found.low, found.high))
    return f"{value}\xa0% [{low}, {high}]"


def _figures(run: RunFolder, data: DataSet) -> Iterator[Picture]:
    lines, name = _ranked(data), file_name(data.name)
    values = "; ".join(f"{line.method} {percent(line.balanced_accuracy.value)}" for line in lines)
    wanted = [
        (
            f"comparison-{name}.png",
            f"Balanced accuracy of each method with its interval: {values}",
            "Balanced accuracy of each method with its interval.",
        ),
        (
            f"fdr-{name}.png",
            "Balanced accuracy of each method against the Fréchet distance ratio of its features",
            "Accuracy against how far apart the classes lie in a method's features (FDR; 1 is not apart at all).",
        ),
        (
            f"tsne-{name}.png",
            "Maps of the tested images, a panel for each method, coloured by class; the first panels "
            "show the images themselves",
            "t-SNE of the tested images: near each other where a method finds them alike. Distances between far groups "
            "mean little.",
        ),
        *(
            (
                f"confusion-{name}/{file_name(line.method)}.png",
                f"Confusion matrix of {line.method}, truth in rows and answers in columns",
                f"Confusion matrix of {line.method}.",
            )
            for line in lines[:MOST_CONFUSIONS]
        ),
    ]
    for place, alt, caption in wanted:
        figure = pictures.figure(run.folder / place, alt=alt, caption=caption)
        if figure:
            yield figure


def _terms(run: RunFolder) -> tuple[str, ...]:
    told = [
        "Every method saw the same images, and chose its settings among as many trials on a part of "
        "the training images that "
        "was held out for this. What is reported was measured on images that took no part in training or choice.",
        "Intervals are of 95 %, by bootstrap over groups of near-duplicate images within each class "
        "and, where there is more "
        "than one, over the fitted attributors. Differences to the control are of the same images and draws.",
    ]
    if any(len(_ranked(data)) > MOST_CONFUSIONS for data in run.data_sets):
        told.append(
            f"Confusion matrices are shown of the {MOST_CONFUSIONS} methods of the highest balanced "
            "accuracy; those of the "
            "others lie in the folder of the run."
        )
    return tuple(told)


def _limits(run: RunFolder) -> list[str]:
    lines = [line for data in run.data_sets for line in _ranked(data)]
    told = []
    if any(line.runs == 1 for line in lines):
        told.append(
            "Where one attributor was fitted, the intervals do not hold how much another training "
            "would change, which for "
            "networks and few images is plenty."
        )
    if any(line.images * line.chance < FEW_IMAGES for line in lines):
        told.append(
            "Some data sets have few tested images for each class; small differences between methods mean nothing."
        )
    told.append(
        "The best of many methods looks better than it is, for it was picked by these very figures: judge it by its "
        "difference to the control, with the correction."
    )
    return told
