from __future__ import annotations

import gzip
import math
from pathlib import Path

import pytest

from seq2exp.errors import SourceError
from seq2exp.genome import Interval, Region
from seq2exp.sources.annotation import read_regions

BED = """browser position chr1:1-100
track name=peaks
# a comment
chr1\t10\t20
chr1\t30\t40\tpeak1
1\t50\t60\tpeak2\t12.5\t-
chr2\t0\t5\t.\t.\t.\t7.1\t3\t2\t4

"""


@pytest.mark.parametrize("compressed", [False, True])
def test_every_width_of_bed(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / ("peaks.bed.gz" if compressed else "peaks.bed")
    path.write_bytes(gzip.compress(BED.encode()) if compressed else BED.encode())
    regions = read_regions(path)
    assert [region.interval for region in regions] == [
        Interval("chr1", 10, 20),
        Interval("chr1", 30, 40),
        Interval("1", 50, 60),
        Interval("chr2", 0, 5),
    ]
    assert [region.name for region in regions] == ["", "peak1", "peak2", ""]
    assert [region.strand for region in regions] == [".", ".", "-", "."]
    assert math.isnan(regions[1].score)
    assert regions[2].score == 12.5


def test_within_an_interval_whole_and_named_after_it(tmp_path: Path) -> None:
    path = tmp_path / "peaks.bed"
    path.write_text(BED)
    regions = read_regions(path, Interval("1", 15, 51))
    assert [region.interval for region in regions] == [
        Interval("1", 10, 20),
        Interval("1", 30, 40),
        Interval("1", 50, 60),
    ]
    assert read_regions(path, Interval("chr1", 20, 30)) == ()
    assert read_regions(path, Interval("chr9", 0, 100)) == ()


@pytest.mark.parametrize("content", ["", "# nothing called\n", "\n\n"])
def test_an_empty_peak_file_is_no_peaks(tmp_path: Path, content: str) -> None:
    path = tmp_path / "peaks.narrowPeak"
    path.write_text(content)
    assert read_regions(path) == ()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("chr1\t10", "found 2 columns"),
        ("chr1\t20\t10", "start '20', end '10'"),
        ("chr1\t10\t10", "start < end"),
        ("chr1\t-5\t10", "whole numbers"),
        ("chrom\tstart\tend", "whole numbers"),
        ("chr1\t1\t10\tx\thigh\t+", "score 'high'"),
        ("chr1\t1\t10\tx\t0\t*", r"strand '\*'"),
    ],
)
def test_malformed_lines_are_named(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "peaks.bed"
    path.write_text(f"chr1\t0\t5\n{line}\n")
    with pytest.raises(SourceError, match=rf"peaks\.bed, line 2: .*{complaint}"):
        read_regions(path)


def test_broken_files(tmp_path: Path) -> None:
    path = tmp_path / "peaks.bed.gz"
    whole = gzip.compress(BED.encode() * 500)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match=r"gzip data is truncated or corrupt after line \d+"):
        read_regions(path)
    path.write_bytes(b"\x26\xfc\x8f\x88\x00\x01" * 20)
    with pytest.raises(SourceError, match="not a text file"):
        read_regions(path)
    with pytest.raises(SourceError, match="no such file"):
        read_regions(tmp_path / "absent.bed")
    with pytest.raises(SourceError, match="cannot be read"):
        read_regions(tmp_path)


@pytest.mark.real
def test_real_blacklist_and_genes(real_dir: Path) -> None:
    lines = (real_dir / "blacklist.bed").read_text().splitlines()
    assert len(read_regions(real_dir / "blacklist.bed")) == len(lines)
    first = Region(Interval("chr1", 1914826, 1914827), "CALML6", 0.0, "+")
    assert first in read_regions(real_dir / "genes.bed")
