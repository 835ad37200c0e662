"""Coding transcripts of an Ensembl or GENCODE GTF: coding and untranslated blocks, the stop codon in neither."""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.genome import Interval, Strand, match_chromosome
from seq2exp.sources.genes import strip_version
from seq2exp.sources.gtf import GENE_ID, GENE_TYPE, TRANSCRIPT_ID, GtfLine, gtf_attribute, gtf_lines, gtf_strand
from seq2exp.sources.text import malformed

Style = Literal["ensembl", "gencode"]
"""ensembl: UTRs named by side, without the stop codon. gencode: one feature UTR, whose 3' part holds the stop codon in
GENCODE's files and does not in Ensembl's up to release 75; the stop_codon lines tell."""

UTR5, CDS, UTR3 = 0, 1, 2
"""Kinds of block, in the order of transcription."""

PROTEIN_CODING = "protein_coding"
STOP_BP = 3

_UTR, _STOP, _EXON = 3, 4, 5
_KINDS = {"five_prime_utr": UTR5, "CDS": CDS, "three_prime_utr": UTR3, "UTR": _UTR, "stop_codon": _STOP, "exon": _EXON}
_TYPES_AS_SOURCE = frozenset({PROTEIN_CODING, "nonsense_mediated_decay", "non_stop_decay"})
_TRANSCRIPT_TYPE = re.compile(r'transcript_(?:type|biotype) "([^"]+)"')


@dataclass(frozen=True, slots=True)
class TranscriptName:
    """What a transcript is called and where it lies; ids without version."""

    transcript_id: str
    gene_id: str
    chrom: str
    """As in the file."""
    strand: Strand
    kind: str
    """Its type as the file states it, else its gene's; empty where the file states neither."""


@dataclass(frozen=True, eq=False)
class CodingTranscripts:
    """The n transcripts with coding blocks of a GTF, in file order; made by `read_coding_transcripts`."""

    style: Style
    names: tuple[TranscriptName, ...]
    start: NDArray[np.int64]
    """(n,) first base of the first exon, 0-based."""
    end: NDArray[np.int64]
    """(n,) half-open."""
    lengths: NDArray[np.int64]
    """(n, 3) of 5' UTR, CDS and 3' UTR: the sum of end - start over their blocks with the GTF's closed bounds as they
    stand, so that each block counts one base short; the released features count like that (data-sources.md 6.2)."""
    block_at: NDArray[np.int64]
    """(n + 1,) blocks of transcript i are ``blocks[block_at[i]:block_at[i + 1]]``."""
    blocks: NDArray[np.int64]
    """(n_blocks, 3) kind, start, end (0-based half-open), by kind and place."""

    def parts(self, index: int, kind: int) -> tuple[Interval, ...]:
        """Blocks of one kind (`UTR5`, `CDS`, `UTR3`) of a transcript, in genome order."""
        own = self.blocks[self.block_at[index] : self.block_at[index + 1]]
        chrom = self.names[index].chrom
        return tuple(Interval(chrom, start, end) for found, start, end in own.tolist() if found == kind)


def read_coding_transcripts(path: Path, chromosomes: Collection[str]) -> CodingTranscripts:
    """Transcripts of ``chromosomes`` that have a CDS.

    Parameters
    ----------
    path
        Ensembl or GENCODE GTF, plain or gzip; which of the two is seen from its UTR lines. Where the 3' UTR holds the
        stop codon it is taken out, base by base where an intron splits it; a file in GENCODE's style without any
        stop_codon line is taken to hold it.
    chromosomes
        With or without ``chr``; lines of others are passed over.

    Returns
    -------
    CodingTranscripts
        Whole genomes fit: some 32 bytes per block.

    Raises
    ------
    SourceError
        Absent, truncated or malformed file (with the line number); no CDS; no UTR lines of either style; stop codons
        inside the CDS, as GFF-like files have them; a transcript on two strands.
    """
    wanted: dict[str, bool] = {}
    at: dict[tuple[str, str], int] = {}
    names: list[TranscriptName] = []
    start, end, rows = array("q"), array("q"), array("q")
    previous, position = ("", "", "\n"), -1
    for feature, line in gtf_lines(path, frozenset(_KINDS)):
        if line.chrom not in wanted:
            wanted[line.chrom] = match_chromosome(line.chrom, chromosomes) is not None
        if not wanted[line.chrom]:
            continue
        chrom, strand, beginning = previous
        if not (line.attributes.startswith(beginning) and line.chrom == chrom and line.strand == strand):
            found = TRANSCRIPT_ID.search(line.attributes)
            if found is None:
                raise malformed(path, line.number, "no transcript_id among the attributes")
            key = (line.chrom, found[1])
            if key not in at:
                at[key] = len(names)
                names.append(_name(path, line, found[1]))
                start.append(line.start)
                end.append(line.end)
            position = at[key]
            if names[position].strand != line.strand:
                raise malformed(path, line.number, f"{found[1]} lies on both strands")
            previous = (line.chrom, line.strand, line.attributes[: found.end()])
        start[position], end[position] = min(start[position], line.start), max(end[position], line.end)
        if feature != "exon":
            rows.extend((position, _KINDS[feature], line.start, line.end))
    blocks = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return _in_arrays(path, names, np.array(start), np.array(end), blocks)


