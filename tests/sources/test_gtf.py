from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from seq2exp.errors import SourceError
from seq2exp.genome import Interval
from seq2exp.sources.annotation import read_genes_gtf, read_transcript_table, read_transcripts


def line(chrom: str, feature: str, start: int, end: int, strand: str, attributes: str) -> str:
    return "\t".join([chrom, "HAVANA", feature, str(start), str(end), ".", strand, ".", attributes]) + "\n"


ID = 'gene_id "ENSG00000000001.7"; '
T1 = ID + 'transcript_id "ENST00000000001.2"; gene_type "protein_coding"; gene_name "ABC1"; '
T2 = ID + 'transcript_id "ENST00000000002.1"; gene_type "protein_coding"; gene_name "ABC1"; '
MINUS = 'gene_id "ENSG00000000002"; '

GENCODE = (
    "##description: made for a test\n"
    + line("chr1", "gene", 101, 500, "+", ID + 'gene_type "protein_coding"; gene_name "ABC1";')
    + line("chr1", "transcript", 101, 500, "+", T1)
    + line("chr1", "exon", 101, 200, "+", T1)
    + line("chr1", "CDS", 151, 200, "+", T1)
    + line("chr1", "UTR", 101, 150, "+", T1)
    + line("chr1", "exon", 401, 500, "+", T1)
    + line("chr1", "CDS", 401, 450, "+", T1)
    + line("chr1", "transcript", 51, 120, "+", T2)
    + line("chr1", "exon", 51, 120, "+", T2)
)
ENSEMBL = (
    "#!genome-build GRCh38.p10\n"
    + line("1", "gene", 301, 600, "-", MINUS + 'gene_version "4"; gene_biotype "lincRNA";')
    # Ensembl writes the exons of a minus-strand transcript from its 5' end.
    + line("1", "exon", 501, 600, "-", MINUS + 'transcript_id "ENST00000000003"; exon_number "1";')
    + line("1", "exon", 301, 400, "-", MINUS + 'transcript_id "ENST00000000003"; exon_number "2";')
    + line("1", "five_prime_utr", 501, 600, "-", MINUS + 'transcript_id "ENST00000000003";')
)


@pytest.fixture(params=[False, True], ids=["plain", "gzip"])
def gtf(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / ("genes.gtf.gz" if request.param else "genes.gtf")
    text = (GENCODE + ENSEMBL).encode()
    path.write_bytes(gzip.compress(text) if request.param else text)
    return path


def test_genes_have_0_based_tss_and_no_version(gtf: Path) -> None:
    plus, minus = read_genes_gtf(gtf)
    assert (plus.gene_id, plus.symbol, plus.gene_type) == ("ENSG00000000001", "ABC1", "protein_coding")
    assert (plus.chrom, plus.start, plus.end, plus.tss, plus.strand) == ("chr1", 100, 500, 100, "+")
    assert (minus.gene_id, minus.symbol, minus.gene_type) == ("ENSG00000000002", "ENSG00000000002", "lincRNA")
    assert (minus.chrom, minus.start, minus.end, minus.tss, minus.strand) == ("1", 300, 600, 599, "-")


def test_transcripts_have_blocks_in_genome_order(gtf: Path) -> None:
    second, first = read_transcripts(gtf, Interval("chr1", 100, 120))
    assert first.transcript_id == "ENST00000000001"
    assert first.exons == (Interval("chr1", 100, 200), Interval("chr1", 400, 500))
    assert first.cds == (Interval("chr1", 150, 200), Interval("chr1", 400, 450))
    assert (second.interval, second.cds) == (Interval("chr1", 50, 120), ())
    (minus,) = read_transcripts(gtf, Interval("1", 0, 1000))
    assert minus.exons == (Interval("1", 300, 400), Interval("1", 500, 600))
    assert (minus.strand, minus.symbol) == ("-", "ENSG00000000002")


@pytest.mark.parametrize(
    ("start", "end", "n"), [(0, 50, 0), (0, 51, 1), (119, 120, 2), (120, 121, 1), (250, 260, 1), (500, 900, 0)]
)
def test_transcripts_that_share_a_base(gtf: Path, start: int, end: int, n: int) -> None:
    table = read_transcript_table(gtf)
    assert len(table) == 3
    assert len(table.within(Interval("chr1", start, end))) == n


def test_naming_follows_the_question(tmp_path: Path) -> None:
    path = tmp_path / "genes.gtf"
    path.write_text(ENSEMBL)
    (transcript,) = read_transcripts(path, Interval("chr1", 0, 1000))
    assert {exon.chrom for exon in transcript.exons} == {"chr1"}
    assert read_transcripts(path, Interval("chr2", 0, 1000)) == ()


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ("chr1\tHAVANA\texon\t1\t10\n", "found 5 tab-separated columns"),
        ("chr1 HAVANA gene 1 10 . + . x\n", "found 1 tab-separated columns"),
        (line("chr1", "gene", 10, 5, "+", ID), "start 10 and end 5"),
        (line("chr1", "gene", 0, 5, "+", ID), "counts from 1"),
        (line("chr1", "exon", 10, 20, "+", ID), "no transcript_id"),
        (line("chr1", "gene", 10, 20, "+", 'gene_name "X";'), "no gene_id"),
        (line("chr1", "gene", 10, 20, ".", 'gene_id "G9";'), r"strand '\.'"),
        (line("chr1", "gene", 10, 20, "+", ID), "gene ENSG00000000001 stands on line 2 already"),
        (line("chr1", "exon", 10, 20, "-", T1), "lies on both strands"),
        (line("chr1", "gene", 10, 20, "+", ID).replace("10", "ten"), "must be whole numbers"),
    ],
)
def test_malformed_lines_are_named(tmp_path: Path, bad: str, complaint: str) -> None:
    path = tmp_path / "genes.gtf"
    path.write_text(GENCODE + bad + ENSEMBL)
    number = GENCODE.count("\n") + 1
    with pytest.raises(SourceError, match=rf"genes\.gtf, line {number}: .*{complaint}"):
        (read_transcript_table if "exon" in bad and complaint.startswith(("no tr", "lies")) else read_genes_gtf)(path)


