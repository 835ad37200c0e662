"""Candidate cis-regulatory elements in the registry's own layouts, and in broken ones."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from seq2exp.errors import SourceError
from seq2exp.genome import Interval
from seq2exp.sources.ccre import CandidateElement, read_ccres

REGISTRY = (
    "chr1\t200\t450\tEH38D4327498\tEH38E2776517\tdELS\nchr1\t33\t150\tEH38D4327497\tEH38E2776516\tpELS,CTCF-bound\n"
)
CELL_TYPE = "chr1\t33\t150\tEH38E2776516\t0\t.\t33\t150\t225,225,225\tLow-DNase\tAll-data/Full-classification\n"
SHORT = "# made by hand\n1 10 60 PLS\nchr2\t1\t9\tnonsense\n"


def _write(folder: Path, text: str, name: str = "ccre.bed") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    return path


def test_the_list_for_all_cell_types(tmp_path: Path) -> None:
    assert read_ccres(_write(tmp_path, REGISTRY, "ccre.bed.gz"), "1") == (
        CandidateElement(Interval("1", 33, 150), "pELS", "EH38E2776516", "CTCF-bound"),
        CandidateElement(Interval("1", 200, 450), "dELS", "EH38E2776517"),
    )


def test_a_cell_types_own_file_has_its_class_in_column_ten(tmp_path: Path) -> None:
    (found,) = read_ccres(_write(tmp_path, CELL_TYPE), "chr1")
    assert (found.element_class, found.accession) == ("Low-DNase", "EH38E2776516")


def test_other_chromosomes_are_not_read(tmp_path: Path) -> None:
    path = _write(tmp_path, SHORT)
    assert read_ccres(path, "chr1") == (CandidateElement(Interval("chr1", 10, 60), "PLS"),)
    assert read_ccres(path, "chr3") == ()
    with pytest.raises(SourceError, match="line 3: no class of an element"):
        read_ccres(path, "chr2")


@pytest.mark.parametrize("line", ["chr1", "chr1\t5", "chr1\t9\t5\tPLS", "chr1\t-1\t5\tPLS", "chr1\t1e3\t5000\tPLS"])
def test_malformed_places_name_their_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(SourceError, match=r"ccre\.bed.*line 1"):
        read_ccres(_write(tmp_path, line + "\n"), "chr1")
