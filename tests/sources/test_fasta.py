from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seq2exp.errors import SourceError
from seq2exp.genome import Interval
from seq2exp.sources.fasta import fasta_sizes, index_fasta, read_sequence

SEQUENCES = {"chr1": "ACGTNacgtnRYKMSWBDHVu" + "GATTACA" * 20, "chr2": "CCCCGGGGTT", "MT": "ACGT"}
CLEAN = {name: "".join(b if b in "ACGT" else "N" for b in bases.upper()) for name, bases in SEQUENCES.items()}


@pytest.fixture(params=["genome.fa", "genome.fa.gz"])
def fasta(request: pytest.FixtureRequest, write_fasta: Callable[..., Path]) -> Path:
    return write_fasta(SEQUENCES, request.param)


def test_sizes_in_file_order(fasta: Path) -> None:
    assert list(fasta_sizes(fasta).items()) == [(name, len(bases)) for name, bases in SEQUENCES.items()]


def test_every_interval_equals_the_slice_of_the_padded_sequence(fasta: Path) -> None:
    pad = 25
    for chrom, bases in CLEAN.items():
        padded = "N" * pad + bases + "N" * pad
        for start in range(-pad, len(bases) + pad - 1, 7):
            for width in (1, 9, 10, 11, 40):
                interval = Interval(chrom, start, min(start + width, len(bases) + pad))
                expected = padded[interval.start + pad : interval.end + pad]
                assert read_sequence(fasta, interval) == expected, interval


@pytest.mark.parametrize(("asked", "meant"), [("1", "chr1"), ("chr2", "chr2"), ("chrM", "MT")])
def test_chromosomes_with_and_without_chr(fasta: Path, asked: str, meant: str) -> None:
    assert read_sequence(fasta, Interval(asked, 0, 4)) == CLEAN[meant][:4]


def test_absent_chromosome_lists_what_there_is(fasta: Path) -> None:
    with pytest.raises(SourceError, match="no chromosome chr7; it has chr1, chr2, MT"):
        read_sequence(fasta, Interval("chr7", 0, 4))


def test_missing_fai_is_an_error_and_nothing_is_written(fasta: Path) -> None:
    index = fasta.with_name(fasta.name + ".fai")
    index.unlink()
    before = sorted(fasta.parent.iterdir())
    with pytest.raises(SourceError, match=f"{index.name}: the index is missing; make it with: samtools faidx"):
        read_sequence(fasta, Interval("chr1", 0, 4))
    assert sorted(fasta.parent.iterdir()) == before


def test_missing_gzi_is_an_error_and_nothing_is_written(write_fasta: Callable[..., Path]) -> None:
    path = write_fasta(SEQUENCES, "genome.fa.gz")
    path.with_name("genome.fa.gz.gzi").unlink()
    before = sorted(path.parent.iterdir())
    with pytest.raises(SourceError, match=r"genome\.fa\.gz\.gzi: the index is missing; make it with: bgzip -r"):
        read_sequence(path, Interval("chr1", 0, 4))
    assert sorted(path.parent.iterdir()) == before


def test_an_index_older_than_its_fasta_by_copying_is_used(fasta: Path) -> None:
    for suffix in (".fai", ".gzi"):
        index = fasta.with_name(fasta.name + suffix)
        if index.exists():
            os.utime(index, (1, 1))
    assert read_sequence(fasta, Interval("chr2", 0, 10)) == CLEAN["chr2"]
    assert fasta.with_name(fasta.name + ".fai").stat().st_mtime == 1


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_truncated_fasta(fasta: Path, keep: float) -> None:
    content = fasta.read_bytes()
    fasta.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(SourceError, match=r"truncated|not bgzip"):
        read_sequence(fasta, Interval("chr1", 0, 4))


def test_truncated_by_one_base(write_fasta: Callable[..., Path]) -> None:
    path = write_fasta(SEQUENCES)
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(SourceError, match="truncated"):
        fasta_sizes(path)


def test_plain_gzip_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "genome.fa.gz"
    path.write_bytes(gzip.compress(b">chr1\nACGT\n"))
    with pytest.raises(SourceError, match="not bgzip, so it has no random access; run gunzip, then bgzip"):
        fasta_sizes(path)
    with pytest.raises(SourceError, match="not bgzip"):
        index_fasta(path)


def test_foreign_file(tmp_path: Path) -> None:
    path = tmp_path / "genome.fa"
    path.write_bytes(b"\x26\xfc\x8f\x88 not a FASTA")
    with pytest.raises(SourceError, match="not a FASTA"):
        fasta_sizes(path)
    with pytest.raises(SourceError, match="no such FASTA"):
        fasta_sizes(tmp_path / "absent.fa")


@pytest.mark.parametrize("line", ["chr1\t10\t6\t10", "chr1\tten\t6\t10\t11", "chr1\t10\t6\t0\t0", "\x00\x01"])
def test_malformed_index(write_fasta: Callable[..., Path], line: str) -> None:
    path = write_fasta(SEQUENCES)
    path.with_name("genome.fa.fai").write_text(f"{line}\n")
    with pytest.raises(SourceError, match=r"genome.fa.fai, line 1"):
        fasta_sizes(path)


def test_index_of_another_file(write_fasta: Callable[..., Path]) -> None:
    path = write_fasta({"chr1": "ACGT" * 30, "chr2": "ACGT" * 30})
    path.with_name("genome.fa.fai").write_text("chr1\t200\t4\t200\t201\n")
    with pytest.raises(SourceError, match="the index is of another file"):
        read_sequence(path, Interval("chr1", 0, 200))


def test_truncated_gzi(write_fasta: Callable[..., Path]) -> None:
    path = write_fasta({"chr1": "ACGTTTGACA" * 40_000}, "genome.fa.gz")
    index = path.with_name("genome.fa.gz.gzi")
    index.write_bytes(index.read_bytes()[:-5])
    with pytest.raises(SourceError, match="truncated or not a bgzip index"):
        fasta_sizes(path)


def test_damaged_block_inside(write_fasta: Callable[..., Path]) -> None:
    rng = np.random.default_rng(0)
    bases = "".join(rng.choice(list("ACGT"), 400_000))
    path = write_fasta({"chr1": bases}, "genome.fa.gz")
    assert read_sequence(path, Interval("chr1", 399_000, 400_010)) == bases[399_000:] + "N" * 10
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = b"\x00" * 200
    path.write_bytes(bytes(content))
    with pytest.raises(SourceError, match=r"chr1:1-400,000 cannot be read"):
        read_sequence(path, Interval("chr1", 0, 400_000))


@pytest.mark.real
def test_real_windows_hold_bases_and_their_outside_n(real_dir: Path) -> None:
    path = real_dir / "genome.fa.gz"
    sizes = dict(line.split("\t") for line in (real_dir / "chrom.sizes").read_text().splitlines())
    assert {name: str(size) for name, size in fasta_sizes(path).items()} == sizes
    for line in (real_dir / "windows.bed").read_text().splitlines():
        chrom, start, end = line.split("\t")[:3]
        bases = read_sequence(path, Interval(chrom.removeprefix("chr"), int(start) - 5, int(end) + 5))
        assert bases[:5] == bases[-5:] == "NNNNN"
        assert set(bases) <= set("ACGTN")
        assert bases[5:-5].count("N") < 0.01 * (int(end) - int(start))
