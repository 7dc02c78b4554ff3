"""Yang et al. 2022: a network that knows image transformations before it learns generators, from patches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.attributors import checkpoints, training
from manifpt.attributors.architectures import Classifier, SmallBody
from manifpt.attributors.attributor import Features
from manifpt.attributors.network import SmallResNet
from manifpt.attributors.patches import PatchClassifier
from manifpt.attributors.randomness import seeded
from manifpt.attributors.transformations import TRANSFORMATIONS, Transformed
from manifpt.errors import NumbersError

COLOURS = 3


class DNADet(SmallResNet):
    """The small residual network for colour maps (3, h, w), trained on patches, first to tell transformations apart.

    In pre-training each image of the training set is changed by one of 61 transformations (JPEG once and twice,
    Gaussian blur, medians, resampling by four filters, noise, each at several levels), and the network learns from
    random patches which it was. Then it learns generators, again from patches. Both losses are cross-entropy plus the
    supervised contrastive loss, for which all patches of one class in a batch are positives, of one image and of
    others: what they share is no content. Answers are given for whole images.

    Yang et al., *Deepfake Network Architecture Attribution*, AAAI 2022. They resize images to 512 px, crop 128, and
    take 16 patches of 64, half of the crop's side; at 32 px patches are 16 px of the untouched image. They have 170
    transformations, with filters larger than such an image, and learn how much the two losses count.

    Args:
        pretraining_steps: Steps in which the network learns transformations, from the images it is fitted on alone;
            0 for none.
        views: Patches of an image in a step.
        patch: Side of a patch, as a share of the image's.
        contrast: What the contrastive loss counts beside cross-entropy.
        epochs, least_steps, batch, learning_rate, width, flips, precision, calibration_folds, device, seed: As of
            ``SmallResNet``; ``batch`` and ``learning_rate`` are those of pre-training too.
    """

    name = "dna-det"

    def __init__(
        self,
        *,
        epochs: int = 20,
        least_steps: int = 600,
        batch: int = 64,
        learning_rate: float = 5e-3,
        width: int = 16,
        flips: bool = False,
        pretraining_steps: int = 600,
        views: int = 4,
        patch: float = 0.5,
        contrast: float = 1.0,
        precision: str = "auto",
        calibration_folds: int = 2,
        device: str = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__(
            epochs=epochs, least_steps=least_steps, batch=batch, learning_rate=learning_rate, width=width, flips=flips,
            precision=precision, calibration_folds=calibration_folds, device=device, seed=seed,
        )  # fmt: skip
        _refuse(pretraining_steps < 0, f"{pretraining_steps} pretraining steps", "0 or more", "use 600")
        _refuse(views < 1, f"{views} views", "at least one patch of an image", "use 4")
        _refuse(not 0 < patch <= 1, f"a patch of {patch}", "a share of the side, above 0 and up to 1", "use 0.5")
        _refuse(not 0 <= contrast < np.inf, f"a contrast of {contrast}", "a finite weight of 0 or more", "use 1")
        self.pretraining_steps = pretraining_steps
        self.views = views
        self.patch = patch
        self.contrast = contrast

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        own = ("pretraining_steps", "views", "patch", "contrast")
        return {**super().settings(), **{name: getattr(self, name) for name in own}}

    def _checked(self, shape: tuple[int, ...]) -> None:
        super()._checked(shape)
        _refuse(
            shape[0] != COLOURS,
            f"the features have the shape {shape}",
            f"maps (3, h, w): {self.name} takes colour images",
            "use resnet-small",
        )

    def _built(self, shape: tuple[int, ...], classes: int) -> Classifier:
        return PatchClassifier(
            SmallBody(shape[0], side=max(shape[1:]), width=self.width, depth=2),
            width=4 * self.width, classes=classes, channels=shape[0], axes=len(shape), dropout=0.2,
            views=self.views, share=self.patch, contrasted=self.contrast,
        )  # fmt: skip

    def _pretrained(
        self,
        network: Classifier,
        features: Features,
        rows: NDArray[np.int64],
        description: str,
        part: checkpoints.Checkpoint | None,
    ) -> None:
        if self.pretraining_steps == 0:
            return
        recipe = replace(self.recipe, epochs=1)
        length = self.pretraining_steps * recipe.batch
        changed = Transformed(features, rows, length=length, seed=recipe.seed)
        with seeded(recipe.seed, 0):
            student = self._built(features.shape[1:], len(TRANSFORMATIONS))
        student.body.load_state_dict(network.body.state_dict())
        student.mean.copy_(network.mean)
        student.deviation.copy_(network.deviation)
        learned = training.trained(
            student,
            changed,
            changed.labels,
            recipe,
            rows=np.arange(length),
            description=f"{description}: transformations",
            checkpoint=None if part is None else part.before(),
        )
        network.body.load_state_dict(learned.body.state_dict())


def _refuse(refused: bool, happened: str, expected: str, remedy: str) -> None:
    if refused:
        raise NumbersError(happened, expected=expected, remedy=remedy)
