"""Both contact modes against their equations written out on whole matrices, and the power law against its table."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import hictkpy
import numpy as np
import pandas as pd
import pytest

from seq2exp.errors import WindowError
from seq2exp.genome import Interval
from seq2exp.results import MissingInput
from seq2exp.sources.hic import ContactProfile
from seq2exp.window import contact_rows as room
from seq2exp.window.contacts import (
    MAIN_2023,
    NASSER_2021,
    AbcConstants,
    Contacts,
    ContactSource,
    abc_kr,
    power_law_contacts,
    vc_counts,
)

R = 1_000
LENGTH = 29_500  # the last bin is half as long
N_BINS = 30


@dataclass
class Map:
    """A contact map in memory, behind the names of the reader."""

    matrix: np.ndarray
    weights: np.ndarray
    source: ContactSource
    names: tuple[str, ...] = ("KR", "VC")
    sums_read: int = 0

    def profile(self, path, interval, *, anchor_bp, resolution_bp, normalisation) -> ContactProfile:
        bins = np.arange(interval.start // R, -(-interval.end // R))
        inside = (bins >= 0) & (bins < N_BINS)
        values = np.full(len(bins), np.nan)
        values[inside] = self.matrix[anchor_bp // R, bins[inside]]
        return ContactProfile(int(bins[0]) * R, R, values)

    def sums(self, path, chrom, *, resolution_bp, normalisation) -> np.ndarray:
        self.sums_read += 1
        return np.nansum(self.matrix, axis=1)


def balanced_matrix(rng: np.random.Generator, row_sum: float) -> np.ndarray:
    distance = np.abs(np.subtract.outer(np.arange(N_BINS), np.arange(N_BINS)))
    raw = rng.gamma(2.0, 1.0, (N_BINS, N_BINS)) / (1 + distance)
    matrix = raw + raw.T
    for _ in range(500):
        scale = np.sqrt(matrix.sum(axis=1))
        matrix = matrix / scale[:, None] / scale[None, :]
    return matrix * row_sum


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Map]:
    def _install(matrix: np.ndarray, *, normalisation: str = "VC", weights: np.ndarray | None = None) -> Map:
        path = tmp_path / "contacts.hic"
        path.write_bytes(b"stands for a map")
        held = Map(matrix, np.ones(N_BINS) if weights is None else weights, ContactSource(path, R, normalisation))
        monkeypatch.setattr(room, "read_contact_profile", held.profile)
        monkeypatch.setattr(room, "contact_row_sums", held.sums)
        monkeypatch.setattr(room, "normalisation_weights", lambda *_, **__: held.weights)
        monkeypatch.setattr(room, "contact_normalisations", lambda *_, **__: held.names)
        return held

    return _install


def per_base(row: np.ndarray, window: Interval) -> np.ndarray:
    positions = np.arange(window.start, window.end)
    inside = (positions >= 0) & (positions < LENGTH)
    values = np.full(window.width, np.nan)
    values[inside] = row[positions[inside] // R]
    return values


def test_power_law_equals_the_published_tables() -> None:
    distances = [5_000, 10_000, 50_000, 100_000, 1_000_000, 5_000_000]
    np.testing.assert_allclose(
        NASSER_2021.power_law(distances), [0.1234, 0.0675, 0.0167, 0.00911, 0.00123, 0.00030], rtol=0.02
    )
    np.testing.assert_allclose(
        MAIN_2023.power_law(distances), [0.0630, 0.0310, 0.0060, 0.0029, 0.00028, 0.00005], rtol=0.1
    )
    assert NASSER_2021.scale == pytest.approx(5.3181)
    assert NASSER_2021.power_law(1_000_000) == pytest.approx(0.0012292, abs=5e-8)


def test_power_law_is_flat_within_5_kb_and_has_no_direction() -> None:
    assert NASSER_2021.power_law(0) == NASSER_2021.power_law(5_000) > NASSER_2021.power_law(5_001)
    assert NASSER_2021.power_law(-70_000) == NASSER_2021.power_law(70_000)


def test_pseudocount_is_one_constant_in_a_published_window_and_falls_beyond_1_mb() -> None:
    np.testing.assert_array_equal(
        NASSER_2021.pseudocount(np.arange(-100_000, 100_000, 777)), NASSER_2021.power_law(1_000_000)
    )
    assert NASSER_2021.pseudocount(2_000_000) == NASSER_2021.power_law(2_000_000)


def test_both_power_laws_of_the_released_constants_are_one() -> None:
    np.testing.assert_array_equal(NASSER_2021.reference_ratio([0, 6_000, 90_000]), 1)
    assert MAIN_2023.reference_ratio(5_000) == pytest.approx(0.1234 / 0.0630, rel=0.01)


@pytest.mark.parametrize(("tss", "half"), [(14_321, 6_000), (1_200, 5_000), (28_900, 5_000), (0, 3_000), (29_499, 50)])
def test_vc_counts_is_the_contact_of_each_bases_bin_plus_the_pseudocount(install, tss: int, half: int) -> None:
    rng = np.random.default_rng(tss)
    held = install(rng.gamma(2.0, 20.0, (N_BINS, N_BINS)))
    window = Interval("chr1", tss - half, tss + half)
    found = vc_counts(held.source, window, tss=tss, chrom_length=LENGTH)
    expected = np.zeros(2 * half)
    measured = np.full(2 * half, np.nan)
    for i in range(2 * half):
        position = tss - half + i
        if 0 <= position < LENGTH:
            measured[i] = held.matrix[tss // R, position // R]
            expected[i] = measured[i] + 0.0012292
    np.testing.assert_allclose(found.filled, expected, rtol=0, atol=1e-7)
    np.testing.assert_array_equal(found.measured, measured)
    share = np.isnan(measured).mean()
    assert found.missing == ((MissingInput("contact", share, "zero"),) if share else ())


def test_vc_counts_takes_missing_bins_as_zero_before_the_pseudocount(install) -> None:
    matrix = np.full((N_BINS, N_BINS), 7.0)
    matrix[:, 12] = np.nan
    held = install(matrix)
    window = Interval("chr1", 10_000, 20_000)
    found = vc_counts(held.source, window, tss=15_000, chrom_length=LENGTH)
    hole = np.zeros(10_000, dtype=bool)
    hole[2_000:3_000] = True
    np.testing.assert_allclose(found.filled[hole], 0.0012292, atol=5e-8)
    np.testing.assert_allclose(found.filled[~hole], 7.0012292, atol=5e-8)
    np.testing.assert_array_equal(np.isnan(found.measured), hole)
    assert found.missing == (MissingInput("contact", 0.1, "zero"),)


@pytest.mark.parametrize(("contact", "passes"), [(0.0099 / 999, False), (0.0101 / 999, True)])
@pytest.mark.parametrize("half", [100, 4_000])
def test_a_gene_without_contacts_at_its_tss_is_missing_as_a_whole(install, contact, passes, half) -> None:
    matrix = np.full((N_BINS, N_BINS), 50.0)
    matrix[15, 15] = contact
    held = install(matrix)
    tss = 15_500  # the 999 bases around it lie in one bin, whatever the window
    found = vc_counts(held.source, Interval("chr1", tss - half, tss + half), tss=tss, chrom_length=LENGTH)
    if passes:
        assert (found.filled > 0).all()
        assert found.missing == ()
    else:
        np.testing.assert_array_equal(found.filled, 0)
        (entry,) = found.missing
        assert (entry.name, entry.share) == ("contact", 1.0)
        assert "add up to 0.0099, under 0.01" in entry.stand_in


@pytest.mark.parametrize(("tss", "passes"), [(15_500, False), (15_501, True), (15_499, False), (15_498, True)])
def test_the_gate_counts_the_499_bases_on_either_side(install, tss: int, passes: bool) -> None:
    # Bin 15 itself is empty, its neighbours are not: base tss - 499 or tss + 499 decides.
    matrix = np.zeros((N_BINS, N_BINS))
    matrix[15, 16 if tss >= 15_500 else 14] = 1.0
    held = install(matrix)
    found = vc_counts(held.source, Interval("chr1", tss - 2_000, tss + 2_000), tss=tss, chrom_length=LENGTH)
    assert bool(found.filled.any()) == passes


def abc_by_the_book(
    matrix: np.ndarray, weights: np.ndarray, tss: int, window: Interval, constants: AbcConstants
) -> np.ndarray:
    """data-sources.md 4.2 on the whole matrix, step by step."""
    row_sums = matrix.sum(axis=1)
    m = matrix / row_sums[row_sums > 0].mean()
    diagonal = np.empty(N_BINS)
    for i in range(N_BINS):
        near = [m[i, j] for j in (i - 1, i + 1) if 0 <= j < N_BINS]
        diagonal[i] = max(near) * constants.diagonal_percent / 100
    np.fill_diagonal(m, diagonal)
    weak = weights < constants.weak_weight
    m[weak, :] = np.nan
    m[:, weak] = np.nan
    distance = np.abs(np.subtract.outer(np.arange(N_BINS), np.arange(N_BINS))) * R
    p = np.exp(constants.scale - constants.gamma * np.log(np.maximum(distance, 5_000) + 1))
    m = np.where(np.isnan(m), p, m)
    m[distance > constants.reach_bp] = 0
    positions = np.arange(window.start, window.end)
    inside = (positions >= 0) & (positions < LENGTH)
    h = np.zeros(window.width)
    h[inside] = m[tss // R, positions[inside] // R]
    d = np.maximum(np.abs(positions - tss), 5_000)
    p_cell = np.exp(constants.scale - constants.gamma * np.log(d + 1))
    p_reference = np.exp(constants.scale_reference - constants.gamma_reference * np.log(d + 1))
    p_d0 = np.exp(constants.scale - constants.gamma * np.log(constants.pseudocount_bp + 1))
    return np.where(inside, h * p_reference / p_cell + np.minimum(p_cell, p_d0), 0)


@pytest.mark.parametrize(
    "constants", [NASSER_2021, MAIN_2023, replace(NASSER_2021, reach_bp=4_000, diagonal_percent=50)]
)
@pytest.mark.parametrize("tss", [14_321, 300, 29_400, 7_500])
@pytest.mark.parametrize("half", [5_000, 300])
def test_abc_kr_equals_the_equations_on_the_whole_matrix(install, constants, tss: int, half: int) -> None:
    rng = np.random.default_rng(tss)
    weights = rng.uniform(0.3, 2.0, N_BINS)
    weights[[3, 12, 16, 28]] = 0.1
    weights[20] = np.nan
    held = install(balanced_matrix(rng, row_sum=800.0), normalisation="KR", weights=weights)
    window = Interval("chr1", tss - half, tss + half)
    found = abc_kr(held.source, window, tss=tss, chrom_length=LENGTH, constants=constants)
    # A bin without a weight is weak under any kappa.
    known = np.where(np.isnan(weights), -1.0, weights)
    np.testing.assert_allclose(
        found.filled, abc_by_the_book(held.matrix, known, tss, window, constants), rtol=1e-9, atol=1e-15
    )


def test_abc_kr_tells_what_the_power_law_stood_in_for(install) -> None:
    weights = np.ones(N_BINS)
    weights[12] = 0.2
    held = install(balanced_matrix(np.random.default_rng(1), 500.0), normalisation="KR", weights=weights)
    found = abc_kr(held.source, Interval("chr1", 10_000, 20_000), tss=15_000, chrom_length=LENGTH)
    assert found.missing == (MissingInput("contact", 0.1, "power law"),)
    assert np.flatnonzero(np.isnan(found.measured)).tolist() == list(range(2_000, 3_000))


@pytest.mark.parametrize("why", ["weak", "masked"])
def test_abc_kr_of_a_missing_tss_bin_is_the_power_law_of_bins(install, why: str) -> None:
    weights = np.ones(N_BINS)
    matrix = balanced_matrix(np.random.default_rng(2), 500.0)
    if why == "weak":
        weights[15] = 0.2
    else:
        matrix[15, :] = matrix[:, 15] = np.nan
        weights[15] = np.nan
        for _ in range(500):
            scale = np.sqrt(np.nansum(matrix, axis=1))
            scale[15] = 1.0
            matrix = matrix / scale[:, None] / scale[None, :]
    held = install(matrix, normalisation="KR", weights=weights)
    window = Interval("chr1", 5_000, 25_000)
    found = abc_kr(held.source, window, tss=15_000, chrom_length=LENGTH)
    positions = np.arange(window.start, window.end)
    expected = NASSER_2021.power_law((positions // R - 15) * R) + NASSER_2021.pseudocount(positions - 15_000)
    np.testing.assert_allclose(found.filled, expected, rtol=1e-12)
    assert found.missing == (MissingInput("contact", 1.0, "power law"),)


@pytest.mark.parametrize("normalisation", ["VC", "NONE", "KR"])
def test_unbalanced_rows_are_divided_by_their_own_sum(install, normalisation: str) -> None:
    rng = np.random.default_rng(5)
    raw = rng.gamma(2.0, 20.0, (N_BINS, N_BINS))
    held = install(raw + raw.T, normalisation=normalisation)
    held.names = ("VC",)  # no KR in the map: VC is taken instead
    window = Interval("chr1", 9_000, 21_000)
    found = abc_kr(held.source, window, tss=15_000, chrom_length=LENGTH)
    row = held.matrix[15] / held.matrix[15].sum()
    row[15] = max(row[14], row[16])
    np.testing.assert_allclose(found.measured, per_base(row, window), rtol=1e-12)
    np.testing.assert_allclose(found.filled, per_base(row, window) + 0.0012292, atol=5e-8)


def test_an_empty_row_is_missing_not_divided_by_zero(install) -> None:
    held = install(np.zeros((N_BINS, N_BINS)), normalisation="VC")
    found = abc_kr(held.source, Interval("chr1", 10_000, 20_000), tss=15_000, chrom_length=LENGTH)
    assert found.missing == (MissingInput("contact", 1.0, "power law"),)
    assert (found.filled > 0).all()


def test_a_map_that_is_not_balanced_is_refused(install) -> None:
    matrix = balanced_matrix(np.random.default_rng(3), 500.0)
    matrix[4] *= 1.02
    held = install(matrix, normalisation="KR")
    with pytest.raises(WindowError, match=r"contacts.hic: the rows of chr1 under KR at 1000 bp differ by 2.00% in sum"):
        abc_kr(held.source, Interval("chr1", 10_000, 20_000), tss=15_000, chrom_length=LENGTH)


@pytest.mark.parametrize(("constants", "stand_in"), [(NASSER_2021, "zero"), (MAIN_2023, "power law")])
def test_weak_promoters_are_missing_or_the_power_law_by_code_version(install, constants, stand_in: str) -> None:
    matrix = np.eye(N_BINS) * 5.0  # balanced, but neighbours of the diagonal are empty, so the corrected diagonal is 0
    held = install(matrix, normalisation="KR")
    window = Interval("chr1", 10_000, 20_000)
    found = abc_kr(held.source, window, tss=15_500, chrom_length=LENGTH, constants=constants)
    (entry,) = found.missing
    assert entry.share == 1.0
    assert entry.stand_in.startswith(f"{stand_in} for the whole gene: contacts within 500 bp of the TSS add up to 0,")
    distance = np.arange(window.start, window.end) - 15_500
    expected = constants.reference_power_law(distance) + constants.pseudocount(distance)
    np.testing.assert_allclose(found.filled, expected if stand_in == "power law" else np.zeros(10_000))


def test_row_sums_are_read_once_per_file_and_again_when_it_changes(install) -> None:
    held = install(balanced_matrix(np.random.default_rng(4), 500.0), normalisation="KR")

    def run() -> Contacts:
        return abc_kr(held.source, Interval("chr1", 10_000, 20_000), tss=15_000, chrom_length=LENGTH)

    run(), run()
    assert held.sums_read == 1
    os.utime(held.source.path, ns=(1, 1))
    run()
    assert held.sums_read == 2


@pytest.mark.parametrize("make", [vc_counts, abc_kr])
@pytest.mark.parametrize("value", [-1.0, np.inf])
def test_a_negative_or_infinite_contact_is_refused_with_its_place(install, make, value: float) -> None:
    matrix = balanced_matrix(np.random.default_rng(6), 500.0)
    matrix[15, 12] = value
    held = install(matrix, normalisation="VC")
    with pytest.raises(WindowError, match=r"contacts.hic: contact is -?(1|inf) at chr1:12,001 "):
        make(held.source, Interval("chr1", 10_000, 20_000), tss=15_000, chrom_length=LENGTH)


def test_an_absent_map_is_the_power_law_and_zero_past_the_ends() -> None:
    found = power_law_contacts(Interval("chr1", -40, 60), tss=10, chrom_length=50)
    np.testing.assert_array_equal(found.filled[:40], 0)
    np.testing.assert_array_equal(found.filled[90:], 0)
    np.testing.assert_array_equal(found.filled[40:90], NASSER_2021.power_law(0))
    assert np.isnan(found.measured).all()
    assert found.missing == (MissingInput("contact", 1.0, "power law"),)


def test_counts_of_a_cool_file_reach_their_bases(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    counts = np.triu(rng.integers(0, 40, (N_BINS, N_BINS)))
    rows, columns = np.nonzero(counts)
    pixels = {"bin1_id": rows.tolist(), "bin2_id": columns.tolist(), "count": counts[rows, columns].tolist()}
    path = tmp_path / "contacts.cool"
    writer = hictkpy.cooler.FileWriter(path, {"chr1": LENGTH, "chr2": 5_000}, R, tmpdir=tmp_path)
    writer.add_pixels(pd.DataFrame(pixels))
    writer.finalize()
    del writer  # closes the file
    symmetric = counts + np.triu(counts, 1).T
    tss = 27_250
    window = Interval("chr1", tss - 6_000, tss + 6_000)
    found = vc_counts(ContactSource(path, R, "NONE"), window, tss=tss, chrom_length=LENGTH)
    expected = per_base(symmetric[tss // R].astype(float), window)
    np.testing.assert_array_equal(found.measured, expected)
    np.testing.assert_allclose(found.filled, np.where(np.isnan(expected), 0, expected + 0.0012292), atol=5e-8)
