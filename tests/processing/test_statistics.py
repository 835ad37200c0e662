"""Figures of a track over windows against numpy on the same values, and the 3-fold rule."""

from __future__ import annotations

import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyBigWig
import pytest

from seq2exp.errors import SourceError
from seq2exp.genome import Interval
from seq2exp.processing.scale import scale_warnings
from seq2exp.processing.statistics import TrackStatistics, track_statistics

CHROMS = {"chr1": 60_000, "chr2": 30_000}


@pytest.fixture(scope="module")
def values() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    made = {}
    for chrom, length in CHROMS.items():
        made[chrom] = (rng.gamma(0.3, 2.0, length) - 0.05).astype(np.float32)  # some below 0, as user's tracks may be
        made[chrom][rng.random(length) < 0.3] = np.nan
    return made


@pytest.fixture(scope="module")
def track(values: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tracks") / "one.bw"
    with pyBigWig.open(str(path), "w") as bigwig:
        bigwig.addHeader(list(CHROMS.items()))
        for chrom, there in values.items():
            starts = np.flatnonzero(~np.isnan(there))
            bigwig.addEntries(chrom, starts.tolist(), values=there[starts].tolist(), span=1)
    return path


def read(values: dict[str, np.ndarray], windows: list[Interval]) -> np.ndarray:
    """(sum of widths,) what the windows hold, NaN past the ends."""
    parts = []
    for window in windows:
        padded = np.full(window.width, np.nan, dtype=np.float32)
        low, high = max(window.start, 0), min(window.end, CHROMS[window.chrom])
        padded[low - window.start : high - window.start] = values[window.chrom][low:high]
        parts.append(padded)
    return np.concatenate(parts)


def test_figures_are_those_of_every_base_with_unmeasured_ones_as_0(
    track: Path, values: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seq2exp.processing.statistics._BATCH_BP", 3_333)  # long windows are read in parts
    windows = [Interval("chr2", 1_000, 21_000), Interval("chr1", -500, 40_000), Interval("chr1", 30_000, 60_200)]
    found = track_statistics(track, windows)
    there = read(values, windows)
    filled = np.nan_to_num(there)
    assert found.n_windows == 3
    assert found.mean == pytest.approx(filled.mean(dtype=np.float64))
    assert found.max == filled.max()
    assert found.share_missing == pytest.approx(np.isnan(there).mean())
    for share, figure in ((0.5, found.p50), (0.99, found.p99), (0.999, found.p99_9)):
        assert figure == pytest.approx(np.quantile(filled, share, method="inverted_cdf"), rel=2**-11)
    assert TrackStatistics.from_summary(found.summary()) == found
    assert TrackStatistics.from_summary({**found.summary(), "p99": None}) is None


def test_percentiles_below_zero_are_in_order(tmp_path: Path) -> None:
    path = tmp_path / "minus.bw"
    with pyBigWig.open(str(path), "w") as bigwig:
        bigwig.addHeader([("chr1", 100)])
        bigwig.addEntries("chr1", list(range(100)), values=[-float(v) for v in range(100, 0, -1)], span=1)
    found = track_statistics(path, [Interval("chr1", 0, 100)])
    assert (found.p50, found.p99, found.max) == (pytest.approx(-51, rel=2**-11), pytest.approx(-2, rel=2**-11), -1)


def test_of_many_windows_the_same_few_are_measured_whatever_their_order(track: Path) -> None:
    windows = [Interval("chr1", start, start + 500) for start in range(0, 55_000, 100)]
    few = track_statistics(track, windows, most_windows=20)
    assert few.n_windows == 20
    assert track_statistics(track, windows[::-1], most_windows=20) == few
    assert track_statistics(track, windows, most_windows=None).n_windows == len(windows)


def test_memory_does_not_grow_with_the_windows(track: Path) -> None:
    def peak(n: int) -> int:
        tracemalloc.start()
        track_statistics(track, [Interval("chr1", 0, 50_000)] * n, most_windows=None)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(1)
    assert peak(200) < 1.1 * peak(40)  # 160 more windows as float32 would be 32 MB


def test_windows_on_chromosomes_the_file_lacks_are_left_out(track: Path) -> None:
    inside, outside = Interval("1", 0, 5_000), Interval("chr9", 0, 5_000)
    assert track_statistics(track, [outside, inside]) == track_statistics(track, [inside])
    with pytest.raises(SourceError, match=r"holds chr1, chr2, none of the chromosomes .*\(chr9\)"):
        track_statistics(track, [outside])


REFERENCE = TrackStatistics(n_windows=100, mean=0.2, p50=0.05, p99=3.0, p99_9=9.0, max=30.0, share_missing=0.1)


def times(factor: float, **changes: float) -> TrackStatistics:
    scaled = replace(REFERENCE, mean=0.2 * factor, p50=0.05 * factor, p99=3 * factor, max=30 * factor)
    return replace(scaled, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("factor", [0.34, 1.0, 2.9])
def test_within_three_fold_nothing_is_said(factor: float) -> None:
    assert scale_warnings(times(factor), REFERENCE, "DNase of Mine") == ()


@pytest.mark.parametrize(("factor", "words"), [(10.0, "about 10 times higher"), (0.25, "about 4 times lower")])
def test_one_factor_throughout_is_named(factor: float, words: str) -> None:
    (said,) = scale_warnings(times(factor), REFERENCE, "DNase of Mine")
    assert said.startswith(f"DNase of Mine is {words} than the track this model learned from: mean ")
    assert "another unit" in said


def test_one_figure_is_enough_and_alone_is_named() -> None:
    (said,) = scale_warnings(times(1, max=100.0), REFERENCE, "H3K27ac of Mine")
    assert re.search(r"on another scale .*: highest value 100 against 30\. ", said)
    assert "mean" not in said
    (said,) = scale_warnings(times(1, p99=0.9), REFERENCE, "H3K27ac of Mine")
    assert "99th percentile 0.9 against 3" in said


def test_the_highest_value_of_few_windows_may_be_low_but_not_high() -> None:
    assert scale_warnings(times(1, max=5.0, n_windows=20), REFERENCE, "x") == ()
    assert scale_warnings(times(1, max=5.0, n_windows=60), REFERENCE, "x") != ()
    assert scale_warnings(times(1, max=300.0, n_windows=20), REFERENCE, "x") != ()


def test_a_track_without_values_is_told_apart_from_one_of_zeros() -> None:
    (nothing,) = scale_warnings(times(0, share_missing=1.0), REFERENCE, "x")
    (zeros,) = scale_warnings(times(0), REFERENCE, "x")
    assert "no base was measured" in nothing
    assert "every value is 0" in zeros
