"""What becomes of changed models: refused, right, or wrong."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from manifpt.attributors.lda import LDA
from manifpt.errors import ManifptError
from manifpt.extractors.patch_statistics import PatchStatistics
from manifpt.images import ImageSet
from manifpt.manifolds.tangent import Tangent
from manifpt.methods.manifpt import ManiFPT
from manifpt.methods.method import Method
from manifpt.methods.named import Fusion

from .edits import of_arrays, of_classes, of_headers
from .forgeries import of_files, of_pickles
from .mutations import Mutation, of_bytes, of_fields, of_text

SIDE, ROOM, SECONDS, LONGEST = 8, 256 * 2**20, 10.0, 1500
TINY = {"epochs": 1, "least_steps": 1, "calibration_folds": 0, "device": "cpu"}
MODELS: dict[str, dict[str, Any]] = {
    "linear": {"space": "rgb", "attributor": "linear", "calibration_folds": 0},
    "mlp": {"space": "freq-grey", "attributor": "mlp", "width": 8, **TINY},
    "costly": {"space": "ssl-cifar", "attributor": "linear", "calibration_folds": 0},
    "tangent": {"space": "ssl-cifar", "attributor": "linear", "calibration_folds": 0, "manifold": Tangent(neighbors=4)},
    "raw": {"space": "rgb", "manifold": None, "attributor": "resnet-small", **TINY},
    "resnet50": {
        "space": "rgb", "attributor": "resnet50", **TINY,
        "sizes": {"embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1], "layer_type": "basic"},
    },
}  # fmt: skip


NAMES = (*MODELS, "fused")


def made(name: str) -> Method:
    """Return a model that has learned nothing yet."""
    if name != "fused":
        return ManiFPT(**MODELS[name])
    raw = ManiFPT("rgb", manifold=None, attributor="resnet-small", **TINY)
    patches = Method(PatchStatistics(sides=(2,), covariance=False), LDA(calibration_folds=0))
    return Fusion([patches, raw])


def tiny(seed: int) -> ImageSet:
    """Return a few small images of noise: what a model makes of them does not matter, only that it stays."""
    pixels = np.random.default_rng(seed).integers(0, 256, (24, SIDE, SIDE, 3)).astype(np.uint8)
    generators = ["real"] * 16 + ["cyclegan"] * 4 + ["vqvae"] * 4
    return ImageSet.from_arrays(pixels, generators, roles=["reference"] * 10 + [""] * 14)


def answers(folder: Path) -> list[dict[str, Any]]:
    """Return the answers of a model for three images, without the folder's name."""
    return [answer.record() | {"model": ""} for answer in Method.load(folder).attributions(tiny(1).pixels()[:3])]


def outcome(folder: Path, right: list[dict[str, Any]]) -> str:
    """Return ``right``, ``refused``, or what is wrong with the answer or the error."""
    try:
        found = answers(folder)
    except ManifptError as error:
        sound = len(str(error).splitlines()) == 1 and len(str(error)) < LONGEST and error.expected and error.remedy
        return "refused" if sound else f"unclear: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "right" if found == right else f"another answer: {found}"


def outcomes(folder: Path, mutations: Iterable[Mutation], place: Path) -> tuple[Counter[str], list[str]]:
    """Return how many mutations of each kind were refused and how many answered rightly, and what went wrong."""
    right, counts, wrong, process = answers(folder), Counter[str](), [], psutil.Process()
    for number, mutation in enumerate(mutations):
        copy = place / f"{number}"
        shutil.copytree(folder, copy)
        mutation.apply(copy)
        before, started = process.memory_info().rss, time.monotonic()
        found = outcome(copy, right)
        seconds, grown = time.monotonic() - started, process.memory_info().rss - before
        fine = ("right",) if mutation.harmless else ("right", "refused")
        if found not in fine or seconds > SECONDS or grown > ROOM:
            wrong.append(f"{mutation}: {found[:300]} ({seconds:.1f} s, {grown / 2**20:.0f} MiB)")
        counts[f"{mutation.kind}: {found if found in fine else 'wrong'}"] += 1
        shutil.rmtree(copy.resolve(), ignore_errors=True)
    return counts, wrong


KINDS: dict[str, Callable[[Path, Path], Iterator[Mutation]]] = {
    "bytes": lambda folder, place: of_bytes(folder, seed=0, each=10),
    "fields": lambda folder, place: of_fields(folder, seals=False),
    "resealed fields": lambda folder, place: of_fields(folder, seals=True),
    "text": lambda folder, place: of_text(folder),
    "arrays": lambda folder, place: of_arrays(folder),
    "headers": lambda folder, place: of_headers(folder),
    "classes": lambda folder, place: of_classes(folder),
    "pickles": lambda folder, place: of_pickles(place / "sentinel"),
    "files": lambda folder, place: of_files(folder, place / "outside"),
}
