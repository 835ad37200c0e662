"""Gene models as drawn: one shape per gene, packed into rows so that no two names collide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seq2exp.genome import Gene, Interval, Strand, Transcript

NAME_CHAR_PX = 8.4
"""Mean width of a letter at 14 px in the page's font, measured on gene symbols; bold target names get 10 % more."""


@dataclass(frozen=True, slots=True)
class GeneModel:
    """All transcripts of one gene laid over each other."""

    gene_id: str
    symbol: str
    strand: Strand
    span: Interval
    exons: tuple[Interval, ...]
    cds: tuple[Interval, ...]
    target: bool = False

    @property
    def label(self) -> str:
        """The name with an arrow on the side it is read towards."""
        name = self.symbol or self.gene_id
        return f"{name} →" if self.strand == "+" else f"← {name}"


@dataclass(frozen=True, slots=True)
class PlacedGene:
    """A gene model in its row (0 on top) with the middle of its name in bp."""

    model: GeneModel
    row: int
    name_at: float


@dataclass(frozen=True, slots=True)
class GeneRows:
    """The rows of one visible stretch and how many genes found no place in them."""

    placed: tuple[PlacedGene, ...]
    n_rows: int
    left_out: int


def merge(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """The union of intervals of one chromosome, in order, touching ones joined."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if merged and interval.start <= merged[-1].end:
            last = merged[-1]
            merged[-1] = Interval(last.chrom, last.start, max(last.end, interval.end))
        else:
            merged.append(interval)
    return tuple(merged)


def collapse(transcripts: Sequence[Transcript], target: Gene) -> tuple[GeneModel, ...]:
    """One model per gene: the union of its transcripts' exons and of their coding parts.

    The target gene is always there: without a transcript it is its known bounds, or its TSS base alone.
    """
    by_gene: dict[str, list[Transcript]] = {}
    for transcript in transcripts:
        by_gene.setdefault(transcript.gene_id, []).append(transcript)
    models = [
        GeneModel(
            gene_id=gene_id,
            symbol=members[0].symbol,
            strand=members[0].strand,
            span=_span([member.interval for member in members]),
            exons=merge(exon for member in members for exon in member.exons),
            cds=merge(part for member in members for part in member.cds),
            target=gene_id == target.gene_id,
        )
        for gene_id, members in by_gene.items()
    ]
    if target.gene_id not in by_gene:
        known = target.start is not None and target.end is not None and target.start < target.end
        start, end = (target.start, target.end) if known else (target.tss, target.tss + 1)
        bounds = Interval(target.chrom, int(start or 0), int(end or 0))
        models.append(GeneModel(target.gene_id, target.symbol, target.strand, bounds, (), (), target=True))
    return tuple(models)


def _span(intervals: Sequence[Interval]) -> Interval:
    """From the first start to the last end."""
    return Interval(intervals[0].chrom, min(i.start for i in intervals), max(i.end for i in intervals))


def pack(models: Sequence[GeneModel], visible: Interval, *, width_px: float, max_rows: int) -> GeneRows:
    """The genes of ``visible`` in rows where neither bodies nor names overlap.

    Parameters
    ----------
    models
        As `collapse` gives them.
    visible
        What the figure shows; genes outside it are not placed.
    width_px
        Width of the plotting area in px, to know how many bp a name takes.
    max_rows
        Genes that need more rows are left out and counted; the target gene is placed first, then the longest.
    """
    bp_per_px = visible.width / width_px
    inside = [model for model in models if model.span.overlaps(visible)]
    rows: list[list[tuple[float, float]]] = []
    placed: list[PlacedGene] = []
    for model in sorted(inside, key=lambda m: (not m.target, -m.span.width, m.span.start, m.gene_id)):
        start, end = max(model.span.start, visible.start), min(model.span.end, visible.end)
        half_name = len(model.label) * NAME_CHAR_PX * (1.1 if model.target else 1.0) / 2 * bp_per_px
        room = max((visible.width / 2) - half_name, 0.0)
        centre = (visible.start + visible.end) / 2
        # A name stays inside the picture even when its gene is cut by the edge.
        name_at = min(max((start + end) / 2, centre - room), centre + room)
        padding = 6 * bp_per_px
        taken = (min(start, name_at - half_name) - padding, max(end, name_at + half_name) + padding)
        row = next((i for i, used in enumerate(rows) if all(taken[1] <= a or taken[0] >= b for a, b in used)), None)
        if row is None and len(rows) < max_rows:
            rows.append([])
            row = len(rows) - 1
        if row is not None:
            rows[row].append(taken)
            placed.append(PlacedGene(model, row, name_at))
    return GeneRows(tuple(placed), max(len(rows), 1), len(inside) - len(placed))
