"""Expression: how promoter, elements and contacts make v, what each deletion does, and the CAGE tags drawn from v."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seq2exp.synthetic.contacts import pair_contact
from seq2exp.synthetic.elements import Element
from seq2exp.synthetic.genes import SyntheticGene
from seq2exp.synthetic.presets import CELLS, Cell
from seq2exp.synthetic.world import World

BASELINE = 2.3
"""Natural-log v of a gene without enhancers and with promoter strength 0: labels then span log10 0.3 to 3.5."""
ENHANCER_GAIN = 1.95
"""Factor s on log(1 + sum of activity * contact): enhancers then make about 0.4 of the variance of log v."""
NOISE_SD = 0.36
"""Sd of the natural-log noise: an oracle that knows v reaches Pearson near 0.95."""
LABEL_HALF_BP = 192
"""CAGE is summed over [TSS - 192, TSS + 192): three 128-bp bins (data-sources.md 5.3)."""


def _drive(world: World, gene: SyntheticGene, cell: Cell) -> dict[str, float]:
    """Activity x contact of every element in the gene's window that has activity, by element id."""
    return {
        element.element_id: element.activity[cell] * pair_contact(world, element, gene.gene, cell)
        for element in world.elements_of(gene.gene)
        if element.activity[cell] > 0
    }


def _log_v(gene: SyntheticGene, cell: Cell, drive: Iterable[float]) -> float:
    """Natural log of the tags expected under this drive."""
    return float(
        BASELINE + gene.promoter_strength[cell] + ENHANCER_GAIN * np.log1p(sum(drive)) + gene.stability,
    )


def expected_expression(world: World, gene: SyntheticGene, cell: Cell) -> float:
    """CAGE tags expected around the TSS of ``gene`` in ``cell``: v, without noise."""
    return float(np.exp(_log_v(gene, cell, _drive(world, gene, cell).values())))


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
            drive = _drive(world, gene, cell)
            log_v = _log_v(gene, cell, drive.values())
            for element in world.elements_of(gene.gene):
                effect = 0.0
                if element.element_id in drive:
                    others = (part for name, part in drive.items() if name != element.element_id)
                    effect = (_log_v(gene, cell, others) - log_v) / np.log(10)
                yield Truth(gene, cell, element, pair_contact(world, element, gene.gene, cell), float(effect))


@dataclass(frozen=True)
class CageTags:
    """CAGE tags of one line on one chromosome."""

    positions: NDArray[np.int64]
    """0-based, sorted, only bases with tags."""
    counts: NDArray[np.int64]

    def total(self, start: int, end: int) -> int:
        """Tags in [start, end)."""
        first, last = np.searchsorted(self.positions, [start, end])
        return int(self.counts[first:last].sum())


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
    near_tss = np.zeros(len(world.codes), dtype=bool)
    drawn: list[NDArray[np.int64]] = []
    for gene in world.genes:
        tss = gene.gene.tss
        near_tss[max(tss - LABEL_HALF_BP, 0) : tss + LABEL_HALF_BP] = True
        noisy = expected_expression(world, gene, cell) * np.exp(world.noise[gene.gene.gene_id, cell])
        spread = 30.0 if gene.promoter == "cpg_island" else 3.0  # broad and sharp promoters
        offsets = np.clip(np.rint(rng.normal(0.0, spread, size=rng.poisson(noisy))), -150, 150)
        drawn.append(tss + offsets.astype(np.int64))
    for element in world.elements:
        positions = rng.integers(element.interval.start, element.interval.end, size=rng.poisson(element.activity[cell]))
        drawn.append(positions[~near_tss[positions]])
    return CageTags(*np.unique(np.concatenate(drawn), return_counts=True))


def label(tags: CageTags, gene: SyntheticGene) -> int:
    """The raw label: tags in [TSS - 192, TSS + 192)."""
    return tags.total(gene.gene.tss - LABEL_HALF_BP, gene.gene.tss + LABEL_HALF_BP)
