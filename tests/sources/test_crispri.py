import gzip
from pathlib import Path

import pytest

from seq2exp.errors import SourceError
from seq2exp.genome import Interval
from seq2exp.sources.crispri import CRISPRI_COLUMNS, Knockdown, read_crispri
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
