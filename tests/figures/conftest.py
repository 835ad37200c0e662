"""A made-up but lifelike locus: the view every figure test draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seq2exp.genome import Gene, Interval, IntervalOverlap, Region, Transcript
from seq2exp.results import Element, LocusView, MaskResult, MissingInput, Track


def _transcripts(rng: np.random.Generator, window: Interval, gene: Gene, n_genes: int) -> tuple[Transcript, ...]:
    made = []
    for number in range(n_genes):
        target = number == 0
        length = int(rng.integers(4_000, 30_000)) if window.width > 50_000 else window.width // 5
        if target:
            start = gene.tss if gene.strand == "+" else gene.tss + 1 - length
            strand = gene.strand
        else:
            start = int(rng.integers(window.start - length // 2, window.end - length // 2))
            strand = "+" if rng.random() < 0.5 else "-"
        cuts = np.sort(rng.choice(np.arange(1, length), size=11, replace=False))
        edges = [0, *cuts.tolist(), length]
        exons = tuple(Interval(window.chrom, start + edges[i], start + edges[i + 1]) for i in range(0, 12, 2))
        made.append(
            Transcript(
                transcript_id=f"T{number}",
                gene_id=gene.gene_id if target else f"ENSG{number:011d}",
                symbol=gene.symbol if target else f"GENE{number}",
                strand=strand,
                exons=exons,
                cds=exons[1:-1],
            )
        )
    return tuple(made)


def make_view(
    width_bp: int = 200_000,
    *,
    seed: int = 7,
    n_genes: int = 6,
    start: int = 5_127_000,
    strand: str = "+",
    **changes: Any,
) -> LocusView:
    """A LocusView of ``width_bp``; ``changes`` replace its fields."""
    rng = np.random.default_rng(seed)
    window = Interval("chr11", start, start + width_bp)
    gene = Gene("ENSG00000244734", "HBB", "chr11", start + width_bp // 2, strand)  # type: ignore[arg-type]
    x = np.arange(width_bp)
    signals = np.zeros((2, width_bp))
    middles = rng.integers(0, width_bp, size=10)
    for middle in (*middles, width_bp // 2):
        spread = rng.uniform(150, 600)
        bump = rng.uniform(2, 14) * np.exp(-0.5 * ((x - middle) / spread) ** 2)
        signals[0] += bump
        signals[1] += 2.5 * bump[::-1] * 0.3 + 2 * np.roll(bump, 400)
    signals += rng.gamma(0.5, 0.25, size=signals.shape)
    contact = 2_000.0 / (1 + np.abs((x // 5_000) - (width_bp // 2 // 5_000)) * 8.0)
    drive = 0.4 * np.log1p(signals[0]) + 0.4 * np.log1p(signals[1])
    mean = ((11 + 10 * drive) / (30.8 + 10 * drive)).astype(np.float32)
    sd = np.sqrt(mean * (1 - mean) / (31.8 + 10 * drive)).astype(np.float32)
    centre = Interval("chr11", gene.tss - 1_000, gene.tss + 1_000).intersect(window)
    assert centre is not None
    on = np.zeros(width_bp, bool)
    on[centre.start - start : centre.end - start] = True
    off = np.zeros(width_bp, bool)
    off[width_bp // 10 : width_bp // 10 + width_bp // 40] = True
    mask = np.where(on, 1, np.where(off, 0, mean)).astype(np.float32)
    found = [
        Interval("chr11", start + int(m) - 200, start + int(m) + 200)
        for m in sorted(middles)
        if abs(int(m) - width_bp // 2) > 1_500 and 300 < m < width_bp - 300
    ]
    elements = tuple(Element(i, 0.62, 0.06, 0.81, i.start + 200 - gene.tss) for i in found[::2] + found[1:2])
    elements = tuple(sorted(elements, key=lambda e: e.interval))
    promoter_peak = Region(Interval("chr11", gene.tss - 150, gene.tss + 150))
    peaks = (*(Region(i.shift(60)) for i in found[1:]), promoter_peak)
    fields: dict[str, Any] = {
        "gene": gene,
        "cell_type": "K562",
        "interval": window,
        "transcripts": _transcripts(rng, window, gene, n_genes),
        "tracks": (
            Track("dnase", signals[0].astype(np.float32), "coverage"),
            Track("h3k27ac", signals[1].astype(np.float32), "fold change"),
            Track("contact", contact.astype(np.float32), "contacts"),
        ),
        "mask": MaskResult(
            mean=mean,
            sd=sd,
            mask=mask,
            forced_on=on,
            forced_off=off,
            elements=elements,
            mode="soft",
            threshold=0.5,
            floor=0.36,
            ratio=float(mask.mean()),
            ratio_outside_promoter=float(mask[~on].mean()) if (~on).any() else float("nan"),
            source="signals",
            changes=(),
        ),
        "peaks": peaks,
        "overlap": IntervalOverlap(len(elements), len(peaks), 2_000, 3_000, 1_200, width_bp, 0.31, 0.6, 0.4, 0.5, 0.4),
        "blacklist": (Interval("chr11", start + width_bp // 10, start + width_bp // 10 + width_bp // 40),),
        "centre": centre,
        "sequence": "".join(rng.choice(list("ACGT"), size=width_bp)),
        "missing": (MissingInput("contact", 0.05, "power law"),),
        "peak_note": "bdgpeakcall at 3.1",
        "provenance": {"data set": "made up", "seq2exp": "0"},
    }
    return LocusView(**{**fields, **changes})


@pytest.fixture(scope="session")
def view_of() -> Callable[..., LocusView]:
    return make_view


@pytest.fixture(scope="session")
def view() -> LocusView:
    return make_view()
