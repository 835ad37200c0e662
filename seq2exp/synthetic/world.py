"""One chromosome of the synthetic world: its bases, genes, elements and domain boundaries, and where each stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from seq2exp.genome import Gene, Interval, Strand
from seq2exp.synthetic.bases import N_CODE, Composition, background, draw_composition
from seq2exp.synthetic.elements import Element, draw_element
from seq2exp.synthetic.genes import (
    PromoterType,
    SyntheticGene,
    draw_promoter_levels,
    draw_transcript,
    mrna_features,
    write_promoter,
)
from seq2exp.synthetic.layout import Slot, draw_places, lay_slots
from seq2exp.synthetic.presets import CELLS, Cell, Scale, chrom_number
from seq2exp.synthetic.streams import genome_stream, stream

_ARTEFACT_MARGIN_BP = 50
_NUMBERS_PER_CHROM = 1000
"""Gene numbers of a chromosome begin at a multiple of this, so that they are the same in every preset."""


@dataclass(frozen=True)
class World:
    """Everything one chromosome's files are made from. Nothing here is a noisy measurement except `noise`."""

    scale: Scale
    chrom: str
    codes: NDArray[np.uint8]
    """(length,) codes A0 C1 G2 T3 N4."""
    genes: tuple[SyntheticGene, ...]
    """In genome order."""
    elements: tuple[Element, ...]
    """In genome order; none overlaps another."""
    boundaries: NDArray[np.int_]
    """Sorted centres of the insulators: the walls between contact domains."""
    noise: Mapping[tuple[str, Cell], float] = field(repr=False)
    """Natural-log expression noise per gene id and line."""

    @cached_property
    def _bounds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(n_elements,) starts and ends; both ascend because elements do not overlap."""
        starts = np.array([element.interval.start for element in self.elements], dtype=np.int64)
        return starts, np.array([element.interval.end for element in self.elements], dtype=np.int64)

    @property
    def blacklist(self) -> tuple[Interval, ...]:
        """The artefacts with a margin."""
        return tuple(
            Interval(self.chrom, e.interval.start - _ARTEFACT_MARGIN_BP, e.interval.end + _ARTEFACT_MARGIN_BP)
            for e in self.elements
            if e.kind == "artefact"
        )

    def elements_of(self, gene: Gene) -> tuple[Element, ...]:
        """The elements that lie wholly or in part in the gene's window."""
        window = gene.window(self.scale.window_bp)
        starts, ends = self._bounds
        first, last = np.searchsorted(ends, window.start, "right"), np.searchsorted(starts, window.end, "left")
        return self.elements[int(first) : int(last)]


def _draw_gene(
    index: int, slot: Slot, scale: Scale, chrom: str, codes: NDArray[np.uint8], rng: np.random.Generator
) -> SyntheticGene:
    """The ``index``-th gene (from 1), its promoter written; features wait until the whole chromosome is."""
    strand: Strand = "+" if rng.random() < 0.5 else "-"
    body = int(scale.half_bp * rng.uniform(0.5, 1.0))
    room = {"+": slot.end - slot.tss, "-": slot.tss - slot.start}
    if room[strand] < body:  # at a chromosome's end a gene points inwards
        strand = "+" if strand == "-" else "-"
    number = (chrom_number(chrom) - 1) * _NUMBERS_PER_CHROM + index
    # One gene in twelve is non-coding: such genes have no row among the mRNA features, as in the real tables.
    coding = index % 12 != 10
    gene = Gene(
        gene_id=f"SYNG{number:07d}",
        symbol=f"SQX{number}",
        chrom=chrom,
        tss=slot.tss,
        strand=strand,
        aliases=(f"SYNALIAS{number}",),
        gene_type="protein_coding" if coding else "lincRNA",
    )
    promoter: PromoterType = "cpg_island" if rng.random() < 0.65 else "tata"
    write_promoter(gene, promoter, scale.promoter_half_bp, codes, rng)
    transcript = draw_transcript(gene, body, coding="coding" if coding else "non-coding", rng=rng)
    strength, dnase, h3k27ac = draw_promoter_levels(rng)
    return SyntheticGene(gene, transcript, {}, promoter, strength, dnase, h3k27ac)


