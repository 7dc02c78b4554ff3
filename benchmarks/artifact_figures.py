"""The figures of artifacts in the documentation, from real images.

    python benchmarks/artifact_figures.py [--data FOLDER] [--steps 200]

It writes into ``docs/images``: ``artifacts-spaces.png``, an image of each generator and its nearest real in each
space; ``artifacts-manifolds.png``, a generated and a real image and their counterparts on each manifold of pixels; and
``artifacts-gallery.png``, what the artifacts of a generator have in common. ``--export FOLDER`` keeps their numbers as
``.npz`` too.

The images are those of gm-cifar10-wild, looked for in ``MANIFPT_DATA`` (default: ``../shared/data`` beside the
repository), the references every fourth of reals/cifar10-train. Shown is the first image of each generator in the
order of its files; none was chosen by its looks. It takes two and a half minutes on one thread, half of them for the
trainings, which are therefore shorter than those of the manifolds' defaults.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
from results_sets import SETS, Places

from manifpt.embeddings.embedding import Points
from manifpt.embeddings.pixels import RGB
from manifpt.images import ImageSet
from manifpt.manifolds.autoencoder import Autoencoder
from manifpt.manifolds.barycentre import Barycentre
from manifpt.manifolds.denoiser import Denoiser
from manifpt.manifolds.manifold import Manifold
from manifpt.manifolds.nearest import Nearest
from manifpt.manifolds.restorer import Restorer
from manifpt.manifolds.tangent import Tangent
from manifpt.registry import built
from manifpt.reports.artifact_figure import Counterparts, artifact_figure
from manifpt.reports.gallery import gallery, gallery_figure
from manifpt.reports.style import saved

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("MANIFPT_DATA", ROOT.parent / "shared" / "data"))
OUT = ROOT / "docs" / "images"
GENERATORS = ("glow-chrischute", "vqvae-ritheshkumar95", "sngan-xyfjason", "ddpm-w86763777")
SPACES = ("rgb", "freq", "sl-cifar", "ssl-cifar")
SHOWN = ("sngan-xyfjason", "real")  # in the figure of manifolds
EVERY = 4  # of the references
GALLERY = 128  # images of each generator in the gallery
NOISE = 0.03  # of the denoiser in the gallery

Pixels = NDArray[np.uint8]


def main() -> None:
    """Draw all three and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of published images and reals")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the figures")
    parser.add_argument("--steps", type=int, default=200, help="of the trainings of the networks")
    parser.add_argument("--export", type=Path, help="folder of the numbers behind the figures")
    given = parser.parse_args()
    os.environ.setdefault("MANIFPT_WEIGHTS", str(given.data / "weights"))
    reference, images = _opened(given.data)
    denoiser = Denoiser(steps=given.steps).fit([RGB()(reference)])
    first = {name: pixels[:1] for name, pixels in images.items()}
    made = {
        "artifacts-spaces": Counterparts(
            GENERATORS,
            _unit(np.concatenate([first[name] for name in GENERATORS])),
            _by_space(np.concatenate([first[name] for name in GENERATORS]), reference),
        ),
        "artifacts-manifolds": Counterparts(
            SHOWN,
            _unit(np.concatenate([first[name] for name in SHOWN])),
            _by_manifold(np.concatenate([first[name] for name in SHOWN]), reference, denoiser),
        ),
    }
    counted = f"{len(reference):,} references"
    titles = (
        f"Nearest real in each space, {counted}",
        f"Counterpart on each manifold, {counted}, networks of {given.steps} steps",
    )
    for (name, shown), title in zip(made.items(), titles, strict=True):
        figure = artifact_figure(shown, title=title, shared=name == "artifacts-spaces")
        print(saved(figure, given.out / f"{name}.png"), flush=True)
    artifacts = {
        name: denoiser.residual(RGB()(pixels[:GALLERY]).coordinates(), NOISE) for name, pixels in images.items()
    }
    found = gallery(artifacts)
    title = f"Artifacts by a denoiser, noise {NOISE}, {given.steps} steps, {counted}"
    print(saved(gallery_figure(found, title=title), given.out / "artifacts-gallery.png"))
    if given.export is not None:
        for name, shown in made.items():
            print(shown.exported(given.export / f"{name}.npz"))
        print(found.exported(given.export / "artifacts-gallery.npz"))


def _opened(data: Path) -> tuple[Pixels, dict[str, Pixels]]:
    """Return some references, and the images of each generator and of the class ``real``."""
    options = next(one for one in SETS if one.name == "gm-cifar10-wild").options(Places(data, data))
    found = ImageSet.open(**options, generators=list(GENERATORS))
    reference = found.reference
    some = reference.subset(range(0, len(reference), EVERY)).pixels()
    return some, {name: _images(found, name) for name in (*GENERATORS, "real")}


def _images(found: ImageSet, name: str) -> Pixels:
    scored = found.scored
    rows = np.flatnonzero(scored.generators == name)
    return scored.subset(rows[np.argsort([scored.paths[row] for row in rows])][:GALLERY]).pixels()


def _by_space(images: Pixels, reference: Pixels) -> dict[str, NDArray[np.float64]]:
    """Return the pixels of the references that are nearest to images in each space."""
    nearest = {}
    for name in SPACES:
        space = built("embeddings", name)
        neighbors = Nearest().fit([space(reference)]).project(space(images)).neighbors
        assert neighbors is not None
        nearest[name] = _unit(reference[neighbors[:, 0]])
    return nearest


def _by_manifold(images: Pixels, reference: Pixels, denoiser: Denoiser) -> dict[str, NDArray[np.float32]]:
    """Return the projections of images onto each manifold of pixels."""
    points, references = RGB()(images), RGB()(reference)
    fitted: dict[str, Manifold] = {
        "nearest": Nearest().fit([references]),
        "tangent": Tangent().fit([references]),
        "tangent, patches": Tangent(patch=8).fit([references]),
        "barycentre": Barycentre().fit([references]),
        "denoiser": denoiser,
        "restorer": Restorer(steps=denoiser.steps).fit([references]),
        "autoencoder": Autoencoder(steps=denoiser.steps).fit([references]),
    }
    return {name: _channels_last(manifold.project(points).points) for name, manifold in fitted.items()}


def _channels_last(points: Points) -> NDArray[np.float32]:
    return np.moveaxis(points.coordinates(), 1, 3)


def _unit(pixels: Pixels) -> NDArray[np.float64]:
    return pixels / 255.0


if __name__ == "__main__":
    main()
