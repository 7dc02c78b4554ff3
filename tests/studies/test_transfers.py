"""Many methods asked about a set that they were not trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manifpt.images import ImageSet
from manifpt.metrics.accuracy import balanced_accuracy
from manifpt.studies.exam import Exam
from manifpt.studies.matching import by_generator
from manifpt.studies.rows import Rows, Run
from manifpt.studies.transfers import TransferStudy


def planted(seed: int, *, strength: int = 90, names: tuple[str, ...] = ("rows", "columns")) -> ImageSet:
    """Return noise with stripes of a generator's own direction, reals and references."""
    rng = np.random.default_rng(seed)
    stripes = strength * (np.arange(16) % 2)
    patterns = {"rows": stripes[:, None, None], "columns": stripes[None, :, None]}
    labels = [*names, "real", "reference"]
    images = [rng.integers(60, 150, (40, 16, 16, 3)) + patterns.get(name, 0) for name in labels]
    generators = np.repeat([*names, "real", "real"], 40)
    roles = np.repeat(["", "", "", "reference"], 40)
    return ImageSet.from_arrays(np.concatenate(images).astype(np.uint8), generators.tolist(), roles=roles.tolist())


def study(rows: Path, target: ImageSet) -> TransferStudy:
    source = planted(0)
    return TransferStudy("one to two", source, target, by_generator(source, target), Rows(rows))


def test_a_trace_that_both_sets_share_is_found_again(tmp_path: Path) -> None:
    asked = study(tmp_path, planted(1))
    assert asked.run(["ricker22"]) == []
    (target,) = Rows(tmp_path).runs(data="one to two")
    (source,) = Rows(tmp_path).runs(data="one to two (source's references)")
    assert balanced_accuracy(truth=target.truth, answers=target.answers) > 0.8
    # Nothing is projected, so that the references decide nothing.
    np.testing.assert_array_equal(target.of_truth, source.of_truth)
    assert len(target.paths) == 120
    assert target.classes == ("columns", "real", "rows")


def test_features_that_the_references_do_not_change_are_learned_from_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[str] = []
    answering = Exam.answered

    def counted(exam: Exam, *given: Any, **settings: Any) -> Run:
        answered.append(exam.key.data)
        return answering(exam, *given, **settings)

    monkeypatch.setattr(Exam, "answered", counted)
    asked = study(tmp_path, planted(1))
    asked.run(["ricker22"], repeats=2)
    assert answered == ["one to two"] * 2
    runs = Rows(tmp_path).runs(data="one to two (source's references)")
    assert [run.key.repeat for run in runs] == [0, 1]
    answered.clear()
    asked.run(["ricker22"], repeats=2)
    assert answered == []


def test_traces_that_change_their_owners_are_answered_wrongly(tmp_path: Path) -> None:
    other = planted(1)
    swap = {"rows": "columns", "columns": "rows", "real": "real"}
    swapped = ImageSet.from_arrays(
        other.pixels(), [swap[name] for name in other.generators.tolist()], roles=other.roles.tolist()
    )
    study(tmp_path, swapped).run(["ricker22"], references=["target"])
    (run,) = Rows(tmp_path).runs()
    generated = np.array(run.classes)[run.truth] != "real"
    assert (run.truth == run.answers)[generated].mean() < 0.1


def test_what_is_there_is_not_run_again_and_repeats_have_seeds_of_their_own(tmp_path: Path) -> None:
    asked = study(tmp_path, planted(1, strength=20))
    asked.run(["ricker22"], references=["target"])
    (path,) = tmp_path.rglob("*.parquet")
    before = path.stat().st_mtime_ns
    asked.run(["ricker22"], references=["target"], repeats=2)
    assert path.stat().st_mtime_ns == before
    first, second = Rows(tmp_path).runs()
    assert (first.key.repeat, second.key.repeat) == (0, 1)
    assert not np.array_equal(first.of_truth, second.of_truth)


def test_other_images_are_asked_anew(tmp_path: Path) -> None:
    study(tmp_path, planted(1)).run(["ricker22"], references=["target"])
    (before,) = Rows(tmp_path).runs()
    study(tmp_path, planted(2)).run(["ricker22"], references=["target"])
    (after,) = Rows(tmp_path).runs()
    assert before.inputs != after.inputs


def test_a_deadline_that_has_passed_leaves_everything_out(tmp_path: Path) -> None:
    left = study(tmp_path, planted(1)).run(["ricker22"], references=["target"], deadline=0.0)
    assert [(one.method, one.runs, one.reason) for one in left] == [("ricker22", 1, "the budget was spent")]
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize("whose", ["target", "source"])
def test_artifacts_are_taken_from_the_references_that_are_asked_for(tmp_path: Path, whose: str) -> None:
    target = planted(1)
    asked = study(tmp_path, target)
    _, features = asked.pair.features(preset_artifacts(), whose)  # type: ignore[arg-type]
    reference = (target if whose == "target" else asked.pair.source).reference.pixels().astype(np.float64) / 255
    points = target.scored.pixels().astype(np.float64) / 255
    nearest = [np.square(reference - point).sum(axis=(1, 2, 3)).argmin() for point in points]
    expected = (points - reference[nearest]).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(features, expected, atol=1e-6)


def preset_artifacts() -> object:
    from manifpt.methods.presets import preset

    return preset("paper-rgb").extracting()
