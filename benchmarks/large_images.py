"""A smoke run of every space at 256 px, on crops of the demo's photographs and mosaics of the demo's generators.

    python benchmarks/large_images.py

The sets are far too small to measure accuracy; the run shows that every space embeds, projects, saves, loads and
attributes at this size, and how long it takes. Spaces whose weights are absent say so. `hf:` runs on a small, randomly
initialised ViT that the script saves to a temporary folder.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import numpy as np

from manifpt import ImageSet, ManiFPT, ManifptError
from manifpt.zoo import demo_generators, patches, sampled

SIDE, TILES, MOSAICS = 256, 8, 8


def small_vit(folder: Path) -> str:
    """Save a tiny ViT with random weights, and return its name as a space."""
    import torch
    from transformers import ViTConfig, ViTModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = ViTConfig(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=224
        )
        ViTModel(config).save_pretrained(folder)
    return f"hf:{folder}@1"


def images() -> ImageSet:
    """Return 256-px crops of photographs, and mosaics of 64 samples each."""
    crops = patches(SIDE)
    pixels = [crop.pixels for crop in crops]
    generators = ["real"] * len(crops)
    roles = ["reference" if crop.role == "reference" else "" for crop in crops]
    for name in demo_generators():
        samples = sampled(name, TILES * TILES * MOSAICS, seed=1).reshape(MOSAICS, TILES, TILES, 32, 32, 3)
        pixels += list(samples.transpose(0, 1, 3, 2, 4, 5).reshape(MOSAICS, SIDE, SIDE, 3))
        generators += [name] * MOSAICS
        roles += [""] * MOSAICS
    return ImageSet.from_arrays(np.stack(pixels), generators, roles=roles)


def main() -> None:
    """Print one JSON object per space."""
    data = images()
    print(data.describe())
    with tempfile.TemporaryDirectory() as place:
        spaces = [
            "rgb",
            "freq",
            "freq-grey",
            "rgb+freq",
            "sl-cifar",
            "ssl-cifar",
            "sl",
            "ssl",
            small_vit(Path(place) / "vit"),
        ]
        for space in spaces:
            started = time.perf_counter()
            try:
                model = ManiFPT(space, attributor="linear", calibration_folds=0).fit(data)
                model = ManiFPT.load(model.save(Path(place) / "model"))
                answer = model.attribute(data.scored[0])
                found = {"shape": answer.artifact.shape, "distance": answer.distance, "answer": answer.generator}
            except ManifptError as error:
                found = {"error": str(error)}
            print(
                json.dumps({"space": space.split(":")[0], **found, "seconds": round(time.perf_counter() - started, 1)})
            )


if __name__ == "__main__":
    main()
