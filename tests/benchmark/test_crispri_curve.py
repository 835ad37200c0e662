"""Precision and recall of pairs: by hand, beside another definition, and resampled beside repeating items."""

import numpy as np
import pytest

from seq2exp.benchmark.crispri_curve import (
    AUPRC,
    FIGURES,
    auprc,
    average_precision,
    figures,
    precision_at_recall,
    precision_recall,
    resampled,
    thinned,
)
from seq2exp.benchmark.ranking import average_precision as other_average_precision


def test_by_hand() -> None:
    scores = np.array([9.0, 8.0, 8.0, 5.0, 3.0, 1.0])
    labels = np.array([True, False, True, False, True, False])
    curve = precision_recall(scores, labels)
    assert curve is not None
    assert curve.recall == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1, 1])
    assert curve.precision == pytest.approx([1, 2 / 3, 1 / 2, 3 / 5, 1 / 2])
    # two trapezoids; nothing before the first point, nothing to the point at which everything is called
    assert auprc(curve) == pytest.approx(1 / 3 * (1 + 2 / 3) / 2 + 1 / 3 * (1 / 2 + 3 / 5) / 2)
    assert average_precision(curve) == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    assert precision_at_recall(curve) == pytest.approx(3 / 5)
    assert precision_at_recall(curve, 2 / 3) == pytest.approx(2 / 3)  # the better of two points


def test_the_last_point_is_dropped_even_where_it_holds_positives() -> None:
    curve = precision_recall(np.array([2.0, 1.0, 0.0, 0.0]), np.array([True, False, True, False]))
    assert curve is not None
    assert auprc(curve) == 0  # recall 0.5 twice; the line to recall 1 is not the predictor's
    assert average_precision(curve) == pytest.approx(0.5 + 0.5 * 0.5)
    one_score = precision_recall(np.zeros(4), np.array([True, False, True, False]))
    assert one_score is not None
    assert auprc(one_score) == 0
    assert average_precision(one_score) == precision_at_recall(one_score) == 0.5


def test_a_thinned_curve_keeps_its_ends_and_its_shape() -> None:
    rng = np.random.default_rng(1)
    curve = precision_recall(rng.random(5000), rng.random(5000) < 0.1)
    assert curve is not None
    recall, precision = np.array(thinned(curve)).T
    assert 100 < len(recall) <= 200
    assert (recall[0], recall[-1]) == pytest.approx((curve.recall[0], 1), abs=1e-6)
    assert precision[-1] == pytest.approx(curve.precision[-1], abs=1e-6)
    assert np.diff(recall).max() < 0.02
    few = precision_recall(np.array([3.0, 2.0, 1.0]), np.array([True, False, True]))
    assert few is not None
    assert thinned(few) == ((0.5, 1.0), (0.5, 0.5), (1.0, 0.666667))


def test_without_a_positive_there_is_no_figure() -> None:
    assert precision_recall(np.array([1.0, 2.0]), np.array([False, False])) is None
    assert precision_recall(np.empty(0), np.empty(0, dtype=bool)) is None
    assert all(np.isnan(value) for value in figures(None).values())
    with pytest.raises(ValueError, match="must not be NaN"):
        precision_recall(np.array([np.nan]), np.array([True]))


@pytest.mark.parametrize("levels", [5, 10_000])
def test_resamples_equal_repeated_items(levels: int) -> None:
    rng = np.random.default_rng(3)
    scores, labels = rng.integers(levels, size=300).astype(float), rng.random(300) < 0.2
    units = rng.integers(40, size=300)
    curve = precision_recall(scores, labels)
    assert curve is not None
    assert average_precision(curve) == pytest.approx(other_average_precision(scores, labels))
    weights = rng.integers(3, size=(6, 40))
    weights[-1] = 0
    weights[-1, units[~labels][0]] = 1
    labels[units == units[~labels][0]] = False
    found = resampled(scores, labels, units, weights)
    for number, drawn in enumerate(weights):
        repeated = np.repeat(np.arange(300), drawn[units])
        expected = figures(precision_recall(scores[repeated], labels[repeated]))
        for name in FIGURES:
            assert found[name][number] == pytest.approx(expected[name], nan_ok=True)
    assert np.isnan(found[AUPRC][-1])
