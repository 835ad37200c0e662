"""The rows of the Genes page: every gene of the data set, with its scores where there are any, and their CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from seq2exp import __version__
from seq2exp.benchmark.score_file import ScoredWhat, read_scores_of
from seq2exp.errors import Seq2ExpError
from seq2exp.sources.dataset import Dataset

SCORES = (
    "predicted_log10",
    "error_log10",
    "promoter_only_log10",
    "mask_ratio_outside_promoter",
    "n_elements",
    "n_peaks",
    "jaccard",
    "precision",
    "recall",
)
"""Columns that a score file adds to a gene."""
TRUTH_SCORES = ("n_causal_elements", "causal_precision", "causal_recall")
PREDICTED = ("predicted_log10", "error_log10", "promoter_only_log10")
"""Those that weights without training must not show."""

NO_PART = "none"
PARTS = {"test": "Test", "valid": "Validation", "train": "Training", NO_PART: "No part"}
"""Parts of the split, and genes it does not list, as the page names them."""


@dataclass(frozen=True, eq=False)
class GeneRows:
    """All genes of a data set in one cell type, in genome order."""

    table: pd.DataFrame
    """One row per gene, whether scored or not: identity, fold, observed_log10, `SCORES`, `TRUTH_SCORES`, what_if,
    problem; NaN where there is no such number. Not to be changed: all visitors share it."""
    of: ScoredWhat | None
    """Whose scores these are; None: no score is there."""
    n_scored: int
    """Genes whose window was scored."""

    @property
    def trained(self) -> bool:
        """Whether the predictions mean something."""
        return self.of is not None and self.of.trained

    @property
    def problems(self) -> pd.DataFrame:
        """The genes that could not be scored."""
        return self.table[self.table["problem"] != ""]


def gene_rows(opened: Dataset, cell_type: str, of: ScoredWhat | None, path: Path | None) -> GeneRows:
    """The genes of ``opened`` in ``cell_type`` with the scores in ``path``, where that file is there.

    Raises
    ------
    SourceError
        The expression table or the score file cannot be read, or it is of other data or weights than ``of``.
    """
    genes = _genes(opened.hash, cell_type, opened)
    if of is None or path is None or not path.is_file():
        return _joined(genes, None, None)
    now = path.stat()
    return _scored_rows(opened.hash, cell_type, str(path), (now.st_mtime_ns, now.st_size), of, genes)


@st.cache_resource(max_entries=8, show_spinner="Reading the genes …")
def _genes(dataset_hash: str, cell_type: str, _dataset: Dataset) -> pd.DataFrame:
    place = {chrom: number for number, chrom in enumerate(_dataset.assembly.chrom_sizes)}
    rows = []
    for gene in sorted(_dataset.genes, key=lambda gene: (place.get(gene.chrom, len(place)), gene.tss)):
        observed = _dataset.observed(gene, cell_type)
        known = observed is not None and math.isfinite(observed) and observed >= 0
        rows.append(
            {
                "gene_id": gene.gene_id,
                "symbol": gene.symbol or gene.gene_id,
                "names": "\n".join((gene.symbol, gene.gene_id, *gene.aliases)).casefold(),
                "chrom": gene.chrom,
                "tss": gene.tss,
                "strand": gene.strand,
                "fold": _dataset.fold(gene) or NO_PART,
                "observed_log10": math.log10(1 + observed) if known and observed is not None else math.nan,
            }
        )
    return pd.DataFrame(rows)


@st.cache_resource(max_entries=4, show_spinner=False)
def _scored_rows(
    dataset_hash: str,
    cell_type: str,
    path: str,
    changed: tuple[int, int],
    _of: ScoredWhat,
    _genes_of_cell: pd.DataFrame,
) -> GeneRows:
    found = read_scores_of(Path(path), _of)
    if found is None:  # removed since
        return _joined(_genes_of_cell, None, None)
    scores = found.table.to_pandas()
    return _joined(_genes_of_cell, scores[scores["cell"] == cell_type], found.of)


def _joined(genes: pd.DataFrame, scores: pd.DataFrame | None, of: ScoredWhat | None) -> GeneRows:
    table = genes.copy()
    if scores is None or of is None:
        table[[*SCORES, *TRUTH_SCORES]] = math.nan
        table[["what_if", "problem"]] = ""
        return GeneRows(table, None, 0)
    aligned = scores.set_index("gene_id").reindex(genes["gene_id"])
    for name in (*SCORES, *TRUTH_SCORES):
        table[name] = math.nan if name in PREDICTED and not of.trained else aligned[name].to_numpy(dtype=float)
    for name in ("what_if", "problem"):
        table[name] = aligned[name].fillna("").to_numpy()
    n_scored = int((aligned["n_elements"].notna()).sum())
    return GeneRows(table, of if n_scored or (table["problem"] != "").any() else None, n_scored)


def known_columns(table: pd.DataFrame) -> list[str]:
    """`SCORES` and `TRUTH_SCORES` of which at least one value is there."""
    return [name for name in (*SCORES, *TRUTH_SCORES) if table[name].notna().any()]


def genes_csv(table: pd.DataFrame, facts: Mapping[str, str]) -> str:
    """``table`` as CSV under ``#`` lines that say where it comes from; empty cells are numbers that do not exist."""
    lines = [f"# {' '.join(f'{key}: {value}'.split())}" for key, value in facts.items()]
    lines.append("# tss: 1-based; *_log10: log10(1 + CAGE); error: predicted minus observed; shares in 0..1")
    own = ["gene_id", "symbol", "chrom", "tss", "strand", "fold", "observed_log10"]
    words = [name for name in ("what_if", "problem") if (table[name] != "").any()]
    shown = table[[*own, *known_columns(table), *words]].assign(tss=table["tss"] + 1)
    counts = [name for name in shown.columns if name.startswith("n_")]
    return "\n".join(lines) + "\n" + shown.astype(dict.fromkeys(counts, "Int64")).to_csv(index=False)


def provenance(opened: Dataset, cell_type: str, rows: GeneRows, chosen: str) -> dict[str, str]:
    """What a download says about itself; ``chosen``: the filter in words."""
    of = rows.of
    return {
        "dataset": f"{opened.name} {opened.hash}",
        "synthetic": "yes" if opened.synthetic else "no",
        "cell type": cell_type,
        "checkpoint": "none" if of is None else f"{of.checkpoint} {of.checkpoint_hash}",
        "trained": "yes" if rows.trained else "no",
        "mask": "none" if of is None else f"{of.mode}, threshold {of.threshold:g}, as trained",
        "scored by seq2exp": "nobody" if of is None else of.seq2exp_version,
        "seq2exp": __version__,
        "genes": chosen,
    }


def rows_or_reason(opened: Dataset, cell_type: str, of: ScoredWhat | None, path: Path | None) -> tuple[GeneRows, str]:
    """`gene_rows`, and why scores that are there cannot be shown; empty: nothing is wrong."""
    try:
        return gene_rows(opened, cell_type, of, path), ""
    except Seq2ExpError as error:
        return gene_rows(opened, cell_type, None, None), str(error)
