"""The whole synthetic world of one seed: genome, genes, elements, domain boundaries, where each stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seq2exp.genome import Gene, Interval, Strand
from seq2exp.synthetic.bases import N_CODE, background
from seq2exp.synthetic.elements import Element, Kind, draw_element
from seq2exp.synthetic.genes import (
    PromoterType,
    SyntheticGene,
    draw_promoter_levels,
    draw_transcript,
    mrna_features,
    write_promoter,
)
from seq2exp.synthetic.presets import CELLS, Cell, Scale

_OPEN_SIDE = (0.22, 0.42, 0.62, 0.82)
"""Places on the side of the TSS where the domain goes on, in half windows."""
_WALLED_SIDE = (0.22, 0.42)
"""Places within the domain on the side where an insulator stands in the window."""
_WALL, _BEYOND = 0.61, 0.80
"""The insulator on that side, and the insulated enhancer behind it."""
_JITTER = 0.02
_ARTEFACT_MARGIN_BP = 50


@dataclass(frozen=True)
class World:
    """Everything the files are made from. Nothing here is a noisy measurement except `noise`."""

    scale: Scale
    codes: Mapping[str, NDArray[np.uint8]]
    """(length,) codes A0 C1 G2 T3 N4 per chromosome."""
    genes: tuple[SyntheticGene, ...]
    elements: tuple[Element, ...]
    boundaries: Mapping[str, NDArray[np.int_]]
    """Sorted centres of the insulators per chromosome: the walls between contact domains."""
    noise: Mapping[tuple[str, Cell], float] = field(repr=False)
    """Natural-log expression noise per gene id and line."""

    @property
    def chrom_sizes(self) -> dict[str, int]:
        """Length of every chromosome in bp, in file order."""
        return {chrom: len(codes) for chrom, codes in self.codes.items()}

    @property
    def blacklist(self) -> tuple[Interval, ...]:
        """The artefacts with a margin."""
        return tuple(
            Interval(e.interval.chrom, e.interval.start - _ARTEFACT_MARGIN_BP, e.interval.end + _ARTEFACT_MARGIN_BP)
            for e in self.elements
            if e.kind == "artefact"
        )

    def elements_of(self, gene: Gene) -> Iterator[Element]:
        """The elements that lie wholly or in part in the gene's window."""
        window = gene.window(self.scale.window_bp)
        return (element for element in self.elements if element.interval.overlaps(window))


@dataclass(frozen=True, slots=True)
class _Slot:
    """One gene's stretch of chromosome before anything is written into it."""

    chrom: str
    start: int
    end: int
    tss: int


def _lay_slots(scale: Scale, rng: np.random.Generator) -> tuple[dict[str, int], list[_Slot]]:
    """Chromosome lengths, and a slot per gene; two windows pass a chromosome's end on purpose."""
    sizes: dict[str, int] = {}
    slots: list[_Slot] = []
    chromosomes = list(scale.genes)
    for chrom in chromosomes:
        # Log-normal spacing, but never so near that a gene's promoter lies in its neighbour's window.
        widths = scale.window_bp * np.maximum(scale.spacing_factor * rng.lognormal(0.0, 0.15, scale.genes[chrom]), 1.12)
        position = 0
        for index, width in enumerate(widths.astype(int)):
            tss = position + int(width) // 2
            end = position + int(width)
            if chrom == chromosomes[-1] and index == 0:
                tss = scale.half_bp - scale.end_overhang_bp
                end = tss + int(width) // 2
            if chrom == chromosomes[0] and index == len(widths) - 1:
                end = tss + scale.half_bp - scale.end_overhang_bp
            slots.append(_Slot(chrom, position, end, tss))
            position = end
        sizes[chrom] = position
    return sizes, slots


def _kinds(n_places: int, rng: np.random.Generator) -> list[tuple[Kind, Cell | None]]:
    """What stands at a gene's places, shuffled: enhancers of both lines, a cluster, an artefact, decoys, gaps."""
    kinds: list[tuple[Kind, Cell | None]] = [
        ("enhancer", cell) for cell in CELLS for _ in range(1 + int(rng.random() < 0.3))
    ]
    if rng.random() < 0.5:
        kinds.append(("silent", CELLS[int(rng.integers(2))]))
    if rng.random() < 0.15:
        kinds.append(("artefact", None))
    while len(kinds) < n_places:
        kinds.append(("decoy", None))
    return [kinds[i] for i in rng.permutation(len(kinds))][:n_places]


def _places(slot: _Slot, scale: Scale, rng: np.random.Generator) -> list[tuple[int, Kind, Cell | None]]:
    """Centre, kind and line of every element of a slot."""
    walled = -1 if rng.random() < 0.5 else 1
    inside = [-walled * f for f in _OPEN_SIDE] + [walled * f for f in _WALLED_SIDE]
    kinds = _kinds(len(inside), rng)
    chosen: list[tuple[float, Kind, Cell | None]] = [(f, *what) for f, what in zip(inside, kinds, strict=True)]
    chosen.append((walled * _WALL, "insulator", None))
    if rng.random() < 0.8:
        chosen.append((walled * _BEYOND, "insulated", CELLS[int(rng.integers(2))]))
    return [
        (slot.tss + round((f + rng.uniform(-_JITTER, _JITTER)) * scale.half_bp), kind, cell) for f, kind, cell in chosen
    ]


