import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2exp.benchmark.ranking import (
    average_precision,
    call_counts,
    call_measures,
    cutoff_for_share,
    gene_steps,
    gene_weights,
    interval95,
    resampled_average_precision,
)


def _by_definition(scores: np.ndarray, labels: np.ndarray) -> float:
    """Sum over falling thresholds of precision times step in recall, every threshold counted anew."""
    area, before = 0.0, 0.0
    for threshold in sorted(set(scores.tolist()), reverse=True):
        called = scores >= threshold
        recall = (called & labels).sum() / labels.sum()
        area += (recall - before) * (called & labels).sum() / called.sum()
        before = recall
    return area


ITEMS = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=1, max_size=40)


def _arrays(items: list[tuple[int, bool, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scores, labels, genes = (np.array(column) for column in zip(*items, strict=True))
    return scores.astype(float), labels.astype(bool), genes


@given(ITEMS)
def test_average_precision_is_its_definition_whatever_the_order_of_ties(items: list[tuple[int, bool, int]]) -> None:
    scores, labels, _ = _arrays(items)
    if not labels.any():
        assert np.isnan(average_precision(scores, labels))
        return
    assert average_precision(scores, labels) == pytest.approx(_by_definition(scores, labels))
    assert average_precision(scores[::-1], labels[::-1]) == pytest.approx(average_precision(scores, labels))


def test_average_precision_by_hand() -> None:
    labels = np.array([True, False, True, False])
    assert average_precision(np.array([4.0, 3, 2, 1]), labels) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(np.array([4.0, 4, 2, 1]), labels) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert average_precision(np.zeros(4), labels) == 0.5
    assert average_precision(labels.astype(float), labels) == 1
    with pytest.raises(ValueError, match="must not be NaN"):
        average_precision(np.array([np.nan, 1, 2, 3]), labels)
    with pytest.raises(ValueError, match="one shape"):
        average_precision(np.zeros(3), labels)


@given(ITEMS, st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_a_gene_drawn_twice_counts_twice(items: list[tuple[int, bool, int]], drawn: list[int]) -> None:
    scores, labels, genes = _arrays(items)
    copies = np.repeat(np.arange(len(scores)), np.array(drawn)[genes])
    expected = average_precision(scores[copies], labels[copies])
    found = resampled_average_precision(gene_steps(scores, labels, genes, n_genes=4), np.array([drawn]))
    np.testing.assert_allclose(found, [expected], rtol=1e-6)
    counts = call_counts(scores >= 3, labels, genes, n_genes=4)
    again = call_counts(scores[copies] >= 3, labels[copies], genes[copies], n_genes=4)
    np.testing.assert_array_equal(np.array(drawn) @ counts, again.sum(axis=0))


def test_coarse_levels_change_average_precision_little() -> None:
    rng = np.random.default_rng(3)
    labels = rng.random(200_000) < 0.03
    genes = rng.integers(0, 20, len(labels))
    for separation in (0.0, 1.5, 6.0):
        scores = rng.normal(size=len(labels)) + separation * labels
        steps = gene_steps(scores, labels, genes, n_genes=20, max_steps=1024)
        assert steps.total.shape[1] <= 1024
        (found,) = resampled_average_precision(steps, np.ones((1, 20), dtype=np.int64))
        assert found == pytest.approx(average_precision(scores, labels), abs=2e-3)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Genes of one law each: the interval of a recall covers the law's own recall in about 95 of 100 worlds."""
    rng = np.random.default_rng(1)
    covered = 0
    for world in range(200):
        recall = np.clip(rng.normal(0.5, 0.15, size=40), 0, 1)
        counts = np.zeros((40, 4), dtype=np.int64)
        counts[:, 0] = counts[:, 1] = rng.binomial(200, recall)
        counts[:, 2:] = 200
        drawn = gene_weights(40, resamples=300, seed=world) @ counts
        interval = interval95(call_measures(drawn)["recall"])
        assert interval is not None
        covered += interval[0] <= 0.5 <= interval[1]
    assert 0.88 <= covered / 200 <= 0.99


def test_resamples_are_fixed_by_their_seed() -> None:
    weights = gene_weights(7, resamples=50, seed=1)
    assert (weights.sum(axis=1) == 7).all()
    np.testing.assert_array_equal(weights, gene_weights(7, resamples=50, seed=1))
    assert (weights != gene_weights(7, resamples=50, seed=2)).any()


def test_measures_of_no_calls() -> None:
    measures = call_measures(np.array([0, 0, 5, 10]))
    assert np.isnan(measures["precision"])
    assert (measures["recall"], measures["f1"], measures["covered_share"]) == (0, 0, 0)
    assert interval95(np.array([np.nan, np.nan])) is None


def test_cutoff_for_a_share_never_splits_ties() -> None:
    scores = np.array([5.0, 3, 3, 3, 1, 0, 0, 0, 0, 0])
    assert cutoff_for_share(scores, 0.38) == 3
    assert cutoff_for_share(scores, 0.2) == 5
    assert cutoff_for_share(scores, 0.02) == np.inf
    assert cutoff_for_share(scores, 1.0) == 0
