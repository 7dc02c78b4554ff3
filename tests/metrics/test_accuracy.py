from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from manifpt.errors import NumbersError
from manifpt.metrics.accuracy import (
    accuracy,
    accuracy_interval,
    balanced_accuracy,
    balanced_accuracy_gain,
    balanced_accuracy_interval,
)
from manifpt.metrics.interval import bootstrap

Answers = tuple[np.ndarray, np.ndarray]


def answered(rows: int, classes: int, share: float, seed: int) -> Answers:
    rng = np.random.default_rng(seed)
    truth = np.sort(np.resize(np.arange(classes), rows))
    return truth, np.where(rng.random(rows) < share, truth, rng.integers(classes, size=rows))


def test_a_rare_class_weighs_as_much_as_a_frequent_one_when_balanced() -> None:
    truth, answers = ["a"] * 8 + ["b"] * 2, ["a"] * 10
    assert accuracy(truth=truth, answers=answers) == 0.8
    assert balanced_accuracy(truth=truth, answers=answers) == 0.5


def test_balanced_accuracy_agrees_with_scikit_learn() -> None:
    truth, answers = answered(200, 5, 0.5, seed=3)
    assert balanced_accuracy(truth=truth, answers=answers) == pytest.approx(balanced_accuracy_score(truth, answers))


def test_an_answer_that_never_occurs_in_truth_is_wrong_and_no_class_of_its_own() -> None:
    assert balanced_accuracy(truth=["a", "b"], answers=["a", "c"]) == 0.5


def test_the_order_of_the_rows_does_not_matter() -> None:
    truth, answers = answered(90, 3, 0.5, seed=1)
    clusters, order = np.arange(90) // 2, np.random.default_rng(0).permutation(90)
    whole = balanced_accuracy_interval(truth=truth, answers=answers, clusters=clusters)
    shuffled = balanced_accuracy_interval(truth=truth[order], answers=answers[order], clusters=clusters[order])
    assert (whole.low, whole.high) == pytest.approx((shuffled.low, shuffled.high))


@pytest.mark.parametrize(
    ("fast", "slow"), [(balanced_accuracy_interval, balanced_accuracy), (accuracy_interval, accuracy)]
)
def test_the_weighted_path_draws_what_the_plain_bootstrap_draws(fast, slow) -> None:  # type: ignore[no-untyped-def]
    truth, answers = answered(60, 4, 0.5, seed=2)
    clusters, runs = np.arange(60) // 2, np.arange(60) % 2
    quick = fast(truth=truth, answers=answers, clusters=clusters, runs=runs, resamples=100, seed=5)
    plain = bootstrap(
        lambda t, a: slow(truth=t, answers=a),
        truth,
        answers,
        clusters=clusters,
        stratify=truth,
        runs=runs,
        resamples=100,
        seed=5,
    )
    assert (quick.value, quick.low, quick.high) == pytest.approx((plain.value, plain.low, plain.high))


def test_the_interval_covers_the_true_balanced_accuracy_in_95_of_100_sets() -> None:
    # Four classes with recalls .9, .7, .5, .3: the truth is .6. The standard error of coverage over 300 sets
    # is 1.3 %.
    rng, recalls = np.random.default_rng(11), np.repeat([0.9, 0.7, 0.5, 0.3], 50)
    truth = np.repeat(np.arange(4), 50)
    covered = 0
    for seed in range(300):
        answers = np.where(rng.random(200) < recalls, truth, (truth + 1) % 4)
        interval = balanced_accuracy_interval(truth=truth, answers=answers, resamples=300, seed=seed)
        covered += interval.low <= 0.6 <= interval.high
    assert 0.91 <= covered / 300 <= 0.985


def test_repeated_rows_of_one_cluster_add_no_certainty() -> None:
    truth, answers = answered(120, 3, 0.6, seed=4)
    once = balanced_accuracy_interval(truth=truth, answers=answers)
    copies = {"truth": np.tile(truth, 4), "answers": np.tile(answers, 4)}
    clustered = balanced_accuracy_interval(**copies, clusters=np.tile(np.arange(120), 4))
    naive = balanced_accuracy_interval(**copies)
    assert (clustered.low, clustered.high) == pytest.approx((once.low, once.high))
    assert naive.high - naive.low < 0.6 * (clustered.high - clustered.low)


