"""How well manifolds tell what a decoder did to a real image, per band of spatial frequency.

For each decoder of the zoo and each held-out real x, the known displacement is decoder(encoder(x)) − x. A manifold
estimates it from decoder(encoder(x)) alone: the image minus its projection onto the reference, in pixels. The decoder's
mean displacement and the unsharp mask are fitted on the reals whose role is training; all errors are those of the reals
whose role is test. No x is a reference, nor was a decoder trained on it.

Run: python benchmarks/known_displacement.py [--weights zoo/weights] [--out zoo/displacement.json]
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manifpt.images import ImageSet
from manifpt.manifolds.manifold import Manifold
from manifpt.manifolds.nearest import Nearest
from manifpt.registry import built
from manifpt.writing import replaced_file
from manifpt.zoo import displacement
from manifpt.zoo.displacement import Errors, Pixels
from manifpt.zoo.reconstruction import reconstructed
from manifpt.zoo.sets import TEST, held_out_role
from manifpt.zoo.trained import Trained, generator, names

MANIFOLDS = ("tangent", "barycentre", "denoiser", "restorer", "autoencoder")
SPACES = ("rgb", "freq", "sl-cifar", "ssl-cifar")
Images = NDArray[np.uint8]


def main() -> None:
    """Measure all, print a table, and write it."""
    options = _options()
    reals = Path(options.data) / "reals"
    reference = ImageSet.photographs([str(reals / "cifar10-train")]).pixels()
    held_out = ImageSet.photographs([str(reals / "cifar10-test")])
    originals = held_out.pixels()
    tests = np.array([held_out_role(digest) == TEST for digest in held_out.digests])
    made = [one for one in (generator(name, options.weights) for name in names(options.weights)) if _decodes(one)]
    made = made[: options.decoders]
    manifolds = {f"nearest real, {name}": _nearest(name, reference) for name in options.space}
    manifolds |= {f"{name}, rgb": _projected(name, reference) for name in options.manifold}
    found: dict[str, list[Errors]] = {}
    for one in made:
        for estimate, errors in _measured(one, originals, tests, manifolds).items():
            found.setdefault(estimate, []).append(errors)
        print(f"{one.design.name}", flush=True)
    rows = [{"estimate": name, **_row(displacement.joined(parts))} for name, parts in found.items()]
    record = {
        "decoders": len(made),
        "reals": int(tests.sum()),
        "fitted_on": int((~tests).sum()),
        "reference": len(reference),
        "resamplings": displacement.RESAMPLINGS,
        "seed": 0,
        "rows": rows,
    }
    for row in rows:
        print(f"{row['estimate']:28}", *(f"{value[0]:.3f}" for value in (*row["bands"].values(), row["all"])))
    with replaced_file(options.out) as beside:
        beside.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _measured(
    one: Trained, originals: Images, tests: NDArray[np.bool_], manifolds: dict[str, Callable[[Images], Pixels]]
) -> dict[str, Errors]:
    """Return the errors of each estimate for one decoder's reconstructions of the test reals."""
    images = np.concatenate(list(reconstructed(one, originals)))
    shown, real = images / 255.0, originals / 255.0
    truth, places = (shown - real)[tests], np.flatnonzero(tests).tolist()
    sharpened, _ = displacement.unsharp_mask(shown[~tests], real[~tests])
    estimates = {
        "none": displacement.none(shown[tests]),
        "mean of the decoder": displacement.mean(shown[~tests], real[~tests])(shown[tests]),
        "unsharp mask": sharpened(shown[tests]),
        **{name: estimate(images[tests]) for name, estimate in manifolds.items()},
    }
    return {name: displacement.errors(truth, estimated, places) for name, estimated in estimates.items()}


def _nearest(name: str, reference: Images) -> Callable[[Images], Pixels]:
    """Return the difference, in pixels, of images to the reference that is nearest in a space."""
    space = built("embeddings", name)
    manifold = Nearest().fit([space(reference)])

    def estimate(images: Images) -> Pixels:
        neighbors = manifold.project(space(images)).neighbors
        assert neighbors is not None
        return images / 255.0 - reference[neighbors[:, 0]] / 255.0

    return estimate


def _projected(name: str, reference: Images) -> Callable[[Images], Pixels]:
    """Return the artifact of images in RGB for a manifold."""
    space = built("embeddings", "rgb")
    manifold: Manifold = built("manifolds", name).fit([space(reference)])

    def estimate(images: Images) -> Pixels:
        counterparts = manifold.project(space(images)).points.coordinates()
        return images / 255.0 - counterparts.astype(np.float64).transpose(0, 2, 3, 1)

    return estimate


def _row(errors: Errors) -> dict[str, object]:
    shares = errors.shares()
    return {"bands": {name: shares[name] for name in displacement.BANDS}, "all": shares["all"]}


def _decodes(one: Trained) -> bool:
    return one.design.family == "decoder"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("MANIFPT_DATA", Path(__file__).parents[2] / "shared" / "data"))
    parser.add_argument("--weights", type=Path, default=Path("zoo") / "weights")
    parser.add_argument("--out", type=Path, default=Path("zoo") / "displacement.json")
    parser.add_argument("--decoders", type=int, default=None, help="only the first of them")
    parser.add_argument("--space", nargs="*", default=list(SPACES), help="in which the nearest real is searched")
    parser.add_argument("--manifold", nargs="*", default=list(MANIFOLDS), help="others, in RGB")
    return parser.parse_args()


if __name__ == "__main__":
    main()
