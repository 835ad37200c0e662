"""Candidate elements with their reads."""

from pathlib import Path

import pytest

from seq2exp.errors import SourceError
from seq2exp.sources.element_counts import ELEMENTS_FILE, read_elements

HEADER = "chrom\tstart\tend\tdhs_count\tdhs_rpm\th3k27ac_rpm\tartifact\n"


def _file(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "elements.tsv"
    path.write_text(header + "".join(f"{row}\n" for row in rows))
    return path


def test_elements_are_sorted_and_artifacts_left_out(tmp_path: Path) -> None:
    rows = ("chr1\t900\t1500\t9\t3\t5\t0", "chr1\t100\t600\t9\t1\t4\t0", "chr1\t600\t900\t9\t99\t99\t1", "")
    found = read_elements(_file(tmp_path, *rows))["chr1"]
    assert found.start.tolist() == [100, 900]
    assert found.end.tolist() == [600, 1500]
    assert found.dnase.tolist() == [1, 3]
    assert found.h3k27ac.tolist() == [4, 5]
    assert found.middle.tolist() == [350, 1200]


@pytest.mark.parametrize(
    ("rows", "header", "complaint"),
    [
        (["chr1\t5\t5\t9\t1\t1\t0"], HEADER, "line 2: start '5', end '5'"),
        (["chr1\t5\t9\t9\tNA\t1\t0"], HEADER, "line 2: found 'NA' reads per million"),
        (["chr1\t5\t9\t9\t1\t-1\t0"], HEADER, "line 2: found '-1' reads per million"),
        (["chr1\t5\t9\t9"], HEADER, "line 2: found 4 columns; the header names 7"),
        (["chr1\t5\t9\t9\t1\t1\t0", "chr1\t8\t12\t9\t1\t1\t0"], HEADER, "two elements overlap at chr1:9;"),
        ([], HEADER, "holds no element"),
        ([], "chrom\tstart\tend\n", "no column dhs_rpm, h3k27ac_rpm; found chrom, start, end"),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, rows: list[str], header: str, complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint):
        read_elements(_file(tmp_path, *rows, header=header))


@pytest.mark.real
def test_the_k562_elements(real_dir: Path) -> None:
    found = read_elements(real_dir / "k562_elements" / ELEMENTS_FILE)
    assert sum(len(chromosome.start) for chromosome in found.values()) == 116_668  # all but the artifact
