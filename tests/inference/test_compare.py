from __future__ import annotations

import csv
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2exp.errors import SettingsError
from seq2exp.figures.mask import classify_elements
from seq2exp.genome import Gene, Interval, Region
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.inference.compare import LEAST_CHANGE, biggest_changes, changes_csv, compare
from seq2exp.inference.masks import inside
from seq2exp.inference.session import open_session
from seq2exp.results import LocusView
from seq2exp.settings import MaskSettings
from seq2exp.sources.dataset import Dataset

WINDOW = Interval("chr1", 1_000, 2_000)


def _changes(
    *steps: tuple[int, int, float], settled: tuple[int, int] = (0, 0), strand: str = "+"
) -> list[tuple[int, int, float]]:
    """Start, end (0-based in the window) and mean difference of the listed changes of B over a flat A."""
    mean_a = np.full(1_000, 0.3, np.float32)
    mean_b = mean_a.copy()
    for start, end, height in steps:
        mean_b[start:end] += height
    barred = np.zeros(1_000, bool)
    barred[slice(*settled)] = True
    gene = Gene("G", "G", "chr1", 1_500, strand)  # type: ignore[arg-type]
    found = biggest_changes(mean_a, mean_b, settled=barred, gene=gene, window=WINDOW)
    for change in found:
        middle = (change.interval.start + change.interval.end) // 2
        assert change.tss_distance_bp == (middle - 1_500) * (1 if strand == "+" else -1)
        assert change.bases == pytest.approx(change.difference * change.interval.width)
    return [(c.interval.start - 1_000, c.interval.end - 1_000, round(c.difference, 3)) for c in found]


def test_the_largest_gain_or_loss_of_bases_comes_first() -> None:
    assert _changes((100, 160, 0.4), (300, 500, -0.3)) == [(300, 500, -0.3), (100, 160, 0.4)]


def test_what_is_small_short_or_settled_is_not_listed() -> None:
    assert _changes((100, 300, LEAST_CHANGE - 0.01)) == []
    assert _changes((100, 300, 0.4), (500, 700, 0.19)) == [(100, 300, 0.4)]
    assert _changes((100, 140, 0.4)) == []
    assert _changes((100, 300, 0.6), (500, 700, 0.2), settled=(50, 320)) == [(500, 700, 0.2)]


def test_runs_join_over_small_gaps_but_never_over_the_other_sign() -> None:
    assert _changes((100, 200, 0.4), (280, 400, 0.4), strand="-") == [
        (100, 400, pytest.approx(0.4 * 220 / 300, abs=1e-3))
    ]
    assert _changes((100, 200, 0.4), (200, 280, -0.4), (280, 400, 0.4)) == [
        (280, 400, 0.4),
        (100, 200, 0.4),
        (200, 280, -0.4),
    ]


@given(st.lists(st.floats(0, 1, width=32), min_size=20, max_size=20), st.integers(0, 9))
def test_exchanging_a_and_b_turns_every_sign(heights: list[float], barred: int) -> None:
    mean_a = np.repeat(np.array(heights[:10], np.float32), 100)
    mean_b = np.repeat(np.array(heights[10:], np.float32), 100)
    settled = np.zeros(1_000, bool)
    settled[100 * barred : 100 * barred + 100] = True
    gene = Gene("G", "G", "chr1", 1_500, "+")
    forth = biggest_changes(mean_a, mean_b, settled=settled, gene=gene, window=WINDOW)
    back = biggest_changes(mean_b, mean_a, settled=settled, gene=gene, window=WINDOW)
    assert {(c.interval, c.mean_a, c.mean_b) for c in forth} == {(c.interval, c.mean_b, c.mean_a) for c in back}
    for change in forth:
        start, end = change.interval.start - 1_000, change.interval.end - 1_000
        assert not settled[start:end].any()
        assert change.difference == pytest.approx(float((mean_b - mean_a)[start:end].mean()), abs=1e-5)


@pytest.fixture(scope="module")
def views(tiny: Dataset, soft: LoadedCheckpoint) -> tuple[LocusView, LocusView]:
    """One gene in two cell types under random weights, at a threshold that calls some elements."""
    gene = next(iter(tiny.genes))
    both = [
        open_session(tiny, gene, cell, checkpoint=soft).view(MaskSettings(threshold=0.5, signal_scale=1.5))
        for cell in tiny.cell_types[:2]
    ]
    return both[0], both[1]


