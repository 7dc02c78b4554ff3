"""The structure of fingerprints: whether generators that share a design choice have fingerprints alike (Table 3).

Song et al. 2024 group the fingerprints of a handful of models and compare the groups with each design choice by
normalised mutual information. With so few models that is far above 0 by chance, so that beside it stand the adjusted
information, a p-value by shuffling the choice among the generators, and the share of the spread that a choice explains
beyond the others. All of this is correlation: choices come together in published models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from manifpt.cache import Cache
from manifpt.errors import DataError
from manifpt.images import ImageSet
from manifpt.methods.method import Method
from manifpt.metrics.mantel import Mantel
from manifpt.studies.choices import SETTINGS, Choices
from manifpt.studies.clusterings import CLUSTERINGS
from manifpt.studies.distances import Distances, equally_many, extracted, generator_distances
from manifpt.studies.effects import Effect, design_mantel, effects
from manifpt.studies.grouping import RULES, Grouping, groupings


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """What fingerprints of one kind have to do with the designs of their generators.

    Args:
        method: Whose features were looked at.
        distances: Between the generators' fingerprints.
        choices: What is known of their designs.
        groupings: Groups of fingerprints against each choice.
        effects: The share of the spread that goes with each choice.
        mantel: Distance of fingerprints against that of designs, or why there is none.
        terms: The choices that stand in one model and make the distance of designs.
        within: The choices within whose values labels were shuffled.
        permutations: How many shuffles were drawn.
        seed: Of everything random.
    """

    method: str
    distances: Distances
    choices: Choices
    groupings: tuple[Grouping, ...]
    effects: tuple[Effect, ...]
    mantel: Mantel | str
    terms: tuple[str, ...]
    within: tuple[str, ...]
    permutations: int
    seed: int

    def grouping(self, choice: str, *, clustering: str = "k-means", rule: str = "levels") -> Grouping:
        """Return one row of `groupings`."""
        key = (choice, clustering, rule)
        return next(one for one in self.groupings if (one.choice, one.clustering, one.rule) == key)

    def effect(self, choice: str, *, marginal: bool = False) -> Effect | None:
        """Return one row of `effects`, or None where the choice is no term."""
        return next((one for one in self.effects if (one.choice, one.marginal) == (choice, marginal)), None)

    def record(self) -> dict[str, Any]:
        """Return everything, JSON-able."""
        generators = self.distances.generators
        return {
            "method": self.method,
            "distance": self.distances.kind,
            "images_each": self.distances.images,
            "generators": list(generators),
            "distances": self.distances.matrix.tolist(),
            "choices": {name: self.choices.column(name, generators).tolist() for name in self.choices.names},
            "groupings": [asdict(one) | {"verdict": one.verdict} for one in self.groupings],
            "effects": [asdict(one) | {"verdict": one.verdict} for one in self.effects],
            "mantel": asdict(self.mantel) if isinstance(self.mantel, Mantel) else {"reason": self.mantel},
            "terms": list(self.terms),
            "within": list(self.within),
            "permutations": self.permutations,
            "seed": self.seed,
        }


def fingerprint_distances(
    method: str | Method, images: ImageSet, *, kind: str = "euclidean", seed: int = 0, cache: Cache | None = None
) -> Distances:
    """Return how far apart the fingerprints of a set's generators lie, in the features that a method starts from.

    Args:
        method: Name of a preset: the mean artifact with ``paper-rgb``, the mean log-spectrum with ``spectrum``. Or a
            fitted method, for the penultimate features of its attributor.
        images: Images with generators, and references where the method needs them.
        kind: euclidean or cosine, of means; energy or frechet, of distributions.
        seed: Decides which images are drawn where a generator has more than the smallest.
        cache: Where projections and costly points are kept; None for nowhere.

    Raises:
        UnknownNameError: There is no such method or distance.
        DataError: There are fewer than 4 generators, or the method learns its features.
        LeakError: The fitted method knows some of the images, and would be looked at on what it learned from.
    """
    chosen = equally_many(images, seed=seed)
    if isinstance(method, str):
        features = extracted(method, images, chosen, cache=cache)
    else:
        method.refuse_known(chosen)
        features = method.attributor.features(method.extractor.extract(chosen))
    return generator_distances(features, chosen.generators, kind=kind)


def structure(
    method: str,
    distances: Distances,
    choices: Choices,
    *,
    within: Sequence[str] = (),
    terms: Sequence[str] | None = None,
    clusterings: Sequence[str] = CLUSTERINGS,
    rules: Sequence[str] = RULES,
    permutations: int = 999,
    seed: int = 0,
) -> Structure:
    """Return what fingerprints have to do with the designs of their generators.

    Args:
        method: What the fingerprints are called.
        distances: Between them.
        choices: What is known of the designs.
        within: Choices within whose values labels are shuffled, such as ``family``, where those go with other choices.
        terms: Choices that stand in one model; all but ``family`` and ``code_base`` if None.
        clusterings: How fingerprints are grouped.
        rules: What gives the number of groups.
        permutations: How many shuffles are drawn.
        seed: Of everything random.

    Raises:
        UnknownNameError: A choice or clustering has no such name.
        DataError: There is no choice, no design is known, or one generator has two names.
    """
    generators = distances.generators
    if not choices.names or not any(any(choices.column(name, generators) != "") for name in choices.names):
        raise DataError(
            "no design choice of these generators is known",
            expected=f"choices of {', '.join(generators[:3])}, …",
            remedy="give a CSV file of generator and choices with --choices",
        )
    chosen = tuple(name for name in choices.names if name not in SETTINGS) if terms is None else tuple(terms)
    asked: dict[str, Any] = {"within": tuple(within), "permutations": permutations, "seed": seed}
    given = (generators, distances.matrix, choices)
    return Structure(
        method,
        distances,
        choices,
        tuple(groupings(*given, clusterings=clusterings, rules=rules, **asked)),
        tuple(effects(*given, terms=chosen, **asked)),
        design_mantel(*given, terms=chosen, **asked),
        chosen,
        **asked,
    )
