from __future__ import annotations

import numpy as np
import pytest

from seq2exp.figures.pyramid import bin_width, runs, summarise


@pytest.mark.parametrize("length", [1, 7, 1_999, 2_000, 2_001, 131_072, 200_000])
def test_bins_are_few_and_cover_every_base(length: int) -> None:
    bins = summarise(np.ones(length, np.float32))
    assert len(bins) <= 2_000
    assert (len(bins) - 1) * bins.bin_bp < length <= len(bins) * bins.bin_bp


def test_bins_equal_a_plain_loop() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=10_007).astype(np.float32)
    values[rng.random(10_007) < 0.3] = np.nan
    values[500:900] = np.nan
    bins = summarise(values, max_bins=100)
    width = bins.bin_bp
    for at in range(len(bins)):
        part = values[at * width : (at + 1) * width]
        part = part[~np.isnan(part)]
        found = (bins.low[at], bins.mean[at], bins.high[at])
        if part.size == 0:
            assert np.isnan(found).all()
        else:
            np.testing.assert_allclose(found, (part.min(), part.mean(), part.max()), rtol=1e-5)


def test_a_twenty_base_element_keeps_its_height() -> None:
    values = np.full(200_000, 0.1, np.float32)
    values[123_450:123_470] = 0.9
    bins = summarise(values)
    assert bins.high.max() == np.float32(0.9)
    assert bins.mean.max() < 0.5


def test_short_stretches_stay_per_base() -> None:
    values = np.arange(2_000, dtype=np.float32)
    bins = summarise(values)
    assert bins.per_base
    np.testing.assert_array_equal(bins.mean, values)


def test_arrays_are_float32() -> None:
    bins = summarise(np.ones(100_000, np.float32))
    assert {bins.low.dtype, bins.mean.dtype, bins.high.dtype} == {np.dtype(np.float32)}


def test_bin_width_rounds_up() -> None:
    assert [bin_width(n) for n in (1, 2_000, 2_001, 200_000)] == [1, 1, 2, 100]


def test_runs_are_half_open() -> None:
    assert runs(np.array([True, True, False, True])) == ((0, 2), (3, 4))
    assert runs(np.zeros(3, bool)) == ()
