"""The crossed decoders: orthogonal, balanced, none twice."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from manifpt.errors import ManifptError
from manifpt.zoo.decoders import CENTRE_SEEDS, LEVELS, SEEDS, decoders, orthogonal_array, runs

PAIRS = list(itertools.combinations(LEVELS, 2))


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(range(5), 2)))
def test_any_two_columns_of_five_levels_hold_each_pair_exactly_once(first: int, second: int) -> None:
    array = orthogonal_array()
    assert sorted((row[first], row[second]) for row in array) == list(itertools.product(range(5), repeat=2))


@pytest.mark.parametrize("field", LEVELS)
def test_the_levels_of_a_choice_are_as_frequent_as_one_another_but_for_one_run(field: str) -> None:
    counts = Counter(run[field] for run in runs())
    assert set(counts) == set(LEVELS[field])
    assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_levels_of_two_choices_meet_as_often_as_one_another_but_for_one_run(first: str, second: str) -> None:
    counts = Counter((run[first], run[second]) for run in runs())
    assert set(counts) == set(itertools.product(LEVELS[first], LEVELS[second]))
    assert max(counts.values()) - min(counts.values()) <= 1


def test_a_level_that_a_choice_has_stands_for_itself() -> None:
    for row, run in zip(orthogonal_array(), runs(), strict=True):
        for level, (field, levels) in zip(row, LEVELS.items(), strict=True):
            if level < len(levels):
                assert run[field] == levels[level]


def test_no_design_is_there_twice_and_names_are_unique() -> None:
    designs = decoders()
    assert len({tuple(run.values()) for run in runs()}) == 25
    assert len({design.but(name="same") for design in designs}) == len(designs) == 56
    assert len({design.name for design in designs}) == len(designs)


def test_the_centre_has_eight_seeds_and_every_other_run_two() -> None:
    counts = Counter(tuple(getattr(design, field) for field in LEVELS) for design in decoders())
    centre = tuple(levels[0] for levels in LEVELS.values())
    assert (CENTRE_SEEDS, SEEDS) == (8, 2)
    assert counts.pop(centre) == 8
    assert set(counts.values()) == {2}


def test_size_and_width_are_those_asked_for_and_all_else_is_alike() -> None:
    designs = decoders(size=64, width=16)
    alike = {(d.family, d.architecture, d.downsampling, d.size, d.width) for d in designs}
    assert alike == {("decoder", "autoencoder", "strided", 64, 16)}


def test_a_size_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ManifptError, match="'48' is no size"):
        decoders(size=48)
