"""How well a method names generators: on splits that it makes itself, or of a fitted model on new images."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from manifpt.extractors.extractor import Extractor, Features
from manifpt.images import Fold, ImageSet, folds, held_out
from manifpt.methods.method import Method
from manifpt.progress import tracked
from manifpt.storage import gathered
from manifpt.studies.answers import Answers


def cross_validated(method: Method, images: ImageSet, *, splits: int = 5, repeats: int = 1, seed: int = 0) -> Answers:
    """Return answers about every scored image by attributors that never saw it.

    Where a manifest marks images as ``test``, those are the test set and there is one split; otherwise repeated,
    stratified k-fold by content, near-duplicates and images of one latent on one side. References are never scored.

    Args:
        method: Any method; only its settings are used.
        images: Images with generators and references.
        splits: Folds of each repetition.
        repeats: Repetitions, each with other folds and another seed of the split.
        seed: Seed of the folds.

    Raises:
        DataError: There is no reference, or a generator has fewer images than there are folds.
    """
    started = time.perf_counter()
    scored = images.scored
    marked = held_out(scored)
    runs = (
        [marked]
        if marked
        else [fold for turn in range(repeats) for fold in folds(scored, folds=splits, seed=seed + turn)]
    )
    features = None if method.extractor.learns else method.extractor.fit(images).extract(scored)
    parts = [_run(method, images, scored, fold, features) for fold in tracked(runs, "folds")]
    tested = np.concatenate([fold.test for fold in runs])
    return Answers(
        classes=parts[0][0],
        paths=np.asarray(scored.paths)[tested],
        truth=np.asarray(scored.generators)[tested],
        groups=np.asarray(scored.groups)[tested],
        runs=np.repeat(np.arange(len(runs)), [len(fold.test) for fold in runs]),
        probabilities=np.concatenate([part[1] for part in parts]),
        features=tuple(part[2] for part in parts),
        seconds=time.perf_counter() - started,
    )


def tested(method: Method, images: ImageSet) -> Answers:
    """Return a fitted method's answers about images that it has never seen.

    Args:
        method: A fitted method.
        images: Labelled images; references among them are left out.

    Raises:
        LeakError: An image trained the method or is one of its references.
    """
    started = time.perf_counter()
    scored = images.scored
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


def _run(
    method: Method, images: ImageSet, scored: ImageSet, fold: Fold, features: Features | None
) -> tuple[NDArray[np.str_], NDArray[np.float64], NDArray[np.float32]]:
    """Return the classes, probabilities and penultimate features of one split's test images."""
    training, test = _features(method.extractor, images, scored, fold, features)
    attributor = method.fresh(images)
    attributor.fit(training, np.asarray(scored.generators)[fold.train], groups=np.asarray(scored.groups)[fold.train])
    return attributor.classes_, attributor.predict_proba(test), attributor.features(test)


def _features(
    extractor: Extractor, images: ImageSet, scored: ImageSet, fold: Fold, features: Features | None
) -> tuple[Features, Features]:
    if features is not None:
        return gathered(features, fold.train), gathered(features, fold.test)
    reference = np.asarray(images.roles) == "reference"
    visible = np.concatenate([np.flatnonzero(reference), np.flatnonzero(~reference)[fold.train]])
    learned = extractor.fit(images.subset(visible))
    return learned.extract(scored.subset(fold.train)), learned.extract(scored.subset(fold.test))
