"""Contacts: a power law, domains walled by insulators, enhancer-promoter loops, counting noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seq2exp.genome import Gene
from seq2exp.synthetic.elements import Element
from seq2exp.synthetic.presets import Cell
from seq2exp.synthetic.world import World

EXPONENT = 0.87
"""Decay of contact with distance, the published gamma (data-sources.md 4.3)."""
LEAK = 0.08
"""Share of contact that passes one domain boundary."""
_DISPERSION = 0.02
"""Negative-binomial over-dispersion of contact counts."""


def _decay(distance_bp: NDArray[np.float64], bin_bp: int) -> NDArray[np.float64]:
    """Relative contact at a distance: 1 up to one bin, then the power law."""
    result: NDArray[np.float64] = (np.maximum(distance_bp, bin_bp) / bin_bp) ** -EXPONENT
    return result


def pair_contact(world: World, element: Element, gene: Gene, cell: Cell) -> float:
    """Relative contact of an element with a promoter, without noise; 1 is the contact at the TSS itself."""
    walls = world.boundaries
    crossed = abs(int(np.searchsorted(walls, element.centre)) - int(np.searchsorted(walls, gene.tss)))
    bonus = element.bonus[cell] if element.gene_id == gene.gene_id else 1.0
    distance = np.array(float(abs(element.centre - gene.tss)))
    return float(_decay(distance, world.scale.bin_bp)) * LEAK**crossed * bonus


@dataclass(frozen=True)
class ContactPixels:
    """Non-empty pixels of one chromosome's upper triangle, sorted; its first bin is 0."""

    bin1: NDArray[np.int64]
    bin2: NDArray[np.int64]
    count: NDArray[np.int64]


def draw_contacts(world: World, cell: Cell, rng: np.random.Generator) -> ContactPixels:
    """Contact counts of one line on one chromosome.

    Parameters
    ----------
    world
        Boundaries, loops and sizes.
    cell
        The line: loops of its enhancers are its own.
    rng
        Draws the counts.

    Returns
    -------
    ContactPixels
        Up to ``scale.contact_bins - 1`` bins apart; empty pixels are left out.
    """
    scale = world.scale
    n_bins = -(-len(world.codes) // scale.bin_bp)
    bins, offsets = np.arange(n_bins), np.arange(scale.contact_bins)
    decay = scale.contact_depth * _decay(offsets.astype(np.float64) * scale.bin_bp, scale.bin_bp)
    # A bin belongs to the domain of its centre; only the band near the diagonal is ever held.
    domain = np.searchsorted(world.boundaries, (bins + 0.5) * scale.bin_bp)
    partners = bins[:, None] + offsets  # (n_bins, contact_bins)
    inside = partners < n_bins
    crossed = domain[np.minimum(partners, n_bins - 1)] - domain[:, None]
    expected = np.where(inside, decay * LEAK**crossed, 0.0)
    loops: dict[tuple[int, int], float] = {}
    for gene in world.genes:
        anchor = gene.gene.tss // scale.bin_bp
        for element in world.elements_of(gene.gene):
            if element.gene_id == gene.gene.gene_id:
                low, high = sorted((anchor, element.centre // scale.bin_bp))
                loops[low, high - low] = max(loops.get((low, high - low), 1.0), element.bonus[cell])
    for (low, offset), bonus in loops.items():
        expected[low, offset] *= bonus
    counts = rng.poisson(expected * rng.gamma(1 / _DISPERSION, _DISPERSION, size=expected.shape))
    rows, distances = np.nonzero(counts)  # row by row: sorted as the file wants them
    return ContactPixels(rows, rows + distances, counts[rows, distances].astype(np.int64))
