"""A method: an extractor with an attributor, fitted on a set of images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from manifpt.attributors.attributor import Attributor
from manifpt.errors import DataError, LeakError
from manifpt.extractors.artifacts import Artifacts, digest
from manifpt.extractors.extractor import Extractor, Features
from manifpt.images import ImageSet, Preparation
from manifpt.methods import saving
from manifpt.methods.attribution import Attribution, Failure
from manifpt.methods.evidence import Evidence
from manifpt.methods.inference import Image, answered, attributions
from manifpt.methods.training import Training

REAL = "real"


class Method:
    """Names the generator of an image: an extractor turns it into features, an attributor names the generator.

    Args:
        extractor: Images → features.
        attributor: Features → probability of each generator.

    Attributes:
        training_: What is remembered of the training images.
        evidence_: The nearest reference in RGB.
        folder: Where the method was saved or loaded; None before.
    """

    training_: Training
    evidence_: Evidence

    def __init__(self, extractor: Extractor, attributor: Attributor) -> None:
        self.extractor = extractor
        self.attributor = attributor
        self.folder: Path | None = None

    @property
    def classes_(self) -> NDArray[np.str_]:
        """Sorted names of the generators."""
        return self.attributor.classes_

    def fit(self, images: ImageSet, *, checkpoint: Path | None = None) -> Self:
        """Fit on every image that is not marked ``test``.

        The images of role ``reference`` estimate the manifold; all others train the attributor.

        Args:
            images: References and training images.
            checkpoint: Folder in which a network in training keeps its progress. A fit that was killed goes on from
                there when it is called again, to the same bits. Points and projections are kept by the cache.

        Raises:
            DataError: No image is a reference, or fewer than two generators are left.
            ModelError: The checkpoint belongs to another training.
        """
        training = trainable(images)
        self.extractor.fit(images)
        self.evidence_ = Evidence().fit(images.reference)
        features, distances = self.measured(training)
        self.attributor = self.fresh(images)
        self.attributor.fit(features, training.generators, groups=training.groups, checkpoint=checkpoint)
        self.training_ = Training(
            height=training.height,
            width=training.width,
            preparation=images.preparation,
            digests=tuple(training.digests),
            reference_digest=digest(images.reference),
            real_distances=np.sort(distances[training.generators == REAL]),
        )
        return self

    def fresh(self, images: ImageSet) -> Attributor:
        """Return an attributor of the same settings that has learned nothing yet."""
        attributor: Attributor = type(self.attributor)(**self.attributor.settings())
        return attributor

    def measured(self, images: ImageSet) -> tuple[Features, NDArray[np.float64]]:
        """Return the features of each image and its distance to the manifold.

        The distance is the length of the artifact; a method without artifacts takes the distance in RGB.
        """
        if isinstance(self.extractor, Artifacts):
            found = self.extractor.measured(images)
            return found.artifacts, found.distances
        distances = np.empty(len(images), np.float64)
        for rows, pixels in images.batches():
            distances[rows] = [real.distance for real in self.evidence_.nearest(pixels)]
        return self.extractor.extract(images), distances

    def predict_proba(self, images: ImageSet) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, classes), columns ordered as ``classes_``."""
        return self.attributor.predict_proba(self.extractor.extract(images))

    def refuse_known(self, images: ImageSet) -> None:
        """Refuse a test set that shares content with the training or reference images.

        Raises:
            LeakError: An image trained the attributor or is a reference.
        """
        known = dict.fromkeys(self.training_.digests, "training images")
        known |= dict.fromkeys(self.evidence_.digests_, "references")
        shared = [(path, known[key]) for path, key in zip(images.paths, images.digests, strict=True) if key in known]
        if shared:
            raise LeakError(
                f"{shared[0][0]} has the same pixels as one of the model's {shared[0][1]} "
                f"({len(shared)} of {len(images)} images are known to the model)",
                expected="images that the model has never seen",
                remedy="leave them out, or run `manifpt evaluate DATA`, which makes its own splits",
            )

    def attribute(self, image: Image, *, resize: int | None = None, crop: int | None = None) -> Attribution:
        """Return which generator made one image.

        Args:
            image: A file, a file's bytes, or pixels uint8 (height, width, 3).
            resize: Scale to this size first, where the image is unlike the training images.
            crop: Cut out the middle of this size first.

        Raises:
            ImageError: The file cannot be decoded or is not of the size of the training images.
        """
        return answered(next(self.attributions([image], resize=resize, crop=crop)))

    def attributions(
        self,
        images: Iterable[Image],
        *,
        resize: int | None = None,
        crop: int | None = None,
    ) -> Iterator[Attribution | Failure]:
        """Yield one answer for each image, in order; one that cannot be attributed gives a ``Failure``."""
        return attributions(self, images, Preparation(resize=resize, crop=crop))

    def save(self, folder: str | Path) -> Path:
        """Write the method to a folder: safetensors and JSON, no pickle. An existing model is replaced as a whole.

        Raises:
            ModelError: The folder holds something else, or a part of the method is in no registry.
        """
        self.folder = saving.written(self, Path(folder))
        return self.folder

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Return the method saved in a folder, after checking its content.

        Raises:
            ModelError: The folder is incomplete, damaged or of another schema.
        """
        parts = saving.parts(Path(folder))
        method = cls.__new__(cls)
        Method.__init__(method, parts.extractor, parts.attributor)
        method.training_, method.evidence_, method.folder = parts.training, parts.evidence, Path(folder)
        return method


def trainable(images: ImageSet) -> ImageSet:
    """Return the images that may train an attributor: neither reference nor test.

    Raises:
        DataError: Fewer than two generators are left.
    """
    kept = images.subset(np.flatnonzero(~np.isin(images.roles, ["reference", "test"])))
    classes = sorted(set(kept.generators.tolist()))
    if len(classes) <= 1:
        raise DataError(
            f"only {classes[0]!r} is there to train on" if classes else "no image is there to train on",
            expected="images of at least two generators, or of one and `real`",
            remedy="add a folder per generator, or real images with --real (real= in Python)",
        )
    return kept