def _draw_gene(
    number: int, slot: _Slot, scale: Scale, codes: Mapping[str, NDArray[np.uint8]], rng: np.random.Generator
) -> SyntheticGene:
    """The gene of a slot, its promoter written; features wait until the whole genome is."""
    strand: Strand = "+" if rng.random() < 0.5 else "-"
    body = int(scale.half_bp * rng.uniform(0.5, 1.0))
    room = {"+": slot.end - slot.tss, "-": slot.tss - slot.start}
    if room[strand] < body:  # at a chromosome's end a gene points inwards
        strand = "+" if strand == "-" else "-"
    # One gene in twelve is non-coding: such genes have no row among the mRNA features, as in the real tables.
    coding = number % 12 != 10
    gene = Gene(
        gene_id=f"SYNG{number:07d}",
        symbol=f"SQX{number}",
        chrom=slot.chrom,
        tss=slot.tss,
        strand=strand,
        aliases=(f"SYNALIAS{number}",),
        gene_type="protein_coding" if coding else "lincRNA",
    )
    promoter: PromoterType = "cpg_island" if rng.random() < 0.65 else "tata"
    write_promoter(gene, promoter, scale.centre_bp // 2, codes, rng)
    transcript = draw_transcript(gene, body, coding="coding" if coding else "non-coding", rng=rng)
    strength, dnase, h3k27ac = draw_promoter_levels(rng)
    return SyntheticGene(gene, transcript, {}, promoter, strength, dnase, h3k27ac)


def _with_bounds(drawn: SyntheticGene, codes: NDArray[np.uint8]) -> SyntheticGene:
    """The gene with its bounds, and with its features read from the finished genome."""
    bounds = drawn.transcript.interval
    old = drawn.gene
    gene = Gene(
        old.gene_id, old.symbol, old.chrom, old.tss, old.strand, old.aliases, old.gene_type, bounds.start, bounds.end
    )
    features = mrna_features(drawn.transcript, codes) if drawn.transcript.cds else {}
    return SyntheticGene(
        gene,
        drawn.transcript,
        features,
        drawn.promoter,
        drawn.promoter_strength,
        drawn.promoter_dnase,
        drawn.promoter_h3k27ac,
    )


def _write_gaps(codes: Mapping[str, NDArray[np.uint8]], slots: list[_Slot], rng: np.random.Generator) -> None:
    """Runs of N at the end of some slots, in place: between domains, and now and then inside a window."""
    for slot in slots[::5]:
        width = int(rng.integers(60, 240))
        codes[slot.chrom][slot.end - 40 - width : slot.end - 40] = N_CODE


def make_world(scale: Scale, seed: int, *, noise_sd: float) -> World:
    """The world of one preset and seed.

    Parameters
    ----------
    scale
        Sizes.
    seed
        The same seed gives the same world; streams of different parts are independent of each other.
    noise_sd
        Sd of the natural-log expression noise.

    Returns
    -------
    World
        Genes in genome order, numbered from 1; elements in order of position within a gene.
    """
    for_layout, for_bases, for_genes, for_elements, for_gaps, for_noise = (
        np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(6)
    )
    sizes, slots = _lay_slots(scale, for_layout)
    codes = background(sizes, for_bases)
    genes = [_draw_gene(i, slot, scale, codes, for_genes) for i, slot in enumerate(slots, start=1)]
    elements: list[Element] = []
    for slot, gene in zip(slots, genes, strict=True):
        for place, (centre, kind, cell) in enumerate(sorted(_places(slot, scale, for_elements)), start=1):
            width = int(for_elements.integers(scale.element_bp[0], scale.element_bp[1] + 1))
            interval = Interval(slot.chrom, centre - width // 2, centre - width // 2 + width)
            if interval.start < 0 or interval.end > sizes[slot.chrom]:
                continue
            element = draw_element(
                f"{gene.gene.gene_id}.e{place}",
                kind,
                cell=cell,
                interval=interval,
                gene_id=gene.gene.gene_id,
                genome=codes,
                rng=for_elements,
            )
            elements.append(element)
    _write_gaps(codes, slots, for_gaps)
    boundaries = {
        chrom: np.sort([e.centre for e in elements if e.kind == "insulator" and e.interval.chrom == chrom]).astype(int)
        for chrom in sizes
    }
    finished = tuple(_with_bounds(gene, codes[gene.gene.chrom]) for gene in genes)
    noise: dict[tuple[str, Cell], float] = {
        (gene.gene.gene_id, cell): float(for_noise.normal(0.0, noise_sd)) for gene in finished for cell in CELLS
    }
    return World(scale, codes, finished, tuple(elements), boundaries, noise)
