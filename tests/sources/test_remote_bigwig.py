"""bigWigs read by ranges, base for base against pyBigWig on the same file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyBigWig
import pytest

from seq2exp.errors import RemoteError, SourceError
from seq2exp.genome import Interval
from seq2exp.sources.bedgraph import read_steps
from seq2exp.sources.bigwig import bigwig_sizes, read_signal
from seq2exp.sources.remote import RemoteFile
from tests.remote_files import write_steps
from tests.servers import Fault, RangeServer

SIZES = {"chr1": 4_000_000, "chr2": 70_000} | {f"chrUn_{number}": 900 + number for number in range(400)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A large file with many chromosomes, and files of every kind of block."""
    made = tmp_path_factory.mktemp("served")
    write_steps(made / "steps.bw", SIZES, ["chr1", "chr2"], step_bp=10, seed=1)
    rng = np.random.default_rng(2)
    with pyBigWig.open(str(made / "kinds.bw"), "w") as bigwig:
        bigwig.addHeader([("chr1", 50_000), ("chr2", 20_000), ("chr3", 500)])
        starts = np.sort(rng.choice(20_000, 2_000, replace=False))
        bigwig.addEntries(
            ["chr1"] * 2_000, starts.tolist(), ends=(starts + 1).tolist(), values=rng.normal(0, 9, 2_000).tolist()
        )
        bigwig.addEntries("chr1", list(range(21_000, 31_000, 10)), values=rng.random(1_000).tolist(), span=7)
        bigwig.addEntries("chr1", 40_000, values=rng.random(900).tolist(), span=5, step=10)
        bigwig.addEntries("chr2", 0, values=[0.0] * 20_000, span=1, step=1)
    return made


@pytest.fixture
def server(folder: Path) -> Iterator[RangeServer]:
    with RangeServer(folder) as running:
        yield running


def _same(path: Path, place: RemoteFile, interval: Interval, bin_bp: int = 1) -> np.ndarray:
    ours, theirs = read_signal(place, interval, bin_bp=bin_bp), read_signal(path, interval, bin_bp=bin_bp)
    np.testing.assert_array_equal(ours, theirs, err_msg=f"{path.name} {interval}")
    assert ours.dtype == theirs.dtype == np.float32
    return ours


def test_values_are_pybigwigs_with_its_silent_stretches(server: RangeServer, folder: Path, tmp_path: Path) -> None:
    steps = RemoteFile(f"{server.url}/steps.bw", tmp_path / "cache")
    assert bigwig_sizes(steps) == bigwig_sizes(folder / "steps.bw") == SIZES
    found = _same(folder / "steps.bw", steps, Interval("chr1", 2_000_003, 2_200_003))
    assert 0.1 < np.isnan(found).mean() < 0.2
    _same(folder / "steps.bw", steps, Interval("1", 2_000_003, 2_200_003), bin_bp=100)
    _same(folder / "steps.bw", steps, Interval("chr1", -5_000, 3_000))
    _same(folder / "steps.bw", steps, Interval("chr2", 60_000, 90_000), bin_bp=1_000)
    for silent in (Interval("chrUn_7", 0, 500), Interval("chr2", 80_000, 90_000)):
        assert np.isnan(_same(folder / "steps.bw", steps, silent)).all()
    kinds = RemoteFile(f"{server.url}/kinds.bw", tmp_path / "cache")
    for chrom, length in (("chr1", 50_000), ("chr2", 20_000), ("chr3", 500)):
        _same(folder / "kinds.bw", kinds, Interval(chrom, 0, length))
    local, remote = (read_steps(place, [Interval("chr1", 100, 45_000)]) for place in (folder / "kinds.bw", kinds))
    assert local.digest() == remote.digest()  # what MACS3 is given
    with pytest.raises(SourceError, match="no chromosome chrQ"):
        read_signal(kinds, Interval("chrQ", 0, 5))


