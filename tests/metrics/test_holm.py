from __future__ import annotations

import numpy as np
import pytest

from manifpt.errors import NumbersError
from manifpt.metrics.holm import holm


def test_values_are_those_worked_out_by_hand_in_the_order_given() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1 is 0.04, 0.06, 0.06, 0.04; steps never go down.
    assert holm([0.04, 0.01, 0.03, 0.02]).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.06])


def test_none_falls_below_its_own_value_nor_rises_above_one_or_bonferroni() -> None:
    p = np.random.default_rng(0).uniform(size=50)
    corrected = holm(p)
    assert np.all(corrected >= p)
    assert np.all(corrected <= np.minimum(1, 50 * p))
    assert np.all(np.diff(corrected[np.argsort(p)]) >= 0)


def test_no_test_at_all_is_nothing_to_correct() -> None:
    assert holm([]).shape == (0,)


@pytest.mark.parametrize("wrong", [[1.1], [-0.1], [np.nan], [[0.5]]])
def test_what_is_no_probability_is_an_error(wrong: object) -> None:
    with pytest.raises(NumbersError, match="not all in"):
        holm(wrong)
