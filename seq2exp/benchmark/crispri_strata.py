"""Groups of CRISPRi pairs that are judged apart: by distance, by the part their gene lies in, by what is scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from seq2exp.benchmark.crispri_model import genes_by_id
from seq2exp.results import BoolArray
from seq2exp.sources.crispri import CrispriPair
from seq2exp.sources.dataset import Dataset

Part = Literal["train", "valid", "test"]
PARTS: tuple[Part, ...] = ("test", "valid", "train")

FOLD_11: Mapping[str, Part] = MappingProxyType({"chr22": "test", "chrX": "test", "chr3": "valid", "chr21": "valid"})
"""Chromosomes of the published fold that were not trained on (data-sources.md 7.1)."""

StratumKind = Literal["all", "distance", "leakage", "scored"]


@dataclass(frozen=True, eq=False)
class Stratum:
    """Some of the pairs, under a name that says which."""

    kind: StratumKind
    name: str
    chosen: BoolArray
    """(n,) over all pairs."""


def parts(pairs: Sequence[CrispriPair], dataset: Dataset | None = None) -> list[Part]:
    """The part each pair's gene lies in: by the data set's split, where that lists it, else by chromosome (fold 11)."""
    listed = {} if dataset is None else {key: dataset.fold(gene) for key, gene in genes_by_id(dataset).items()}
    found: list[Part] = []
    for pair in pairs:
        chrom = pair.interval.chrom
        by_chromosome = FOLD_11.get(chrom if chrom.startswith("chr") else f"chr{chrom}", "train")
        fold = listed.get(pair.gene_id)
        found.append(next((part for part in PARTS if part == fold), by_chromosome))
    return found


def strata(
    pairs: Sequence[CrispriPair], gene_parts: Sequence[Part], scored: Mapping[str, BoolArray], bins_bp: Sequence[int]
) -> tuple[Stratum, ...]:
    """Every group with at least one pair.

    Parameters
    ----------
    gene_parts
        As `parts` gives them.
    scored
        (n,) by predictor: which pairs it says something about.
    bins_bp
        Rising upper ends of the bins of distance; the last bin has none. Up to the last of them is one more group,
        which is split by part too.
    """
    distance = np.array([pair.distance_bp for pair in pairs])
    part = np.array(gene_parts)
    near = distance <= bins_bp[-1]
    found = [Stratum("all", "all pairs", np.ones(len(pairs), dtype=bool))]
    for low, high in zip((None, *bins_bp), (*bins_bp, None), strict=True):
        chosen = (distance > (-1 if low is None else low)) & (distance <= (np.inf if high is None else high))
        found.append(Stratum("distance", _bin_name(low, high), chosen))
    if len(bins_bp) > 1:
        found.append(Stratum("distance", _bin_name(None, bins_bp[-1]), near))
    for name in PARTS:
        found.append(Stratum("leakage", f"{name} genes", part == name))
        found.append(Stratum("leakage", f"{name} genes, {_bin_name(None, bins_bp[-1])}", (part == name) & near))
    every = np.logical_and.reduce(list(scored.values()))
    if not every.all():
        found.append(Stratum("scored", "pairs every predictor scores", every))
        found.append(Stratum("scored", "test genes' pairs every predictor scores", every & (part == "test")))
    return tuple(one for one in found if one.chosen.any())


def _bin_name(low: int | None, high: int | None) -> str:
    if low is None:
        return f"distance <= {_distance(high or 0)}"
    if high is None:
        return f"distance > {_distance(low)}"
    return f"{_distance(low)} < distance <= {_distance(high)}"


def _distance(bp: int) -> str:
    return f"{bp / 1000:g} kb" if bp >= 1000 else f"{bp} bp"
