"""How often the tests of ``manifpt structure`` find something in noise: ``python benchmarks/structure_noise.py``.

Fingerprints are drawn without regard to the choices, so that a p-value of at most 0.05 must come up in a share of 0.05
of the runs, or less. In the second part fingerprints and the choice both go with the family, and nothing else: shuffles
within the family must hold their level there, and free ones cannot.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np
from scipy.spatial.distance import cdist

from manifpt.metrics.mantel import Mantel
from manifpt.studies.choices import Choices
from manifpt.studies.distances import Distances
from manifpt.studies.structure import Structure, structure

LEVELS = (0.01, 0.05, 0.1, 0.2)
GENERATORS, DIMENSIONS, PERMUTATIONS = 20, 6, 999


def study(seed: int, *, family: bool, within: bool, clusterings: tuple[str, ...]) -> Structure:
    """Return a study of noise.

    Args:
        seed: Of the fingerprints and choices.
        family: Whether both go with the family.
        within: Whether labels are shuffled within the family.
        clusterings: How fingerprints are grouped.
    """
    rng = np.random.default_rng(seed)
    kin = np.arange(GENERATORS) % 2
    points = rng.normal(size=(GENERATORS, DIMENSIONS)) + (2.0 * kin[:, None] if family else 0.0)
    upsampling = rng.integers(3, size=GENERATORS)
    if family:
        upsampling = np.where(rng.random(GENERATORS) < 0.6, kin, upsampling)
    loss = rng.integers(4, size=GENERATORS)
    names = tuple(f"{place:02}" for place in range(GENERATORS))
    rows = {
        name: {"family": str(kin[place]), "upsampling": str(upsampling[place]), "loss": str(loss[place])}
        for place, name in enumerate(names)
    }
    return structure(
        "noise",
        Distances(names, cdist(points, points), "euclidean", 1),
        Choices(("family", "upsampling", "loss"), rows),
        within=("family",) if within else (),
        terms=("upsampling", "loss"),
        clusterings=clusterings,
        rules=("levels",),
        permutations=PERMUTATIONS,
        seed=seed,
    )


def p_values(found: Structure) -> dict[str, float]:
    """Return the p-value of each test of the choice ``upsampling``, and the least of both choices after Holm's."""
    groups = {f"groups by {one.clustering}": one for one in found.groupings if one.choice == "upsampling"}
    named = {name: one.p_value for name, one in groups.items()}
    for marginal, name in ((False, "R²"), (True, "R² beyond the others")):
        effect = found.effect("upsampling", marginal=marginal)
        named[name] = effect.p_value if effect else None
    named["Mantel"] = found.mantel.p_value if isinstance(found.mantel, Mantel) else None
    corrected = [
        one.corrected for one in found.effects
        if not one.marginal and one.choice != "family" and one.corrected is not None
    ]  # fmt: skip
    named["least of two R² (Holm)"] = min(corrected, default=None)
    return {name: value for name, value in named.items() if value is not None}


def main() -> None:
    """Print a table for each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--no-groups", action="store_true", help="leave the groups out, which take most of the time")
    asked = parser.parse_args()
    runs = asked.runs
    every = () if asked.no_groups else ("k-means", "agglomerative", "spectral")
    parts = {
        "pure noise, free shuffles": (False, False, every),
        "noise and a family, shuffles within the family": (True, True, every),
        "noise and a family, free shuffles (which must not hold)": (True, False, every[1:2]),
    }
    for title, (family, within, clusterings) in parts.items():
        found: dict[str, list[float]] = defaultdict(list)
        for seed in range(runs):
            for name, value in p_values(study(seed, family=family, within=within, clusterings=clusterings)).items():
                found[name].append(value)
        print(f"{title}: share of runs with p <= a; {GENERATORS} generators, {PERMUTATIONS} permutations")
        print(f"{'test':28}{'runs':>6}" + "".join(f"{f'a = {level}':>12}" for level in LEVELS))
        for name, values in found.items():
            shares = [float(np.mean(np.array(values) <= level + 1e-12)) for level in LEVELS]
            print(f"{name:28}{len(values):6}" + "".join(f"{share:12.3f}" for share in shares), flush=True)
        errors = [2 * np.sqrt(level * (1 - level) / runs) for level in LEVELS]
        print(
            f"{'two Monte-Carlo errors':34}" + "".join(f"{f'+-{error:.3f}':>12}" for error in errors) + "\n", flush=True
        )


if __name__ == "__main__":
    main()
