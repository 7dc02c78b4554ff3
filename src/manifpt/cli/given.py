"""What several commands make of their options: the images and the method."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from manifpt.cli.options import Device
from manifpt.cli.text import plain

if TYPE_CHECKING:
    from manifpt.images import ImageSet, Preparation
    from manifpt.methods.manifpt import ManiFPT


@dataclass(frozen=True, slots=True)
class GivenImages:
    """The options that say which images there are."""

    data: str
    reference: list[str] | None
    real: list[str] | None
    layout: str
    generators: list[str] | None
    resize: int | None
    crop: int | None
    strict: bool

    def opened(self, *, preparation: Preparation | None = None, reference_needed: bool = True) -> ImageSet:
        """Return the images, and say on stderr how they were understood.

        Args:
            preparation: What was done to the training images, where the options do not say otherwise.
            reference_needed: Whether some reals have to estimate the manifold.
        """
        from manifpt.images import ImageSet  # noqa: PLC0415  (commands load what they need when they run)

        asked = (self.resize, self.crop)
        if asked == (None, None) and preparation is not None:
            asked = (preparation.resize, preparation.crop)
        images = ImageSet.open(
            self.data,
            reference=self.reference,
            real=self.real,
            layout=self.layout,
            resize=asked[0],
            crop=asked[1],
            strict=self.strict,
            generators=self.generators,
            reference_needed=reference_needed,
        )
        sys.stderr.write("".join(f"{plain(line)}\n" for line in images.describe().splitlines()))
        return images


@dataclass(frozen=True, slots=True)
class GivenMethod:
    """The options that say which method to use."""

    space: str
    attributor: str | None
    manifold: str
    seed: int
    device: Device
    no_cache: bool

    def built(self) -> ManiFPT:
        """Return the unfitted method."""
        from manifpt.cache import Cache  # noqa: PLC0415
        from manifpt.device import choose  # noqa: PLC0415
        from manifpt.methods.manifpt import ManiFPT  # noqa: PLC0415

        choose(self.device.value)
        return ManiFPT(
            self.space,
            attributor=self.attributor,
            manifold=None if self.manifold == "none" else self.manifold,
            seed=self.seed,
            cache=None if self.no_cache else Cache(),
        )


def model_folder(path: str | Path) -> bool:
    """Return whether a path is a folder that ``manifpt fit`` wrote."""
    return (Path(path) / "model.json").is_file()
