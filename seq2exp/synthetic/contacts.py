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
    walls = world.boundaries[gene.chrom]
    crossed = abs(int(np.searchsorted(walls, element.centre)) - int(np.searchsorted(walls, gene.tss)))
    bonus = element.bonus[cell] if element.gene_id == gene.gene_id else 1.0
    distance = np.array(float(abs(element.centre - gene.tss)))
    return float(_decay(distance, world.scale.bin_bp)) * LEAK**crossed * bonus


@dataclass(frozen=True)
class ContactPixels:
    """Non-empty pixels of the upper triangle, all chromosomes, sorted; bins are numbered through the genome."""

    bin1: NDArray[np.int64]
    bin2: NDArray[np.int64]
    count: NDArray[np.int64]


def draw_contacts(world: World, cell: Cell, rng: np.random.Generator) -> ContactPixels:
    """Contact counts of one line.

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
        Within chromosomes, up to ``scale.contact_bins`` bins apart; empty pixels are left out.
    """
    scale = world.scale
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
    first_bin = 0
    for chrom, size in world.chrom_sizes.items():
        n_bins = -(-size // scale.bin_bp)
        rows, columns = np.triu_indices(n_bins)
        near = columns - rows < scale.contact_bins
        rows, columns = rows[near], columns[near]
        expected = scale.contact_depth * _decay(((columns - rows) * scale.bin_bp).astype(np.float64), scale.bin_bp)
        # A bin belongs to the domain of its centre.
        domain = np.searchsorted(world.boundaries[chrom], (np.arange(n_bins) + 0.5) * scale.bin_bp)
        expected *= LEAK ** np.abs(domain[columns] - domain[rows])
        loops = np.ones((n_bins, n_bins))
        for gene in world.genes:
            if gene.gene.chrom != chrom:
                continue
            anchor = gene.gene.tss // scale.bin_bp
            for element in world.elements_of(gene.gene):
                if element.gene_id == gene.gene.gene_id:
                    low, high = sorted((anchor, element.centre // scale.bin_bp))
                    loops[low, high] = max(loops[low, high], element.bonus[cell])
        expected *= loops[rows, columns]
        counts = rng.poisson(expected * rng.gamma(1 / _DISPERSION, _DISPERSION, size=len(expected)))
        kept = counts > 0
        parts.append((rows[kept] + first_bin, columns[kept] + first_bin, counts[kept].astype(np.int64)))
        first_bin += n_bins
    bin1, bin2, count = (np.concatenate(column) for column in zip(*parts, strict=True))
    return ContactPixels(bin1, bin2, count)
