"""Reads counted over regions: by hand, against pysam, and in files that are not whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pysam
import pytest

from seq2exp.errors import SourceError
from seq2exp.genome import Interval
from seq2exp.sources import alignment
from seq2exp.sources.alignment import artefacts_of, bam_sizes, count_reads
from seq2exp.synthetic.generate import synthesize

DUPLICATE, UNMAPPED, REVERSE, SECONDARY = 0x400, 0x4, 0x10, 0x100
SIZES = {"chr1": 10_000, "chr2": 5_000}
READS = [  # chromosome, first base (0-based), flag; every read has 20 bases
    ("chr1", 90, 0),  # [90, 110)
    ("chr1", 81, REVERSE),  # [81, 101): its 5' end is base 100
    ("chr1", 80, 0),  # [80, 100): touches 100 but does not hold it
    ("chr1", 199, 0),  # [199, 219)
    ("chr1", 200, 0),  # begins where [100, 200) has ended
    ("chr1", 150, DUPLICATE),
    ("chr1", 150, SECONDARY),
    ("chr1", 150, UNMAPPED),
    ("chr2", 10, 0),
]


def write_bam(path: Path, reads: list[tuple[str, int, int]]) -> Path:
    with pysam.AlignmentFile(
        str(path), "wb", reference_names=list(SIZES), reference_lengths=list(SIZES.values())
    ) as out:
        for number, (chrom, start, flag) in enumerate(reads):
            read = pysam.AlignedSegment(out.header)
            read.query_name, read.flag, read.mapping_quality = f"r{number}", flag, 60
            read.reference_id, read.reference_start = list(SIZES).index(chrom), start
            read.query_sequence = "A" * 20
            read.cigartuples = None if flag & UNMAPPED else [(0, 20)]
            out.write(read)
    return path


REGIONS = [Interval("chr1", 100, 200), Interval("1", 100, 101), Interval("chr1", 0, 10_000), Interval("chr2", 0, 20)]


def test_reads_worked_out_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_bam(tmp_path / "a.bam", READS)
    kept = count_reads(path, REGIONS, duplicates="keep")
    # [100, 200): 90, 81 reverse, 199, the duplicate and the secondary one
    assert kept.counts.tolist() == [5, 2, 7, 1]
    assert (kept.library_reads, kept.duplicate_reads, kept.artefact_reads) == (8, 1, 0)
    np.testing.assert_allclose(kept.rpm, np.array([5, 2, 7, 1]) / 8 * 1e6)
    dropped = count_reads(path, REGIONS, duplicates="drop")
    assert dropped.counts.tolist() == [4, 2, 6, 1]
    assert (dropped.library_reads, dropped.duplicate_reads) == (7, 1)
    # 5' ends: 90 is before 100, the reverse read's is 100, 199 and 150 twice are inside
    assert count_reads(path, REGIONS, duplicates="keep", rule="cut").counts.tolist() == [4, 1, 7, 1]
    tower = [Interval("1", 150, 160)]
    without = count_reads(path, REGIONS, duplicates="keep", artefacts=tower)
    assert without.counts.tolist() == [3, 2, 5, 1]
    assert (without.library_reads, without.artefact_reads) == (8, 2)
    # In chunks of two reads the sums are the same, and order is of no matter.
    monkeypatch.setattr(alignment, "_CHUNK", 2)
    steps: list[int] = []
    shuffled = write_bam(tmp_path / "b.bam", [READS[at] for at in (8, 3, 0, 5, 7, 1, 6, 2, 4)])
    again = count_reads(shuffled, REGIONS, duplicates="keep", artefacts=tower, progress=steps.append)
    assert again.counts.tolist() == without.counts.tolist()
    assert steps == [2, 4, 6, 8, 9]


def test_counts_equal_those_of_an_index(tmp_path: Path) -> None:
    path = synthesize("tiny", tmp_path / "tiny", bam=True).parent / "SynK.dnase.bam"
    rng = np.random.default_rng(3)
    sizes = bam_sizes(path)
    regions = []
    for chrom, size in sizes.items():
        starts = rng.integers(0, size - 2_000, 40)
        regions += [Interval(chrom, int(at), int(at + rng.integers(1, 2_000))) for at in starts]
    found = count_reads(path, regions, duplicates="keep")
    pysam.index(str(path))
    with pysam.AlignmentFile(str(path)) as bam:
        assert found.counts.tolist() == [bam.count(place.chrom, place.start, place.end) for place in regions]
        assert found.library_reads == bam.mapped


def test_files_that_are_not_whole_bams(tmp_path: Path) -> None:
    path = synthesize("tiny", tmp_path / "tiny", bam=True).parent / "SynK.dnase.bam"
    content = path.read_bytes()
    broken = tmp_path / "broken.bam"
    region = [Interval("chr1", 0, 5_000)]
    for text, complaint in (
        (content[:60_000], r"broken\.bam: truncated: the block that ends a whole BAM is missing; fetch it again"),
        (content[:60_000] + b"0123456789" + content[60_010:], r"broken\.bam: damaged BAM"),
        (b"chr1\t5\t9\n", r"broken\.bam: not a BAM"),
    ):
        broken.write_bytes(text)
        with pytest.raises(SourceError, match=complaint):
            count_reads(broken, region, duplicates="keep")
    with pytest.raises(SourceError, match="no such BAM"):
        count_reads(tmp_path / "absent.bam", region, duplicates="keep")
    with pytest.raises(SourceError, match="its header names none of chr9; found"):
        count_reads(path, [Interval("chr9", 0, 5)], duplicates="keep")
    assert count_reads(path, [*region, Interval("chr9", 0, 5)], duplicates="keep").absent == ("chr9",)
    empty = write_bam(tmp_path / "empty.bam", [("chr1", 5, UNMAPPED)])
    with pytest.raises(SourceError, match="no aligned read to count among 1"):
        count_reads(empty, region, duplicates="keep")


def test_the_tower_goes_by_accession() -> None:
    (tower,) = artefacts_of(Path("somewhere/ENCFF257HEE.bam"))
    assert str(tower) == "chr11:24,159,500-24,159,550"
    assert artefacts_of(Path("ENCFF205FNC.bam")) == ()