def _with_bounds(drawn: SyntheticGene, codes: NDArray[np.uint8]) -> SyntheticGene:
    """The gene with its bounds, and with its features read from the finished chromosome."""
    bounds = drawn.transcript.interval
    features = mrna_features(drawn.transcript, codes) if drawn.transcript.cds else {}
    return replace(drawn, gene=replace(drawn.gene, start=bounds.start, end=bounds.end), features=features)


def _draw_elements(
    slot: Slot, gene: Gene, scale: Scale, codes: NDArray[np.uint8], rng: np.random.Generator
) -> list[Element]:
    """The elements of one gene in genome order, written into ``codes``; none where the chromosome has ended."""
    elements = []
    for number, place in enumerate(draw_places(slot, scale, rng), start=1):
        width = int(rng.integers(scale.element_bp[0], scale.element_bp[1] + 1))
        start = place.centre - width // 2
        if start < 0 or start + width > len(codes):
            continue
        element = draw_element(
            f"{gene.gene_id}.e{number}",
            place.kind,
            cell=place.cell,
            interval=Interval(gene.chrom, start, start + width),
            gene_id=gene.gene_id,
            codes=codes,
            rng=rng,
        )
        elements.append(element)
    return elements


def _write_gaps(codes: NDArray[np.uint8], slots: list[Slot], rng: np.random.Generator) -> None:
    """Runs of N at the end of some slots, in place: between domains, and now and then inside a window."""
    for slot in slots[::5]:
        width = int(rng.integers(60, 240))
        codes[slot.end - 40 - width : slot.end - 40] = N_CODE


def chrom_sizes(scale: Scale, seed: int) -> dict[str, int]:
    """Length in bp of every chromosome of a preset, in file order, without making any."""
    return {chrom: lay_slots(scale, chrom, stream(seed, chrom, "layout"))[-1].end for chrom in scale.genes}


@lru_cache(maxsize=1)
def _composition(seed: int) -> Composition:
    return draw_composition(genome_stream(seed))


def make_world(scale: Scale, chrom: str, seed: int, *, noise_sd: float) -> World:
    """One chromosome of one preset and seed.

    Parameters
    ----------
    scale
        Sizes.
    chrom
        One of ``scale.genes``.
    seed
        The same seed gives the same chromosome, whatever other chromosomes the preset has; streams of
        different parts are independent of each other.
    noise_sd
        Sd of the natural-log expression noise.

    Returns
    -------
    World
        Genes numbered from 1 on chr1, from 1,001 on chr2 and so on, 22,001 on chrX.
    """
    slots = lay_slots(scale, chrom, stream(seed, chrom, "layout"))
    codes = background(slots[-1].end, _composition(seed), stream(seed, chrom, "bases"))
    for_genes, for_elements = stream(seed, chrom, "genes"), stream(seed, chrom, "elements")
    genes = [_draw_gene(i, slot, scale, chrom, codes, for_genes) for i, slot in enumerate(slots, start=1)]
    elements = [
        element
        for slot, gene in zip(slots, genes, strict=True)
        for element in _draw_elements(slot, gene.gene, scale, codes, for_elements)
    ]
    _write_gaps(codes, slots, stream(seed, chrom, "gaps"))
    boundaries = np.array([e.centre for e in elements if e.kind == "insulator"], dtype=int)
    for_noise = stream(seed, chrom, "noise")
    noise: dict[tuple[str, Cell], float] = {
        (gene.gene.gene_id, cell): float(for_noise.normal(0.0, noise_sd)) for gene in genes for cell in CELLS
    }
    finished = tuple(_with_bounds(gene, codes) for gene in genes)
    return World(scale, chrom, codes, finished, tuple(elements), boundaries, noise)
