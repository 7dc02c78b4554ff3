from __future__ import annotations

import numpy as np
import pytest

from manifpt.errors import NumbersError
from manifpt.metrics.neighbourhoods import Neighbourhoods, neighbourhoods


def points(count: int, *, seed: int, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    return shift + scale * np.random.default_rng(seed).standard_normal((count, 4))


def test_a_case_by_hand_on_a_line() -> None:
    # Radii of the reals 0, 1, 3 with k = 1: 1, 1, 2. Radii of the generated 0.5, 10, 12: 9.5, 2, 2.
    real, generated = np.array([[0.0], [1.0], [3.0]]), np.array([[0.5], [10.0], [12.0]])
    # 0.5 lies in all three reals' balls (|3 − 0.5| = 2.5 > 2: not in the third); the others in none.
    found = neighbourhoods(generated=generated, real=real, neighbors=1)
    assert found == Neighbourhoods(precision=1 / 3, recall=1.0, density=2 / 3, coverage=2 / 3)


def test_equal_distributions_score_high_and_distant_ones_nothing() -> None:
    same = neighbourhoods(generated=points(500, seed=0), real=points(500, seed=1))
    assert min(same.precision, same.recall, same.coverage) > 0.85
    assert same.density == pytest.approx(1, abs=0.1)
    assert neighbourhoods(generated=points(50, seed=0, shift=99), real=points(50, seed=1)) == Neighbourhoods(0, 0, 0, 0)


def test_a_collapse_shows_in_recall_and_coverage_not_in_precision() -> None:
    collapsed = neighbourhoods(generated=points(300, seed=0, scale=0.01), real=points(300, seed=1))
    assert collapsed.precision > 0.9
    assert collapsed.recall < 0.05
    assert collapsed.coverage < 0.1


def test_order_and_units_do_not_matter() -> None:
    generated, real = points(60, seed=0, shift=0.5), points(60, seed=1)
    first = neighbourhoods(generated=generated, real=real)
    again = neighbourhoods(generated=1000 * generated[::-1], real=1000 * real[::-1])
    assert first == again


@pytest.mark.parametrize(
    ("generated", "real"),
    [
        (points(5, seed=0), points(50, seed=1)),
        (points(50, seed=0), points(5, seed=1)),
        (points(50, seed=0)[:, :2], points(50, seed=1)),
        (points(50, seed=0).ravel(), points(50, seed=1)),
    ],
)
def test_too_few_points_and_other_shapes_are_refused(generated: np.ndarray, real: np.ndarray) -> None:
    with pytest.raises(NumbersError, match="expected more than 5 each, of one dimension"):
        neighbourhoods(generated=generated, real=real)


def test_a_point_that_is_not_finite_is_refused() -> None:
    broken = points(50, seed=0)
    broken[3, 1] = np.nan
    with pytest.raises(NumbersError, match="NaN or infinite"):
        neighbourhoods(generated=broken, real=points(50, seed=1))
