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


def _sites(world: World, cell: Cell) -> Iterator[tuple[int, int, float, float]]:
    """Start, end, DNase summit and H3K27ac lobe height of every open or acetylated place."""
    for element in world.elements:
        if element.is_open(cell):
            yield element.interval.start, element.interval.end, element.dnase[cell], element.h3k27ac[cell]
    half = world.scale.promoter_half_bp
    for gene in world.genes:
        tss = gene.gene.tss
        yield tss - half, tss + half // 2, gene.promoter_dnase[cell], gene.promoter_h3k27ac[cell]


def _bump(n_steps: int, centre: float, sd: float) -> tuple[slice, NDArray[np.float64]]:
    """The steps within 5 sd of ``centre`` (bp), and a Gaussian of height 1 at their middles."""
    first = max(int((centre - 5 * sd) // STEP_BP), 0)
    last = min(int((centre + 5 * sd) // STEP_BP) + 1, n_steps)
    middles = STEP_BP / 2 + STEP_BP * np.arange(first, last, dtype=np.float64)
    return slice(first, last), np.exp(-0.5 * ((middles - centre) / sd) ** 2)


def _n_steps(world: World) -> int:
    """Number of 20-bp steps of the chromosome; the last one may be shorter."""
    return -(-len(world.codes) // STEP_BP)


def draw_dnase(world: World, cell: Cell, rng: np.random.Generator) -> NDArray[np.float32]:
    """DNase of one line: (n_steps,) cuts per million reads per 150 bp.

    Every site is a bump whose expected summit is the site's own; cuts are counted with over-dispersion in
    steps of 20 bp, then added over 150 bp, as the assay's own pipeline does.
    """
    expected = np.full(_n_steps(world), _DNASE_BACKGROUND)
    for start, end, summit, _ in _sites(world, cell):
        steps, shape = _bump(len(expected), (start + end) / 2, (end - start) / 3.5)
        expected[steps] += summit * shape
    per_step = expected * _DNASE_DEPTH * STEP_BP / _DNASE_WINDOW_BP
    cuts = rng.poisson(per_step * rng.gamma(1 / _DNASE_DISPERSION, _DNASE_DISPERSION, size=len(expected)))
    density = _smooth(cuts.astype(np.float64), _DNASE_WINDOW_BP) * (_DNASE_WINDOW_BP / STEP_BP) / _DNASE_DEPTH
    return density.astype(np.float32)


def draw_h3k27ac(world: World, cell: Cell, rng: np.random.Generator) -> NDArray[np.float32]:
    """H3K27ac of one line: (n_steps,), like -log10 p.

    Two lobes stand on the nucleosomes beside a site; noise is smooth over about 200 bp, as fragments make it.
    """
    lobes = np.zeros(_n_steps(world))
    for start, end, _, height in _sites(world, cell):
        # Neighbouring lobes do not add up: a p-value's height is set by the fragments of its own place.
        for centre in (start - _LOBE_OFFSET_BP, end + _LOBE_OFFSET_BP):
            steps, shape = _bump(len(lobes), centre, _LOBE_SD_BP)
            lobes[steps] = np.maximum(lobes[steps], height * shape)
    noise = rng.gamma(1 / _H3K27AC_DISPERSION, _H3K27AC_DISPERSION, size=len(lobes))
    floor = rng.exponential(_H3K27AC_BACKGROUND, size=len(lobes))
    smooth = _smooth(floor, _H3K27AC_SMOOTH_BP) + lobes * _smooth(noise, _H3K27AC_SMOOTH_BP)
    return smooth.astype(np.float32)


def mean_over(values: NDArray[np.float32], start: int, end: int) -> float:
    """Mean of a track over the steps that meet [start, end); bases before the chromosome count for nothing."""
    return float(np.mean(values[max(start, 0) // STEP_BP : -(-end // STEP_BP)], dtype=np.float64))
