"""The eight mRNA features of every gene, recomputed from a GTF and a genome (data-sources.md section 6)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.genome import Interval
from seq2exp.processing.output import Progress, write_rows
from seq2exp.processing.stretches import stretches
from seq2exp.settings import LENGTH_OFFSET, LENGTH_ZSCORE
from seq2exp.sources.gtf_coding import CDS, PROTEIN_CODING, UTR3, UTR5, CodingTranscripts, read_coding_transcripts
from seq2exp.sources.tables import ACTIVITY_PREFIX, MRNA_FEATURES

HUMAN_CHROMOSOMES = (*(f"chr{number}" for number in range(1, 23)), "chrX")
"""Those of the published genes: no Y, no M (data-sources.md 6.2)."""

TranscriptRule = Literal["longest_cds", "xpresso"]
"""longest_cds: protein-coding transcripts; longest CDS, then longer 5' UTR, then longer 3' UTR, then the smaller id
(data-sources.md 6.2). xpresso: as Xpresso's choose_reference_genes.pl goes through the file, over every transcript with
a CDS: the first of a gene until another has a longer CDS and a 5' UTR, or a CDS not shorter and a longer 5' UTR, or
neither shorter and a longer 3' UTR."""

_EQUAL_WITHIN = 1e-8
"""Features are equal when they differ by no more: one base of 2.3 Mb of intron moves its z-score by 2e-7."""
_GAP_BP = 50_000
"""Introns up to this are read along: an opened FASTA costs more than their bases."""


def mrna_features(
    gtf: Path,
    sequence_of: Callable[[Interval], str],
    *,
    genes: Collection[str] | None = None,
    chromosomes: Sequence[str] = HUMAN_CHROMOSOMES,
    rule: TranscriptRule = "longest_cds",
    progress: Progress | None = None,
) -> pd.DataFrame:
    """One row per coding gene of ``gtf``.

    Parameters
    ----------
    gtf
        Of Ensembl or GENCODE, plain or gzip; Ensembl 90 for the published genes.
    sequence_of
        Bases of an interval on the forward strand, upper case, named as in the GTF (with or without ``chr``); asked
        chromosome by chromosome from left to right, some 4 Mb at a time.
    genes
        Ids without version; None: all.
    chromosomes
        Those whose genes are kept.
    rule
        Which transcript stands for a gene.
    progress
        Told per stretch of sequence read.

    Returns
    -------
    pd.DataFrame
        Index gene_id in file order; `MRNA_FEATURES`, then ``UTR5LEN, CDSLEN, INTRONLEN, UTR3LEN`` (bp, each block one
        base short as in the released table), ``coding_blocks`` and ``transcript_id``. GC is 0 where a region is absent.

    Raises
    ------
    SourceError
        What `read_coding_transcripts` and ``sequence_of`` raise; none of ``genes`` in the file; a sequence of another
        length than asked for.
    """
    found = read_coding_transcripts(gtf, chromosomes)
    chosen = _choose(found, None if genes is None else frozenset(genes), rule)
    if not chosen:
        raise SourceError(f"{gtf}: no protein-coding gene with a CDS among those asked for")
    gc = _gc_shares(found, chosen, sequence_of, progress or (lambda _done, _total, _what: None))
    lengths = found.lengths[chosen]  # (n, 3)
    span = found.end[chosen] - 1 - found.start[chosen]
    blocks = np.array([len(found.parts(index, CDS)) for index in chosen])
    raw = {
        "UTR5LEN": lengths[:, UTR5],
        "CDSLEN": lengths[:, CDS],
        "INTRONLEN": span - lengths.sum(axis=1),
        "UTR3LEN": lengths[:, UTR3],
    }
    table: dict[str, object] = {f"{name}_log10zscore": length_zscore(name, raw[name]) for name in raw}
    table |= {name: gc[:, kind] for name, kind in (("UTR5GC", UTR5), ("CDSGC", CDS), ("UTR3GC", UTR3))}
    table["ORFEXONDENSITY"] = _rounded(blocks * 1000 / lengths[:, CDS], 2)
    index = pd.Index([found.names[at].gene_id for at in chosen], name="gene_id")
    features = pd.DataFrame(table, index=index)[list(MRNA_FEATURES)]
    transcripts = [found.names[at].transcript_id for at in chosen]
    return features.assign(**raw, coding_blocks=blocks, transcript_id=transcripts)


