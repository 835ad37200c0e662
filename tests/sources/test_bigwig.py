from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seq2exp.errors import SettingsError, SourceError
from seq2exp.genome import Interval
from seq2exp.sources.bigwig import bigwig_sizes, read_signal

SIZES = {"chr1": 1000, "chr2": 500}
STEPS = {"chr1": [(0, 10, 1.0), (10, 20, 3.0), (30, 40, 0.0), (990, 1000, -2.5)], "chr2": [(100, 105, 7.0)]}


@pytest.fixture
def bigwig(write_bigwig: Callable[..., Path]) -> Path:
    return write_bigwig(SIZES, STEPS)


def truth(chrom: str, start: int, end: int) -> np.ndarray:
    whole = np.full(SIZES[chrom], np.nan, dtype=np.float32)
    for first, last, value in STEPS[chrom]:
        whole[first:last] = value
    padded = np.concatenate([np.full(100, np.nan), whole, np.full(100, np.nan)])
    return padded[start + 100 : end + 100].astype(np.float32)


@pytest.mark.parametrize(
    ("chrom", "start", "end"),
    [
        ("chr1", 0, 50),
        ("chr1", -20, 15),
        ("chr1", 985, 1040),
        ("chr1", -50, 1050),
        ("chr1", 500, 600),
        ("chr2", 99, 107),
    ],
)
def test_values_by_base_with_nan_where_silent(bigwig: Path, chrom: str, start: int, end: int) -> None:
    values = read_signal(bigwig, Interval(chrom, start, end))
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, truth(chrom, start, end))


def test_written_zero_is_zero_and_gap_is_nan(bigwig: Path) -> None:
    values = read_signal(bigwig, Interval("1", 20, 40))
    assert np.isnan(values[:10]).all()
    assert (values[10:] == 0).all()


def test_wholly_outside_is_nan(bigwig: Path) -> None:
    assert np.isnan(read_signal(bigwig, Interval("chr1", 5000, 5010))).all()
    assert np.isnan(read_signal(bigwig, Interval("chr1", -20, -10))).all()


def test_bins_are_means_over_measured_bases(bigwig: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = read_signal(bigwig, Interval("chr1", 5, 65), bin_bp=20)
    np.testing.assert_allclose(values, [(5 * 1 + 10 * 3) / 15, 0.0, np.nan])


def test_bins_must_divide_the_width(bigwig: Path) -> None:
    with pytest.raises(SettingsError, match="bin_bp must divide the 50 bp"):
        read_signal(bigwig, Interval("chr1", 0, 50), bin_bp=20)


def test_sizes_and_absent_chromosome(bigwig: Path) -> None:
    assert bigwig_sizes(bigwig) == SIZES
    with pytest.raises(SourceError, match="no chromosome chrX; it has chr1, chr2"):
        read_signal(bigwig, Interval("chrX", 0, 10))


def test_a_chromosome_without_values_is_nan_and_a_file_without_any_is_refused(
    write_bigwig: Callable[..., Path],
) -> None:
    one = write_bigwig(SIZES, {"chr1": [(0, 10, 1.0)]}, "one.bw")
    assert np.isnan(read_signal(one, Interval("chr2", 0, 20))).all()
    none = write_bigwig(SIZES, {}, "none.bw")
    with pytest.raises(SourceError, match=r"none\.bw: holds no values"):
        read_signal(none, Interval("chr1", 0, 20))


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_value_names_its_place(write_bigwig: Callable[..., Path], value: float) -> None:
    path = write_bigwig({"chr1": 100}, {"chr1": [(10, 20, 1.0), (41, 43, value)]})
    with pytest.raises(SourceError, match=r"signal.bw: infinite value at chr1:42 \(2 in chr1:1-100\)"):
        read_signal(path, Interval("chr1", 0, 100))


def test_nan_in_the_file_is_missing(write_bigwig: Callable[..., Path]) -> None:
    path = write_bigwig({"chr1": 100}, {"chr1": [(10, 20, np.nan), (20, 30, 4.0)]})
    values = read_signal(path, Interval("chr1", 10, 30))
    assert np.isnan(values[:10]).all()
    assert (values[10:] == 4).all()


def test_foreign_and_absent_files(tmp_path: Path) -> None:
    path = tmp_path / "signal.bw"
    for content in (b"", b"x", b"chr1\t0\t10\t1.0\n" * 50, bytes.fromhex("ebf28987") + b"\0" * 100):
        path.write_bytes(content)
        with pytest.raises(SourceError, match="not a bigWig"):
            read_signal(path, Interval("chr1", 0, 10))
    with pytest.raises(SourceError, match="no such bigWig"):
        bigwig_sizes(tmp_path / "absent.bw")


def test_random_bytes_behind_the_magic_number(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    path = tmp_path / "signal.bw"
    for size in (60, 64, 200, 5000):
        path.write_bytes(bytes.fromhex("26fc8f88") + rng.bytes(size))
        with pytest.raises(SourceError, match=r"truncated|damaged"):
            bigwig_sizes(path)


def cut_and_read(path: Path, copy: Path, keep: int, places: list[Interval]) -> str:
    """What reading a file cut after `keep` bytes comes to: an error of ours, or the very values of the whole file."""
    copy.write_bytes(path.read_bytes()[:keep])
    for place in places:
        try:
            values = read_signal(copy, place)
        except SourceError as error:
            return "refused" if "\n" not in str(error) else f"refused in many lines: {error}"
        np.testing.assert_array_equal(values, read_signal(path, place))
    return "intact"


def test_cut_anywhere_never_gives_wrong_values(write_bigwig: Callable[..., Path], tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    steps = [(at * 10, at * 10 + 10, float(value)) for at, value in enumerate(rng.gamma(1, size=20_000))]
    path = write_bigwig({"chr1": 300_000}, {"chr1": steps})
    size = path.stat().st_size
    keeps = sorted({int(size * share) for share in np.linspace(0, 0.999, 60)} | {size - 100, size - 10})
    places = [Interval("chr1", 0, 300_000)]
    assert {cut_and_read(path, tmp_path / "cut.bw", keep, places) for keep in keeps} == {"refused"}


@pytest.mark.real
@pytest.mark.parametrize("name", ["dnase_GM12865.bw", "k562_chr9_hg19/K562_H3K27ac.bigwig"])
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, -100])
def test_real_track_cut_short(real_file: Callable[[str], Path], tmp_path: Path, name: str, keep: float) -> None:
    path = real_file(name)
    size = path.stat().st_size
    kept = size - 100 if keep < 0 else int(size * keep)
    places = [Interval(chrom, 0, min(length, 1_000_000)) for chrom, length in bigwig_sizes(path).items()]
    assert cut_and_read(path, tmp_path / "cut.bw", kept, places) == "refused"


@pytest.mark.real
def test_real_dnase_means_equal_the_table(real_file: Callable[[str], Path]) -> None:
    rows = [line.split("\t") for line in real_file("gene_signal.tsv").read_text().splitlines()]
    for row in (dict(zip(rows[0], values, strict=True)) for values in rows[1:]):
        tss = int(row["tss"])
        values = read_signal(real_file("dnase_GM12865.bw"), Interval(row["chrom"], tss - 192, tss + 192), bin_bp=384)
        assert values[0] == pytest.approx(float(row["dnase_GM12865_mean384"]), abs=6e-4)
