"""Whole files of every format pass; cut anywhere, or of another format, they do not."""

from __future__ import annotations

import gzip
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pysam
import pytest
from Bio import bgzf

from seq2exp.errors import SourceError
from seq2exp.sources.wholeness import cut_off, foreign_start, is_page
from tests.remote_files import write_twobit
from tests.sources.small_catalogue import write_bigwig

NOISE = random.Random(4).randbytes(60_000)
BASES = "".join(random.Random(4).choices("ACGT", k=9_000))


def h5(path: Path, version: str) -> None:
    with h5py.File(path, "w", libver=version) as file:
        file["x"] = np.arange(5_000.0)


def bam(path: Path) -> None:
    header = {"HD": {"VN": "1.6"}, "SQ": [{"SN": "chr1", "LN": 1_000}]}
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for number in range(200):
            read = pysam.AlignedSegment(file.header)
            read.query_name, read.reference_id, read.reference_start = f"r{number}", 0, number
            read.query_sequence, read.cigarstring = "ACGT", "4M"
            file.write(read)


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a", NOISE)


def blocks(path: Path) -> None:
    with bgzf.open(str(path), "wb") as file:
        file.write(NOISE)


WRITERS: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "bigWig": ("bigWig", "none", lambda path: write_bigwig(path, {"chr1": 1_000})),
    "2bit": ("2bit", "none", lambda path: write_twobit(path, {"chr1": BASES, "chr2": BASES[:777] + "N" * 30})),
    "2bit, big-endian": ("2bit", "none", lambda path: write_twobit(path, {"chr1": BASES}, order=">")),
    "2bit, long": ("2bit", "none", lambda path: write_twobit(path, {"chr1": BASES}, version=1)),
    "h5, old": ("h5", "none", lambda path: h5(path, "earliest")),
    "h5, new": ("h5", "none", lambda path: h5(path, "latest")),
    "gzip": ("bed", "gzip", lambda path: path.write_bytes(gzip.compress(NOISE) + gzip.compress(b"more"))),
    "bgzip": ("fasta", "bgzip", blocks),
    "bam": ("bam", "none", bam),
    "zip": ("zip", "none", zipped),
    "xlsx": ("xlsx", "none", zipped),
}


@pytest.mark.parametrize("name", WRITERS)
def test_whole_files_pass_and_cut_ones_do_not(tmp_path: Path, name: str) -> None:
    file_format, compression, write = WRITERS[name]
    path = tmp_path / "whole"
    write(path)
    data = path.read_bytes()
    assert cut_off(path, file_format, compression) is None
    assert cut_off(path, file_format, compression, thorough=True) is None
    cut = tmp_path / "cut"
    for size in (len(data) - 4, len(data) * 3 // 4, 80):
        cut.write_bytes(data[:size])
        assert cut_off(cut, file_format, compression, thorough=True) is not None, size
    if compression != "gzip":  # which says nothing before its end
        cut.write_bytes(data[: len(data) * 3 // 4])
        assert cut_off(cut, file_format, compression) is not None


@pytest.mark.parametrize("name", WRITERS)
def test_each_format_is_told_from_the_others(tmp_path: Path, name: str) -> None:
    file_format, compression, write = WRITERS[name]
    path = tmp_path / "file"
    write(path)
    for other_format, other_compression, _ in WRITERS.values():
        same = {file_format, other_format} <= {"zip", "xlsx"} or (file_format, compression) == (
            other_format,
            other_compression,
        )
        both_gzip = {"gzip", "bgzip", "bam"} >= {name, other_compression if other_format != "bam" else "bam"}
        if not same and not both_gzip:
            assert foreign_start(path.read_bytes()[:64], other_format, other_compression) is not None, other_format


def test_pages_are_told_from_data() -> None:
    assert is_page(b"\n  <!DOCTYPE HTML PUBLIC")
    assert is_page(b"<html lang='en'>")
    assert is_page(b"", "text/html; charset=utf-8")
    assert not is_page(b"chr1\t1\t2", "text/plain")
    assert not is_page(b"<p align=center>a model card", "text/markdown")
    assert foreign_start(b"", "csv", "none") == "it is empty"
    assert foreign_start(b"gene_id,TSS\n", "csv", "none") is None


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="absent: cannot be read"):
        cut_off(tmp_path / "absent", "bed", "none")