def _name(path: Path, line: GtfLine, transcript_id: str) -> TranscriptName:
    stated = _TRANSCRIPT_TYPE.search(line.attributes) or GENE_TYPE.search(line.attributes)
    kind = line.source if line.source in _TYPES_AS_SOURCE else stated[1] if stated else ""
    gene_id = strip_version(gtf_attribute(GENE_ID, line, path, "gene_id"))
    strand = gtf_strand(line, path)
    return TranscriptName(strip_version(transcript_id), gene_id, line.chrom, strand, kind)


def _in_arrays(
    path: Path,
    names: list[TranscriptName],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    blocks: NDArray[np.int64],
) -> CodingTranscripts:
    """Blocks grouped by transcript and kind, of the transcripts that have a CDS."""
    coding = blocks[blocks[:, 1] == CDS]
    if not len(coding):
        raise SourceError(f"{path}: no CDS on the chromosomes asked for; a GTF of Ensembl or GENCODE is needed")
    first = np.full(len(names), np.iinfo(np.int64).max)
    last = np.zeros(len(names), dtype=np.int64)
    np.minimum.at(first, coding[:, 0], coding[:, 2])
    np.maximum.at(last, coding[:, 0], coding[:, 3])
    blocks = blocks[last[blocks[:, 0]] > 0]
    stops = blocks[blocks[:, 1] == _STOP]
    within = (stops[:, 2] >= first[stops[:, 0]]) & (stops[:, 3] <= last[stops[:, 0]])
    if 2 * within.sum() > len(stops):
        name = names[int(stops[within][0, 0])].transcript_id
        raise SourceError(f"{path}: the CDS of {name} holds its stop codon; a GTF of Ensembl or GENCODE is needed")
    style = _style(path, blocks)
    if style == "gencode":
        blocks = _sides(names, blocks, first, stops)
    blocks = blocks[blocks[:, 1] <= UTR3]
    kept = np.flatnonzero(last)
    rank = np.full(len(names), -1)
    rank[kept] = np.arange(len(kept))
    blocks = np.column_stack([rank[blocks[:, 0]], blocks[:, 1:]])
    blocks = blocks[np.lexsort((blocks[:, 2], blocks[:, 1], blocks[:, 0]))]
    lengths = np.zeros((len(kept), 3), dtype=np.int64)
    np.add.at(lengths, (blocks[:, 0], blocks[:, 1]), blocks[:, 3] - blocks[:, 2] - 1)
    return CodingTranscripts(
        style=style,
        names=tuple(names[index] for index in kept.tolist()),
        start=start[kept],
        end=end[kept],
        lengths=lengths,
        block_at=np.searchsorted(blocks[:, 0], np.arange(len(kept) + 1)),
        blocks=blocks[:, 1:],
    )


def _style(path: Path, blocks: NDArray[np.int64]) -> Style:
    kinds = set(np.unique(blocks[:, 1]).tolist())
    if kinds & {UTR5, UTR3}:
        return "ensembl"
    if _UTR in kinds:
        return "gencode"
    raise SourceError(
        f"{path}: no UTR lines, neither five_prime_utr and three_prime_utr (Ensembl) nor UTR (GENCODE); "
        "UTR lengths cannot be told without them"
    )


def _sides(
    names: list[TranscriptName], blocks: NDArray[np.int64], first: NDArray[np.int64], stops: NDArray[np.int64]
) -> NDArray[np.int64]:
    """GENCODE's UTR blocks told apart by side of the CDS, and the stop codon taken out of those behind it."""
    blocks = blocks.copy()
    forward = np.array([name.strand == "+" for name in names])
    utr = blocks[:, 1] == _UTR
    before = blocks[:, 2] < first[blocks[:, 0]]  # in genome order
    blocks[utr, 1] = np.where(before == forward[blocks[:, 0]], UTR5, UTR3)[utr]
    behind = np.flatnonzero(blocks[:, 1] == UTR3)
    if len(stops):
        _take_out(blocks, behind, stops, forward)
    else:
        _trim(blocks, behind, forward)
    return blocks[blocks[:, 3] > blocks[:, 2]]


def _take_out(
    blocks: NDArray[np.int64], behind: NDArray[np.int64], stops: NDArray[np.int64], forward: NDArray[np.bool_]
) -> None:
    """Shortens 3' UTR blocks, in place, by the bases of their transcript's own stop codon."""
    codons: dict[int, list[tuple[int, int]]] = {}
    for transcript, _, start, end in stops.tolist():
        codons.setdefault(transcript, []).append((start, end))
    for row in behind.tolist():
        transcript, _, low, high = blocks[row].tolist()
        for start, end in codons.get(transcript, []):
            if start < high and low < end:
                low, high = (end, high) if forward[transcript] else (low, start)
        blocks[row, 2:] = low, max(low, high)


def _trim(blocks: NDArray[np.int64], behind: NDArray[np.int64], forward: NDArray[np.bool_]) -> None:
    """Takes the first three transcribed bases off each transcript's 3' UTR, in place."""
    left = dict.fromkeys(blocks[behind, 0].tolist(), STOP_BP)
    nearest = np.where(forward[blocks[behind, 0]], blocks[behind, 2], -blocks[behind, 3])
    for row in behind[np.lexsort((nearest, blocks[behind, 0]))].tolist():
        transcript, _, low, high = blocks[row].tolist()
        taken = min(left[transcript], high - low)
        left[transcript] -= taken
        blocks[row, 2:] = (low + taken, high) if forward[transcript] else (low, high - taken)
