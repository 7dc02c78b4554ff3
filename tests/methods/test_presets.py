"""Every named method can be built, and is treated like the others."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from manifpt.cache import Cache
from manifpt.errors import UnknownNameError, WeightsError
from manifpt.methods import presets as table
from manifpt.methods.presets import PRESETS, Preset, preset, presets
from manifpt.registry import built, names

SINGLE = tuple(name for name, made in PRESETS.items() if not made.fusion)
FUSIONS = tuple(name for name, made in PRESETS.items() if made.fusion)
PLUGGED = Preset("points", "knn", given={"space": "rgb"}, trials=({},))


@pytest.mark.parametrize("name", SINGLE)
def test_the_extractor_and_the_attributor_of_every_method_exist(name: str) -> None:
    made = PRESETS[name]
    assert made.extractor in names("extractors")
    assert made.attributor in names("attributors")
    assert made.about
    try:
        made.extracting()
    except WeightsError:
        assert name == "univfd"  # the only one whose weights are not shipped


@pytest.mark.parametrize("name", SINGLE)
def test_every_trial_is_accepted_in_full_and_in_brief(name: str) -> None:
    made = PRESETS[name]
    assert not made.brief.keys() & {key for setting in made.trials for key in setting}
    for setting in made.trials:
        for laid in ({}, made.brief):
            wanted = {"seed": 3, **made.settings, **setting, **laid}
            found = built("attributors", made.attributor, calibration_folds=0, **wanted).settings()
            told = {key: list(value) if isinstance(value, tuple) else value for key, value in wanted.items()}
            assert told.items() <= {key: found[key] for key in told}.items()


@pytest.mark.parametrize("name", SINGLE)
def test_every_method_has_as_many_trials_and_they_differ(name: str) -> None:
    trials = PRESETS[name].trials
    assert len(trials) == (1 if name == "marra19" else 3)
    assert all(one != other for place, one in enumerate(trials) for other in trials[:place])


@pytest.mark.parametrize("name", SINGLE)
def test_the_first_trial_is_the_method_s_own_setting(name: str) -> None:
    made = PRESETS[name]
    own = built("attributors", made.attributor).settings()
    for key, value in made.trials[0].items():
        if isinstance(value, tuple):
            # One of those that the attributor chooses from; a linear one that is not to choose takes the middle.
            assert set(value) <= set(own[key])
            assert made.attributor == "svm" or value[0] == sorted(own[key])[len(own[key]) // 2]
        else:
            assert value == own[key]


def test_fusions_name_methods_that_are_none() -> None:
    assert FUSIONS == ("image+spectrum", "image+image", "auto")
    for name in FUSIONS:
        assert len(PRESETS[name].fusion) == 2
        assert set(PRESETS[name].fusion) <= set(SINGLE)


def test_the_control_of_a_fusion_differs_from_its_partner_in_the_seed_alone() -> None:
    raw, other = PRESETS["raw"], PRESETS["raw-2"]
    assert other.settings == {**raw.settings, "seed": 1}
    assert (raw.extractor, raw.attributor, raw.given, raw.trials, raw.brief) == (
        other.extractor, other.attributor, other.given, other.trials, other.brief,
    )  # fmt: skip


def test_a_cache_is_given_to_the_extractors_that_take_one(tmp_path: Any) -> None:
    for name in ("raw", "paper-rgb", "durall20"):
        PRESETS[name].extracting(cache=Cache(tmp_path))


def test_an_unknown_method_is_answered_with_the_nearest_ones() -> None:
    with pytest.raises(UnknownNameError) as caught:
        preset("Paper_RGB")
    told = str(caught.value)
    assert told.startswith("'Paper_RGB' is not one of the methods; expected one of raw, raw-2, spectrum, ")
    assert told.endswith("did you mean paper-rgb?")


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint(name=name, value=f"{__name__}:PLUGGED", group="manifpt.methods") for name in ("plugged", "raw")
    ]
    found = table.entry_points
    monkeypatch.setattr(
        table, "entry_points", lambda *, group: points if group == "manifpt.methods" else found(group=group)
    )


@pytest.mark.usefixtures("plugged")
def test_third_parties_add_methods_and_replace_none() -> None:
    assert presets() == (*PRESETS, "plugged")
    assert preset("plugged") is PLUGGED
    assert preset("raw") is PRESETS["raw"]
    with pytest.raises(UnknownNameError, match="did you mean plugged"):
        preset("pluged")
