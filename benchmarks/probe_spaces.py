"""How much of CIFAR-10's classes a space holds: logistic regression on reference reals, accuracy on the others.

python benchmarks/probe_spaces.py rgb ssl-cifar
python benchmarks/probe_spaces.py ssl-cifar --weights FILE
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from manifpt.registry import built

DATA = Path(os.environ.get("MANIFPT_DATA", Path(__file__).parents[2] / "shared" / "data"))


def labelled(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
    """Return the images of a folder and the classes in their file names (``00000-frog.png``)."""
    paths = sorted(folder.glob("*.png"))
    images = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
    return images, np.array([path.stem.rpartition("-")[2] for path in paths])


def main() -> None:
    """Print one line per space."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spaces", nargs="+", help="names of embeddings")
    parser.add_argument("--weights", type=Path, help="weights to use instead of the space's own")
    options = parser.parse_args()
    (seen, classes), (unseen, truth) = (labelled(DATA / "reals" / f"cifar10-{part}") for part in ("train", "test"))
    for space in options.spaces:
        began = time.monotonic()
        embedding = built("embeddings", space, **({"weights": options.weights} if options.weights else {}))
        points, others = (embedding(images).coordinates() for images in (seen, unseen))
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        accuracy = probe.fit(points.reshape(len(points), -1), classes).score(others.reshape(len(others), -1), truth)
        spread = 1.96 * np.sqrt(accuracy * (1 - accuracy) / len(truth))
        took = time.monotonic() - began
        print(f"{space}: {100 * accuracy:.1f} ± {100 * spread:.1f} % of {len(truth)}, {took:.0f} s", flush=True)


if __name__ == "__main__":
    main()
