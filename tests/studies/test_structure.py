"""Structure is found where it was planted, and not where there is none."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from manifpt.errors import DataError, UnknownNameError
from manifpt.metrics.mantel import Mantel
from manifpt.studies.choices import Choices
from manifpt.studies.clusterings import CLUSTERINGS
from manifpt.studies.distances import Distances
from manifpt.studies.grouping import FOUND, NOT_FOUND, UNDECIDED
from manifpt.studies.structure import Structure, structure

Table = dict[str, Sequence[object]]


def table(columns: Table) -> Choices:
    count = len(next(iter(columns.values())))
    rows = {f"g{place:02}": {name: str(values[place]) for name, values in columns.items()} for place in range(count)}
    return Choices(tuple(columns), rows)


def study(points: np.ndarray, columns: Table, **settings: object) -> Structure:
    given = {"permutations": 199, "clusterings": ("agglomerative",), "rules": ("levels",)} | settings
    names = tuple(f"g{place:02}" for place in range(len(points)))
    return structure("planted", Distances(names, cdist(points, points), "euclidean", 9), table(columns), **given)


@pytest.fixture(scope="module")
def planted() -> Structure:
    """Twenty-four fingerprints that upsampling shapes, and loss and skip do not."""
    rng = np.random.default_rng(0)
    upsampling, loss, skip = np.arange(24) % 4, rng.permutation(np.arange(24) % 3), rng.permutation(np.arange(24) % 2)
    points = 6.0 * np.eye(4)[upsampling] + rng.normal(size=(24, 4))
    columns: Table = {"upsampling": upsampling, "loss": loss, "skip": skip}
    return study(points, columns, clusterings=CLUSTERINGS, rules=("levels", "silhouette"), permutations=999)


@pytest.mark.parametrize("clustering", CLUSTERINGS)
@pytest.mark.parametrize("rule", ["levels", "silhouette"])
def test_the_planted_choice_is_recovered_by_every_grouping(planted: Structure, clustering: str, rule: str) -> None:
    found = planted.grouping("upsampling", clustering=clustering, rule=rule)
    assert found.ami is not None
    assert found.ami >= 0.9
    assert found.corrected is not None
    assert found.corrected < 0.01
    assert (found.verdict, found.clusters) == (FOUND, 4)
    other = planted.grouping("loss", clustering=clustering, rule=rule)
    assert other.verdict == NOT_FOUND


def test_the_planted_choice_explains_the_spread_and_the_others_add_nothing(planted: Structure) -> None:
    for marginal in (False, True):
        found = planted.effect("upsampling", marginal=marginal)
        assert found is not None
        assert found.share is not None
        assert found.share > 0.7
        assert found.corrected is not None
        assert found.corrected < 0.01
        for name in ("loss", "skip"):
            other = planted.effect(name, marginal=marginal)
            assert other is not None
            assert other.verdict == NOT_FOUND
    assert isinstance(planted.mantel, Mantel)
    assert planted.mantel.p_value < 0.01


def test_the_record_is_whole_and_json(planted: Structure) -> None:
    record = json.loads(json.dumps(planted.record(), allow_nan=False))
    assert len(record["groupings"]) == 3 * 3 * 2
    assert len(record["effects"]) == 6
    assert record["choices"]["upsampling"][:5] == ["0", "1", "2", "3", "0"]
    assert np.array(record["distances"]).shape == (24, 24)
    assert record["groupings"][0]["verdict"] == FOUND


def test_noise_is_not_found_more_often_than_the_level_allows() -> None:
    runs = []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        family = np.arange(16) % 2
        points = rng.normal(size=(16, 3)) + 9.0 * family[:, None]
        # The choice goes with the family, and with nothing else.
        loss = np.where(rng.random(16) < 0.5, family, rng.integers(3, size=16))
        columns: Table = {"family": family, "loss": loss, "skip": rng.integers(2, size=16)}
        found = study(points, columns, within=("family",), terms=("loss", "skip"), permutations=99, seed=seed)
        effects = [found.effect("loss"), found.effect("loss", marginal=True)]
        assert isinstance(found.mantel, Mantel)
        p_values = [found.grouping("loss", clustering="agglomerative").p_value, found.mantel.p_value]
        runs.append([*p_values, *(one.p_value for one in effects if one)])
    shares = (np.array(runs, float)[:, :, None] <= np.array([0.05, 0.1, 0.2])).mean(axis=0)
    allowed = np.array([0.05, 0.1, 0.2])
    assert np.all(shares <= allowed + 3 * np.sqrt(allowed * (1 - allowed) / 50))


def test_a_choice_that_goes_with_the_family_alone_is_found_freely_and_not_within_it() -> None:
    rng = np.random.default_rng(1)
    family = np.arange(20) % 2
    points = rng.normal(size=(20, 3)) + 8.0 * family[:, None]
    columns: Table = {"family": family, "loss": np.where(np.arange(20) < 3, 1 - family, family)}
    free = study(points, columns).grouping("loss", clustering="agglomerative")
    held = study(points, columns, within=("family",)).grouping("loss", clustering="agglomerative")
    assert (free.verdict, held.verdict) == (FOUND, NOT_FOUND)
    assert held.ami == free.ami
    constant = study(points, columns, within=("family",)).grouping("family", clustering="agglomerative")
    assert (constant.reason, constant.verdict) == ("the same in every shuffle within family", UNDECIDED)


def test_what_is_unknown_is_left_out_of_its_row_alone_and_counted() -> None:
    rng = np.random.default_rng(2)
    columns: Table = {
        "loss": ["", "", *"aabbccdd"],
        "skip": list("ababababab"),
        "rare": [*"ab", *[""] * 8],
        "same": ["x"] * 10,
        "own": list("abcdefghij"),
    }
    found = study(rng.normal(size=(10, 3)), columns, terms=("loss", "skip"))
    rows = {name: found.grouping(name, clustering="agglomerative") for name in columns}
    assert [(row.generators, row.left_out) for row in rows.values()] == [(8, 2), (10, 0), (2, 8), (10, 0), (10, 0)]
    assert [row.reason for row in rows.values()] == [
        "", "", "known of 2 generators", "all have one value", "no two share a value"
    ]  # fmt: skip
    effect = found.effect("loss", marginal=True)
    assert effect is not None
    assert (effect.generators, effect.left_out) == (8, 2)
    assert isinstance(found.mantel, Mantel)
    assert found.mantel.items == 8


def test_neither_names_of_values_nor_the_order_of_generators_decide_anything() -> None:
    rng = np.random.default_rng(3)
    points, loss = rng.normal(size=(12, 2)), np.arange(12) % 3
    found = study(points, {"loss": loss})
    renamed = study(points, {"loss": np.array(["z", "x", "y"])[loss]})
    assert renamed.groupings == found.groupings
    assert [one.p_value for one in renamed.effects] == [one.p_value for one in found.effects]
    order = rng.permutation(12)
    turned = study(points[order], {"loss": loss[order]}).grouping("loss", clustering="agglomerative")
    first = found.grouping("loss", clustering="agglomerative")
    assert (turned.nmi, turned.ami, turned.ari) == pytest.approx((first.nmi, first.ami, first.ari))


def test_a_choice_of_few_generators_cannot_be_decided_however_well_it_fits() -> None:
    found = study(np.array([[0.0], [1.0], [50.0], [51.0]]), {"loss": list("aabb")})
    row = found.grouping("loss", clustering="agglomerative")
    assert (row.ami, row.verdict) == (pytest.approx(1), UNDECIDED)
    assert row.least_p == row.p_value == pytest.approx(1 / 3)


def test_nothing_known_and_unknown_choices_are_refused() -> None:
    points = np.random.default_rng(0).normal(size=(5, 2))
    with pytest.raises(DataError, match=r"no design choice of these generators is known; .* with --choices"):
        study(points, {"loss": [""] * 5})
    for where in ("within", "terms"):
        with pytest.raises(UnknownNameError, match=r"'los' is not one of the choices; .* did you mean loss"):
            study(points, {"loss": list("aabbb")}, **{where: ("los",)})
