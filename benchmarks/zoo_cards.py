"""Measure the zoo's trained generators: cards, grids, and the decoders' errors of reconstruction.

    python benchmarks/zoo_cards.py --weights zoo/weights [--only NAME …]

For each generator it writes ``zoo/cards/NAME.json`` and a grid, ``docs/images/zoo/NAME.png``; for those in the folder's
sub-folder ``catsdogs`` the same in sub-folders. A generator that must not be shipped is recorded with its reasons in
``zoo/failed/NAME.DIGEST.json`` instead, so that a later attempt under the same name hides none. All decoders together
have ``zoo/cards/decoders.json`` and one picture (``--only decoders``). What was measured already, of these weights and
with these numbers, is left alone; so a run that was stopped goes on. ``python docs/zoo_page.py`` makes the page.

The reals are looked for below ``--data`` (``MANIFPT_DATA``, else ``../shared/data`` beside the repository), and
ResNet-56 in ``MANIFPT_WEIGHTS``, else in ``weights`` there.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from catsdogs_division import FOLDER, divided
from numpy.typing import NDArray
from PIL import Image
from zoo_decoders import SHOWN, entry, picture

from manifpt.images import ImageSet
from manifpt.writing import replaced_file
from manifpt.zoo.decoders import LEVELS, runs
from manifpt.zoo.grid import grid
from manifpt.zoo.trained import Trained, generator, names

ROOT = Path(__file__).parents[1]
DECODERS = "decoders"
GRID = 32
DIGITS = 8  # of the weights' digest, in the name of a record of failure
# Of the compression: PNG is lossless with any, and which is smallest depends on the picture.
STRATEGIES = range(5)
Images = NDArray[np.uint8]


@dataclass(frozen=True)
class Reals:
    """What generators of one folder learned from, and others of the kind that none has seen.

    Args:
        name: What the records call them.
        folder: Of the generators, below the folder of weights.
        classes: Whether they have CIFAR-10's classes.
        opened: Returns both.
    """

    name: str
    folder: str
    classes: bool
    opened: Callable[[], tuple[ImageSet, ImageSet]]

    @cached_property
    def both(self) -> tuple[Images, Images]:
        """Those that generators learned from, and the others, uint8 (n, size, size, 3)."""
        training, real = self._sets
        return training.pixels(), real.pixels()

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """The class of each real that none has seen, (n,)."""
        from manifpt.zoo.classes import classes

        return classes(self._sets[1].paths)[1]

    @cached_property
    def _sets(self) -> tuple[ImageSet, ImageSet]:
        return self.opened()


def kinds(data: Path) -> tuple[Reals, ...]:
    """Return the reals of each folder of weights."""
    reals = data / "reals"
    small = (reals / "cifar10-train", reals / "cifar10-test")

    def cifar10() -> tuple[ImageSet, ImageSet]:
        training, real = (ImageSet.photographs([str(folder)]) for folder in small)
        return training, real

    return (
        Reals("reals/cifar10-train, reals/cifar10-test", "", True, cifar10),
        Reals("reals/catsdogs64, divided", "catsdogs", False, lambda: divided(data / FOLDER)),
    )


def measured(one: Trained, reals: Reals, *, count: int, seed: int) -> tuple[dict[str, Any], Images]:
    """Return the record of a generator's card, and the first images of its sequence."""
    from manifpt.zoo.card import card
    from manifpt.zoo.sampling import sampled

    begun = time.perf_counter()
    training, real = reals.both
    images = np.concatenate(list(sampled(one, count, seed=seed)))
    found = card(images, family=one.design.family, training=training, real=real, classes=reals.classes)
    key = "/".join(filter(None, [reals.folder, one.design.name]))
    record = {
        "sha256": one.digest,
        "reals": reals.name,
        "n": count,
        "seed": seed,
        "command": f"python benchmarks/zoo_cards.py --weights zoo/weights --only {key}",
        "bits_per_dimension": bits(one, reals, seed=seed),
        "card": found.record(),
    }
    return record | {"seconds": round(time.perf_counter() - begun)}, images[:GRID]


