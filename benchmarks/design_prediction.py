"""What choices made a generator that was never seen: learned from the zoo's crossed decoders.

    python benchmarks/design_prediction.py [--weights zoo/weights] [--data FOLDER] [--methods patches spectrum]

56 decoders of 25 designs reconstruct the same held-out reals. Each design in turn is asked about while the others are
known, all its seeds together. Then all are known, and the zoo's other generators, from their own noise, and the
published ones of gm-cifar10-wild are asked about. Prints Markdown; what the columns mean is told in docs/structure.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from results_sets import SETS, Places

from manifpt.cache import Cache
from manifpt.images import ImageSet
from manifpt.metrics.holm import holm
from manifpt.reports.choice_effects import effects_exported, effects_figure
from manifpt.reports.style import saved
from manifpt.studies.crossing import main_effects
from manifpt.studies.distances import equally_many, extracted
from manifpt.studies.prediction import Prediction, carried, held_out, predicted
from manifpt.zoo.decoders import LEVELS, decoders
from manifpt.zoo.design import CHOICES
from manifpt.zoo.reconstruction import reconstructed
from manifpt.zoo.sampling import sampled
from manifpt.zoo.taxonomy import taxonomy
from manifpt.zoo.trained import generator, names

ROOT = Path(__file__).parents[1]
MADE = tuple(choice for choice in CHOICES if choice in LEVELS)


def main() -> None:
    """Print the tables."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--weights", type=Path, default=ROOT / "zoo" / "weights", help="folder of trained generators")
    asked.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of published images")
    asked.add_argument("--methods", nargs="+", default=["patches", "spectrum"], help="whose features")
    asked.add_argument("--each", type=int, default=60, help="images of a generator of the zoo")
    asked.add_argument("--figure", type=Path, help="where to draw the main effects, as PNG, SVG or PDF")
    asked.add_argument("--export", type=Path, help="where to keep the numbers behind the figure, as .npz")
    asked.add_argument("--permutations", type=int, default=999, help="shuffles of each test")
    given = asked.parse_args()
    reference = ImageSet.photographs([str(given.data / "reals" / "cifar10-train")])
    reals = ImageSet.photographs([str(given.data / "reals" / "cifar10-test")]).pixels()[: given.each]
    learned = _set(_decoded(given.weights, reals), reference)
    wild = next(one for one in SETS if one.name == "gm-cifar10-wild").opened(Places(given.data, Path()))
    others = {
        "the zoo's other generators": _set(_sampled(given.weights, given.each), reference),
        "published generators": wild,
    }
    designs, owners = _designs(learned.scored.generators)
    known = taxonomy([one.name for one in decoders()])
    first = {index: str(learned.scored.generators[owners == index][0]) for index in range(len(designs))}
    levels = {choice: known.column(choice, [first[index] for index in range(len(designs))]) for choice in MADE}
    drawn = {}
    for method in given.methods:
        features = extracted(method, learned, learned.scored, cache=Cache())
        effects = main_effects(
            features,
            learned.scored.generators,
            {choice: {name: known.rows[name][choice] for name in learned.scored.classes} for choice in MADE},
            np.arange(len(owners)) % given.each,
        )
        drawn[method] = effects
        if given.figure is not None:
            saved(effects_figure(drawn, title="What choices change in the fingerprints of 56 decoders"), given.figure)
        if given.export is not None:
            effects_exported(drawn, given.export)
        print(f"\n{method}, decoders: main effects\n\n| choice | over the seed's | share |\n|---|---:|---:|")
        for one in effects:
            ratio = f"{one.ratio.value:.1f} [{one.ratio.low:.1f}, {one.ratio.high:.1f}]"
            print(f"| {one.choice} | {ratio} | {one.share:.2f} |", flush=True)
        without = list(held_out(features, owners))
        found = {choice: predicted(without, levels[choice], owners, permutations=given.permutations) for choice in MADE}
        _print(f"{method}, decoders", found)
        for title, images in others.items():
            chosen = equally_many(images)
            classes, places = np.unique(chosen.generators, return_inverse=True)
            all_known = carried(features, owners, extracted(method, images, chosen, cache=Cache()))
            table = taxonomy(classes)
            found = {}
            for choice in MADE:
                truth = table.column(choice, classes)[places]
                if len(set(levels[choice]) & set(truth)) > 1:
                    found[choice] = predicted(
                        [all_known], levels[choice], places, truth, permutations=given.permutations
                    )
            _print(f"{method}, {title}", found)


def _designs(generators: NDArray[np.str_]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the names of designs, without their seeds, and which one made each image."""
    bare = np.array([name.rpartition("-")[0] for name in generators])
    classes, owners = np.unique(bare, return_inverse=True)
    return classes.tolist(), owners


def _decoded(weights: Path, reals: NDArray[np.uint8]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    for one in decoders():
        yield one.name, np.concatenate(list(reconstructed(generator(one.name, weights), reals)))


def _sampled(weights: Path, count: int) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    for name in names(weights):
        if not name.startswith("decoder-"):
            yield name, np.concatenate(list(sampled(generator(name, weights), count)))


def _set(parts: Iterator[tuple[str, NDArray[np.uint8]]], reference: ImageSet) -> ImageSet:
    made = list(parts)
    pixels = np.concatenate([*(images for _, images in made), reference.pixels()])
    generators = [name for name, images in made for _ in images]
    roles = [""] * len(generators) + ["reference"] * len(reference)
    return ImageSet.from_arrays(pixels, [*generators, *["real"] * len(reference)], roles=roles)


def _print(title: str, found: dict[str, Prediction]) -> None:
    corrected = holm([one.p_value for one in found.values()])
    print(f"\n{title}\n\n| choice | levels | asked about | named rightly, % | chance | shuffled | p | p (Holm) |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for (choice, one), holms in zip(found.items(), corrected, strict=True):
        percent = [f"{100 * value:.1f}" for value in (one.accuracy.value, one.accuracy.low, one.accuracy.high)]
        print(
            f"| {choice} | {', '.join(one.levels)} | {one.designs} | {percent[0]} [{percent[1]}, {percent[2]}] "
            f"| {100 * one.majority:.1f} | {100 * one.shuffled:.1f} | {one.p_value:.3f} | {holms:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
