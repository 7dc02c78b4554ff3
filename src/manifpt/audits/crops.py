"""Whether one class shows the same kind of content in another cutting, or in another place.

Faces cut out closely and widely have mean images that fit onto each other only after scaling, which no trace of a
generator explains. So the mean image of all is scaled and shifted until it fits each class's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.ndimage import map_coordinates

from manifpt.audits.finding import SHOWN, Check
from manifpt.audits.patterns import MEASURE, extreme
from manifpt.audits.permutation import Members, Partition, share_between, significance
from manifpt.audits.questions import Question
from manifpt.images.thumbnails import SIDE

MEAN_IMAGE, CROP = "mean image", "crop"
GAIN = "gain in correlation by scaling and shifting"
MOST = 3  # classes that are told of
COMPONENTS = 32  # of thumbnails, in which class means are compared
ZOOMS = (0.66, 0.76, 0.87, 0.93, 1.0, 1.07, 1.15, 1.32, 1.52)
SHIFTS = (-0.125, -0.0625, 0.0, 0.0625, 0.125)  # of the side
LEAST = 0.4  # share of the thumbnail that has to be seen in both
FLAT = 1e-9
ROWS, COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")


@dataclass(frozen=True, slots=True)
class Warp:
    """A scaling and a shift.

    Args:
        zoom: How much larger things appear; above 1 where the cutting is closer.
        down: How far they lie lower, in parts of the side.
        right: How far they lie to the right, in parts of the side.
    """

    zoom: float = 1.0
    down: float = 0.0
    right: float = 0.0

    def __str__(self) -> str:
        parts = [f"zoom {self.zoom:.2f}"] if self.zoom != 1 else []
        parts += [f"{abs(self.down):.0%} {'lower' if self.down > 0 else 'higher'}"] if self.down else []
        parts += [f"{abs(self.right):.0%} to the {'right' if self.right > 0 else 'left'}"] if self.right else []
        return ", ".join(parts) or "as it is"


def layouts(thumbnails: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return grey thumbnails of mean 0 and standard deviation 1, (n, 256): brightness and contrast do not count.

    Args:
        thumbnails: uint8 (n, 768).
    """
    grey = thumbnails.reshape(-1, SIDE * SIDE, 3).mean(axis=2)
    centred = grey - grey.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    return np.asarray(centred / np.where(spread > FLAT, spread, 1.0))


def checks(
    question: Question, placed: NDArray[np.float64], paths: Sequence[str], *, permutations: int, seed: int
) -> Iterator[Check]:
    """Yield the check of mean images, and that of crops; nothing where all images are the same.

    Args:
        question: Labels that the layout might give away.
        placed: Layout of each image of the set, (all, 256).
        paths: Path of each image of the set.
        permutations: How many labellings to draw.
        seed: Decides which.
    """
    chosen, partition = placed[question.rows], question.partition
    if not np.ptp(chosen, axis=0).any():
        return
    value, p = significance(
        share_between(partition, _components(chosen)), partition, permutations=permutations, seed=seed
    )
    most = extreme(question, chosen, chosen)
    row, column = divmod(most.number, SIDE)
    third = f"{ROWS[3 * row // SIDE]} {COLUMNS[3 * column // SIDE]}"
    effect = f"{most.label}: {third} {most.inside:+.2f} spreads from the image's mean; others {most.outside:+.2f}"
    yield Check(MEAN_IMAGE, question.name, value, MEASURE, effect, tuple(paths[row] for row in most.rows), p)
    fitted = _Fits(partition, chosen)
    value, p = significance(fitted.gain, partition, permutations=permutations, seed=seed)
    effect, label = fitted.told()
    files = tuple(paths[row] for row in question.rows[partition.codes == label][:SHOWN])
    yield Check(CROP, question.name, value, GAIN, effect, files, p)


class _Fits:
    """How well the mean image of all fits each class's, once it is scaled and shifted."""

    def __init__(self, partition: Partition, placed: NDArray[np.float64]) -> None:
        self.partition, self.placed = partition, placed
        self.warps, places, self.masks = _warps()
        self.templates = _warped(placed.mean(axis=0), places) * self.masks

    def correlations(self, members: Members) -> NDArray[np.float64]:
        """Return how each class's mean image correlates with each warp of that of all, (turns, classes, warps)."""
        means = self.partition.sums(members, self.placed) / self.partition.sizes[:, None]
        pixels = self.masks.sum(axis=1)
        ours, theirs = means @ self.masks.T / pixels, self.templates.sum(axis=1) / pixels
        together = means @ self.templates.T / pixels - ours * theirs
        spreads = (means**2 @ self.masks.T / pixels - ours**2) * ((self.templates**2).sum(axis=1) / pixels - theirs**2)
        return np.asarray(np.where(spreads > FLAT**2, together / np.sqrt(np.maximum(spreads, FLAT**2)), 0.0))

    def gains(self, members: Members) -> NDArray[np.float64]:
        """Return how much the best of them fits better than the mean image as it is, (turns, classes)."""
        found = self.correlations(members)
        return np.asarray(found.max(axis=2) - found[..., self.warps.index(Warp())])

    def gain(self, members: Members) -> NDArray[np.float64]:
        """Return the mean gain over images, (turns,)."""
        return np.asarray(self.gains(members) @ self.partition.sizes / self.partition.sizes.sum())

    def told(self) -> tuple[str, int]:
        """Return in words how the mean image fits the classes that gain most, and the first of these."""
        gains = self.gains(self.partition.members)[0]
        best = self.correlations(self.partition.members)[0].argmax(axis=1)
        order = np.argsort(-gains * np.sqrt(self.partition.sizes), kind="stable")[:MOST]
        shown = [f"{self.partition.names[label]}: {self.warps[best[label]]}" for label in order]
        return f"the mean image of all fits best after: {'; '.join(shown)}", int(order[0])


@cache
def _warps() -> tuple[list[Warp], NDArray[np.float64], NDArray[np.float64]]:
    """Return the warps, where each takes its pixels from, (warps, 2, 256), and which it has, (warps, 256)."""
    middle = (SIDE - 1) / 2
    rows, columns = np.indices((SIDE, SIDE), float).reshape(2, -1)
    warps, places = [], []
    for warp in (Warp(*each) for each in product(ZOOMS, SHIFTS, SHIFTS)):
        down, right = (
            (axis - middle - SIDE * by) / warp.zoom + middle for axis, by in ((rows, warp.down), (columns, warp.right))
        )
        warps.append(warp)
        places.append((down, right))
    found = np.array(places)
    masks = np.all((found >= 0) & (found <= SIDE - 1), axis=1).astype(float)
    kept = masks.mean(axis=1) >= LEAST
    return [warp for warp, keep in zip(warps, kept, strict=True) if keep], found[kept], masks[kept]


def _warped(image: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(map_coordinates(image.reshape(SIDE, SIDE), places.swapaxes(0, 1), order=1))


def _components(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return vectors along the directions in which they vary most, whatever their labels, (n, ≤ 32)."""
    centred = vectors - vectors.mean(axis=0)
    directions = eigh(centred.T @ centred)[1][:, -COMPONENTS:]
    return np.asarray(centred @ directions)
