"""Genes: promoters and transcripts, and the eight mRNA features that a transcript has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seq2exp.genome import Gene, Interval, Transcript
from seq2exp.settings import LENGTH_OFFSET, LENGTH_ZSCORE
from seq2exp.synthetic.bases import cpg_island
from seq2exp.synthetic.motifs import BY_GROUP, BY_NAME, lay_out
from seq2exp.synthetic.presets import CELLS, Cell

PromoterType = Literal["cpg_island", "tata"]

STABILITY: Mapping[str, float] = {
    "UTR5LEN_log10zscore": -0.10,
    "CDSLEN_log10zscore": -0.08,
    "INTRONLEN_log10zscore": 0.06,
    "UTR3LEN_log10zscore": -0.12,
    "UTR5GC": -0.30,
    "CDSGC": 0.40,
    "UTR3GC": -0.20,
    "ORFEXONDENSITY": 0.03,
}
"""Natural-log effect of one unit of each feature: signs after Xpresso, sizes ours."""
_STABILITY_CENTRE: Mapping[str, float] = {"UTR5GC": 0.5, "CDSGC": 0.5, "UTR3GC": 0.45, "ORFEXONDENSITY": 6.0}


@dataclass(frozen=True)
class SyntheticGene:
    """A gene with everything its expression depends on except its elements."""

    gene: Gene
    transcript: Transcript
    features: Mapping[str, float]
    """The eight mRNA features, by column name; empty for a non-coding gene."""
    promoter: PromoterType
    promoter_strength: Mapping[Cell, float]
    """Natural-log strength per line."""
    promoter_dnase: Mapping[Cell, float]
    promoter_h3k27ac: Mapping[Cell, float]

    @property
    def stability(self) -> float:
        """Natural-log effect of the mRNA features; 0 without them."""
        return sum(
            STABILITY[name] * (value - _STABILITY_CENTRE.get(name, 0.0)) for name, value in self.features.items()
        )


def _on_genome(gene: Gene, parts: list[tuple[int, int]]) -> tuple[Interval, ...]:
    """``parts``, given as distances from the TSS in the direction of transcription, in genome order."""
    if gene.strand == "+":
        return tuple(sorted(Interval(gene.chrom, gene.tss + a, gene.tss + b) for a, b in parts))
    return tuple(sorted(Interval(gene.chrom, gene.tss + 1 - b, gene.tss + 1 - a) for a, b in parts))


def _spliced(exons: list[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    """The parts of ``exons`` (distances from the TSS) that hold spliced bases ``start`` to ``end - 1``."""
    parts, passed = [], 0
    for left, right in exons:
        a, b = max(start - passed, 0), min(end - passed, right - left)
        if a < b:
            parts.append((left + a, left + b))
        passed += right - left
    return parts


def draw_transcript(
    gene: Gene, body_bp: int, *, coding: Literal["coding", "non-coding"], rng: np.random.Generator
) -> Transcript:
    """A transcript of one to four exons over ``body_bp`` bases; its CDS is whole codons, without the stop codon."""
    n_exons = int(rng.integers(1, 5))
    shares = rng.dirichlet(np.full(2 * n_exons - 1, 6.0))
    bounds = np.concatenate([[0], np.cumsum(60 + shares * (body_bp - 60 * len(shares)))]).astype(int)
    exons = [(int(bounds[2 * i]), int(bounds[2 * i + 1])) for i in range(n_exons)]
    cds: tuple[Interval, ...] = ()
    if coding == "coding":
        length = sum(b - a for a, b in exons)
        utr5 = int(length * rng.uniform(0.08, 0.2))
        cds_bp = 3 * int(length * rng.uniform(0.4, 0.6) / 3)
        cds = _on_genome(gene, _spliced(exons, utr5, utr5 + cds_bp))
    return Transcript(
        gene.gene_id.replace("SYNG", "SYNT"), gene.gene_id, gene.symbol, gene.strand, _on_genome(gene, exons), cds
    )


@dataclass(frozen=True)
class CodingParts:
    """Untranslated and coding parts of a coding transcript in genome order; the stop codon is in none of the three."""

    utr5: tuple[Interval, ...]
    cds: tuple[Interval, ...]
    stop: tuple[Interval, ...]
    utr3: tuple[Interval, ...]


def coding_parts(transcript: Transcript) -> CodingParts:
    """What lies before, in and after the CDS, in the direction of transcription."""
    bases = np.concatenate([np.arange(e.start, e.end) for e in transcript.exons])
    if transcript.strand == "-":
        bases = bases[::-1]
    coding = np.zeros(len(bases), dtype=bool)
    for part in transcript.cds:
        coding |= (bases >= part.start) & (bases < part.end)
    first, last = int(np.flatnonzero(coding)[0]), int(np.flatnonzero(coding)[-1])
    chrom = transcript.exons[0].chrom

    def runs(chosen: NDArray[np.int_]) -> tuple[Interval, ...]:
        ordered = np.sort(chosen)
        pieces = np.split(ordered, np.flatnonzero(np.diff(ordered) > 1) + 1) if len(ordered) else []
        return tuple(Interval(chrom, int(p[0]), int(p[-1]) + 1) for p in pieces)

    return CodingParts(
        runs(bases[:first]), runs(bases[first : last + 1]), runs(bases[last + 1 : last + 4]), runs(bases[last + 4 :])
    )


def mrna_features(transcript: Transcript, codes: NDArray[np.uint8]) -> dict[str, float]:
    """The eight features of a coding ``transcript``, as Xpresso defines them (data-sources.md section 6).

    Parameters
    ----------
    transcript
        With a CDS.
    codes
        (length,) codes of its chromosome.

    Returns
    -------
    dict[str, float]
        Four log10 z-scores, three GC shares, the raw density of coding exons per kb.
    """
    parts = coding_parts(transcript)

    def length(blocks: tuple[Interval, ...]) -> int:
        # GTF bounds subtracted as they stand, so each block counts one base short: the released numbers do so.
        return sum(b.width - 1 for b in blocks)

    def gc(blocks: tuple[Interval, ...]) -> float:
        bases = np.concatenate([codes[b.start : b.end] for b in blocks]) if blocks else np.empty(0, np.uint8)
        return round(float(np.isin(bases, (1, 2)).mean()), 3) if len(bases) else 0.0

    lengths = {"UTR5LEN": length(parts.utr5), "CDSLEN": length(parts.cds), "UTR3LEN": length(parts.utr3)}
    lengths["INTRONLEN"] = transcript.interval.width - 1 - sum(lengths.values())
    scores = {
        f"{name}_log10zscore": float((np.log10(lengths[name] + LENGTH_OFFSET) - mean) / sd)
        for name, (mean, sd) in LENGTH_ZSCORE.items()
    }
    contents = {"UTR5GC": gc(parts.utr5), "CDSGC": gc(parts.cds), "UTR3GC": gc(parts.utr3)}
    return scores | contents | {"ORFEXONDENSITY": round(len(parts.cds) * 1000 / lengths["CDSLEN"], 2)}


def write_promoter(
    gene: Gene, kind: PromoterType, half_bp: int, codes: NDArray[np.uint8], rng: np.random.Generator
) -> None:
    """Writes a promoter into ``codes`` over the TSS +- ``half_bp``, in place: the caller owns the array."""
    start, end = gene.tss - half_bp, gene.tss + half_bp
    local = codes[start:end].copy()
    ubiquitous = BY_GROUP["ubiquitous"]
    if kind == "cpg_island":
        local = cpg_island(end - start, rng)
    blocks = [[ubiquitous[i]] for i in rng.choice(len(ubiquitous), size=3, replace=False)]
    local[: half_bp - 40] = lay_out(local[: half_bp - 40], blocks, rng)
    local[half_bp - 2 : half_bp + 5] = _consensus("INR")
    if kind == "tata":
        local[half_bp - 31 : half_bp - 23] = _consensus("TATA")
    # Written in the direction of transcription, TSS base at index half_bp.
    codes[start:end] = local if gene.strand == "+" else _reverse_at_tss(local)


def _consensus(name: str) -> NDArray[np.uint8]:
    """The most likely base at each position of a motif, forward: core promoter signals have a strand."""
    return np.asarray(BY_NAME[name].pwm.argmax(axis=1), dtype=np.uint8)


def _reverse_at_tss(local: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Reverse complement with the base at half the length staying where it is (the first base has no partner)."""
    flipped = (3 - local[::-1]).astype(np.uint8)
    return np.concatenate([flipped[-1:], flipped[:-1]])


def draw_promoter_levels(rng: np.random.Generator) -> tuple[dict[Cell, float], dict[Cell, float], dict[Cell, float]]:
    """Natural-log strength, DNase summit and H3K27ac lobe per line; the tracks follow the strength loosely."""
    shared = rng.normal(0.0, 1.0)
    strength: dict[Cell, float] = {cell: float(shared + rng.normal(0.0, 0.3)) for cell in CELLS}
    dnase: dict[Cell, float] = {
        cell: float(np.clip(3.0 * np.exp(0.4 * strength[cell] + rng.normal(0, 0.3)), 0.6, 15.0)) for cell in CELLS
    }
    h3k27ac: dict[Cell, float] = {
        cell: float(np.clip(60.0 * np.exp(0.6 * strength[cell] + rng.normal(0, 0.4)), 5.0, 250.0)) for cell in CELLS
    }
    return strength, dnase, h3k27ac
