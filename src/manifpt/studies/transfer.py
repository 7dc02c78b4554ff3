"""How well a method trained on one set names the same classes in another (Song et al. 2024, table 2)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from manifpt.attributors.attributor import Attributor
from manifpt.errors import DataError, ImageError, LeakError
from manifpt.extractors.extractor import Extractor, Features
from manifpt.images import REAL, ImageSet
from manifpt.methods.method import Method
from manifpt.progress import tracked
from manifpt.studies.answers import Answers
from manifpt.studies.matching import Matching

References = Literal["target", "source"]
FEWEST = 2  # classes


@dataclass(frozen=True, slots=True)
class Pair:
    """The images of two sets that are of classes in both.

    Args:
        source: The set that trains, with its references.
        target: The set that is tested, with its references.
        learned: The source's images that train: of a class in both sets, and not marked ``test``.
        asked: The target's scored images of these classes.
        taught: Common name of each learned image's generator.
        truth: Common name of each asked image's generator.
        classes: The sorted names.
    """

    source: ImageSet
    target: ImageSet
    learned: ImageSet
    asked: ImageSet
    taught: NDArray[np.str_]
    truth: NDArray[np.str_]
    classes: NDArray[np.str_]

    @classmethod
    def of(cls, source: ImageSet, target: ImageSet, matched: Matching) -> Pair:
        """Return the pair of two sets.

        Raises:
            DataError: Fewer than two classes are in both.
            ImageError: The sets differ in size.
            LeakError: An image is in both sets and not a reference of both.
        """
        _refuse_other_size(source, target)
        _refuse_shared(source, target)
        learned = source.subset(~np.isin(source.roles, ["reference", "test"]))
        asked = target.scored
        taught, truth = _named(learned, matched.source), _named(asked, matched.target)
        classes = _shared(taught, truth)
        known, answered = np.isin(taught, classes), np.isin(truth, classes)
        return cls(
            source, target, learned.subset(known), asked.subset(answered), taught[known], truth[answered], classes
        )

    @property
    def members(self) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
        """The source's and the target's generators of each class, sorted."""

        def called(name: str, images: ImageSet, names: NDArray[np.str_]) -> tuple[str, ...]:
            return tuple(sorted({*images.generators[names == name].tolist()}))

        return {
            name: (called(name, self.learned, self.taught), called(name, self.asked, self.truth))
            for name in self.classes.tolist()
        }

    def features(self, extractor: Extractor, reference: References) -> tuple[Features, Features]:
        """Return the features of the learned images, against the source's references, and of the asked ones.

        Raises:
            DataError: The references are the target's, which has no training images for an extractor that learns.
        """
        _refuse_learning(extractor, reference)
        # What learns must not see the source's images of other classes, nor those marked as test.
        extractor.fit(_with_references(self.source, self.learned) if extractor.learns else self.source)
        training = extractor.extract(self.learned)
        if reference == "target":
            extractor.fit(self.target)
        return training, extractor.extract(self.asked)


def transferred(
    method: Method,
    source: ImageSet,
    target: ImageSet,
    *,
    matched: Matching,
    reference: References = "target",
    seed: int = 0,
    repeats: int = 1,
) -> Answers:
    """Return answers about one set's images by attributors that were trained on another set.

    The attributor learns from every image of the source that is of a class in both sets and is not marked ``test``;
    ``real`` is one of the classes where both sets score reals. Its features are taken against the source's references.
    Then every scored image of the target that is of these classes is answered, under the common name. Which references
    the paper takes there is not stated (inferred: the target's).

    Args:
        method: Any method; only its settings are used.
        source: The set that trains, with references where the method needs them.
        target: The set that is tested, of the same size.
        matched: What generators of both are called, from ``matching``.
        reference: Whose references the target's images are projected onto.
        seed: Seed of the first training.
        repeats: Trainings, with the seeds seed, seed + 1, …; each is a run of the answers, so that their intervals
            include the variance of retraining.

    Raises:
        DataError: Fewer than two classes are in both sets, ``repeats`` is below 1, ``reference`` is neither set, or is
            the target while the extractor learns from training images.
        ImageError: The sets differ in size.
        LeakError: An image is in both sets and not a reference of both.
    """
    started = time.perf_counter()
    _refuse_settings(reference, repeats)
    pair = Pair.of(source, target, matched)
    training, test = pair.features(method.extractor, reference)
    attributors = []
    for turn in tracked(range(repeats), "training"):
        attributor = _fresh(method, pair.learned, seed + turn)
        attributors.append(attributor.fit(training, pair.taught, groups=pair.learned.groups))
    return Answers(
        classes=pair.classes,
        paths=np.tile(np.asarray(pair.asked.paths), repeats),
        truth=np.tile(pair.truth, repeats),
        groups=np.tile(pair.asked.groups, repeats),
        runs=np.repeat(np.arange(repeats), len(pair.asked)),
        probabilities=np.concatenate([attributor.predict_proba(test) for attributor in attributors]),
        features=tuple(attributor.features(test) for attributor in attributors),
        seconds=time.perf_counter() - started,
    )


def _named(images: ImageSet, names: Mapping[str, str]) -> NDArray[np.str_]:
    """Return the common name of each image's generator; "" where it has none."""
    return np.array([REAL if name == REAL else names.get(name, "") for name in images.generators.tolist()], np.str_)


def _shared(source: NDArray[np.str_], target: NDArray[np.str_]) -> NDArray[np.str_]:
    one, other = (sorted({*names.tolist()} - {""}) for names in (source, target))
    shared = sorted({*one} & {*other})
    if len(shared) < FEWEST:
        raise DataError(
            f"{', '.join(shared) or 'no class'} is in both sets (the source has {', '.join(one) or 'none'}; "
            f"the target {', '.join(other) or 'none'})",
            expected=f"at least {FEWEST} classes in both, `real` among them or not",
            remedy="match them by model or by family, or take other sets",
        )
    return np.array(shared)


def _with_references(images: ImageSet, learned: ImageSet) -> ImageSet:
    content = {*learned.digests}
    kept = [role == "reference" or one in content for role, one in zip(images.roles, images.digests, strict=True)]
    return images.subset(np.array(kept, bool))


def _fresh(method: Method, images: ImageSet, seed: int) -> Attributor:
    attributor = method.fresh(images)
    settings = attributor.settings()
    found: Attributor = type(attributor)(**(settings | {"seed": seed} if "seed" in settings else settings))
    return found


def _refuse_settings(reference: str, repeats: int) -> None:
    if repeats < 1:
        raise DataError(f"{repeats} repeats", expected="1 or more", remedy="leave it at 1")
    if reference not in ("target", "source"):
        raise DataError(f"reference is {reference!r}", expected="'target' or 'source'", remedy="give one of them")


def _refuse_learning(extractor: Extractor, reference: str) -> None:
    if reference == "target" and extractor.learns:
        raise DataError(
            f"the extractor {extractor.settings()['name']} learns from training images, and the target has none",
            expected="an extractor that learns nothing but references",
            remedy="give reference='source'",
        )


def _refuse_other_size(source: ImageSet, target: ImageSet) -> None:
    if (source.height, source.width) != (target.height, target.width):
        side = min(source.height, source.width, target.height, target.width)
        raise ImageError(
            f"the source's images are {source.width} × {source.height} pixels and the target's "
            f"{target.width} × {target.height}",
            expected="one size",
            remedy=f"open both with --resize {side} (resize={side} in Python), which changes the trace",
        )


def _refuse_shared(source: ImageSet, target: ImageSet) -> None:
    known = {record.digest: record for record in source.records}
    both = [(record, known[record.digest]) for record in target.records if record.digest in known]
    shared = [(one, other) for one, other in both if {one.role, other.role} != {"reference"}]
    if shared:
        one, other = shared[0]
        raise LeakError(
            f"{one.path} of the target has the same pixels as {other.path} of the source ({len(shared)} such images)",
            expected="sets that share no image but references of both",
            remedy="leave the images out of one set",
        )
