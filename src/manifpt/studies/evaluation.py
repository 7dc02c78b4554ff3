"""How well a method names generators: on splits that it makes itself, or of a fitted model on new images."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import DataError, ImageError
from manifpt.extractors.extractor import Extractor, Features
from manifpt.images import Fold, ImageSet, folds, held_out
from manifpt.methods.method import Method
from manifpt.progress import tracked
from manifpt.storage import gathered
from manifpt.studies.answers import Answers


def cross_validated(
    method: Method,
    images: ImageSet,
    *,
    splits: int = 5,
    repeats: int = 1,
    seed: int = 0,
    checkpoint: Path | None = None,
) -> Answers:
    """Return answers about every scored image by attributors that never saw it.

    Where a manifest marks images as ``test``, those are the test set and there is one split; otherwise repeated,
    stratified k-fold by content, near-duplicates and images of one latent on one side. References are never scored.

    Args:
        method: Any method; only its settings are used.
        images: Images with generators and references.
        splits: Folds of each repetition.
        repeats: Repetitions, each with other folds and another seed of the split.
        seed: Seed of the folds.
        checkpoint: Folder in which every fold's training keeps its progress, so that an evaluation that was killed goes
            on from there, to the same bits.

    Raises:
        DataError: There is no reference, fewer than two generators, one with fewer images than there are folds, or one
            that the marked test images show and the training images do not.
    """
    started = time.perf_counter()
    scored = images.scored
    marked = held_out(scored)
    refuse_untrainable(scored.generators if marked is None else scored.generators[marked.train])
    if marked:
        refuse_strangers(scored, marked.test, np.unique(scored.generators[marked.train]), "training images")
    runs = (
        [marked]
        if marked
        else [fold for turn in range(repeats) for fold in folds(scored, folds=splits, seed=seed + turn)]
    )
    features = None if method.extractor.learns else method.extractor.fit(images).extract(scored)
    places = [None if checkpoint is None else checkpoint / f"split-{number}" for number in range(len(runs))]
    parts = [
        _run(method, images, scored, fold, features, checkpoint=place)
        for fold, place in tracked(list(zip(runs, places, strict=True)), "folds")
    ]
    tested = np.concatenate([fold.test for fold in runs])
    classes = np.unique(np.concatenate([part.classes for part in parts]))
    return Answers(
        classes=classes,
        paths=np.asarray(scored.paths)[tested],
        truth=np.asarray(scored.generators)[tested],
        groups=np.asarray(scored.groups)[tested],
        runs=np.repeat(np.arange(len(runs)), [len(fold.test) for fold in runs]),
        probabilities=np.concatenate([part.among(classes) for part in parts]),
        features=tuple(part.features for part in parts),
        seconds=time.perf_counter() - started,
    )


def tested(method: Method, images: ImageSet) -> Answers:
    """Return a fitted method's answers about images that it has never seen.

    Args:
        method: A fitted method.
        images: Labelled images; references among them are left out.

    Raises:
        DataError: There is no image to test on, or a generator is none of the method's classes.
        ImageError: The images are not of the size that the method was trained on.
        LeakError: An image trained the method or is one of its references.
    """
    started = time.perf_counter()
    scored = images.scored
    _refuse_other_size(scored, method.training_.height, method.training_.width)
    refuse_strangers(scored, np.arange(len(scored)), method.classes_, "the model's classes")
    method.refuse_known(scored)
    features = method.extractor.extract(scored)
    return Answers(
        classes=method.classes_,
        paths=np.asarray(scored.paths),
        truth=np.asarray(scored.generators),
        groups=np.asarray(scored.groups),
        runs=np.zeros(len(scored), np.int64),
        probabilities=method.attributor.predict_proba(features),
        features=(method.attributor.features(features),),
        seconds=time.perf_counter() - started,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The answers of one split's attributor about its test images."""

    classes: NDArray[np.str_]
    probabilities: NDArray[np.float64]
    features: NDArray[np.float32]

    def among(self, classes: NDArray[np.str_]) -> NDArray[np.float64]:
        """Return the probabilities in the columns of all classes; one that the split could not learn gets 0."""
        table = np.zeros((len(self.probabilities), len(classes)))
        table[:, np.searchsorted(classes, self.classes)] = self.probabilities
        return table


def _run(
    method: Method,
    images: ImageSet,
    scored: ImageSet,
    fold: Fold,
    features: Features | None,
    *,
    checkpoint: Path | None,
) -> _Part:
    training, test = _features(method.extractor, images, scored, fold, features)
    attributor = method.fresh(images)
    attributor.fit(
        training,
        np.asarray(scored.generators)[fold.train],
        groups=np.asarray(scored.groups)[fold.train],
        checkpoint=checkpoint,
    )
    return _Part(attributor.classes_, attributor.predict_proba(test), attributor.features(test))


def _features(
    extractor: Extractor, images: ImageSet, scored: ImageSet, fold: Fold, features: Features | None
) -> tuple[Features, Features]:
    if features is not None:
        return gathered(features, fold.train), gathered(features, fold.test)
    return learned_features(extractor, images, scored, fold)


def learned_features(extractor: Extractor, images: ImageSet, scored: ImageSet, fold: Fold) -> tuple[Features, Features]:
    """Return the features of a fold's training and test images by an extractor that saw references and the former."""
    reference = np.asarray(images.roles) == "reference"
    visible = np.concatenate([np.flatnonzero(reference), np.flatnonzero(~reference)[fold.train]])
    learned = extractor.fit(images.subset(visible))
    return learned.extract(scored.subset(fold.train)), learned.extract(scored.subset(fold.test))


def refuse_untrainable(generators: NDArray[np.str_]) -> None:
    """Refuse training images of fewer than two generators.

    Raises:
        DataError: There is one generator, or none.
    """
    classes = np.unique(generators)
    if len(classes) <= 1:
        raise DataError(
            f"only {str(classes[0])!r} is there to train on" if len(classes) else "no image is there to train on",
            expected="images of at least two generators, or of one and `real`",
            remedy="add a folder per generator, or real images with --real (real= in Python)",
        )


def refuse_strangers(scored: ImageSet, test: NDArray[np.int64], known: NDArray[np.str_], where: str) -> None:
    """Refuse test images of generators that nothing was learned about.

    Raises:
        DataError: There is such an image, or no image to test on.
    """
    if not len(test):
        raise DataError(
            "there is no image to test on",
            expected="images with generators that are not references",
            remedy="give a folder per generator",
        )
    generators = scored.generators
    strangers = test[~np.isin(generators[test], known)]
    if len(strangers):
        raise DataError(
            f"{generators[strangers[0]]!s} ({scored.paths[strangers[0]]}) is not among {where}",
            expected=f"only {', '.join(map(str, known))}",
            remedy="leave it out with --generators (generators= in Python), or train with images of it",
        )


def _refuse_other_size(images: ImageSet, height: int, width: int) -> None:
    if (images.height, images.width) != (height, width):
        raise ImageError(
            f"the images are {images.width} × {images.height} pixels",
            expected=f"{width} × {height}, as the model was trained on",
            remedy=f"give --crop {min(height, width)} or --resize {min(height, width)} (resizing changes the trace)",
        )
