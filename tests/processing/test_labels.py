"""CAGE labels: counts worked out by hand, the synthetic tracks, and the sums of the real windows."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyBigWig
import pytest

from seq2exp.errors import SettingsError, SourceError
from seq2exp.genome import Gene
from seq2exp.processing.labels import cage_from_bigwig, cage_from_ctss, write_expression
from seq2exp.sources.tables import read_expression, read_gene_table
from seq2exp.synthetic.generate import synthesize

GENES = [
    Gene("ENSG1", "A", "chr1", 1000, "+"),
    Gene("ENSG2", "B", "chr1", 1100, "-"),  # its window overlaps that of A
    Gene("ENSG3", "C", "chr2", 100, "+"),  # its window begins before the chromosome
    Gene("ENSG4", "D", "chr3", 500, "+"),  # a chromosome without a line
    Gene("ENSG5", "E", "chr1", 9000, "+"),  # no tags
]


def ctss(path: Path, *rows: tuple[str, int, float, str]) -> Path:
    text = "".join(f"{c}\t{at}\t{at + 1}\t{c}:{at}..{at + 1},{s}\t{n}\t{s}\n" for c, at, n, s in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


ROWS = [
    ("chr1", 1191, 5, "+"),  # the last base of A's window [808, 1192)
    ("chr1", 1192, 7, "+"),  # only B's [908, 1292)
    ("chr1", 808, 2, "-"),  # the first base of A's
    ("chr1", 807, 100, "+"),  # before it
    ("chr1", 1000, 3, "+"),
    ("chr1", 1000, 4, "-"),  # the same base, other strand: pooled
    ("chr2", 0, 6, "+"),
    ("chr2", 291, 1, "-"),
    ("chr2", 292, 50, "-"),
    ("chr1", 100_000, 2_000_000, "+"),
]
TAGS = [2 + 7 + 5, 7 + 5 + 7, 6 + 1, np.nan, 0]


@pytest.mark.parametrize("name", ["k562.ctss.bed", "k562.ctss.bed.gz"])
@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("downwards", [False, True])
def test_tags_worked_out_by_hand(tmp_path: Path, name: str, bare: bool, downwards: bool) -> None:
    rows = [(c[3:] if bare else c, at, -n if downwards and s == "-" else n, s) for c, at, n, s in ROWS]
    found = cage_from_ctss(ctss(tmp_path / name, *rows), GENES)
    np.testing.assert_array_equal(found.tags, TAGS)
    assert found.tags.index.tolist() == [gene.gene_id for gene in GENES]
    assert found.library_tags == sum(n for _, _, n, _ in ROWS)
    assert found.notes == (f"{name}: 2,000,178 tags in all; labels are counts and grow with that number",)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("chr1\t10\t12\tx\t1\t+", r"line 2: start '10', end '12'; a CTSS is one base"),
        ("chr1\t10\t11\tx\t-1\t+", r"line 2: score '-1' on \+"),
        ("chr1\t10\t11\tx\tmany\t-", r"line 2: score 'many'"),
        ("chr1\t10\t11\tx\t1\t.", r"line 2: strand '\.'"),
        ("chr1\t10\t11\tx", r"line 2: found 4 columns"),
    ],
)
def test_what_is_no_ctss_is_refused(tmp_path: Path, line: str, complaint: str) -> None:
    path = ctss(tmp_path / "a.bed", ("chr1", 5, 1, "+"))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(SourceError, match=complaint):
        cage_from_ctss(path, GENES)
    with pytest.raises(SourceError, match="no tags in it"):
        cage_from_ctss(ctss(tmp_path / "empty.bed"), GENES)
    with pytest.raises(SourceError, match="no tags were measured around any of the 5 genes; is it the same assembly"):
        cage_from_ctss(ctss(tmp_path / "else.bed", ("chr9", 5, 1, "+")), GENES)


Steps = Sequence[tuple[str, int, int, float]]


def bigwig(path: Path, steps: Steps) -> Path:
    with pyBigWig.open(str(path), "w") as out:
        out.addHeader([("chr1", 20_000), ("chr2", 400)])
        chroms, starts, ends, values = zip(*steps, strict=True)
        out.addEntries(list(chroms), list(starts), ends=list(ends), values=[float(value) for value in values])
    return path


def test_silence_in_a_bigwig_is_seen_from_the_file_or_stated(tmp_path: Path) -> None:
    sparse = bigwig(tmp_path / "sparse.bw", [("chr1", 900, 902, 3), ("chr1", 1191, 1193, 2), ("chr2", 0, 1, 4)])
    found = cage_from_bigwig([sparse], GENES)
    np.testing.assert_array_equal(found.tags, [8, 4, 4, np.nan, 0])  # chr3 is not in the file
    assert found.silent == "zero"
    assert "no tag (no zero is written)" in found.notes[0]
    assert found.library_tags == 14
    assert "fewer than 1,000,000 are few" in found.notes[1]
    told = cage_from_bigwig([sparse], GENES[:1], silent="zero")
    assert (told.tags.iloc[0], told.silent) == (8, "zero")
    with pytest.raises(SourceError, match="no tags were measured around any"):
        cage_from_bigwig([sparse], GENES, silent="missing")
    # A file that writes its zeros: A's window is whole, B's is cut, C's is whole as far as the chromosome goes.
    steps = [("chr1", 808, 1000, 0), ("chr1", 1000, 1001, 9), ("chr1", 1001, 1192, 0), ("chr2", 0, 292, 0.5)]
    found = cage_from_bigwig([bigwig(tmp_path / "dense.bw", steps)], GENES)
    np.testing.assert_array_equal(found.tags, [9, np.nan, 146, np.nan, np.nan])
    assert found.silent == "missing"


def test_strands_are_added_and_one_may_be_written_downwards(tmp_path: Path) -> None:
    plus = bigwig(tmp_path / "plus.bw", [("chr1", 900, 901, 3), ("chr1", 8999, 9001, 1)])
    minus = bigwig(tmp_path / "minus.bw", [("chr1", 1100, 1101, -5)])
    found = cage_from_bigwig([plus, minus], GENES)
    np.testing.assert_array_equal(found.tags, [8, 5, 0, np.nan, 2])
    assert found.library_tags == 10
    assert any("minus.bw: a strand written downwards" in note for note in found.notes)
    mixed = bigwig(tmp_path / "mixed.bw", [("chr1", 900, 901, 3), ("chr1", 1100, 1101, -5)])
    with pytest.raises(SourceError, match=r"mixed\.bw: values of both signs \(-5 to 3\); give one file per strand"):
        cage_from_bigwig([mixed], GENES)
    with pytest.raises(SettingsError, match="one bigWig or one per strand, found 0"):
        cage_from_bigwig([], GENES)


def test_the_table_is_what_the_loader_reads(tmp_path: Path) -> None:
    deep = cage_from_ctss(ctss(tmp_path / "a.bed", *ROWS), GENES)
    shallow = cage_from_ctss(ctss(tmp_path / "b.bed", *ROWS[:-1]), GENES)
    labels = {"Deep": deep.tags, "Shallow": shallow.tags}
    for name in ("one.tsv", "two.tsv"):
        write_expression(tmp_path / name, labels)
    assert (tmp_path / "one.tsv").read_bytes() == (tmp_path / "two.tsv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bed", "b.bed", "one.tsv", "two.tsv"]
    table = read_expression(tmp_path / "one.tsv")
    assert list(table.columns) == ["Deep", "Shallow"]
    np.testing.assert_array_equal(table["Deep"], TAGS)
    assert "ENSG1\t14\t14\n" in (tmp_path / "one.tsv").read_text()
    with pytest.raises(SettingsError, match="Other: its labels are of other genes than those of Deep"):
        write_expression(tmp_path / "no.tsv", {"Deep": deep.tags, "Other": deep.tags[:2]})
    assert not (tmp_path / "no.tsv").exists()
    with pytest.raises(SettingsError, match=r"a\.bed/x\.tsv: cannot be written: (File exists|Not a directory); free"):
        write_expression(tmp_path / "a.bed" / "x.tsv", labels)


def test_the_synthetic_tracks_hold_their_own_labels(tmp_path: Path) -> None:
    folder = synthesize("tiny", tmp_path / "tiny").parent
    genes = read_gene_table(folder / "genes.tsv")
    expected = read_expression(folder / "expression.tsv")
    for cell in expected.columns:
        found = cage_from_bigwig([folder / f"{cell}.cage.bw"], genes)
        np.testing.assert_array_equal(found.tags, expected.loc[found.tags.index, cell])


@pytest.mark.real
def test_sums_of_the_real_windows(real_dir: Path) -> None:
    genes = read_gene_table(real_dir / "genes.tsv")
    with (real_dir / "gene_signal.tsv").open(newline="") as file:
        told = {row["ensembl_id"]: row for row in csv.DictReader(file, delimiter="\t")}
    tracks = sorted(real_dir.glob("cage_*.bw"))
    assert tracks
    for track in tracks:
        column = f"cage_{track.name.split('_')[1]}"
        expected = [float(told[gene.gene_id][f"{column}_sum384"]) for gene in genes]
        found = cage_from_bigwig([track], genes)
        np.testing.assert_allclose(found.tags, expected, atol=0.0005)  # the table gives three decimals
        assert found.silent == "missing"  # the windows' zeros are written
        strands = [real_dir / "stranded" / f"{track.stem}.{strand}.bw" for strand in ("plus", "minus")]
        both = cage_from_bigwig(strands, genes)
        np.testing.assert_allclose(both.tags, expected, atol=0.0006)
        sense = [float(told[gene.gene_id][f"{column}_sense_sum384"]) for gene in genes]
        alone = [cage_from_bigwig([strand], genes).tags for strand in strands]
        own = [alone[gene.strand == "-"].iloc[at] for at, gene in enumerate(genes)]
        np.testing.assert_allclose(own, sense, atol=0.0006)
    # Half a window beyond the signal: not measured, which is no label.
    edge = [
        Gene("X", "X", genes[0].chrom, genes[0].tss + int(told[genes[0].gene_id]["signal_right_bp"]), "+"),
        genes[1],
    ]
    assert np.isnan(cage_from_bigwig([tracks[0]], edge).tags["X"])
