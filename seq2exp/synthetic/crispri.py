"""CRISPR interference: simulated knock-downs of open sites, in the columns of the ENCODE benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from seq2exp.synthetic.elements import Element
from seq2exp.synthetic.expression import expected_expression, truth
from seq2exp.synthetic.genes import SyntheticGene
from seq2exp.synthetic.presets import CELLS, Cell
from seq2exp.synthetic.tracks import mean_over
from seq2exp.synthetic.world import World

COLUMNS = (
    *("chrom", "chromStart", "chromEnd", "name", "EffectSize", "chrTSS", "startTSS", "endTSS"),
    *("measuredGeneSymbol", "measuredGeneEnsemblId", "Significant", "pValueAdjusted", "PowerAtEffectSize10"),
    *("PowerAtEffectSize15", "PowerAtEffectSize20", "PowerAtEffectSize25", "PowerAtEffectSize50", "ValidConnection"),
    *("CellType", "Reference", "Regulated", "Dataset", "distanceToTSS", "measuredGeneUbiquitousExpressed"),
    *("elementChromatinCategory", "H3K27ac_peak_overlap", "H3K27ac.RPM", "H3K27ac.percentile"),
    *("H3K27ac.RPM.expandedRegion", "H3K27ac.expandedRegion.percentile", "DHS.RPM", "DHS.percentile"),
    *("CTCF_peak_overlap", "CTCF.RPM", "H3K27me3_peak_overlap", "H3K27me3.RPM", "H3K4me1_peak_overlap"),
    *("H3K4me1.RPM", "direct_vs_indirect_negative", "direct_rate_negative", "indirect_rate_negative"),
    "imputed_indirect_rate",
)
"""The header of EPCrisprBenchmark_combined_data, in its order (data-sources.md section 10.1)."""
_UNKNOWN = "NA"
"""Stands in the columns of assays that are not simulated."""

EFFICIENCY = 0.85
"""Share of an element's activity that a knock-down takes away."""
_ERROR = (0.03, 0.3)
"""Standard error of an effect: a floor, and the part that falls with the square root of the gene's own tags."""
_ALPHA = 0.05
"""Adjusted p below which an effect is significant."""
_POWER_AT = (0.10, 0.15, 0.20, 0.25, 0.50)
_KEPT_POWER = 0.8
"""Pairs without significance are kept where 25 % would have been seen with this power, as in the benchmark."""
_EXPANDED_BP = 150
_ACETYLATED, _HIGHLY = 5.0, 40.0
"""Mean -log10 p around a site that counts as an H3K27ac peak, and as a high one."""


@dataclass(frozen=True, slots=True)
class Knockdown:
    """One open site, silenced, and one gene measured."""

    gene: SyntheticGene
    cell: Cell
    element: Element
    effect: float
    """Measured change of expression, as a fraction: -0.3 is 30 % less."""
    error: float
    """Its standard error."""
    dnase: float
    """Mean DNase over the site."""
    h3k27ac: float
    """Mean H3K27ac over the site."""
    h3k27ac_around: float
    """Mean H3K27ac over the site and 150 bp on either side."""


def draw_knockdowns(
    world: World, cell: Cell, dnase: NDArray[np.float32], h3k27ac: NDArray[np.float32], rng: np.random.Generator
) -> Iterator[Knockdown]:
    """A screen of one line on one chromosome: every open site in every gene's window but blacklisted ones.

    Parameters
    ----------
    world, cell
        True effects and expression.
    dnase, h3k27ac
        (n_steps,) the line's tracks.
    rng
        Draws the noise of each measurement.

    Yields
    ------
    Knockdown
        The true change under a knock-down that is `EFFICIENCY` complete, plus noise: expression does not go
        below nothing, so no effect is below -1.
    """
    floor, counted = _ERROR
    for row in truth(world):
        element = row.element
        if row.cell != cell or not element.is_open(cell) or element.kind == "artefact":
            continue
        error = float(np.hypot(floor, counted / np.sqrt(1 + expected_expression(world, row.gene, cell))))
        expected = EFFICIENCY * (10**row.effect_log10 - 1)
        start, end = element.interval.start, element.interval.end
        yield Knockdown(
            row.gene,
            cell,
            element,
            float(max(expected + rng.normal(0.0, error), -1.0)),
            error,
            mean_over(dnase, start, end),
            mean_over(h3k27ac, start, end),
            mean_over(h3k27ac, start - _EXPANDED_BP, end + _EXPANDED_BP),
        )


def _adjusted(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) p-values adjusted after Benjamini and Hochberg."""
    order = np.argsort(p)
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    result = np.empty(len(p))
    result[order] = np.minimum.accumulate(scaled[::-1])[::-1].clip(max=1.0)
    return result


def rows(knockdowns: Sequence[Knockdown]) -> list[tuple[object, ...]]:
    """Lines of the table, in the order of ``knockdowns``, without those too weakly powered to say anything.

    Each line is adjusted and ranked among the knock-downs of its own cell line.
    """
    return [line for cell in CELLS for line in _rows_of([k for k in knockdowns if k.cell == cell])]


def _rows_of(screen: list[Knockdown]) -> Iterator[tuple[object, ...]]:
    if not screen:
        return
    effect = np.array([k.effect for k in screen])
    error = np.array([k.error for k in screen])
    p = 2 * norm.sf(np.abs(effect) / error)
    adjusted = _adjusted(p)
    significant = adjusted < _ALPHA
    # Power at the p-value that this screen's own adjustment asks for.
    critical = norm.isf(p[significant].max() / 2) if significant.any() else norm.isf(_ALPHA / (2 * len(p)))
    power = norm.sf(critical - np.array(_POWER_AT) / error[:, None])  # (n, 5)
    ranked = [
        rankdata([getattr(k, track) for k in screen]) / len(screen) for track in ("h3k27ac", "h3k27ac_around", "dnase")
    ]
    for i, k in enumerate(screen):
        if not significant[i] and power[i, _POWER_AT.index(0.25)] < _KEPT_POWER:
            continue
        gene, place = k.gene.gene, k.element.interval
        middle = (place.start + place.end) // 2
        acetylated = k.h3k27ac_around >= _ACETYLATED
        category = "High H3K27ac" if k.h3k27ac_around >= _HIGHLY else "H3K27ac" if acetylated else "No H3K27ac"
        yield (
            *(place.chrom, place.start, place.end, f"{gene.symbol}|{place.chrom}:{place.start}-{place.end}:*"),
            *(round(k.effect, 6), gene.chrom, gene.tss, gene.tss + 1, gene.symbol, gene.gene_id),
            *(_flag(bool(significant[i])), float(f"{adjusted[i]:.6g}"), *(round(float(x), 6) for x in power[i])),
            *("TRUE", k.cell, "synthetic", _flag(bool(significant[i] and k.effect < 0)), "synthetic"),
            # A CpG island stands for a gene that every cell type expresses.
            *(abs(middle - gene.tss), _flag(k.gene.promoter == "cpg_island"), category, int(acetylated)),
            *(round(k.h3k27ac, 6), round(float(ranked[0][i]), 6)),
            *(round(k.h3k27ac_around, 6), round(float(ranked[1][i]), 6)),
            *(round(k.dnase, 6), round(float(ranked[2][i]), 6)),
            *[_UNKNOWN] * 10,
        )


def _flag(value: bool) -> str:  # noqa: FBT001  its only argument
    """The benchmark's spelling of a truth value."""
    return "TRUE" if value else "FALSE"
