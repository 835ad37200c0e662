import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2exp.genome import Gene, Interval
from seq2exp.inference.elements import call_elements, merged_runs, runs, without
from seq2exp.settings import ElementSettings

GENE = Gene("G", "G", "chr1", 1050, "+")
WINDOW = Interval("chr1", 1000, 1100)


def _bools(*places: tuple[int, int], length: int = 100) -> np.ndarray:
    array = np.zeros(length, dtype=bool)
    for start, end in places:
        array[start:end] = True
    return array


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_runs_cover_exactly_the_chosen_bases(flags: list[bool]) -> None:
    chosen = np.array(flags)
    again = np.zeros(len(flags), dtype=bool)
    for start, end in runs(chosen):
        assert not again[start:end].any()
        again[start:end] = True
    assert np.array_equal(again, chosen)


@pytest.mark.parametrize(
    ("gap", "shortest", "expected"),
    [(0, 1, [[0, 10], [15, 20], [90, 100]]), (5, 1, [[0, 20], [90, 100]]), (4, 6, [[0, 10], [90, 100]])],
)
def test_merging_and_dropping(gap: int, shortest: int, expected: list[list[int]]) -> None:
    chosen = _bools((0, 10), (15, 20), (90, 100))
    settings = ElementSettings(merge_gap_bp=gap, min_length_bp=shortest)
    assert merged_runs(chosen, barrier=_bools(), settings=settings).tolist() == expected


def test_no_element_holds_or_bridges_a_forced_base() -> None:
    chosen = _bools((30, 45), (40, 70))
    settings = ElementSettings(merge_gap_bp=50, min_length_bp=1)
    found = merged_runs(chosen, barrier=_bools((45, 55)), settings=settings)
    assert found.tolist() == [[30, 45], [55, 70]]


@pytest.mark.parametrize(("strand", "sign"), [("+", 1), ("-", -1)])
def test_distance_follows_the_direction_of_transcription(strand: str, sign: int) -> None:
    gene = Gene("G", "G", "chr1", 1050, strand)  # type: ignore[arg-type]
    mean = np.linspace(0, 1, 100, dtype=np.float32)
    (element,) = call_elements(
        _bools((80, 90)),
        mean=mean,
        sd=np.full(100, 0.1, dtype=np.float32),
        barrier=_bools(),
        gene=gene,
        window=WINDOW,
        settings=ElementSettings(merge_gap_bp=0, min_length_bp=1),
    )
    assert element.interval == Interval("chr1", 1080, 1090)
    assert element.tss_distance_bp == sign * 35
    assert element.mean == pytest.approx(mean[80:90].mean())
    assert element.peak == pytest.approx(mean[89])


def test_nothing_chosen_is_no_element() -> None:
    assert len(merged_runs(_bools(), barrier=_bools(), settings=ElementSettings())) == 0


def test_without_cuts_a_hole() -> None:
    place = Interval("chr1", 0, 100)
    assert without(place, Interval("chr1", 40, 60)) == (Interval("chr1", 0, 40), Interval("chr1", 60, 100))
    assert without(place, Interval("chr1", 0, 200)) == ()
    assert without(place, Interval("chr2", 40, 60)) == (place,)
