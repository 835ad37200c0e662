from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import hictkpy
import numpy as np
import pandas as pd
import pytest

from seq2exp.errors import SourceError
from seq2exp.genome import Interval
from seq2exp.sources.hic import (
    contact_normalisations,
    contact_resolutions,
    contact_row_sums,
    contact_sizes,
    normalisation_weights,
    read_contact_matrix,
    read_contact_profile,
)

SIZES = {"chr1": 1050, "chr2": 400}
N1, N2, WIDTH = 11, 4, 100


def dense(seed: int) -> dict[str, np.ndarray]:
    """A symmetric map with empty pixels for each chromosome."""
    rng = np.random.default_rng(seed)
    maps = {}
    for chrom, n_bins in (("chr1", N1), ("chr2", N2)):
        upper = np.triu(rng.integers(0, 6, (n_bins, n_bins))).astype(float)
        maps[chrom] = upper + np.triu(upper, 1).T
    return maps


def pixels(maps: dict[str, np.ndarray]) -> list[tuple[int, int, float]]:
    offsets = {"chr1": 0, "chr2": N1}
    return [
        (offsets[chrom] + int(i), offsets[chrom] + int(j), float(matrix[i, j]))
        for chrom, matrix in maps.items()
        for i, j in zip(*np.nonzero(np.triu(matrix)), strict=True)
    ]


def write_hic(path: Path, maps: dict[str, np.ndarray]) -> Path:
    writer = hictkpy.hic.FileWriter(path, SIZES, WIDTH, tmpdir=path.parent)
    first, second, counts = zip(*pixels(maps), strict=True)
    writer.add_pixels(pd.DataFrame({"bin1_id": first, "bin2_id": second, "count": counts}))
    writer.finalize()
    return path


@pytest.fixture(params=["map.cool", "map.hic"])
def contacts(request: pytest.FixtureRequest, tmp_path: Path, write_cool: Callable[..., Path]) -> Path:
    if request.param == "map.hic":
        return write_hic(tmp_path / request.param, dense(3))
    return write_cool(SIZES, pixels(dense(3)), WIDTH, request.param)


def test_what_a_map_says_about_itself(contacts: Path) -> None:
    assert contact_sizes(contacts) == SIZES
    assert contact_resolutions(contacts) == (WIDTH,)
    assert contact_normalisations(contacts, resolution_bp=WIDTH)[0] == "NONE"


@pytest.mark.parametrize("chrom", ["chr1", "2"])
def test_profile_of_every_anchor_equals_the_row_of_the_dense_map(contacts: Path, chrom: str) -> None:
    matrix = dense(3)["chr" + chrom.removeprefix("chr")]
    size = SIZES["chr" + chrom.removeprefix("chr")]
    padded = np.pad(matrix, ((0, 0), (3, 3)), constant_values=np.nan)
    for anchor in range(0, size, 149):
        for start, end in ((0, size), (-250, size + 250), (130, 170), (300, 400), (199, 201)):
            profile = read_contact_profile(contacts, Interval(chrom, start, end), anchor_bp=anchor, resolution_bp=WIDTH)
            first, last = start // WIDTH, -(-end // WIDTH)
            assert (profile.first_bin_start, profile.resolution_bp) == (first * WIDTH, WIDTH)
            np.testing.assert_array_equal(profile.values, padded[anchor // WIDTH, first + 3 : last + 3])


def test_matrix_is_the_dense_map_clipped(contacts: Path) -> None:
    matrix = dense(3)["chr1"]
    for start, end, bins in ((0, 1050, (0, 11)), (-500, 250, (0, 3)), (950, 5000, (9, 11)), (150, 160, (1, 2))):
        read = read_contact_matrix(contacts, Interval("chr1", start, end), resolution_bp=WIDTH)
        np.testing.assert_array_equal(read, matrix[slice(*bins), slice(*bins)])
    assert read_contact_matrix(contacts, Interval("chr1", 2000, 2100), resolution_bp=WIDTH).shape == (0, 0)


@pytest.mark.parametrize("strip", [1, 7, 20, 10_000])
def test_row_sums_whatever_the_strip(contacts: Path, strip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seq2exp.sources.hic._STRIP_PIXELS", strip)
    for chrom, matrix in dense(3).items():
        sums = contact_row_sums(contacts, chrom, resolution_bp=WIDTH, normalisation="NONE")
        np.testing.assert_array_equal(sums, matrix.sum(axis=1))


def test_raw_counts_have_weights_of_one(contacts: Path) -> None:
    weights = normalisation_weights(contacts, "2", resolution_bp=WIDTH, normalisation="NONE")
    np.testing.assert_array_equal(weights, np.ones(N2))


def test_several_resolutions_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "map.hic"
    writer = hictkpy.hic.FileWriter(path, SIZES, [100, 200], tmpdir=tmp_path)
    first, second, counts = zip(*pixels(dense(3)), strict=True)
    writer.add_pixels(pd.DataFrame({"bin1_id": first, "bin2_id": second, "count": counts}))
    writer.finalize()
    assert contact_resolutions(path) == (100, 200)
    coarse = read_contact_matrix(path, Interval("chr2", 0, 400), resolution_bp=200)
    fine = dense(3)["chr2"]
    upper = np.triu(fine).reshape(2, 2, 2, 2).sum(axis=(1, 3))
    np.testing.assert_array_equal(np.triu(coarse), upper)


def test_what_is_not_there_is_listed(contacts: Path) -> None:
    place = Interval("chr1", 0, 500)
    with pytest.raises(SourceError, match="no contacts at 5,000 bp; it has 100"):
        read_contact_profile(contacts, place, anchor_bp=0, resolution_bp=5000)
    with pytest.raises(SourceError, match=r"no normalisation 'KR' at 100 bp; it has NONE"):
        read_contact_matrix(contacts, place, resolution_bp=WIDTH, normalisation="KR")
    with pytest.raises(SourceError, match="no chromosome chrX; it has chr1, chr2"):
        contact_row_sums(contacts, "chrX", resolution_bp=WIDTH, normalisation="NONE")
    with pytest.raises(SourceError, match=r"anchor chr1:1,051 lies outside chr1 \(1,050 bp\)"):
        read_contact_profile(contacts, place, anchor_bp=1050, resolution_bp=WIDTH)


def test_foreign_and_absent_files(tmp_path: Path) -> None:
    path = tmp_path / "map.hic"
    for content in (
        b"",
        b"HIC\0",
        b"HIC\0" + b"\x09\0\0\0" * 20,
        b"chr1\t1\t2\n" * 30,
        b"\x89HDF\r\n\x1a\n" + b"\0" * 90,
    ):
        path.write_bytes(content)
        with pytest.raises(SourceError, match=r"map\.hic: "):
            contact_sizes(path)
    with pytest.raises(SourceError, match="no such contact map"):
        contact_resolutions(tmp_path / "absent.hic")


def cut_and_read(path: Path, copy: Path, keep: int, place: Interval, resolution_bp: int) -> None:
    """Reading a cut file either raises one line of ours, or gives the very values of the whole file."""
    copy.write_bytes(path.read_bytes()[:keep])
    for normalisation in contact_normalisations(path, resolution_bp=resolution_bp):
        try:
            read = read_contact_matrix(copy, place, resolution_bp=resolution_bp, normalisation=normalisation)
        except SourceError as error:
            if "\n" in str(error):
                pytest.fail(f"more than one line: {error}")
            continue
        whole = read_contact_matrix(path, place, resolution_bp=resolution_bp, normalisation=normalisation)
        np.testing.assert_array_equal(read, whole)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.97])
def test_cut_short(contacts: Path, tmp_path: Path, share: float) -> None:
    copy = tmp_path / f"cut{contacts.suffix}"
    size = contacts.stat().st_size
    cut_and_read(contacts, copy, int(size * share), Interval("chr1", 0, 1050), WIDTH)
    copy.write_bytes(contacts.read_bytes()[: size // 10])
    with pytest.raises(SourceError):
        contact_sizes(copy)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "place", "resolution_bp"),
    [
        ("test_chr22.hic", Interval("chr22", 20_000_000, 25_000_000), 100_000),
        ("GM12878_HiC_10kb.cool", Interval("chr21", 28_000_000, 30_000_000), 10_000),
    ],
)
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, -100])
def test_real_map_cut_short(
    real_file: Callable[[str], Path], tmp_path: Path, name: str, place: Interval, resolution_bp: int, keep: float
) -> None:
    path = real_file(f"gm12878_chr21_hg19/{name}")
    size = path.stat().st_size
    cut_and_read(path, tmp_path / name, size - 100 if keep < 0 else int(size * keep), place, resolution_bp)


