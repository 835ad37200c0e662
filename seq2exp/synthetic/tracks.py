"""DNase and H3K27ac tracks in 20-bp steps: expected profiles of sites, and what an assay would measure of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seq2exp.synthetic.presets import STEP_BP, Cell
from seq2exp.synthetic.world import World

_DNASE_WINDOW_BP = 150
"""hotspot2 counts cuts in 150 bp (data-sources.md 3.2)."""
_DNASE_BACKGROUND = 0.05
_DNASE_DEPTH = 60.0
"""Million reads: counting noise of a deep library."""
_DNASE_DISPERSION = 0.08
_H3K27AC_SMOOTH_BP = 200
_H3K27AC_BACKGROUND = 0.35
_LOBE_SD_BP = 55.0
_LOBE_OFFSET_BP = 60.0
"""Distance of a lobe's centre from the edge of its site: the flanking nucleosome."""
_H3K27AC_DISPERSION = 0.03


def _smooth(values: NDArray[np.float64], width_bp: int) -> NDArray[np.float64]:
    """Running mean over ``width_bp``; the kernel's ends carry the part of a step that is left over."""
    steps = width_bp / STEP_BP
    half = int((steps - 1) // 2)
    edge = (steps - 1 - 2 * half) / 2
    kernel = np.array([edge, *([1.0] * (2 * half + 1)), edge]) / steps
    result: NDArray[np.float64] = np.convolve(np.pad(values, half + 1, mode="edge"), kernel, mode="valid")
    return result


def _sites(world: World, cell: Cell, chrom: str) -> Iterator[tuple[int, int, float, float]]:
    """Start, end, DNase summit and H3K27ac lobe height of every open or acetylated place."""
    for element in world.elements:
        if element.interval.chrom == chrom and element.is_open(cell):
            yield element.interval.start, element.interval.end, element.dnase[cell], element.h3k27ac[cell]
    half = world.scale.centre_bp // 2
    for gene in world.genes:
        if gene.gene.chrom == chrom:
            tss = gene.gene.tss
            yield tss - half, tss + half // 2, gene.promoter_dnase[cell], gene.promoter_h3k27ac[cell]


def _step_centres(world: World, chrom: str) -> NDArray[np.float64]:
    """(n_steps,) middle of every 20-bp step; the last step may be shorter."""
    n_steps = -(-world.chrom_sizes[chrom] // STEP_BP)
    return STEP_BP / 2 + STEP_BP * np.arange(n_steps, dtype=np.float64)


def draw_dnase(world: World, cell: Cell, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """DNase of one line: (n_steps,) per chromosome, cuts per million reads per 150 bp.

    Every site is a bump whose expected summit is the site's own; cuts are counted with over-dispersion in
    steps of 20 bp, then added over 150 bp, as the assay's own pipeline does.
    """
    tracks = {}
    for chrom in world.codes:
        centres = _step_centres(world, chrom)
        expected = np.full(len(centres), _DNASE_BACKGROUND)
        for start, end, summit, _ in _sites(world, cell, chrom):
            sd = (end - start) / 3.5
            expected += summit * np.exp(-0.5 * ((centres - (start + end) / 2) / sd) ** 2)
        per_step = expected * _DNASE_DEPTH * STEP_BP / _DNASE_WINDOW_BP
        cuts = rng.poisson(per_step * rng.gamma(1 / _DNASE_DISPERSION, _DNASE_DISPERSION, size=len(centres)))
        density = _smooth(cuts.astype(np.float64), _DNASE_WINDOW_BP) * (_DNASE_WINDOW_BP / STEP_BP) / _DNASE_DEPTH
        tracks[chrom] = density.astype(np.float32)
    return tracks


def draw_h3k27ac(world: World, cell: Cell, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """H3K27ac of one line: (n_steps,) per chromosome, like -log10 p.

    Two lobes stand on the nucleosomes beside a site; noise is smooth over about 200 bp, as fragments make it.
    """
    tracks = {}
    for chrom in world.codes:
        centres = _step_centres(world, chrom)
        lobes = np.zeros(len(centres))
        for start, end, _, height in _sites(world, cell, chrom):
            # Neighbouring lobes do not add up: a p-value's height is set by the fragments of its own place.
            for centre in (start - _LOBE_OFFSET_BP, end + _LOBE_OFFSET_BP):
                lobes = np.maximum(lobes, height * np.exp(-0.5 * ((centres - centre) / _LOBE_SD_BP) ** 2))
        noise = rng.gamma(1 / _H3K27AC_DISPERSION, _H3K27AC_DISPERSION, size=len(centres))
        floor = rng.exponential(_H3K27AC_BACKGROUND, size=len(centres))
        smooth = _smooth(floor, _H3K27AC_SMOOTH_BP) + lobes * _smooth(noise, _H3K27AC_SMOOTH_BP)
        tracks[chrom] = smooth.astype(np.float32)
    return tracks


def mean_over(values: NDArray[np.float32], start: int, end: int) -> float:
    """Mean of a track over the steps that meet [start, end); bases before the chromosome count for nothing."""
    return float(np.mean(values[max(start, 0) // STEP_BP : -(-end // STEP_BP)], dtype=np.float64))