def test_the_difference_is_b_minus_a_and_says_where_it_means_nothing(views: tuple[LocusView, LocusView]) -> None:
    a, b = views
    found = compare(a, b)
    assert np.abs(found.difference).max() > 0
    np.testing.assert_array_equal(found.difference, b.mask.mean - a.mask.mean)
    assert found.settled[a.centre.start - a.interval.start : a.centre.end - a.interval.start].all()
    assert not found.settled.all()
    assert not found.difference.flags.writeable
    back = compare(b, a)
    np.testing.assert_array_equal(back.difference, -found.difference)
    assert back.elements_a == tuple({"B only": "A only"}.get(side, side) for side in found.elements_b)


def test_elements_are_classed_as_against_peaks_and_overlap_counts_bases(views: tuple[LocusView, LocusView]) -> None:
    a, b = views
    found = compare(a, b)
    assert a.mask.elements
    assert b.mask.elements
    for one, other, classes in ((a, b, found.elements_a), (b, a, found.elements_b)):
        against = classify_elements(one.mask.elements, [Region(e.interval) for e in other.mask.elements])
        assert [side == "both" for side in classes] == [cls == "shared" for cls in against]
    in_a, in_b = (inside([e.interval for e in view.mask.elements], view.interval) for view in (a, b))
    assert found.overlap.jaccard == pytest.approx((in_a & in_b).sum() / (in_a | in_b).sum())
    assert found.overlap.shared_bp == (in_a & in_b).sum()


def test_a_view_against_itself_differs_in_nothing(views: tuple[LocusView, LocusView]) -> None:
    same = compare(views[0], views[0])
    assert not same.difference.any()
    assert same.changes == ()
    assert set(same.elements_a) | set(same.elements_b) == {"both"}
    assert same.overlap.jaccard == 1
    assert same.observed.difference == 0


def test_untrained_and_missing_numbers_are_no_numbers(views: tuple[LocusView, LocusView]) -> None:
    a, b = views
    untrained = compare(a, b)
    assert a.prediction_log10 is not None
    assert (untrained.predicted.a, untrained.predicted.b, untrained.predicted.difference) == (None, None, None)
    trained = [dataclasses.replace(view, provenance={**view.provenance, "trained": "yes"}) for view in views]
    both = compare(trained[0], dataclasses.replace(trained[1], observed_log10=None))
    assert b.prediction_log10 is not None
    assert both.predicted.difference == pytest.approx(b.prediction_log10 - a.prediction_log10)
    assert both.observed.a == a.observed_log10
    assert both.observed.difference is None


@pytest.mark.parametrize("what", ["genes", "windows", "assemblies"])
def test_unlike_views_are_refused(views: tuple[LocusView, LocusView], tiny: Dataset, what: str) -> None:
    a, b = views
    other_gene = list(tiny.genes)[1]
    unlike = {
        "genes": {"gene": other_gene},
        "windows": {"interval": b.interval.shift(10)},
        "assemblies": {"provenance": {**b.provenance, "assembly": "GRCh37"}},
    }[what]
    with pytest.raises(SettingsError, match=f"A and B are of different {what}: .*choose one for both"):
        compare(a, dataclasses.replace(b, **unlike))  # type: ignore[arg-type]


def test_the_csv_says_what_a_and_b_are_and_reads_back(views: tuple[LocusView, LocusView]) -> None:
    a, b = views
    forged = dataclasses.replace(b, provenance={**b.provenance, "dataset": "mine\n1,chr1,1,2,evil"})
    found = compare(a, forged)
    assert found.changes
    lines = changes_csv(found, a, forged).splitlines()
    head = [line for line in lines if line.startswith("#")]
    for side, view in (("A", a), ("B", b)):
        assert f"# {side}: gene: {view.gene.symbol} {view.gene.gene_id}, cell type: {view.cell_type}" in head
        assert any(line.startswith(f"# {side}: mask: soft, threshold 0.5") for line in head)
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert [(int(r["start"]) - 1, int(r["end"])) for r in rows] == [
        (c.interval.start, c.interval.end) for c in found.changes
    ]
    assert [float(r["difference"]) for r in rows] == pytest.approx([c.difference for c in found.changes], abs=1e-4)
