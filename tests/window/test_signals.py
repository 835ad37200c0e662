"""Missing values, scales, bins and the official displacement at chromosome ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2exp.errors import WindowError
from seq2exp.genome import Interval
from seq2exp.window.signals import check_signal, expand_bins, fill_missing, log10p1, on_chromosome, pad_twice

PATH = Path("folder/track.bw")


def test_missing_becomes_zero_and_its_share_is_told() -> None:
    values = np.array([1.5, np.nan, 0.0, np.nan], dtype=np.float32)
    filled, share = fill_missing(values)
    np.testing.assert_array_equal(filled, np.array([1.5, 0, 0, 0], dtype=np.float32))
    assert filled.dtype == np.float32
    assert share == 0.5
    assert np.isnan(values[1]), "the argument is left as it was"


@pytest.mark.parametrize(("value", "shown"), [(-0.25, "-0.25"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_a_negative_or_infinite_value_is_named_with_file_and_place(value: float, shown: str) -> None:
    values = np.array([0.0, np.nan, value, value])
    with pytest.raises(WindowError, match=rf"^folder/track.bw: dnase is {shown} at chr2:1,003 \(2 such bases"):
        check_signal(values, name="dnase", path=PATH, interval=Interval("chr2", 1_000, 1_004))


def test_missing_and_zero_values_pass_the_check() -> None:
    check_signal(np.array([np.nan, 0.0, 3.0]), name="dnase", path=PATH, interval=Interval("chr2", 0, 3))


def test_log_scale() -> None:
    np.testing.assert_allclose(log10p1(np.array([0.0, 9.0, 999.0])), [0, 1, 3])
    assert np.isnan(log10p1(np.array([np.nan])))[0]


@given(
    start=st.integers(-50, 50),
    width=st.integers(1, 60),
    first_bin=st.integers(-3, 3),
    bin_bp=st.integers(1, 17),
    n_bins=st.integers(0, 8),
)
def test_every_base_gets_the_value_of_its_bin(start: int, width: int, first_bin: int, bin_bp: int, n_bins: int) -> None:
    values = np.arange(n_bins, dtype=float)
    found = expand_bins(
        values, Interval("chr1", start, start + width), first_bin_start=first_bin * bin_bp, bin_bp=bin_bp
    )
    for base, value in zip(range(start, start + width), found, strict=True):
        index = base // bin_bp - first_bin
        assert value == values[index] if 0 <= index < n_bins else np.isnan(value)


def test_bases_on_the_chromosome() -> None:
    np.testing.assert_array_equal(on_chromosome(Interval("chr1", -2, 4), 3), [False, False, True, True, True, False])


def official_loader(values: np.ndarray, left: int, right: int) -> np.ndarray:
    """Pads a vector that is padded already, then keeps the middle, as models.md section 8 row 9 describes."""
    padded = np.concatenate([np.zeros(left), values, np.zeros(right)])
    surplus = len(padded) - len(values)
    return padded[surplus // 2 : surplus // 2 + len(values)]


@given(start=st.integers(-30, 30), width=st.integers(1, 40), length=st.integers(1, 80))
def test_double_padding_is_the_official_loaders(start: int, width: int, length: int) -> None:
    interval = Interval("chr1", start, start + width)
    values = np.where(on_chromosome(interval, length), np.arange(1, width + 1), 0)
    found = pad_twice(values, interval, length)
    np.testing.assert_array_equal(found, official_loader(values, max(0, -start), max(0, start + width - length)))


@pytest.mark.parametrize(("padding", "moved_by"), [(5, 3), (4, 2), (1, 1)])
def test_left_end_moves_contacts_up_by_the_larger_half(padding: int, moved_by: int) -> None:
    values = np.concatenate([np.zeros(padding), np.arange(1.0, 21.0 - padding)])
    found = pad_twice(values, Interval("chr1", -padding, 20 - padding), 1_000)
    np.testing.assert_array_equal(found[moved_by:], values[:-moved_by])
    np.testing.assert_array_equal(found[:moved_by], 0)


@pytest.mark.parametrize(("padding", "moved_by"), [(5, 2), (4, 2), (1, 0)])
def test_right_end_moves_contacts_down_by_the_smaller_half(padding: int, moved_by: int) -> None:
    values = np.concatenate([np.arange(1.0, 21.0 - padding), np.zeros(padding)])
    found = pad_twice(values, Interval("chr1", 100, 120), 120 - padding)
    np.testing.assert_array_equal(found[: 20 - moved_by], values[moved_by:])
    np.testing.assert_array_equal(found[20 - moved_by :], 0)


def test_away_from_the_ends_nothing_moves() -> None:
    values = np.arange(10.0)
    np.testing.assert_array_equal(pad_twice(values, Interval("chr1", 100, 110), 1_000), values)
