import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2exp.errors import SettingsError
from seq2exp.genome import Gene, Interval, IntervalOverlap, match_chromosome


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_locus_text_round_trips(start: int, width: int) -> None:
    interval = Interval("chr11", start, start + width)
    assert Interval.parse(str(interval)) == interval


@pytest.mark.parametrize("text", ["chr1:1,001-2,000", "chr1:1001..2000", " chr1 1001 2000 ", "chr1:1001 - 2000"])
def test_locus_spellings(text: str) -> None:
    assert Interval.parse(text) == Interval("chr1", 1000, 2000)


@pytest.mark.parametrize("text", ["", "chr1", "chr1:0-10", "chr1:20-10", "chr1:a-b", "<b>:1-2"])
def test_not_a_locus(text: str) -> None:
    with pytest.raises(SettingsError, match="locus"):
        Interval.parse(text)


def test_an_interval_is_not_empty() -> None:
    with pytest.raises(SettingsError, match="end > start"):
        Interval("chr1", 5, 5)


def test_intersection_and_shift() -> None:
    a, b = Interval("chr1", 0, 10), Interval("chr1", 5, 20)
    assert a.intersect(b) == Interval("chr1", 5, 10)
    assert a.intersect(b.shift(5)) is None
    assert a.intersect(Interval("chr2", 0, 10)) is None


@pytest.mark.parametrize("width", [4096, 200_000])
def test_the_middle_of_a_window_is_the_tss(width: int) -> None:
    window = Gene("G", "G", "chr1", 1000, "-").window(width)
    assert window.width == width
    assert window.start + width // 2 == 1000


@pytest.mark.parametrize(
    ("name", "available", "expected"),
    [
        ("chr1", ["1", "2"], "1"),
        ("1", ["chr1"], "chr1"),
        ("chr1", ["chr1", "1"], "chr1"),
        ("chrM", ["MT"], "MT"),
        ("MT", ["chrM"], "chrM"),
        ("chr23", ["chr1"], None),
    ],
)
def test_chromosome_names(name: str, available: list[str], expected: str | None) -> None:
    assert match_chromosome(name, available) == expected


def test_covered_share() -> None:
    overlap = IntervalOverlap(1, 2, 10, 40, 5, 400, 0.1, 0.5, 0.1, 1.0, 0.5)
    assert overlap.peaks_covered_share == 0.1
