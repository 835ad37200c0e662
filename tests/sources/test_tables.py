from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seq2exp.errors import SourceError
from seq2exp.sources.annotation import read_expression, read_gene_table, read_rna_features, read_split
from seq2exp.sources.tables import MRNA_FEATURES

GENES = """symbol\tensembl_id\tchrom\ttss\tstrand\taliases\tgene_type\tgene_start\tgene_end\textra
ABC1\tENSG00000000001.4\tchr1\t100\t+\tOLD1;OLD2\tprotein_coding\t100\t500\tx
DEF2\tENSG00000000002\tX\t599\t-\t\tlincRNA\tNA\t\ty
"""
FEATURES = "gene_id," + ",".join(MRNA_FEATURES) + ",promoter_activity_K562\n"
SPLIT = "ENSID,chrom,fold_1,fold_11,Gene name\nENSG1.2,X,train,test,A\nENSG2,1,valid,train,B\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def _write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return _write


@pytest.mark.parametrize("name", ["genes.tsv", "genes.tsv.gz"])
def test_gene_table(write: Callable[[str, str], Path], name: str) -> None:
    first, second = read_gene_table(write(name, GENES))
    assert (first.gene_id, first.symbol, first.chrom, first.tss, first.strand) == (
        "ENSG00000000001",
        "ABC1",
        "chr1",
        100,
        "+",
    )
    assert (first.aliases, first.gene_type, first.start, first.end) == (("OLD1", "OLD2"), "protein_coding", 100, 500)
    assert (second.aliases, second.start, second.end, second.tss, second.strand) == ((), None, None, 599, "-")


def test_the_same_table_with_commas_quotes_and_windows_ends(write: Callable[[str, str], Path]) -> None:
    text = "\ufeff" + GENES.replace("\t", ",").replace("DEF2", '"DEF2"').replace("\n", "\r\n")
    assert read_gene_table(write("genes.csv", text)) == read_gene_table(write("genes.tsv", GENES))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("ENSG00000000002", "ENSG00000000001.9", "gene ENSG00000000001 stands on lines 2 and 3; keep one row per gene"),
        ("\t599\t", "\t-599\t", "line 3: tss is '-599'"),
        ("\t599\t", "\t\t", "line 3: gene ENSG00000000002 has no tss"),
        ("\t599\t-", "\t599\t.", r"line 3: strand is '\.'"),
        ("\ty\n", "\n", "line 3: found 9 columns; the header names 10"),
        ("\ttss\t", "\tposition\t", "no column tss; found symbol"),
        ("ensembl_id", "id", "no column gene_id or ensembl_id or ENSID; found symbol"),
        ("extra", "symbol", "column symbol stands there twice"),
        ("ENSG00000000002", " ", "line 3: the gene id is empty"),
        ("\t100\t500", "\t1e2\t500", "line 2: gene_start is '1e2'"),
    ],
)
def test_bad_gene_tables(write: Callable[[str, str], Path], old: str, new: str, complaint: str) -> None:
    with pytest.raises(SourceError, match=rf"genes\.tsv.*{complaint}"):
        read_gene_table(write("genes.tsv", GENES.replace(old, new, 1)))


def test_empty_and_foreign_tables(write: Callable[[str, str], Path], tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="the table is empty"):
        read_gene_table(write("genes.tsv", "\n"))
    with pytest.raises(SourceError, match="not a CSV table"):
        read_split(write("split.csv", 'ENSID,fold_11\n"ENSG1,train\n'))
    (tmp_path / "genes.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="not a text file"):
        read_gene_table(tmp_path / "genes.tsv")


def test_expression_has_a_column_per_cell(write: Callable[[str, str], Path]) -> None:
    text = "gene_id\tK562_CAGE_128*3_sum\tActual_K562\tGM12878_CAGE_128*3_sum\nENSG1.3\t12.5\t1\t\nENSG2\t0\t2\tNA\n"
    table = read_expression(write("expression.tsv", text))
    assert list(table.columns) == ["K562", "GM12878"]
    assert list(table.index) == ["ENSG1", "ENSG2"]
    np.testing.assert_array_equal(table["K562"], [12.5, 0.0])
    assert table["GM12878"].isna().all()


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("-0.5", "line 2: K562_.*is -0.5; labels are raw"),
        ("inf", "is 'inf'; must be a finite number"),
        ("many", "'many'"),
    ],
)
def test_bad_labels(write: Callable[[str, str], Path], value: str, complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint):
        read_expression(write("expression.tsv", f"gene_id\tK562_CAGE_128*3_sum\nENSG1\t{value}\n"))


