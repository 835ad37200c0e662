"""Genes and transcripts from a GTF of Ensembl or GENCODE, read once and asked by interval."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.genome import Gene, Interval, Strand, Transcript, match_chromosome
from seq2exp.sources.genes import strip_version
from seq2exp.sources.text import malformed, read_lines

GENE_ID = re.compile(r'gene_id "([^"]+)"')
TRANSCRIPT_ID = re.compile(r'transcript_id "([^"]+)"')
_GENE_NAME = re.compile(r'gene_name "([^"]+)"')
GENE_TYPE = re.compile(r'gene_(?:type|biotype) "([^"]+)"')


class GtfLine(NamedTuple):
    """One line of a GTF, as far as it is read."""

    number: int
    chrom: str
    source: str
    """Who annotated it; in Ensembl up to release 75, the transcript's type."""
    start: int
    """0-based."""
    end: int
    strand: str
    attributes: str


def gtf_lines(path: Path, features: frozenset[str]) -> Iterator[tuple[str, GtfLine]]:
    """Lines of the wanted feature types; every line must have nine columns, wanted ones must make sense."""
    for number, line in read_lines(path):
        fields = line.split("\t")
        if len(fields) != 9:
            if not line or line.startswith("#"):
                continue
            raise malformed(path, number, f"found {len(fields)} tab-separated columns; a GTF line has 9")
        if fields[2] not in features or line.startswith("#"):
            continue
        if not (fields[3].isdigit() and fields[4].isdigit()):
            raise malformed(path, number, f"start {fields[3]!r:.20} and end {fields[4]!r:.20} must be whole numbers")
        start, end = int(fields[3]), int(fields[4])
        if not 1 <= start <= end:
            raise malformed(path, number, f"start {start} and end {end}; GTF counts from 1 and needs end >= start")
        yield fields[2], GtfLine(number, fields[0], fields[1], start - 1, end, fields[6], fields[8])


def gtf_attribute(pattern: re.Pattern[str], line: GtfLine, path: Path, name: str) -> str:
    """What `pattern` finds among the attributes; SourceError that calls it `name` where there is none."""
    found = pattern.search(line.attributes)
    if found is None:
        raise malformed(path, line.number, f"no {name} among the attributes")
    return found[1]


def gtf_strand(line: GtfLine, path: Path) -> Strand:
    """The strand; SourceError unless it is + or -."""
    if line.strand == "+":
        return "+"
    if line.strand == "-":
        return "-"
    raise malformed(path, line.number, f"strand {line.strand!r:.10}; must be + or -")


def read_genes_gtf(path: Path) -> tuple[Gene, ...]:
    """Genes of a GTF in file order, from its ``gene`` lines.

    Parameters
    ----------
    path
        Ensembl or GENCODE GTF, plain or gzip.

    Returns
    -------
    tuple of Gene
        Chromosome names as in the file. Ids without version (``_PAR_Y`` stays); a gene without gene_name goes
        by its id. ``tss`` is the 0-based base where the gene begins: start on +, end - 1 on -.

    Raises
    ------
    SourceError
        Absent, truncated or malformed file (with the line number), no gene lines, or a gene that stands there twice.
    """
    genes: dict[str, tuple[int, Gene]] = {}
    for _, line in gtf_lines(path, frozenset({"gene"})):
        gene_id = strip_version(gtf_attribute(GENE_ID, line, path, "gene_id"))
        if gene_id in genes:
            raise malformed(path, line.number, f"gene {gene_id} stands on line {genes[gene_id][0]} already")
        strand = gtf_strand(line, path)
        name, kind = _GENE_NAME.search(line.attributes), GENE_TYPE.search(line.attributes)
        genes[gene_id] = (
            line.number,
            Gene(
                gene_id=gene_id,
                symbol=name[1] if name else gene_id,
                chrom=line.chrom,
                tss=line.start if strand == "+" else line.end - 1,
                strand=strand,
                gene_type=kind[1] if kind else "",
                start=line.start,
                end=line.end,
            ),
        )
    if not genes:
        raise SourceError(f"{path}: no gene lines; a GTF of Ensembl or GENCODE is needed")
    return tuple(gene for _, gene in genes.values())


@dataclass(frozen=True, slots=True)
class _Name:
    transcript_id: str
    gene_id: str
    symbol: str
    strand: Strand


@dataclass(frozen=True, slots=True, eq=False)
class _ChromosomeTranscripts:
    """Transcripts of one chromosome, sorted by start; blocks of transcript i are block_at[i]:block_at[i + 1]."""

    names: tuple[_Name, ...]
    starts: NDArray[np.int64]  # (n,)
    ends: NDArray[np.int64]  # (n,)
    block_at: NDArray[np.int64]  # (n + 1,)
    blocks: NDArray[np.int64]  # (n_blocks, 3): start, end, 1 if CDS else 0; exons and CDS in genome order


