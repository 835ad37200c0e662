"""What predictors' values come to on bases and elements."""

import numpy as np
import pytest

from seq2exp.benchmark.locus import make_locus, score
from seq2exp.benchmark.predictors import peak_values, rivals
from seq2exp.genome import Gene, Interval, Region
from seq2exp.sources.truth import TruthElement

WINDOW = Interval("chr1", 100, 200)
GENE = Gene("G", "G", "chr1", 150, "+")


def _element(name: str, start: int, end: int, *, causal: bool) -> TruthElement:
    return TruthElement(name, "x", Interval("chr1", start, end), causal, 0.0, 1.0, 1.0)


def test_only_judged_bases_and_what_lies_in_the_window_count() -> None:
    judged = np.ones(100, dtype=bool)
    judged[40:60] = False  # promoter centre
    elements = [
        _element("left", 80, 110, causal=True),
        _element("promoter", 145, 155, causal=True),
        _element("half", 155, 170, causal=False),
        _element("beyond", 200, 220, causal=True),
    ]
    locus = make_locus(GENE, "K", WINDOW, judged, elements)
    assert [element.element_id for element in locus.elements] == ["left", "half"]
    assert locus.causal_elements.tolist() == [True, False]
    found = score(locus, np.arange(100.0))
    assert found.bases is not None
    assert len(found.bases) == len(locus.causal_bases) == 80
    assert found.bases[locus.causal_bases].tolist() == list(range(10))
    assert found.elements.tolist() == [4.5, 64.5]  # bases 0-9, and 60-69 of 55-69
    assert found.element_maxima is not None
    assert found.element_maxima.tolist() == [9, 69]


def test_peaks_lay_their_highest_score_and_never_vanish() -> None:
    regions = [
        Region(Interval("chr1", 90, 110), score=30),
        Region(Interval("chr1", 105, 120), score=50),
        Region(Interval("chr1", 150, 160), score=0),
        Region(Interval("chr2", 160, 170), score=70),
    ]
    values = peak_values(regions, WINDOW)
    assert values[:5].tolist() == [30] * 5
    assert values[5:20].tolist() == [50] * 15
    assert (values[50:60] > 0).all()
    assert (values > 0).sum() == 30


def test_rules_made_of_tracks() -> None:
    signals = np.array([[4.0, 9.0, np.log10(1 + 2.0)], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0]], dtype=np.float32)
    found = rivals(signals, tss_index=1)
    assert found["DNase"].tolist() == [9, 1, 1]
    assert found["H3K27ac"].tolist() == [4, 0, 1]
    assert found["contact"] == pytest.approx([2, 9, 0], abs=1e-5)
    assert found["activity x contact"] == pytest.approx([12, 0, 0], abs=1e-5)
    assert found["distance to TSS"].tolist() == [-1, 0, -1]