def test_drawing_the_runs_adds_the_variance_of_retraining() -> None:
    truth = np.tile(np.repeat([0, 1], 200), 5)
    runs = np.repeat(np.arange(5), 400)
    share = np.array([0.9, 0.5, 0.8, 0.6, 0.7])[runs]
    answers = np.where(np.random.default_rng(0).random(2000) < share, truth, 1 - truth)
    given = {"truth": truth, "answers": answers, "clusters": np.tile(np.arange(400), 5)}
    images_only, with_runs = (
        balanced_accuracy_interval(**given),
        balanced_accuracy_interval(**given, runs=runs),
    )
    assert with_runs.high - with_runs.low > 2 * (images_only.high - images_only.low)


def test_different_lengths_are_refused() -> None:
    with pytest.raises(NumbersError) as caught:
        accuracy(truth=["a"], answers=["a", "b"])
    assert str(caught.value) == (
        "there are 1 true labels and 2 answers; expected one answer per image; pass both in the same order"
    )


@pytest.mark.parametrize("truth", [[], [0.5], [["a"]], [None]])
def test_what_is_no_label_is_refused(truth: list[object]) -> None:
    with pytest.raises(NumbersError):
        accuracy(truth=truth, answers=truth)


def test_text_is_not_compared_with_numbers() -> None:
    with pytest.raises(NumbersError, match="both text or both integers"):
        accuracy(truth=["1"], answers=[1])


def test_a_study_of_33_generators_takes_seconds_not_minutes() -> None:
    truth, answers = answered(6000, 33, 0.6, seed=0)
    start = time.process_time()
    balanced_accuracy_interval(truth=truth, answers=answers)
    # About 0.3 s on one slow core: a hundredfold copy of the data would take minutes.
    assert time.process_time() - start < 20


def test_a_gain_is_the_difference_on_the_draws_of_the_plain_bootstrap() -> None:
    truth, answers = answered(60, 4, 0.7, seed=2)
    baseline = answered(60, 4, 0.4, seed=3)[1]
    drawn = {"clusters": np.arange(60) // 2, "runs": np.arange(60) % 2, "resamples": 100, "seed": 5}
    quick = balanced_accuracy_gain(truth=truth, answers=answers, baseline=baseline, **drawn)
    plain = bootstrap(
        lambda t, a, b: balanced_accuracy(truth=t, answers=a) - balanced_accuracy(truth=t, answers=b),
        truth,
        answers,
        baseline,
        stratify=truth,
        **drawn,
    )
    assert (quick.value, quick.low, quick.high) == pytest.approx((plain.value, plain.low, plain.high))


def test_a_gain_on_the_same_answers_is_exactly_zero_and_turns_with_its_sides() -> None:
    truth, answers = answered(90, 3, 0.6, seed=6)
    other = answered(90, 3, 0.3, seed=7)[1]
    same = balanced_accuracy_gain(truth=truth, answers=answers, baseline=answers)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    there, back = (
        balanced_accuracy_gain(truth=truth, answers=one, baseline=two)
        for one, two in ((answers, other), (other, answers))
    )
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))


def test_a_gain_of_paired_answers_is_narrower_than_their_intervals_say() -> None:
    # Both are wrong about the same half of the images; one is also wrong about one more in twenty.
    truth = np.repeat([0, 1], 200)
    hard, slip = np.arange(400) % 2 == 0, np.arange(400) % 20 == 1
    gain = balanced_accuracy_gain(
        truth=truth, answers=np.where(hard, 1 - truth, truth), baseline=np.where(hard | slip, 1 - truth, truth)
    )
    alone = balanced_accuracy_interval(truth=truth, answers=np.where(hard, 1 - truth, truth))
    assert gain.low > 0
    assert gain.high - gain.low < 0.5 * (alone.high - alone.low)