class TranscriptTable:
    """Every transcript of a GTF, in arrays that a genome-wide file fits into; `within` makes the objects.

    Made by `read_transcript_table`.
    """

    def __init__(self, chromosomes: Mapping[str, _ChromosomeTranscripts]) -> None:
        self._chromosomes = dict(chromosomes)

    def __len__(self) -> int:
        return sum(len(chromosome.names) for chromosome in self._chromosomes.values())

    def within(self, interval: Interval) -> tuple[Transcript, ...]:
        """Transcripts that share a base with `interval`, whole, sorted by start; named after ``interval.chrom``.

        A chromosome without transcripts gives none: that is not an error, many contigs have no genes.
        """
        name = match_chromosome(interval.chrom, self._chromosomes)
        if name is None:
            return ()
        table = self._chromosomes[name]
        before_end = int(np.searchsorted(table.starts, interval.end))
        hits = np.flatnonzero(table.ends[:before_end] > interval.start)
        return tuple(self._transcript(table, int(hit), interval.chrom) for hit in hits)

    @staticmethod
    def _transcript(table: _ChromosomeTranscripts, index: int, chrom: str) -> Transcript:
        name = table.names[index]
        blocks = table.blocks[table.block_at[index] : table.block_at[index + 1]].tolist()
        return Transcript(
            transcript_id=name.transcript_id,
            gene_id=name.gene_id,
            symbol=name.symbol,
            strand=name.strand,
            exons=tuple(Interval(chrom, start, end) for start, end, coding in blocks if not coding),
            cds=tuple(Interval(chrom, start, end) for start, end, coding in blocks if coding),
        )


def read_transcript_table(path: Path) -> TranscriptTable:
    """All transcripts of a GTF, from its exon and CDS lines; a genome-wide file takes seconds, so keep the result.

    Raises
    ------
    SourceError
        Absent, truncated or malformed file (with the line number), no exon lines, a transcript on two
        chromosomes or strands.
    """
    names: dict[str, dict[str, _Name]] = {}
    rows: dict[str, list[tuple[int, int, int, bool]]] = {}
    at: dict[tuple[str, str], int] = {}  # (chrom, transcript_id) -> its position in names[chrom]
    previous, position = ("", "", "\n"), -1  # chrom, strand and attributes up to the transcript_id of the line before
    for feature, line in gtf_lines(path, frozenset({"exon", "CDS"})):
        # Lines of one transcript follow one another and begin their attributes alike: most need no search in them.
        chrom, strand, beginning = previous
        if not (line.attributes.startswith(beginning) and line.chrom == chrom and line.strand == strand):
            found = TRANSCRIPT_ID.search(line.attributes)
            if found is None:
                raise malformed(path, line.number, "no transcript_id among the attributes")
            known = names.setdefault(line.chrom, {})
            if found[1] not in known:
                at[line.chrom, found[1]] = len(known)
                known[found[1]] = _name(path, line, found[1])
            elif known[found[1]].strand != line.strand:
                raise malformed(path, line.number, f"{found[1]} lies on both strands")
            position = at[line.chrom, found[1]]
            previous = (line.chrom, line.strand, line.attributes[: found.end()])
        rows.setdefault(line.chrom, []).append((position, line.start, line.end, feature == "CDS"))
    if not rows:
        raise SourceError(f"{path}: no exon lines; a GTF of Ensembl or GENCODE is needed")
    return TranscriptTable(
        {chrom: _in_arrays(path, tuple(names[chrom].values()), blocks) for chrom, blocks in rows.items()}
    )


def _name(path: Path, line: GtfLine, transcript_id: str) -> _Name:
    gene_id = strip_version(gtf_attribute(GENE_ID, line, path, "gene_id"))
    symbol = _GENE_NAME.search(line.attributes)
    return _Name(strip_version(transcript_id), gene_id, symbol[1] if symbol else gene_id, gtf_strand(line, path))


def _in_arrays(path: Path, names: tuple[_Name, ...], rows: list[tuple[int, int, int, bool]]) -> _ChromosomeTranscripts:
    """Group blocks by transcript and sort transcripts by start."""
    table = np.array(rows, dtype=np.int64)  # (n_blocks, 4): transcript, start, end, coding
    exons = table[table[:, 3] == 0]
    starts = np.full(len(names), np.iinfo(np.int64).max)
    ends = np.zeros(len(names), dtype=np.int64)
    np.minimum.at(starts, exons[:, 0], exons[:, 1])
    np.maximum.at(ends, exons[:, 0], exons[:, 2])
    if not ends.all():
        raise SourceError(f"{path}: transcript {names[int(np.argmin(ends))].transcript_id} has CDS lines but no exon")
    by_start = np.lexsort((ends, starts))
    rank = np.empty_like(by_start)
    rank[by_start] = np.arange(len(names))
    table[:, 0] = rank[table[:, 0]]
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    block_at = np.searchsorted(table[:, 0], np.arange(len(names) + 1))
    return _ChromosomeTranscripts(
        tuple(names[int(index)] for index in by_start), starts[by_start], ends[by_start], block_at, table[:, 1:]
    )


def read_transcripts(path: Path, interval: Interval) -> tuple[Transcript, ...]:
    """Transcripts of the GTF `path` that share a base with `interval`; reads all of it, see `read_transcript_table`."""
    return read_transcript_table(path).within(interval)
