"""Expression: how promoter, elements and contacts make v, what each deletion does, and the CAGE tags drawn from v."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seq2exp.synthetic.contacts import pair_contact
from seq2exp.synthetic.elements import Element
from seq2exp.synthetic.genes import SyntheticGene
from seq2exp.synthetic.presets import CELLS, Cell
from seq2exp.synthetic.world import World

BASELINE = 2.6
"""Natural-log v of a gene without enhancers and with promoter strength 0: labels then span log10 0.5 to 3."""
ENHANCER_GAIN = 1.5
"""Factor s on log(1 + sum of activity * contact)."""
NOISE_SD = 0.33
"""Sd of the natural-log noise: an oracle that knows v reaches Pearson near 0.95."""
LABEL_HALF_BP = 192
"""CAGE is summed over [TSS - 192, TSS + 192): three 128-bp bins (data-sources.md 5.3)."""


def expected_expression(world: World, gene: SyntheticGene, cell: Cell) -> float:
    """CAGE tags expected around the TSS of ``gene`` in ``cell``: v, without noise."""
    drive = sum(e.activity[cell] * pair_contact(world, e, gene.gene, cell) for e in world.elements_of(gene.gene))
    log_v = BASELINE + gene.promoter_strength[cell] + ENHANCER_GAIN * np.log1p(drive) + gene.stability
    return float(np.exp(log_v))


def without(world: World, element: Element) -> World:
    """The world with ``element`` deleted: its activity is gone, everything else stands."""
    return replace(world, elements=tuple(e for e in world.elements if e.element_id != element.element_id))


@dataclass(frozen=True, slots=True)
class Truth:
    """What one element is to one gene in one line."""

    gene: SyntheticGene
    cell: Cell
    element: Element
    contact: float
    """Relative contact of element and promoter, 1 at the TSS itself."""
    effect_log10: float
    """log10 of v without the element minus log10 of v: negative for an enhancer, 0 for what has no activity."""

    @property
    def causal(self) -> bool:
        """Whether the element belongs into the mask: an active enhancer of its own gene."""
        return self.element.class_in(self.cell) == "active_enhancer" and self.element.gene_id == self.gene.gene.gene_id


def truth(world: World) -> Iterator[Truth]:
    """Every element in every gene's window, in every line; effects are exact deletions, not estimates."""
    for gene in world.genes:
        for cell in CELLS:
            v = expected_expression(world, gene, cell)
            for element in world.elements_of(gene.gene):
                effect = 0.0
                if element.activity[cell] > 0:
                    effect = float(np.log10(expected_expression(without(world, element), gene, cell)) - np.log10(v))
                yield Truth(gene, cell, element, pair_contact(world, element, gene.gene, cell), effect)


@dataclass(frozen=True)
class CageTags:
    """CAGE tags of one line: per chromosome the 0-based positions with tags, sorted, and their counts."""

    positions: dict[str, NDArray[np.int64]]
    counts: dict[str, NDArray[np.int64]]

    def total(self, chrom: str, start: int, end: int) -> int:
        """Tags in [start, end)."""
        inside = (self.positions[chrom] >= start) & (self.positions[chrom] < end)
        return int(self.counts[chrom][inside].sum())


def draw_cage(world: World, cell: Cell, rng: np.random.Generator) -> CageTags:
    """Tags drawn from noisy v around every TSS, and a few from active enhancers.

    Parameters
    ----------
    world
        v and its noise come from it.
    cell
        The line.
    rng
        Draws counts and positions.

    Returns
    -------
    CageTags
        The sum over TSS +- `LABEL_HALF_BP` is the label: nothing else may fall there, so enhancer tags that
        would are left out.
    """
    tags: dict[str, dict[int, int]] = {chrom: {} for chrom in world.codes}
    near_tss = {chrom: np.zeros(len(codes), dtype=bool) for chrom, codes in world.codes.items()}
    for gene in world.genes:
        tss = gene.gene.tss
        near_tss[gene.gene.chrom][max(tss - LABEL_HALF_BP, 0) : tss + LABEL_HALF_BP] = True
        noisy = expected_expression(world, gene, cell) * np.exp(world.noise[gene.gene.gene_id, cell])
        spread = 30.0 if gene.promoter == "cpg_island" else 3.0  # broad and sharp promoters
        offsets = np.clip(np.rint(rng.normal(0.0, spread, size=rng.poisson(noisy))), -150, 150).astype(int)
        for position, count in zip(*np.unique(tss + offsets, return_counts=True), strict=True):
            tags[gene.gene.chrom][int(position)] = int(count)
    for element in world.elements:
        positions = rng.integers(element.interval.start, element.interval.end, size=rng.poisson(element.activity[cell]))
        for position in positions.tolist():
            if not near_tss[element.interval.chrom][position]:
                found = tags[element.interval.chrom]
                found[position] = found.get(position, 0) + 1
    order = {chrom: sorted(found) for chrom, found in tags.items()}
    return CageTags(
        {chrom: np.array(places, dtype=np.int64) for chrom, places in order.items()},
        {chrom: np.array([tags[chrom][p] for p in places], dtype=np.int64) for chrom, places in order.items()},
    )


def label(tags: CageTags, gene: SyntheticGene) -> int:
    """The raw label: tags in [TSS - 192, TSS + 192)."""
    return tags.total(gene.gene.chrom, gene.gene.tss - LABEL_HALF_BP, gene.gene.tss + LABEL_HALF_BP)