def length_zscore(name: str, lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) log10 z-scores of lengths in bp, with the frozen constants of ``name``, such as UTR5LEN."""
    mean, sd = LENGTH_ZSCORE[name]
    return np.asarray((np.log10(lengths + LENGTH_OFFSET) - mean) / sd, dtype=np.float64)


def raw_lengths(features: pd.DataFrame) -> pd.DataFrame:
    """The lengths (bp, as computed, not rounded) behind the z-scores of a feature table; NaN stays."""
    return pd.DataFrame(
        {
            name: 10 ** (features[f"{name}_log10zscore"] * sd + mean) - LENGTH_OFFSET
            for name, (mean, sd) in LENGTH_ZSCORE.items()
        },
        index=features.index,
    )


def compare_with_released(mine: pd.DataFrame, released: pd.DataFrame) -> pd.DataFrame:
    """How far recomputed features equal released ones; equality in all is not to be expected (data-sources.md 6.3).

    Parameters
    ----------
    mine, released
        Index gene_id; the columns `MRNA_FEATURES`, others are ignored.

    Returns
    -------
    pd.DataFrame
        Index: `MRNA_FEATURES`. ``genes``: in both tables with a value in both; ``equal``: of them, those with the same
        z-score, share or density; ``share_equal`` in 0..1 (NaN without genes); ``largest_difference``.
    """
    shared = mine.index.intersection(released.index)
    rows = {}
    for name in MRNA_FEATURES:
        apart = (mine.loc[shared, name].astype(float) - released.loc[shared, name].astype(float)).abs().dropna()
        equal = int((apart <= _EQUAL_WITHIN).sum())
        rows[name] = (len(apart), equal, equal / len(apart) if len(apart) else np.nan, apart.max())
    columns = ["genes", "equal", "share_equal", "largest_difference"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def write_features(path: Path, features: pd.DataFrame, activities: Mapping[str, pd.Series[float]]) -> None:
    """The table that `seq2exp.sources.tables.read_rna_features` reads: `MRNA_FEATURES`, then an activity per cell type.

    Parameters
    ----------
    path
        TSV, packed where it ends in .gz; appears whole or not at all.
    features
        Index gene_id.
    activities
        Promoter activity by cell type, index gene_id; NaN (NA in the file) where a gene has none.
    """
    table = features[list(MRNA_FEATURES)].astype(float)
    for cell, activity in activities.items():
        table[f"{ACTIVITY_PREFIX}{cell}"] = activity.reindex(table.index).astype(float)
    rows = zip(table.index, *(table[name].tolist() for name in table.columns), strict=True)
    write_rows(path, ("gene_id", *map(str, table.columns)), rows)


def _choose(found: CodingTranscripts, genes: frozenset[str] | None, rule: TranscriptRule) -> list[int]:
    """The transcript of each gene, genes in file order."""
    lengths = found.lengths.tolist()
    best: dict[str, int] = {}
    for at, name in enumerate(found.names):
        if (genes is not None and name.gene_id not in genes) or lengths[at][CDS] < 1:
            continue
        if rule == "longest_cds" and name.kind not in (PROTEIN_CODING, ""):
            continue
        now = best.setdefault(name.gene_id, at)
        if now == at:
            continue
        if rule == "xpresso":
            better = _displaces(lengths[at], lengths[now])
        else:
            order = [lengths[i][kind] for kind in (CDS, UTR5, UTR3) for i in (at, now)]
            ours, theirs = order[::2], order[1::2]
            better = ours > theirs or (ours == theirs and name.transcript_id < found.names[now].transcript_id)
        if better:
            best[name.gene_id] = at
    return list(best.values())


def _displaces(ours: list[int], theirs: list[int]) -> bool:
    """Whether Xpresso's script gives up the transcript it has for the next one."""
    utr5, cds, utr3 = (a - b for a, b in zip(ours, theirs, strict=True))
    if cds < 0:
        return False
    return (cds > 0 and ours[UTR5] > 0) or utr5 > 0 or (utr5 >= 0 and utr3 > 0)


def _gc_shares(
    found: CodingTranscripts, chosen: Sequence[int], sequence_of: Callable[[Interval], str], progress: Progress
) -> NDArray[np.float64]:
    """(n, 3) share of G and C among the letters of 5' UTR, CDS and 3' UTR, 3 decimals; 0 without letters."""
    strong, letters = np.zeros((len(chosen), 3), dtype=np.int64), np.zeros((len(chosen), 3), dtype=np.int64)
    blocks, owners = [], []
    for row, index in enumerate(chosen):
        for kind in (UTR5, CDS, UTR3):
            for block in found.parts(index, kind):
                blocks.append(block)
                owners.append((row, kind))
    done = 0
    for stretch, group in stretches(blocks, gap_bp=_GAP_BP):
        bases = sequence_of(stretch)
        if len(bases) != stretch.width:
            raise SourceError(f"{stretch}: asked for {stretch.width:,} bases, got {len(bases):,}")
        for at in group:
            start, end = blocks[at].start - stretch.start, blocks[at].end - stretch.start
            strong[owners[at]] += bases.count("G", start, end) + bases.count("C", start, end)
            letters[owners[at]] += end - start
        done += len(group)
        progress(done, len(blocks), f"GC of transcripts on {stretch.chrom}")
    return _rounded(strong / np.maximum(letters, 1), 3)


def _rounded(values: NDArray[np.float64], decimals: int) -> NDArray[np.float64]:
    """As printed with so many decimals; NumPy's own rounding multiplies first, which moves values at half a step."""
    return np.array([round(value, decimals) for value in values.ravel().tolist()]).reshape(values.shape)