def test_files_that_are_no_gtf_of_genes(tmp_path: Path) -> None:
    path = tmp_path / "genes.gtf"
    path.write_text("# only a header\n")
    with pytest.raises(SourceError, match="no gene lines"):
        read_genes_gtf(path)
    with pytest.raises(SourceError, match="no exon lines"):
        read_transcript_table(path)
    path.write_text(line("chr1", "CDS", 10, 20, "+", T1) + line("chr1", "exon", 10, 20, "+", T2))
    with pytest.raises(SourceError, match="transcript ENST00000000001 has CDS lines but no exon"):
        read_transcript_table(path)


def test_truncated_and_foreign(gtf: Path) -> None:
    content = gtf.read_bytes()
    gtf.write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceError, match=r"truncated|line \d+"):
        read_transcript_table(gtf)
    gtf.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\xff" * 100)
    with pytest.raises(SourceError, match="not a text file"):
        read_genes_gtf(gtf)


@pytest.mark.real
def test_real_ensembl_75(real_dir: Path) -> None:
    path = real_dir / "k562_chr9_hg19" / "genes_chr9_4000000_6000000.gtf"
    rows = [text.split("\t") for text in path.read_text().splitlines()]
    genes = {gene.symbol: gene for gene in read_genes_gtf(path)}
    assert len(genes) == sum(row[2] == "gene" for row in rows) == 55
    jak2 = genes["JAK2"]
    assert (jak2.strand, jak2.tss, jak2.gene_type) == ("+", jak2.start, "protein_coding")
    table = read_transcript_table(path)
    ids = {
        text.split('transcript_id "')[1].split('"')[0] for text in path.read_text().splitlines() if "\texon\t" in text
    }
    assert len(table) == len(ids)
    whole = table.within(Interval("9", 0, 141_213_431))
    assert sum(len(transcript.exons) for transcript in whole) == sum(row[2] == "exon" for row in rows)
    assert sum(len(transcript.cds) for transcript in whole) == sum(row[2] == "CDS" for row in rows)
    for transcript in whole:
        ends = [exon.end for exon in transcript.exons]
        assert ends == sorted(ends)
        assert all(any(e.start <= c.start and c.end <= e.end for e in transcript.exons) for c in transcript.cds)