def bits(one: Trained, reals: Reals, *, seed: int) -> float | None:
    """Return in how many bits a flow could write a subpixel of the held-out reals; None of what is no flow."""
    import torch

    measure = getattr(one.network, "bits_per_dimension", None)
    if measure is None:
        return None
    real = reals.both[1]
    labels = torch.from_numpy(reals.labels) if one.design.classes else None
    random = torch.Generator().manual_seed(seed)
    total = 0.0
    for part in np.array_split(np.arange(len(real)), -(-len(real) // 100)):
        images = torch.from_numpy(real[part].transpose(0, 3, 1, 2).astype(np.float32)) / 127.5 - 1
        with torch.inference_mode():
            total += float(measure(images, random, None if labels is None else labels[part]).sum())
    return total / len(real)


def write_card(one: Trained, reals: Reals, options: argparse.Namespace) -> str:
    """Write a generator's card and grid, or why it failed; return a line that says what was found."""
    name = one.design.name
    card, grid_, failed = (
        place / reals.folder / f"{name}{ending}"
        for place, ending in (
            (options.cards, ".json"),
            (options.images, ".png"),
            (options.failed, f".{one.digest[:DIGITS]}.json"),
        )
    )
    wanted = {"sha256": one.digest, "seed": options.seed, "n": options.count}
    if (agrees(card, wanted) and grid_.is_file()) or agrees(failed, wanted):
        return f"{name}: measured before"
    record, images = measured(one, reals, count=options.count, seed=options.seed)
    sizes = {"bytes": (options.weights / reals.folder / f"{name}.safetensors").stat().st_size}
    why = record["card"]["failures"]
    if why:
        write_json(failed, {"sidecar": one.sidecar, **sizes, **record})
        for old in (card, grid_):
            old.unlink(missing_ok=True)
        return f"{name} failed, so that its weights must not be shipped: {'; '.join(why)}"
    write_png(grid_, grid(images))
    write_json(card, {"name": name, "family": one.design.family, **sizes, **record})
    failed.unlink(missing_ok=True)
    return f"{name}: Fréchet distance {record['card']['frechet']:.2f}, {record['seconds']} s"


def write_decoders(made: list[Trained], reals: Reals, options: argparse.Namespace) -> str:
    """Write all decoders' errors, measuring those that are new, and the picture of the first seed of each run."""
    held_out = reals.both[1]
    path, sheet = options.cards / f"{DECODERS}.json", options.images / f"{DECODERS}.png"
    stored = json.loads(path.read_text(encoding="utf-8"))[DECODERS] if path.is_file() else {}
    entries = {}
    for one in made:
        old = stored.get(one.design.name, {})
        fresh = (old.get("sha256"), old.get("reals")) != (one.digest, len(held_out))
        size = (options.weights / f"{one.design.name}.safetensors").stat().st_size
        entries[one.design.name] = {"bytes": size, **entry(one, held_out)} if fresh else old
    command = f"python benchmarks/zoo_cards.py --weights zoo/weights --only {DECODERS}"
    if entries != stored or not sheet.is_file():
        # Reals of as many classes as there are columns.
        firsts = sorted(np.unique(reals.labels, return_index=True)[1])[:SHOWN]
        write_png(sheet, picture(ordered(made), held_out[firsts]))
        write_json(path, {"reals": reals.name, "command": command, DECODERS: entries})
    return f"decoders: {len(entries)}, of which {len([name for name in entries if name not in stored])} are new"


def ordered(made: list[Trained]) -> list[Trained]:
    """Return the decoder of the first seed of each run, in the order of the runs."""
    choices = [[one.design.record()[field] for field in LEVELS] for one in made]
    places = [choices.index(list(run.values())) for run in runs() if list(run.values()) in choices]
    return [made[place] for place in places]


def agrees(path: Path, wanted: dict[str, Any]) -> bool:
    """Return whether a record is there that has these values."""
    if not path.is_file():
        return False
    record = json.loads(path.read_text(encoding="utf-8"))
    return all(record.get(name) == value for name, value in wanted.items())


def write_json(path: Path, record: dict[str, Any]) -> None:
    """Write a record."""
    with replaced_file(path) as beside:
        text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
        beside.write_text(f"{text}\n", encoding="utf-8")


def write_png(path: Path, pixels: Images) -> None:
    """Write a picture with the strategy of compression that makes it smallest."""
    contents = []
    for strategy in STRATEGIES:
        with io.BytesIO() as file:
            Image.fromarray(pixels).save(file, "PNG", compress_level=9, compress_type=strategy)
            contents.append(file.getvalue())
    with replaced_file(path) as beside:
        beside.write_bytes(min(contents, key=len))


def main() -> None:
    """Measure what is not measured yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=ROOT / "zoo" / "weights")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of generators, also catsdogs/NAME; or: decoders")
    shared = os.environ.get("MANIFPT_DATA", ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(shared))
    parser.add_argument("--cards", type=Path, default=ROOT / "zoo" / "cards")
    parser.add_argument("--failed", type=Path, default=ROOT / "zoo" / "failed")
    parser.add_argument("--images", type=Path, default=ROOT / "docs" / "images" / "zoo")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ.setdefault("MANIFPT_WEIGHTS", str(options.data / "weights"))
    from manifpt.embeddings.small import SupervisedCIFAR

    # Without the classifier a card would be another one: an error here, before anything is measured.
    SupervisedCIFAR(depth=56).files()
    for reals in kinds(options.data):
        place = options.weights / reals.folder
        made = [generator(name, place) for name in names(place)]
        decoders = [one for one in made if one.design.family == "decoder"]
        for one in (one for one in made if one not in decoders):
            key = "/".join(filter(None, [reals.folder, one.design.name]))
            if not options.only or {key, one.design.name} & set(options.only):
                print(write_card(one, reals, options), flush=True)
        if decoders and not reals.folder and (not options.only or DECODERS in options.only):
            print(write_decoders(decoders, reals, options), flush=True)


if __name__ == "__main__":
    main()
