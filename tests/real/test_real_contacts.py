"""A real Juicer map: both contact modes against the whole matrix read directly."""

from __future__ import annotations

from pathlib import Path

import hictkpy
import numpy as np
import pytest

from seq2exp.genome import Interval
from seq2exp.window.contacts import NASSER_2021, ContactSource, abc_kr, vc_counts

pytestmark = pytest.mark.real

R = 100_000
HALF = 250_000
CHROM = "22"
"""As the file writes it; windows say chr22."""


@pytest.fixture
def juicer(real_dir: Path) -> Path:
    path = real_dir / "gm12878_chr21_hg19" / "test_chr22.hic"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {real_dir}")
    return path


def whole_matrix(path: Path, normalisation: str) -> tuple[np.ndarray, int]:
    file = hictkpy.File(path, R)
    return file.fetch(CHROM, normalization=normalisation).to_numpy(), file.chromosomes()[CHROM]


# Well-covered, beside the masked short arm, and at the right end of the chromosome.
@pytest.mark.parametrize("tss", [30_140_000, 17_050_000, 51_250_000])
@pytest.mark.parametrize("normalisation", ["VC", "KR", "NONE"])
def test_counts_equal_the_row_of_the_matrix(juicer: Path, tss: int, normalisation: str) -> None:
    matrix, length = whole_matrix(juicer, normalisation)
    window = Interval("chr22", tss - HALF, tss + HALF)
    found = vc_counts(ContactSource(juicer, R, normalisation), window, tss=tss, chrom_length=length)
    positions = np.arange(window.start, window.end)
    inside = positions < length
    row = np.full(window.width, np.nan)
    row[inside] = matrix[tss // R, positions[inside] // R]
    np.testing.assert_allclose(found.measured, row, rtol=1e-6)
    expected = np.where(inside, np.nan_to_num(row) + NASSER_2021.pseudocount(positions - tss), 0)
    np.testing.assert_allclose(found.filled, expected, rtol=1e-6)
    assert (found.filled > 0.01).any()


@pytest.mark.parametrize("tss", [30_140_000, 17_050_000, 51_250_000])
def test_abc_balance_equals_the_equations(juicer: Path, tss: int) -> None:
    matrix, length = whole_matrix(juicer, "KR")
    file = hictkpy.File(juicer, R)
    before = list(file.chromosomes().items())[: list(file.chromosomes()).index(CHROM)]
    at = sum(-(-size // R) for _, size in before)
    weights = file.weights("KR")[at : at + len(matrix)]
    sums = np.nansum(matrix, axis=1)
    row = (matrix / sums[sums > 0].mean())[tss // R]
    i = tss // R
    row[i] = np.nanmax([row[j] for j in (i - 1, i + 1) if j < len(row)])
    row[~(weights >= 0.25)] = np.nan
    if not weights[i] >= 0.25:
        row[:] = np.nan
    bins = np.arange(len(row))
    row = np.where(np.isnan(row), NASSER_2021.power_law((bins - i) * R), row)
    window = Interval("chr22", tss - HALF, tss + HALF)
    found = abc_kr(ContactSource(juicer, R, "KR"), window, tss=tss, chrom_length=length)
    positions = np.arange(window.start, window.end)
    inside = positions < length
    expected = np.zeros(window.width)
    expected[inside] = row[positions[inside] // R] + NASSER_2021.pseudocount(positions[inside] - tss)
    np.testing.assert_allclose(found.filled, expected, rtol=1e-6)
