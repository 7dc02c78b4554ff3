"""Which classes of two sets match."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from manifpt.errors import DataError
from manifpt.images import ImageSet
from manifpt.studies.matching import by_family, by_generator, by_model, code_base, code_bases, model, models


def named(*generators: str, seed: int = 0, families: list[str] | None = None, references: int = 0) -> ImageSet:
    """One image of noise for each generator, and references."""
    count = len(generators) + references
    return ImageSet.from_arrays(
        np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), np.uint8),
        [*generators, *["real"] * references],
        families=None if families is None else [*families, *["real"] * references],
        roles=[""] * len(generators) + ["reference"] * references,
    )


@pytest.mark.parametrize(
    ("generator", "expected"),
    [
        ("dcgan-xyfjason", ("dcgan", "xyfjason")),
        ("gan-dcgan-xyfjason", ("dcgan", "xyfjason")),
        ("gan-joeylitalien", ("gan", "joeylitalien")),  # a model called gan, no family before it
        ("gan-gan-xyfjason", ("gan", "xyfjason")),
        ("wgan_gp-chainerganlib", ("wgangp", "chainerganlib")),
        ("wgangp_res-w86763777", ("wgangp", "w86763777")),
        ("WGAN-GP-code", ("wgan-gp", "code")),
        ("ddpm", ("ddpm", "")),
        ("sngan_cnn", ("sngan", "")),
    ],
)
def test_a_name_tells_its_model_and_its_code(generator: str, expected: tuple[str, str]) -> None:
    assert (model(generator), code_base(generator)) == expected


def test_what_only_resembles_a_model_is_another() -> None:
    assert len({model(name) for name in ("sngan-a", "sndcgan-a", "snganhinge-a", "wgan-a", "wgangp-a", "dcgan-a")}) == 6


def test_variants_of_one_model_share_its_name() -> None:
    source, target = named("wgan_gp-one", "dcgan-one"), named("wgangp_cnn-two", "wgangp_res-two", "ddpm-two", seed=1)
    match = by_model(source, target)
    assert match.shared == ("wgangp",)
    assert dict(match.target) == {"ddpm-two": "ddpm", "wgangp_cnn-two": "wgangp", "wgangp_res-two": "wgangp"}


def test_equal_generators_match_and_reals_need_no_entry() -> None:
    match = by_generator(named("dcgan", "ddpm", "real"), named("ddpm", "glow", "real", seed=1))
    assert match.shared == ("ddpm",)
    assert "real" not in match.source


def test_families_are_those_of_the_set_or_of_the_name() -> None:
    source = named("dcgan-a", "glow-b", "real", families=["gan", "flow", "real"])
    target = named("gan-lsgan", "vae-betavae", "real", seed=1)
    match = by_family(source, target)
    assert dict(match.source) == {"dcgan-a": "gan", "glow-b": "flow"}
    assert dict(match.target) == {"gan-lsgan": "gan", "vae-betavae": "vae"}
    assert match.shared == ("gan",)


def test_a_generator_without_a_family_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        by_family(named("dcgan", "ddpm"), named("gan-lsgan", seed=1))
    assert str(caught.value) == (
        "nothing says of which family dcgan is; expected one of gan, vae, flow, score, ar, real; "
        "add a column family to the manifest, or name folders family-model"
    )


def test_two_code_bases_of_one_set_share_references_and_no_scored_image() -> None:
    images = named("dcgan-one", "wgan-one", "dcgan-two", "ddpm-three", *["real"] * 9, references=5)
    source, target = code_bases(images, source="one", target="two")
    assert source.classes == ("dcgan-one", "real", "wgan-one")
    assert target.classes == ("dcgan-two", "real")
    assert not {*source.scored.digests} & {*target.scored.digests}
    assert sorted((source.scored.generators == "real").sum() for source in (source, target)) == [4, 5]
    assert source.reference.digests == target.reference.digests == images.reference.digests


def test_near_duplicate_reals_stay_on_one_side() -> None:
    images = named("dcgan-one", "dcgan-two", *["real"] * 12)
    pixels = images.pixels()
    pixels[2:12:2] = pixels[3:13:2] ^ 1  # the first five pairs of reals differ by one grey level
    images = ImageSet.from_arrays(pixels, images.generators)
    for seed in range(5):
        source, target = code_bases(images, source="one", target="two", seed=seed)
        together = np.isin(images.digests, source.digests) | ~np.isin(images.digests, target.digests)
        assert (together[2:12:2] == together[3:13:2]).all()


def test_a_set_without_reals_is_divided_too() -> None:
    source, target = code_bases(named("dcgan-one", "dcgan-two"), source="one", target="two")
    assert (source.classes, target.classes) == (("dcgan-one",), ("dcgan-two",))


@pytest.mark.parametrize(
    ("given", "happened"),
    [(("one", "four"), "'four' is no code base of the set"), (("one", "one"), "'one' is given twice")],
)
def test_unknown_or_equal_code_bases_are_refused(given: tuple[str, str], happened: str) -> None:
    with pytest.raises(DataError) as caught:
        code_bases(named("dcgan-one", "dcgan-two", "real", "real"), source=given[0], target=given[1])
    assert str(caught.value) == f"{happened}; expected two of one, two; name others"


def test_the_published_set_has_four_models_of_several_codes(shared_data: Path) -> None:
    with (shared_data / "gm-cifar10-wild" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        generators = sorted({row["generator"] for row in csv.DictReader(file)})
    found = {name: {code_base(one) for one in members} for name, members in models(generators).items()}
    assert {name: codes for name, codes in found.items() if len(codes) > 1} == {
        "dcgan": {"chainerganlib", "w86763777", "xyfjason"},
        "sngan": {"w86763777", "xyfjason"},
        "wgan": {"w86763777", "xyfjason"},
        "wgangp": {"chainerganlib", "w86763777", "xyfjason"},
    }
    assert models(generators)["wgangp"] == (
        "wgan_gp-chainerganlib",
        "wgangp-xyfjason",
        "wgangp_cnn-w86763777",
        "wgangp_res-w86763777",
    )
    images = named(*generators)
    sides = {code: images.subset([code_base(name) == code for name in generators]) for code in found["dcgan"]}
    pairs = [("chainerganlib", "xyfjason"), ("chainerganlib", "w86763777"), ("xyfjason", "w86763777")]
    assert [by_model(sides[one], sides[other]).shared for one, other in pairs] == [
        ("dcgan", "wgangp"),
        ("dcgan", "wgangp"),
        ("dcgan", "sngan", "wgan", "wgangp"),
    ]
