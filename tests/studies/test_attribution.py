"""A study of many methods never leaks, never repeats itself, and says what it left out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from manifpt.attributors.knn import NearestNeighbours
from manifpt.errors import DataError, UnknownNameError, WeightsError
from manifpt.extractors.points import EmbeddedPoints
from manifpt.images import ImageSet
from manifpt.methods import presets as table
from manifpt.methods.presets import Preset
from manifpt.registry import TABLES
from manifpt.studies import comparison, exam
from manifpt.studies.attribution import LeftOut, Study, with_members
from manifpt.studies.comparison import line
from manifpt.studies.exam import Exam
from manifpt.studies.inputs import below
from manifpt.studies.rows import Key, Rows, Run

POINTS: dict[str, Any] = {"extractor": "points", "attributor": "counted", "given": {"space": "rgb"}}
SMALL = {
    "raw": Preset(**POINTS, trials=({"neighbors": 3}, {"neighbors": 1})),
    "other": Preset(**POINTS, trials=({"neighbors": 9},)),
    "both": Preset(fusion=("raw", "other")),
    "watched": Preset("watched", "counted", trials=({},)),
    "absent": Preset("weightless", "counted", trials=({},)),
}


class Counted(NearestNeighbours):
    fits: ClassVar[list[int]] = []
    stop_after: ClassVar[int | None] = None

    def fit(self, features: Any, generators: Any, **others: Any) -> Self:
        if self.stop_after is not None and len(self.fits) >= self.stop_after:
            raise KeyboardInterrupt
        self.fits.append(self.neighbors)
        return super().fit(features, generators, **others)


class Watched(EmbeddedPoints):
    """Points that remember which images they were fitted on, and which they then gave points of."""

    learns = True
    fitted: ClassVar[list[set[str]]] = []
    extracted: ClassVar[list[set[str]]] = []

    def __init__(self) -> None:
        super().__init__("rgb")

    def fit(self, images: ImageSet) -> Self:
        self.fitted.append(set(images.digests))
        return super().fit(images)

    def extract(self, images: ImageSet) -> Any:
        self.extracted.append(set(images.digests))
        return super().extract(images)


class Weightless(EmbeddedPoints):
    def __init__(self) -> None:
        raise WeightsError("the weights are absent", expected="weights", remedy="fetch them")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, Preset]:
    for kind, name, what in (
        ("attributors", "counted", "Counted"), ("extractors", "watched", "Watched"),
        ("extractors", "weightless", "Weightless"),
    ):  # fmt: skip
        monkeypatch.setitem(TABLES[kind], name, f"{__name__}:{what}")  # type: ignore[index]
    methods = dict(SMALL)
    monkeypatch.setattr(table, "PRESETS", methods)
    monkeypatch.setattr(exam, "mapped", lambda *_, **__: None)
    monkeypatch.setattr(comparison, "RESAMPLES", 50)
    monkeypatch.setattr(comparison, "TESTED", 50)
    monkeypatch.setattr(Counted, "fits", [])
    monkeypatch.setattr(Watched, "fitted", [])
    monkeypatch.setattr(Watched, "extracted", [])
    return methods


def pictures(each: int = 15, *, seed: int = 0, told: float = 0.0) -> ImageSet:
    rng = np.random.default_rng(seed)
    names = np.repeat(["reference", "real", "gan", "flow"], each)
    pixels = rng.integers(60, 190, (len(names), 8, 8, 3))
    pixels[2 * each : 3 * each, ::2] += int(told)
    pixels[3 * each :, :, ::2] += int(told)
    generators = np.where(names == "reference", "real", names)
    roles = np.where(names == "reference", "reference", "")
    order = rng.permutation(len(names))
    return ImageSet.from_arrays(pixels[order].astype(np.uint8), generators[order], roles=roles[order])


def study(folder: Path, images: ImageSet | None = None, **others: Any) -> Study:
    return Study("set", images or pictures(), Rows(folder), **{"splits": 3, **others})


def names(runs: Sequence[Run]) -> list[str]:
    return [path for run in runs for path in run.paths.tolist()]


def test_every_scored_image_is_tested_once_in_each_repetition_and_no_reference_is(tmp_path: Path) -> None:
    images = pictures()
    assert study(tmp_path, images).run(["raw", "other"], repeats=2) == []
    for method in ("raw", "other"):
        runs = list(Rows(tmp_path).runs(method=method))
        assert [(run.key.repeat, run.key.fold) for run in runs] == [(one, two) for one in (0, 1) for two in range(3)]
        for repeat in (runs[:3], runs[3:]):
            assert sorted(names(repeat)) == sorted(images.scored.paths)
        assert runs[0].paths.tolist() != runs[3].paths.tolist()
        truth = dict(zip(images.paths, images.generators.tolist(), strict=True))
        for run in runs:
            assert [run.classes[one] for one in run.truth] == [truth[path] for path in run.paths.tolist()]
            assert run.notes["train"] + run.notes["validation"] + len(run.paths) == 45
    for one, other in zip(Rows(tmp_path).runs(method="raw"), Rows(tmp_path).runs(method="other"), strict=True):
        assert one.paths.tolist() == other.paths.tolist()


def test_an_extractor_that_learns_never_sees_the_tested_images(tmp_path: Path) -> None:
    images = pictures()
    made = study(tmp_path, images)
    made.run(["watched"])
    digest_of = dict(zip(images.paths, images.digests, strict=True))
    reference = set(images.reference.digests)
    assert len(Watched.fitted) == 3
    for run, fitted, train, test in zip(
        Rows(tmp_path).runs(), Watched.fitted, Watched.extracted[::2], Watched.extracted[1::2], strict=True
    ):
        tested = {digest_of[path] for path in run.paths.tolist()}
        assert tested == test
        assert not tested & fitted
        assert fitted == train | reference
        assert train == set(images.scored.digests) - tested


def test_a_study_that_was_stopped_computes_only_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counted, "stop_after", 3)
    with pytest.raises(KeyboardInterrupt):
        study(tmp_path).run(["raw", "other"])
    assert [(run.key.method, run.key.fold) for run in Rows(tmp_path).runs()] == [("other", 0), ("raw", 0)]
    monkeypatch.setattr(Counted, "stop_after", None)
    Counted.fits.clear()
    assert study(tmp_path).run(["raw", "other"]) == []
    assert sorted(Counted.fits) == sorted([3, 1, 9] * 2)
    Counted.fits.clear()
    assert study(tmp_path).run(["raw", "other"]) == []
    assert Counted.fits == []


def test_a_method_that_is_added_or_changed_runs_alone(tmp_path: Path, small: dict[str, Preset]) -> None:
    study(tmp_path).run(["raw"], one_fold=True)
    Counted.fits.clear()
    study(tmp_path).run(["raw", "other"], one_fold=True)
    assert Counted.fits == [9]
    small["raw"] = replace(small["raw"], trials=({"neighbors": 2},))
    small["other"] = replace(small["other"], about="told otherwise")
    Counted.fits.clear()
    study(tmp_path).run(["raw", "other"], one_fold=True)
    assert Counted.fits == [2]


def relabelled(images: ImageSet) -> ImageSet:
    generators = images.generators.copy()
    first = np.flatnonzero(generators == "gan")[0]
    generators[first] = "flow"
    return ImageSet.from_arrays(images.pixels(), generators, roles=images.roles)


@pytest.mark.parametrize("changed", ["seed", "images", "labels", "splits"])
def test_what_decides_the_answers_runs_again_and_nothing_stale_is_left(changed: str, tmp_path: Path) -> None:
    images = pictures()
    study(tmp_path, images, splits=4).run(["other"])
    Counted.fits.clear()
    again = {
        "seed": lambda: study(tmp_path, images, splits=4, seed=1),
        "images": lambda: study(tmp_path, pictures(seed=1), splits=4),
        "labels": lambda: study(tmp_path, relabelled(images), splits=4),
        "splits": lambda: study(tmp_path, images, splits=3),
    }[changed]()
    # What goes with the first run alone is left beside it, or the table would mix two studies.
    again.run(["other"], one_fold=True)
    assert Counted.fits == [9]
    assert [run.key for run in Rows(tmp_path).runs()] == [Key("set", "other", 0, 0)]


def test_more_repetitions_keep_those_that_are_there(tmp_path: Path) -> None:
    study(tmp_path).run(["other"])
    Counted.fits.clear()
    study(tmp_path).run(["other"], repeats=2)
    assert len(Counted.fits) == 3
    assert len(list(Rows(tmp_path).runs())) == 6


def test_a_deadline_in_the_past_runs_nothing_and_says_so(tmp_path: Path) -> None:
    left = study(tmp_path).run(["raw", "both"], deadline=time.monotonic() - 1)
    assert left == [
        LeftOut("raw", 3, "the budget was spent"),
        LeftOut("other", 3, "the budget was spent"),
        LeftOut("both", 3, "its members were left out"),
    ]
    assert Counted.fits == []
    assert list(Rows(tmp_path).runs()) == []


def test_a_run_that_would_not_end_in_time_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("manifpt.studies.attribution.time.monotonic", lambda: now[0])
    answered = Exam.answered

    def slowly(self: Exam, *given: Any, **others: Any) -> Run:
        now[0] += 10
        return answered(self, *given, **others)

    monkeypatch.setattr(Exam, "answered", slowly)
    # The first run ends at 10, and a second one, of a later stage, would end at 20.
    assert study(tmp_path).run(["other"], deadline=15.0) == [LeftOut("other", 2, "the budget was spent")]
    assert now == [10.0]


def test_absent_weights_leave_one_method_out_and_the_others_run(tmp_path: Path) -> None:
    left = study(tmp_path).run(["absent", "other"])
    assert left == [LeftOut("absent", 3, "the weights are absent")]
    assert {run.key.method for run in Rows(tmp_path).runs()} == {"other"}


def test_what_was_done_before_an_error_is_not_counted_as_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = Exam.answered

    def failing(self: Exam, *given: Any, **others: Any) -> Run:
        if self.key.fold == 2:
            raise DataError("too few", expected="more", remedy="add some")
        return answered(self, *given, **others)

    monkeypatch.setattr(Exam, "answered", failing)
    assert study(tmp_path).run(["other"]) == [LeftOut("other", 1, "too few")]


def tables(folder: Path, method: str) -> list[NDArray[np.float64]]:
    found = [run.probabilities for run in Rows(folder).runs(method=method)]
    return [one for one in found if one is not None]


def test_a_fusion_answers_with_the_mean_log_probability_about_the_right_images(tmp_path: Path) -> None:
    images = pictures(told=40)
    study(tmp_path, images).run(["both"])
    truth_of = dict(zip(images.paths, images.generators.tolist(), strict=True))
    fusions = list(Rows(tmp_path).runs(method="both"))
    assert len(fusions) == 3
    for run, one, other in zip(fusions, tables(tmp_path, "raw"), tables(tmp_path, "other"), strict=True):
        product = np.sqrt(np.maximum(one, 2**-25) * np.maximum(other, 2**-25))
        wanted = product / product.sum(axis=1, keepdims=True)
        # An array's images are not in the order of their names, the rows are.
        assert [run.classes[index] for index in run.truth] == [truth_of[path] for path in run.paths.tolist()]
        np.testing.assert_allclose(run.of_truth, wanted[np.arange(len(wanted)), run.truth], rtol=1e-5)
        assert run.answers.tolist() == wanted.argmax(axis=1).tolist()
        assert run.notes["fusion"] == ["raw", "other"]
    assert line(fusions).accuracy.value > 0.6


def test_only_members_of_fusions_keep_all_probabilities(tmp_path: Path) -> None:
    study(tmp_path).run(["both", "watched"], one_fold=True)
    kept = {run.key.method: run.probabilities is not None for run in Rows(tmp_path).runs()}
    assert kept == {"raw": True, "other": True, "both": False, "watched": False}


def test_a_method_that_a_fusion_takes_later_is_run_again_for_its_probabilities(
    tmp_path: Path, small: dict[str, Preset]
) -> None:
    both = small.pop("both")
    study(tmp_path).run(["raw", "other"])
    assert all(run.probabilities is None for run in Rows(tmp_path).runs())
    small["both"] = both
    assert study(tmp_path).run(["both"]) == []
    assert len(list(Rows(tmp_path).runs(method="both"))) == 3
    assert all(run.probabilities is not None for run in Rows(tmp_path).runs(method="raw"))


def test_a_fusion_whose_member_is_missing_is_left_out(tmp_path: Path, small: dict[str, Preset]) -> None:
    small["both"] = Preset(fusion=("other", "absent"))
    left = study(tmp_path).run(["both"])
    assert left == [LeftOut("absent", 3, "the weights are absent"), LeftOut("both", 3, "its members were left out")]


def test_a_fusion_is_made_again_when_a_member_changes(tmp_path: Path, small: dict[str, Preset]) -> None:
    study(tmp_path).run(["both"], one_fold=True)
    before = Rows(tmp_path).read(Key("set", "both", 0, 0)).of_truth
    small["raw"] = replace(small["raw"], trials=({"neighbors": 20},))
    study(tmp_path).run(["both"], one_fold=True)
    assert Rows(tmp_path).read(Key("set", "both", 0, 0)).of_truth.tolist() != before.tolist()


def test_members_precede_their_fusion_once() -> None:
    assert with_members(["both", "raw", "both"]) == ["raw", "other", "both"]
    with pytest.raises(UnknownNameError):
        with_members(["no such method"])


def marked(images: ImageSet, *, test: NDArray[np.bool_]) -> ImageSet:
    roles = np.where(test & (images.roles != "reference"), "test", images.roles)
    return ImageSet.from_arrays(images.pixels(), images.generators, roles=roles)


def test_images_that_a_manifest_marks_are_the_only_test_set(tmp_path: Path) -> None:
    images = marked(pictures(), test=np.arange(60) % 4 == 0)
    made = study(tmp_path, images)
    assert made.run(["raw", "other", "both"], repeats=3) == []
    for method in ("raw", "other", "both"):
        (run,) = Rows(tmp_path).runs(method=method)
        assert sorted(run.paths.tolist()) == sorted(np.array(images.paths)[images.roles == "test"].tolist())


def test_a_generator_that_only_marked_images_show_is_refused(tmp_path: Path) -> None:
    images = pictures()
    with pytest.raises(DataError, match="is not among training images"):
        study(tmp_path, marked(images, test=images.generators == "gan"))
    with pytest.raises(DataError, match="no image is there to train on"):
        study(tmp_path, marked(images, test=np.ones(60, bool)))


def test_a_generator_that_a_fold_could_not_learn_keeps_its_name(tmp_path: Path) -> None:
    images = pictures()
    made = study(tmp_path, images)
    strangers = made.scored.generators == "gan"
    fold = replace(made.folds(0)[0], train=np.flatnonzero(~strangers)[::2], test=np.flatnonzero(strangers))
    made._folds[0] = [fold, *made.folds(0)[1:]]
    made.run(["other"], one_fold=True)
    (run,) = Rows(tmp_path).runs()
    assert run.classes == ("flow", "gan", "real")
    assert set(run.truth.tolist()) == {1}
    assert run.of_truth.tolist() == [0] * 15
    assert np.isfinite(line([run]).log_loss)


def test_one_fold_runs_the_first_of_each_repetition(tmp_path: Path) -> None:
    assert study(tmp_path).run(["other"], repeats=2, one_fold=True) == []
    assert [(run.key.repeat, run.key.fold) for run in Rows(tmp_path).runs()] == [(0, 0), (1, 0)]


def test_the_first_fold_of_every_method_comes_first(tmp_path: Path) -> None:
    study(tmp_path).run(["raw", "other"])
    assert Counted.fits == [3, 1, 9] + [3, 1] * 2 + [9] * 2


def test_no_method_is_no_work(tmp_path: Path) -> None:
    assert study(tmp_path).run([]) == []


def test_a_name_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be the name of a data set"):
        Study("../elsewhere", pictures(), Rows(tmp_path / "rows"), splits=3).run(["other"])
    assert not list(tmp_path.iterdir())


def test_noise_is_answered_by_chance(tmp_path: Path, small: dict[str, Preset]) -> None:
    small["linear"] = Preset("points", "linear", given={"space": "rgb"}, trials=({"strengths": (1e-3,)},))
    study(tmp_path, pictures(40)).run(["linear"])
    found = line(list(Rows(tmp_path).runs()))
    assert abs(found.balanced_accuracy.value - 1 / 3) < 3 * np.sqrt(2 / 9 / 120)


def test_what_is_planted_is_found(tmp_path: Path) -> None:
    study(tmp_path, pictures(told=60)).run(["other"])
    assert line(list(Rows(tmp_path).runs())).balanced_accuracy.value > 0.6


@pytest.mark.parametrize(
    ("paths", "wanted"),
    [
        (["/home/me/set/a/1.png", "/home/me/set/b/1.png"], ["a/1.png", "b/1.png"]),
        (["set/a/1.png", "set/a/2.png"], ["1.png", "2.png"]),
        (["a/1.png", "b/1.png"], ["a/1.png", "b/1.png"]),
        (["array[0]", "array[1]"], ["array[0]", "array[1]"]),
        (["/s/a\udcff.png", "/s/b\n.png"], ["a\\udcff.png", "b\\n.png"]),
    ],
)
def test_paths_are_below_the_folder_that_all_lie_in(paths: list[str], wanted: list[str]) -> None:
    assert below(paths).tolist() == wanted


def test_absolute_and_relative_paths_give_relative_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert below([str(tmp_path / "a" / "1.png"), "b/1.png"]).tolist() == ["a/1.png", "b/1.png"]
