import gzip
from pathlib import Path

import pytest

from seq2exp.errors import SourceError
from seq2exp.genome import Interval
from seq2exp.sources.crispri import (
    CRISPRI_COLUMNS,
    CrispriPair,
    Knockdown,
    PairFaults,
    read_crispri,
    read_pairs,
)
from seq2exp.synthetic.crispri import COLUMNS

ROW = dict(
    zip(CRISPRI_COLUMNS, ["chr1", "100", "400", "-0.25", "ENSG1.4", "TRUE", "0.01", "TRUE", "K", "screen"], strict=True)
)


def _table(path: Path, *rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> Path:
    lines = ["\t".join(columns), *("\t".join(row.get(name, "NA") for name in columns) for row in rows)]
    text = "\n".join(lines) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_rows_become_knockdowns_by_gene_and_cell(tmp_path: Path) -> None:
    promoter = ROW | {"ValidConnection": "overlaps potential promoter"}
    unsure = ROW | {"EffectSize": "NA", "Significant": "FALSE", "measuredGeneEnsemblId": "ENSG1"}
    found = read_crispri(_table(tmp_path / "c.tsv.gz", ROW, promoter, unsure, ROW | {"CellType": "G"}))
    assert list(found) == [("ENSG1", "K"), ("ENSG1", "G")]
    first, second = found["ENSG1", "K"]
    assert first == Knockdown(Interval("chr1", 100, 400), -0.25, significant=True, p_adjusted=0.01, dataset="screen")
    assert second.effect != second.effect
    assert not second.significant


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("chromEnd", "99", "line 2: chromStart '100', chromEnd '99'"),
        ("EffectSize", "much", "line 2: EffectSize is 'much'"),
        ("EffectSize", "inf", "line 2: EffectSize is 'inf'"),
        ("Significant", "NA", "line 2: Significant is 'NA'; must be TRUE or FALSE"),
    ],
)
def test_odd_values_are_refused_with_their_line(tmp_path: Path, column: str, value: str, complaint: str) -> None:
    path = _table(tmp_path / "c.tsv", ROW | {column: value})
    with pytest.raises(SourceError, match=complaint) as caught:
        read_crispri(path)
    assert str(path) in str(caught.value)


def test_other_tables_are_refused(tmp_path: Path) -> None:
    short = tuple(name for name in CRISPRI_COLUMNS if name != "Significant")
    with pytest.raises(SourceError, match="no column Significant"):
        read_crispri(_table(tmp_path / "a.tsv", ROW, columns=short))
    (tmp_path / "b.tsv").write_text("")
    with pytest.raises(SourceError, match="the table is empty"):
        read_crispri(tmp_path / "b.tsv")
    with _table(tmp_path / "c.tsv", ROW).open("a") as file:
        file.write("chr1\t1\n")
    with pytest.raises(SourceError, match=f"line 3: found 2 columns; the header names {len(COLUMNS)}"):
        read_crispri(tmp_path / "c.tsv")


@pytest.mark.real
def test_the_benchmark_itself(real_dir: Path) -> None:
    found = read_crispri(real_dir / "crispr" / "EPCrisprBenchmark_combined_data.training_K562.GRCh38.tsv.gz")
    rows = [row for of_gene in found.values() for row in of_gene]
    assert len(rows) == 10_356  # data-sources.md section 10.1
    assert sum(row.significant and row.effect < 0 for row in rows) == 471
    assert len(found) == 2_113


PAIR = ROW | {"startTSS": "100250", "Regulated": "TRUE", "distanceToTSS": "100000"}


def test_faults_of_a_table_of_pairs_are_handled_and_counted(tmp_path: Path) -> None:
    found = read_pairs(
        _table(
            tmp_path / "p.tsv.gz",
            PAIR,
            PAIR | {"ValidConnection": "overlaps potential promoter"},
            PAIR | {"measuredGeneEnsemblId": "ENSG1"},  # the same gene, and the same label
            PAIR | {"Regulated": "FALSE"},
            PAIR | {"CellType": "G", "Regulated": "FALSE"},
            PAIR | {"chromEnd": "100", "distanceToTSS": "100150"},
            PAIR | {"chromStart": "200", "startTSS": "0"},
            PAIR | {"chromStart": "201", "startTSS": "NA"},
            PAIR | {"chromStart": "202", "startTSS": "120250"},
        )
    )
    assert found.faults == PairFaults(
        rows=9, invalid=1, duplicates=2, contradictory=1, zero_width=1, zero_tss=2, far_tss=3
    )
    first, other_cell, point, *unplaced, _ = found.pairs
    assert first == CrispriPair(
        Interval("chr1", 100, 400), "ENSG1", "K", regulated=True, distance_bp=1e5, start_tss=100_250, dataset="screen"
    )
    assert first.centre == 250
    assert (other_cell.cell_type, other_cell.regulated) == ("G", False)
    assert point.interval == Interval("chr1", 100, 101)
    assert [pair.start_tss for pair in unplaced] == [None, None]


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("distanceToTSS", "NA", "line 2: distanceToTSS is 'NA'; must be bp, 0 or more"),
        ("distanceToTSS", "-5", "line 2: distanceToTSS is '-5'"),
        ("Regulated", "1", "line 2: Regulated is '1'; must be TRUE or FALSE"),
        ("startTSS", "left", "line 2: startTSS is 'left'"),
        ("ValidConnection", "overlaps target gene exon", "no pair in 1 rows whose ValidConnection is TRUE"),
    ],
)
def test_odd_pairs_are_refused(tmp_path: Path, column: str, value: str, complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint):
        read_pairs(_table(tmp_path / "p.tsv", PAIR | {column: value}))


def test_a_foreign_file_is_named_in_one_short_line(tmp_path: Path) -> None:
    path = tmp_path / "peaks.bed"
    path.write_text("chr1\t1\t" + 5000 * "x" + "\n")
    with pytest.raises(SourceError, match=r"peaks.bed: no column chrom, .*EPCrisprBenchmark") as caught:
        read_pairs(path)
    assert len(str(caught.value)) < 800
    assert "\n" not in str(caught.value)


@pytest.mark.real
def test_faults_of_the_benchmark_itself(real_dir: Path) -> None:
    found = read_pairs(real_dir / "crispr" / "EPCrisprBenchmark_combined_data.training_K562.GRCh38.tsv.gz")
    # data-sources.md 10.3 and the README of the folder
    assert found.faults == PairFaults(
        rows=10_356, invalid=0, duplicates=0, contradictory=0, zero_width=0, zero_tss=81, far_tss=911
    )
    assert sum(pair.regulated for pair in found.pairs) == 471
