"""ABC as a predictor of element-gene links: activity x contact over the sum of all elements, contact by power law.

The choices that move it are the fields of `AbcChoices`; docs/crispri.md gives the figure of each on the K562 table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np

from seq2exp.benchmark.crispri_distance import implied_tss
from seq2exp.benchmark.ranking import Array
from seq2exp.errors import SettingsError
from seq2exp.genome import match_chromosome
from seq2exp.sources.crispri import CrispriPair
from seq2exp.sources.element_counts import ChromosomeElements
from seq2exp.window.contacts import MAIN_2023, NASSER_2021, AbcConstants, fitted_scale

FULCO_2019 = replace(
    NASSER_2021,
    gamma=1.0,
    scale=fitted_scale(1.0),
    gamma_reference=1.0,
    scale_reference=fitted_scale(1.0),
    weak_weight=0.1,
)
"""The branch of 2019 as far as a power law needs it: it states no scale s, but s cancels in a score that is a share."""

ABC_VERSIONS: Mapping[str, AbcConstants] = MappingProxyType(
    {"main-2023": MAIN_2023, "nasser-2021": NASSER_2021, "fulco-2019": FULCO_2019}
)
"""Constants by code version (data-sources.md 4.3). Contacts by power law take no pseudocount, no scaling to a
reference, no gate and no balancing, and s cancels; so of the constants only gamma and the reach are left."""

OWN_PROMOTER_BP = 500
"""tss_slop of the ABC code."""


@dataclass(frozen=True, slots=True)
class AbcChoices:
    """What ABC leaves open, as its current code does it by default."""

    constants: AbcConstants = MAIN_2023
    activity: Literal["both", "dnase", "h3k27ac"] = "both"
    """both: sqrt(DNase RPM x H3K27ac RPM); else one of them alone. Not divided by width, not quantile-normalised."""
    tss: Literal["distanceToTSS", "gene table", "startTSS"] = "distanceToTSS"
    """Where a gene begins: what its distances imply; its place in a gene table, else the same; column startTSS."""
    several: Literal["sum", "max", "mean"] = "sum"
    """What a tested element that meets several candidates gets of their scores."""
    reach_bp: int = 5_000_000
    """Elements whose middle is this far from the TSS or further count for nothing."""
    share: bool = True
    """Divide by the sum over the gene's elements. Without that it is activity x contact, not ABC."""
    own_promoter: bool = True
    """An element within `OWN_PROMOTER_BP` of the gene's own TSS scores 1, whatever its share: it regulates the gene by
    definition. In the sum it counts as any other."""


def abc_scores(
    pairs: Sequence[CrispriPair],
    elements: Mapping[str, ChromosomeElements],
    choices: AbcChoices | None = None,
    *,
    gene_tss: Mapping[str, int] | None = None,
) -> Array:
    """(n,) ABC score of each pair, NaN where its element meets no candidate.

    Parameters
    ----------
    pairs
        Of one cell type.
    elements
        Candidates of that cell type by chromosome.
    gene_tss
        TSS (0-based) by gene id, for `AbcChoices.tss` "gene table".

    Raises
    ------
    SettingsError
        The choice "gene table" without one.
    """
    choices = choices or AbcChoices()
    scores = np.full(len(pairs), np.nan)
    tss = _tss(pairs, choices, gene_tss)
    by_gene: dict[tuple[str, str, float], list[int]] = {}
    for number, pair in enumerate(pairs):
        by_gene.setdefault((pair.interval.chrom, pair.gene_id, tss[number]), []).append(number)
    for (chrom, _, place), numbers in by_gene.items():
        name = match_chromosome(chrom, elements)
        if name is None:
            continue
        candidates = elements[name]
        of_gene = gene_scores(candidates, place, choices)
        for number in numbers:
            met = _met(candidates, pairs[number])
            if met.stop > met.start:
                scores[number] = getattr(np, choices.several)(of_gene[met])
    return scores


def gene_scores(candidates: ChromosomeElements, tss: float, choices: AbcChoices) -> Array:
    """(n,) score of every candidate of a chromosome for the gene that begins at ``tss`` (bp); 0 beyond the reach."""
    distance = np.abs(candidates.middle - tss)
    score = _activity(candidates, choices) * choices.constants.power_law(distance)
    score[distance >= choices.reach_bp] = 0.0
    total = score.sum()
    if choices.share and total > 0:
        score /= total
    if choices.own_promoter and choices.share:
        near = (candidates.start - OWN_PROMOTER_BP < tss) & (candidates.end + OWN_PROMOTER_BP > tss)
        score[near] = 1.0
    return score


def _activity(candidates: ChromosomeElements, choices: AbcChoices) -> Array:
    if choices.activity == "both":
        return np.sqrt(candidates.dnase * candidates.h3k27ac)
    return candidates.dnase.copy() if choices.activity == "dnase" else candidates.h3k27ac.copy()


def _tss(pairs: Sequence[CrispriPair], choices: AbcChoices, gene_tss: Mapping[str, int] | None) -> list[float]:
    if choices.tss == "startTSS":
        return [float(pair.start_tss or 0) for pair in pairs]
    implied = implied_tss(pairs)
    if choices.tss == "distanceToTSS":
        return [implied[pair.gene_id] for pair in pairs]
    if gene_tss is None:
        raise SettingsError("ABC with the TSS of a gene table needs one; give its TSS, or choose distanceToTSS")
    return [float(gene_tss.get(pair.gene_id, implied[pair.gene_id])) for pair in pairs]


def _met(candidates: ChromosomeElements, pair: CrispriPair) -> slice:
    """The candidates that share a base with the tested element; they are sorted and do not overlap."""
    first = int(np.searchsorted(candidates.end, pair.interval.start, side="right"))
    last = int(np.searchsorted(candidates.start, pair.interval.end, side="left"))
    return slice(first, max(first, last))
