"""Metrics against scipy and by hand, and the rule for missing values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seq2exp.metrics import mae, mse, pearson, spearman

METRICS = [mse, mae, pearson, spearman]


def test_errors_by_hand() -> None:
    assert mse([1, 2, 3], [1, 4, 0]) == pytest.approx((0 + 4 + 9) / 3)
    assert mae([1, 2, 3], [1, 4, 0]) == pytest.approx((0 + 2 + 3) / 3)


@given(st.integers(0, 2**32 - 1), st.integers(3, 40))
def test_correlations_equal_scipys(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    left = rng.integers(0, 6, n) + 0.0
    right = left + rng.normal(size=n)
    left[0], left[1] = 10.0, 11.0  # never constant
    assert pearson(left, right) == pytest.approx(stats.pearsonr(left, right).statistic, abs=1e-12)
    assert spearman(left, right) == pytest.approx(stats.spearmanr(left, right).statistic, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_pearson_does_not_depend_on_the_unit(scale: float) -> None:
    left, right = np.array([1.0, 2, 4, 3]), np.array([2.0, 1, 5, 4])
    assert pearson(left * scale, right) == pytest.approx(pearson(left, right), abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_pairs_with_nan_on_either_side_are_left_out(metric) -> None:
    left, right = [1.0, np.nan, 3.0, 4.0, 2.0], [1.5, 2.0, np.nan, 3.0, 5.0]
    assert metric(left, right) == metric([1.0, 4.0, 2.0], [1.5, 3.0, 5.0])


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_left_to_compare_is_nan(metric) -> None:
    assert np.isnan(metric([np.nan, 1.0], [1.0, np.nan]))
    assert np.isnan(metric([], []))


@pytest.mark.parametrize("metric", [pearson, spearman])
def test_a_correlation_needs_two_pairs_that_differ(metric) -> None:
    assert np.isnan(metric([1.0], [2.0]))
    assert np.isnan(metric([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]))
    assert np.isnan(metric([1.0, 2.0, 3.0], [0.1, 0.1, 0.1]))


@pytest.mark.parametrize("metric", METRICS)
def test_shapes_and_infinities_are_refused(metric) -> None:
    with pytest.raises(ValueError, match=r"\(2,\) and \(3,\)"):
        metric([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="infinite"):
        metric([1, np.inf], [1, 2])