@pytest.mark.real
def test_real_hic_file_of_juicer(real_file: Callable[[str], Path]) -> None:
    path = real_file("gm12878_chr21_hg19/test_chr22.hic")
    assert contact_resolutions(path) == (100_000, 2_500_000)
    offered = contact_normalisations(path, resolution_bp=100_000)
    assert offered == ("NONE", "KR", "SCALE", "VC", "VC_SQRT")
    whole = Interval("chr22", 0, contact_sizes(path)["22"])
    raw = read_contact_matrix(path, whole, resolution_bp=100_000)
    np.testing.assert_array_equal(raw, raw.T)
    assert raw.sum() == np.rint(raw.sum())
    for normalisation in offered[1:]:
        balanced = read_contact_matrix(path, whole, resolution_bp=100_000, normalisation=normalisation)
        weights = normalisation_weights(path, "22", resolution_bp=100_000, normalisation=normalisation)
        kept = np.isfinite(weights) & (weights > 0)
        expected = raw / np.outer(np.where(kept, weights, 1), np.where(kept, weights, 1))
        np.testing.assert_allclose(balanced[np.ix_(kept, kept)], expected[np.ix_(kept, kept)], rtol=1e-5)
        assert np.isnan(balanced[~kept]).all()
        sums = contact_row_sums(path, "chr22", resolution_bp=100_000, normalisation=normalisation)
        np.testing.assert_allclose(sums[kept], np.nansum(balanced, axis=1)[kept])
        assert np.isnan(sums[~kept]).all()
    kr = contact_row_sums(path, "22", resolution_bp=100_000, normalisation="KR")
    used = kr[kr > 0]
    assert used.max() / used.min() < 1.001


@pytest.mark.real
def test_real_cool_profile_equals_its_pixels(real_file: Callable[[str], Path]) -> None:
    path = real_file("gm12878_chr21_hg19/GM12878_HiC_10kb.cool")
    table = hictkpy.File(path).fetch(count_type="float64").to_df()
    first, second, counts = (table[name].to_numpy() for name in ("bin1_id", "bin2_id", "count"))
    anchor = 2900
    expected = np.zeros(4813)
    expected[second[first == anchor]] = counts[first == anchor]
    expected[first[second == anchor]] = counts[second == anchor]
    place = Interval("21", 28_000_000, 30_000_000)
    profile = read_contact_profile(path, place, anchor_bp=anchor * 10_000 + 7, resolution_bp=10_000)
    np.testing.assert_array_equal(profile.values, expected[2800:3000])