def test_one_window_moves_little_of_a_large_file(server: RangeServer, folder: Path, tmp_path: Path) -> None:
    place = RemoteFile(f"{server.url}/steps.bw", tmp_path / "cache")
    read_signal(place, Interval("chr1", 2_000_000, 2_200_000))
    assert place.traffic.requests <= 5
    assert place.traffic.moved_bytes == server.sent("steps.bw") < 0.3 * (folder / "steps.bw").stat().st_size
    before = place.traffic
    read_signal(place, Interval("chr1", 2_000_000, 2_200_000))
    assert place.traffic == before


@pytest.mark.real
@pytest.mark.parametrize(
    "name",
    [
        "dnase_GM12865.bw",
        "dnase_HepG2.bw",
        "dnase_K562_elements.bw",
        "h3k27ac_K562_elements.bw",
        "rna_GM12878.bw",
        "cage_CNhs10853_CD4T.bw",
        "stranded/rna_GM12878.minus.bw",
        "k562_chr9_hg19/K562_H3K27ac.bigwig",
        "k562_chr9_hg19/K562_RNA.bigwig",
        "gm12878_chr21_hg19/GM12878_CTCF.bw",
    ],
)
def test_real_files_read_as_pybigwig_reads_them(real_file: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    path = real_file(name)
    with pyBigWig.open(str(path)) as bigwig:
        places = []
        for chrom in bigwig.chroms():
            intervals = bigwig.intervals(chrom)
            if intervals:
                middle = intervals[len(intervals) // 2][0]
                places.append(Interval(chrom, middle - 100_000, middle + 100_000))
    assert places
    measured = 0
    with RangeServer(path.parent) as server:
        place = RemoteFile(f"{server.url}/{path.name}", tmp_path / "cache")
        assert bigwig_sizes(place) == bigwig_sizes(path)
        for interval in places[:6]:
            measured += np.count_nonzero(~np.isnan(_same(path, place, interval)))
            _same(path, place, interval, bin_bp=128 if interval.width % 128 == 0 else 100)
    assert measured


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(status=404), "answers 404"),
        (Fault(captcha=200), "web page"),
        (Fault(wrong_bytes=True), "not a bigWig"),
        (Fault(keep=3_000), "truncated|no whole bigWig|asked for, it has"),
    ],
    ids=["404", "captcha", "wrong bytes", "truncated"],
)
def test_a_failing_server_is_an_error_and_never_zeros(
    server: RangeServer, folder: Path, tmp_path: Path, fault: Fault, words: str
) -> None:
    server.faults["steps.bw"] = fault
    place = RemoteFile(f"{server.url}/steps.bw", tmp_path / "cache")
    with pytest.raises(RemoteError, match=words):
        read_signal(place, Interval("chr1", 2_000_000, 2_000_100))
    del server.faults["steps.bw"]
    place.ask_again()
    _same(folder / "steps.bw", place, Interval("chr1", 2_000_000, 2_000_100))


def test_a_server_that_goes_half_way_is_an_error(server: RangeServer, tmp_path: Path) -> None:
    place = RemoteFile(f"{server.url}/steps.bw", tmp_path / "cache")
    read_signal(place, Interval("chr1", 0, 100))
    server.faults["steps.bw"] = Fault(status=404)
    with pytest.raises(RemoteError, match="answers 404"):
        read_signal(place, Interval("chr1", 3_000_000, 3_100_000))


def test_damage_inside_is_an_error_not_a_crash(server: RangeServer, folder: Path, tmp_path: Path) -> None:
    whole = (folder / "kinds.bw").read_bytes()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        spoilt = bytearray(whole)
        for at in rng.integers(64, len(whole), 60):
            spoilt[at] = rng.integers(256)
        (folder / f"spoilt{seed}.bw").write_bytes(bytes(spoilt))
        place = RemoteFile(f"{server.url}/spoilt{seed}.bw", tmp_path / "cache")
        told, found = "", np.empty(0)
        try:
            found = read_signal(place, Interval("chr1", 0, 50_000))
        except SourceError as error:
            told = str(error)
        assert found.shape == (50_000,) or f"spoilt{seed}.bw" in told