def test_expression_without_labels_or_with_doubled_genes(write: Callable[[str, str], Path]) -> None:
    with pytest.raises(SourceError, match=r"no column <cell>_CAGE_128\*3_sum; found gene_id, Actual_K562"):
        read_expression(write("expression.tsv", "gene_id\tActual_K562\nENSG1\t1\n"))
    doubled = "gene_id\tK562_CAGE_128*3_sum\nENSG1.1\t1\nENSG2\t1\nENSG1.2\t2\n"
    with pytest.raises(SourceError, match=r"expression\.tsv: gene ENSG1 stands on lines 2 and 4"):
        read_expression(write("expression.tsv", doubled))


def test_rna_features_in_model_order(write: Callable[[str, str], Path]) -> None:
    table = read_rna_features(write("features.csv", FEATURES + "ENSG1.1,1,2,3,4,5,6,7,8,9\nENSG2,-1,,NA,0,0,0,0,0,0\n"))
    assert list(table.columns) == [*MRNA_FEATURES, "promoter_activity_K562"]
    np.testing.assert_array_equal(table.loc["ENSG1"], np.arange(1, 10))
    assert table.loc["ENSG2"].isna().sum() == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            FEATURES.replace("ORFEXONDENSITY", "ORFEXONDENSITY_log10zscore") + "G1,1,2,3,4,5,6,7,8,9\n",
            "log10 z-score only",
        ),
        (FEATURES + "G1,1,2,3,4,5,6,7,-0.8,9\n", "ORFEXONDENSITY is -0.8; a raw density is never negative"),
        (FEATURES + "G1,1,2,3,4,5,6,7,8,-9\n", "promoter_activity_K562 is -9"),
        (FEATURES.replace("CDSGC", "cdsgc") + "G1,1,2,3,4,5,6,7,8,9\n", "no column CDSGC"),
        (FEATURES + "G1,1,2,3,4,5,6,7,8,9\nG1,1,2,3,4,5,6,7,8,9\n", "gene G1 stands on lines 2 and 3"),
    ],
)
def test_bad_features(write: Callable[[str, str], Path], text: str, complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint):
        read_rna_features(write("features.csv", text))


def test_split(write: Callable[[str, str], Path]) -> None:
    path = write("split.csv.gz", SPLIT)
    assert read_split(path) == {"ENSG1": "test", "ENSG2": "train"}
    assert read_split(path, "fold_1") == {"ENSG1": "train", "ENSG2": "valid"}
    with pytest.raises(SourceError, match="no column fold_12; found ENSID, chrom, fold_1, fold_11"):
        read_split(path, "fold_12")
    with pytest.raises(SourceError, match=r"split\.csv, line 2: fold_11 is 'held-out'; must be train, valid or test"):
        read_split(write("split.csv", SPLIT.replace("test", "held-out")))


@pytest.mark.real
def test_real_tables_of_all_genes(real_file: Callable[[str], Path]) -> None:
    folder = real_file("k562_elements")
    with gzip.open(folder / "split.csv.gz", "rt") as file:
        fold_11 = {row["ENSID"]: row["fold_11"] for row in csv.DictReader(file)}
    assert read_split(folder / "split.csv.gz") == fold_11
    if len(fold_11) == 18_377:  # the published table, not an excerpt of it
        assert Counter(fold_11.values()) == {"train": 15_985, "valid": 1_225, "test": 1_167}
    with gzip.open(folder / "gene_features.csv.gz", "rt") as file:
        density = {row["gene_id"]: float(row["ORFEXONDENSITY"]) for row in csv.DictReader(file)}
    features = read_rna_features(folder / "gene_features.csv.gz")
    assert features["ORFEXONDENSITY"].to_dict() == density
    assert features.shape == (len(density), 8)


@pytest.mark.real
def test_real_gene_list(real_dir: Path) -> None:
    for gene in read_gene_table(real_dir / "genes.tsv"):
        assert gene.start is not None
        assert gene.end is not None
        assert gene.tss == (gene.start if gene.strand == "+" else gene.end - 1)
