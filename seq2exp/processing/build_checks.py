"""What a built data set must hold (counts of the paper's cells) and should hold (ranges), and what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from seq2exp.processing.build_genes import PublishedGene
from seq2exp.processing.statistics import TrackStatistics
from seq2exp.sources.catalogue import CatalogueSource
from seq2exp.sources.tables import ACTIVITY_PREFIX, MRNA_FEATURES
from seq2exp.sources.text import read_lines

PAPER_CELLS = ("K562", "GM12878")

N_GENES, N_TSS = 18_377, 18_299
"""Genes, and distinct pairs of chromosome and TSS (data-sources.md 2.2)."""

FOLD_11: Mapping[str, int] = {"train": 15_985, "valid": 1_225, "test": 1_167}
"""Genes per part of the fold the paper trains on (data-sources.md 7.1)."""

PAPER_CHROMOSOMES = frozenset((*(f"chr{number}" for number in range(1, 23)), "chrX"))
"""No Y, no M (data-sources.md 2.2)."""

PAST_AN_END = 24
"""Genes whose 200 kb window passes an end of its chromosome (data-sources.md 2.3)."""

FEATURE_FIGURES: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(MRNA_FEATURES[:4], (0.0, 1.0)),
    "UTR5GC": (0.603, 0.181),
    "CDSGC": (0.530, 0.088),
    "UTR3GC": (0.434, 0.121),
    "ORFEXONDENSITY": (6.27, 3.31),
}
"""Mean and sd over the 18,377 genes (data-sources.md 6.1); z-scores have 0 and 1 by construction."""

_FIGURE_WITHIN = 0.02
"""Of the sd, and 2 % of it: the published figures have three digits."""

MOST_CAPPED_TAGS = 1_152
"""Three bins of at most 384 tags: labels that never exceed it were made from capped counts; the released ones were not
(data-sources.md 5.3)."""

TRACK_RANGES: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "read-depth normalized signal": {"mean": (0.01, 1.0), "p99": (0.2, 10.0), "max": (2.0, 1_000.0)},
    "signal p-value": {"mean": (0.1, 10.0), "p99": (1.0, 200.0), "max": (20.0, 10_000.0)},
}
"""By output type, over windows around genes. Wide: they are from the units (data-sources.md 3.2, 3.3) and from memory,
and are there to catch another unit, not another quality."""

Verdict = Literal["as expected", "unusual", "differs"]


@dataclass(frozen=True, slots=True)
class Check:
    """One figure against what was expected of it."""

    name: str
    found: str
    expected: str
    verdict: Verdict
    """unusual: worth a look; differs: these are not the paper's genes."""


def _exact(name: str, found: object, expected: object, otherwise: Verdict = "unusual") -> Check:
    shown, wanted = (f"{value:,}" if isinstance(value, int) else str(value) for value in (found, expected))
    return Check(name, shown, wanted, "as expected" if found == expected else otherwise)


def _between(name: str, found: float, low: float, high: float) -> Check:
    inside = low <= found <= high
    return Check(name, f"{found:.4g}", f"{low:g} to {high:g}", "as expected" if inside else "unusual")


def paper_checks(genes: Sequence[PublishedGene], split: Mapping[str, str]) -> list[Check]:
    """The paper's genes, exactly: number, places, chromosomes and the parts of fold 11."""
    ids = {gene.gene_id for gene in genes}
    parts = Counter(part for gene_id, part in split.items() if gene_id in ids)
    strange = sorted({gene.chrom for gene in genes} - PAPER_CHROMOSOMES)
    exact: list[tuple[str, object, object]] = [
        ("genes", len(genes), N_GENES),
        ("distinct TSS", len({(gene.chrom, gene.tss) for gene in genes}), N_TSS),
        ("chromosomes other than chr1-22 and chrX", ", ".join(strange) or "none", "none"),
        *((f"fold 11, {part}", parts[part], size) for part, size in FOLD_11.items()),
        ("genes without a part in fold 11", len(ids - set(split)), 0),
        ("genes in the split alone", len(set(split) - ids), 0),
    ]
    return [_exact(name, found, expected, "differs") for name, found, expected in exact]


def feature_checks(features: pd.DataFrame, activities: Iterable[str], *, paper: bool) -> list[Check]:
    """Features of the mRNA (mean and sd over the paper's genes), and that every gene has a promoter activity."""
    checks = [_exact(f"{name}, missing", int(features[name].isna().sum()), 0) for name in MRNA_FEATURES]
    for name, (mean, sd) in FEATURE_FIGURES.items() if paper else ():
        values = features[name].to_numpy(dtype=np.float64)
        slack = _FIGURE_WITHIN * sd
        checks.append(
            _between(f"{name}, mean", float(np.nanmean(values)), round(mean - slack, 4), round(mean + slack, 4))
        )
        checks.append(_between(f"{name}, sd", float(np.nanstd(values)), round(sd - slack, 4), round(sd + slack, 4)))
    for cell in activities:
        activity = features[f"{ACTIVITY_PREFIX}{cell}"]
        checks.append(_exact(f"promoter activity of {cell}, missing", int(activity.isna().sum()), 0))
        checks.append(_between(f"promoter activity of {cell}, median", float(activity.median()), 1e-3, 1e3))
    return checks


def label_checks(labels: pd.DataFrame, n_genes: int) -> list[Check]:
    """Labels of every cell type: none missing, whole counts, and not capped."""
    checks: list[Check] = []
    for cell in labels.columns:
        values = labels[cell].dropna().to_numpy(dtype=np.float64)
        checks.append(_exact(f"CAGE of {cell}, genes without a label", n_genes - len(values), 0))
        if len(values):
            whole = bool((values == np.round(values)).all())
            checks.append(_exact(f"CAGE of {cell}, whole tags", "yes" if whole else "no", "yes"))
            checks.append(_between(f"CAGE of {cell}, highest", float(values.max()), MOST_CAPPED_TAGS + 1, 1e6))
    return checks


def track_checks(name: str, output_type: str | None, statistics: TrackStatistics | None) -> list[Check]:
    """A track's figures against the range of its output type."""
    if statistics is None:
        return []
    checks = [_between(f"{name}, share not measured", statistics.share_missing, 0.0, 0.5)]
    for figure, (low, high) in TRACK_RANGES.get(output_type or "", {}).items():
        checks.append(_between(f"{name}, {figure}", float(getattr(statistics, figure)), low, high))
    return checks


def window_check(past_an_end: int, *, paper: bool) -> list[Check]:
    """Windows that pass an end of their chromosome."""
    return [_exact("windows past an end of a chromosome", past_an_end, PAST_AN_END)] if paper else []


def row_checks(source: CatalogueSource, path: Path) -> list[Check]:
    """Rows of a table or BED against the number the catalogue states; none where it states none."""
    stated = source.content.counts.get("rows")
    if stated is None or source.file.format not in ("bed", "tsv", "csv", "narrowPeak"):
        return []
    header = source.file.format in ("tsv", "csv")
    rows = sum(1 for _, line in read_lines(path) if line and not line.startswith("#")) - header
    return [_exact(f"{source.id}, rows", rows, stated)]
