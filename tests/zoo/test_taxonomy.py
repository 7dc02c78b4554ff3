"""The designs that are known: where each is from, and that the zoo's are not written down twice."""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path

import pytest

from manifpt.zoo.decoders import decoders
from manifpt.zoo.designs import TABLE
from manifpt.zoo.taxonomy import published, taxonomy


def rows() -> list[dict[str, str]]:
    text = files("manifpt.zoo").joinpath("taxonomy.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_every_row_says_where_it_is_from_and_none_repeats_a_design_of_the_zoo() -> None:
    assert all(row["source"] for row in rows())
    assert not {row["generator"] for row in rows()} & {design.name for design in (*TABLE, *decoders())}
    assert all(row["family"] in ("gan", "vae", "flow", "score", "ar") for row in rows())


@pytest.mark.parametrize("name", ["gm-cifar10-wild", "gm-celeba64-wild"])
def test_every_generator_of_the_published_sets_is_known_with_its_family(shared_data: Path, name: str) -> None:
    with (shared_data / name / "manifest.csv").open(encoding="utf-8") as file:
        told = {row["generator"]: row["family"] for row in csv.DictReader(file) if row["generator"] != "real"}
    table = taxonomy(told)
    assert set(told) <= set(published().rows)
    assert table.column("family", told).tolist() == list(told.values())


def test_designs_of_the_zoo_are_found_whatever_their_size_and_seed() -> None:
    names = ["glow", "glow-64", "wgan-gp@2", "wgan-gp-64@3", "gan-dcgan", "decoder-nearest-relu-batch-none-l2-0"]
    table = taxonomy(names)
    assert table.column("loss", names).tolist() == ["likelihood", "likelihood", "wgan-gp", "wgan-gp", "bce", "l2"]
    assert set(table.column("code_base", names)) == {"manifpt-zoo"}


def test_nothing_is_guessed_of_what_is_unknown() -> None:
    names = ["dcgan-unheard", "wgan", "gan-ddgan", "ncsn-peterzhizhin"]
    table = taxonomy(names, families={"dcgan-unheard": "gan", "gan-ddgan": "other"})
    assert table.column("upsampling", names).tolist() == ["", "", "fir", "nearest"]
    assert table.column("family", names).tolist() == ["gan", "", "gan", "score"]
    assert table.column("nonlinearity", names).tolist() == ["", "", "swish", ""]
