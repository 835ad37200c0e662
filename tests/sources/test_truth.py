import gzip
from pathlib import Path

import pytest

from seq2exp.errors import SourceError
from seq2exp.genome import Interval
from seq2exp.sources.dataset import open_dataset
from seq2exp.sources.truth import ORACLE_COLUMNS, TRUTH_COLUMNS, TruthElement, read_oracle, read_truth
from seq2exp.synthetic import synthesize

ROW = ["ENSG1.4", "K", "e1", "open_decoy", "chr1", "10", "40", "-0.25", "no", "0.5", "2"]


def _table(path: Path, columns: tuple[str, ...], *rows: list[str]) -> Path:
    text = "".join("\t".join(row) + "\n" for row in (list(columns), *rows))
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_rows_become_elements_by_gene_and_cell(tmp_path: Path) -> None:
    second = ["ENSG1", "K", "e2", "active_enhancer", "chr1", "50", "90", "-0.5", "yes", "1", "3"]
    other = ["ENSG1", "G", *second[2:]]
    found = read_truth(_table(tmp_path / "truth.tsv.gz", TRUTH_COLUMNS, ROW, second, other))
    assert list(found) == [("ENSG1", "K"), ("ENSG1", "G")]
    assert found["ENSG1", "K"][0] == TruthElement(
        "e1", "open_decoy", Interval("chr1", 10, 40), causal=False, effect_log10=-0.25, contact=0.5, activity=2.0
    )
    assert [element.causal for element in found["ENSG1", "K"]] == [False, True]


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("start", "40", "line 2: start '40', end '40'"),
        ("end", "x", "line 2: start '10', end 'x'"),
        ("causal", "maybe", "line 2: causal is 'maybe'; must be yes or no"),
        ("effect_log10", "nan", "line 2: effect_log10 is 'nan'; must be a finite number"),
        ("activity", "", "line 2: activity is ''"),
    ],
)
def test_odd_values_are_refused_with_their_line(tmp_path: Path, column: str, value: str, complaint: str) -> None:
    row = dict(zip(TRUTH_COLUMNS, ROW, strict=True)) | {column: value}
    path = _table(tmp_path / "truth.tsv", TRUTH_COLUMNS, list(row.values()))
    with pytest.raises(SourceError, match=complaint) as caught:
        read_truth(path)
    assert str(path) in str(caught.value)


def test_doubled_missing_and_empty(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"line 3: element e1 of ENSG1\.4 in K stands there twice"):
        read_truth(_table(tmp_path / "a.tsv", TRUTH_COLUMNS, ROW, ROW))
    with pytest.raises(SourceError, match="no column activity; found gene_id"):
        read_truth(_table(tmp_path / "b.tsv", TRUTH_COLUMNS[:-1], ROW[:-1]))
    with pytest.raises(SourceError, match="line 2: found 3 columns; the header names 11"):
        read_truth(_table(tmp_path / "c.tsv", TRUTH_COLUMNS, ROW[:3]))
    (tmp_path / "d.tsv").write_text("")
    with pytest.raises(SourceError, match="the table is empty"):
        read_truth(tmp_path / "d.tsv")


def test_oracle(tmp_path: Path) -> None:
    path = _table(tmp_path / "oracle.tsv", ORACLE_COLUMNS, ["ENSG1.2", "K", "1.5"], ["ENSG1", "G", "0"])
    assert read_oracle(path) == {("ENSG1", "K"): 1.5, ("ENSG1", "G"): 0.0}
    with pytest.raises(SourceError, match="line 3: gene ENSG1 in K stands there twice"):
        read_oracle(_table(path, ORACLE_COLUMNS, ["ENSG1.2", "K", "1.5"], ["ENSG1", "K", "0"]))


def test_the_generator_writes_what_this_reads(tmp_path: Path) -> None:
    dataset = open_dataset(synthesize(preset="tiny", out=tmp_path / "tiny"))
    path = dataset.path("truth")
    assert path is not None
    found = read_truth(path)
    assert {cell for _, cell in found} == set(dataset.cell_types)
    for (gene_id, _), elements in found.items():
        window = dataset.genes.get(gene_id).window(dataset.manifest.window.width_bp)
        for element in elements:
            assert element.interval.overlaps(window)
            assert element.activity > 0 or not element.causal
            assert element.effect_log10 < 0 or not element.causal
