"""The table of designs reads like the taxonomy, and names find their rows."""

from __future__ import annotations

from collections import Counter

import pytest

from manifpt.errors import NumbersError, UnknownNameError
from manifpt.zoo.decoders import decoders
from manifpt.zoo.design import CHOICES, Design
from manifpt.zoo.designs import TABLE, named

COLUMNS = ("upsampling", "nonlinearity", "normalisation", "skip", "loss")


def test_names_are_unique_and_so_are_the_choices() -> None:
    assert len({design.name for design in TABLE}) == len(TABLE)
    assert len({tuple(design.but(name="").record().values()) for design in TABLE}) == len(TABLE)


def test_every_architecture_and_every_gans_choice_has_a_row() -> None:
    assert {design.architecture for design in TABLE} == set(CHOICES["architecture"]) - {"autoencoder"}
    gans = [design for design in TABLE if design.architecture == "dcgan"]
    assert {design.upsampling for design in gans} == {"transposed", "nearest", "bilinear", "shuffle", "fir"}
    assert {design.nonlinearity for design in gans} == {"relu", "lrelu", "swish", "gelu"}
    assert {design.normalisation for design in gans} == {"batch", "group", "instance", "none"}
    assert {design.skip for design in gans} == {"none", "residual", "output"}
    assert {design.loss for design in gans} == {
        "bce", "least-squares", "hinge", "wgan-gp", "wgan-lp", "dragan-gp", "dragan-lp",
    }  # fmt: skip


def test_every_variant_of_the_centre_changes_one_choice() -> None:
    centre = named("dcgan")
    for design in TABLE:
        if design.architecture == "dcgan" and design != centre:
            changed = [column for column in COLUMNS if getattr(design, column) != getattr(centre, column)]
            assert len(changed) == 1, design.name


def test_families_are_those_of_the_vocabulary() -> None:
    assert Counter(design.family for design in TABLE).keys() == {"gan", "vae", "flow", "score"}


def test_seeds_and_sizes_are_parts_of_the_name() -> None:
    design = named("dcgan@3", size=64)
    assert (design.name, design.seed, design.size) == ("dcgan-64@3", 3, 64)
    assert Design(**design.record()) == design  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dcgn", "'dcgn' is not one of the designs; .*; did you mean dcgan"),
        ("StyleGAN2", "did you mean stylegan2?"),
        ("dcgan@x", "'x' is no seed; expected a whole number of at most 9 digits after @; try dcgan@1"),
        ("dcgan@", "'' is no seed"),
    ],
)
def test_unknown_names_suggest_the_nearest(name: str, text: str) -> None:
    with pytest.raises(UnknownNameError, match=text):
        named(name)


def test_unknown_choices_and_sizes_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"'leaky' is no nonlinearity of a generator; .*; did you mean"):
        named("dcgan").but(nonlinearity="leaky")
    with pytest.raises(UnknownNameError, match="'48' is no size"):
        named("dcgan", size=48)
    with pytest.raises(NumbersError, match="width 0"):
        named("dcgan").but(width=0)


@pytest.mark.parametrize("design", [*TABLE, *decoders()], ids=lambda design: design.name)
def test_a_name_gives_the_design_that_has_it(design: Design) -> None:
    assert named(design.name) == design


def test_one_training_has_one_name() -> None:
    assert {named(name).name for name in ("dcgan", "dcgan@0", "dcgan@00")} == {"dcgan"}
    assert named("dcgan@007").name == "dcgan@7"
    with pytest.raises(UnknownNameError, match="at most 9 digits"):
        named("dcgan@" + "9" * 5000)
