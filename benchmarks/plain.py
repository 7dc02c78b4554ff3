"""Attribution by artifacts as a script would do it: Pillow, NumPy, FAISS Flat, and an attributor of manifpt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manifpt.attributors.attributor import Attributor

Images = NDArray[np.uint8]
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Plain:
    """A script that fits and attributes; it checks nothing and shows no evidence.

    Args:
        points: Images (n, height, width, 3) → points (n, *shape).
        scale: What a step of a point is in the units of artifacts.
        attributor: Makes an attributor that has learned nothing.
    """

    points: Callable[[Images], Array]
    scale: float
    attributor: Callable[[], Attributor]

    def fit(
        self, references: list[Path], images: list[Path], generators: NDArray[np.str_], groups: Array, file: Path
    ) -> None:
        """Learn from files and write a file; what must stay together in cross-fitting is given."""
        reals = decoded(references)
        artifacts, _ = self._artifacts(reals, decoded(images))
        learned = self.attributor().fit(artifacts, generators, groups=groups)
        np.savez(file, reals=reals, **learned.state())

    def attribute(self, file: Path, images: list[Path]) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
        """Return the generator of each file, and its distance to the nearest reference."""
        with np.load(file) as saved:
            state = {name: saved[name] for name in saved.files}
        artifacts, distances = self._artifacts(state.pop("reals"), decoded(images))
        learned = self.attributor().restore(state)
        return learned.classes_[learned.predict_proba(artifacts).argmax(axis=1)], distances

    def _artifacts(self, references: Images, images: Images) -> tuple[Array, NDArray[np.float64]]:
        theirs, points = self.points(references), self.points(images)
        flat = theirs.reshape(len(theirs), -1)
        index = faiss.IndexFlatL2(flat.shape[1])
        index.add(flat)
        _, nearest = index.search(points.reshape(len(points), -1), 1)
        artifacts = (points - theirs[nearest[:, 0]]) * np.float32(self.scale)
        return artifacts, np.linalg.norm(artifacts.reshape(len(points), -1).astype(np.float64), axis=1)


def decoded(files: list[Path]) -> Images:
    """Return the pixels of files, one after the other."""
    return np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])


def pixels(images: Images) -> Array:
    """Return the pixels, channels first, in steps of 1/255."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32)
