"""Distance to the TSS: as a predictor, what TSS it implies, and whether the coordinates of a table fit together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from seq2exp.benchmark.ranking import Array
from seq2exp.errors import SourceError
from seq2exp.sources.crispri import CrispriPair

OTHER_ASSEMBLY_BP = 5_000
"""If the TSS of half of the genes differ by more than this, two tables are not of one assembly. Two annotations of
hg38 differ by 50 bp in the median of the K562 training table, hg19 and hg38 by far more on most chromosomes."""

_LEAST_GENES = 5
"""With fewer genes in common one odd TSS would decide."""

_SAME_BP = 3.0
"""Implied TSS agree to 2.5 bp: middles of elements and distances are rounded."""


def distance_scores(pairs: Sequence[CrispriPair]) -> Array:
    """(n,) minus the distance in bp that the table states; nearer is likelier.

    It takes distanceToTSS, never startTSS, which is faulty in places (data-sources.md 10.3).
    """
    return -np.array([pair.distance_bp for pair in pairs])


def implied_tss(pairs: Sequence[CrispriPair]) -> Mapping[str, float]:
    """The TSS (bp) of each gene that its elements and their distanceToTSS imply, good to some bp.

    Every pair allows two places, to the left and to the right of its element. The one that fits most of the gene's
    pairs is taken; of several, as where a gene has one pair, the one nearest to startTSS, where that is given.
    """
    by_gene: dict[str, list[CrispriPair]] = {}
    for pair in pairs:
        by_gene.setdefault(pair.gene_id, []).append(pair)
    return {gene_id: _implied(of_gene) for gene_id, of_gene in by_gene.items()}


def _implied(pairs: Sequence[CrispriPair]) -> float:
    centres = np.array([pair.centre for pair in pairs])
    distances = distance_scores(pairs) * -1
    places = np.concatenate([centres - distances, centres + distances])
    misfit = np.median(np.abs(np.abs(centres - places[:, None]) - distances), axis=1)  # (2 n,)
    fitting = places[misfit <= misfit.min() + _SAME_BP]
    stated = next((pair.start_tss for pair in pairs if pair.start_tss is not None), None)
    return float(fitting[0] if stated is None else fitting[np.abs(fitting - stated).argmin()])


def check_one_assembly(path: Path, pairs: Sequence[CrispriPair]) -> None:
    """SourceError where most elements do not lie as far from their startTSS as distanceToTSS says."""
    apart = [abs(abs(pair.centre - pair.start_tss) - pair.distance_bp) for pair in pairs if pair.start_tss is not None]
    if len(apart) >= _LEAST_GENES and np.median(apart) > OTHER_ASSEMBLY_BP:
        raise SourceError(
            f"{path}: most elements do not lie distanceToTSS from startTSS (median {np.median(apart):,.0f} bp off), so "
            "they are not of one assembly; give the table as published, in GRCh38"
        )


def check_same_assembly(
    path: Path, pairs: Sequence[CrispriPair], known_tss: Mapping[str, int], *, other: Path | str
) -> None:
    """SourceError where the genes of the table lie elsewhere than in another table.

    Parameters
    ----------
    path
        The table of pairs.
    known_tss
        TSS by gene id of the other table.
    other
        Its name.
    """
    implied = implied_tss([pair for pair in pairs if pair.gene_id in known_tss])
    apart = [abs(tss - known_tss[gene_id]) for gene_id, tss in implied.items()]
    if len(apart) >= _LEAST_GENES and np.median(apart) > OTHER_ASSEMBLY_BP:
        raise SourceError(
            f"{path}: its genes lie elsewhere than in {other} (median {np.median(apart):,.0f} bp over {len(apart):,} "
            "genes), so they are of two assemblies; give pairs of the same assembly"
        )
