"""Expression labels of a cell type from its own CAGE, and whether they are on the scale of the data set's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from seq2exp.errors import SourceError
from seq2exp.processing.labels import LABEL_HALF_BP, cage_from_bigwig, cage_from_ctss, write_expression
from seq2exp.processing.scale import FOLD
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.tables import read_expression


@dataclass(frozen=True, eq=False)
class Labels:
    """Tags within TSS +-192 of every gene that could be measured."""

    values: pd.Series[float]
    """Index gene_id; tags, before log10(1 + v)."""
    notes: tuple[str, ...]
    """How they were made."""
    warnings: tuple[str, ...]

    @property
    def n_measured(self) -> int:
        """Genes with a label."""
        return len(self.values)

    @property
    def n_silent(self) -> int:
        """Genes whose label is 0."""
        return int((self.values == 0).sum())

    def write(self, path: Path, cell_type: str) -> None:
        """A TSV that `read_expression` reads."""
        write_expression(path, {cell_type: self.values})


def make_labels(path: Path, kind: str, base: Dataset) -> Labels:
    """Labels of the data set's genes from a bigWig of tag counts (both strands) or a CTSS BED.

    Raises
    ------
    SourceError
        Unreadable, another assembly, not one gene with a tag.
    """
    genes = tuple(base.genes)
    made = cage_from_bigwig([path], genes) if kind == "bigWig" else cage_from_ctss(path, genes)
    values = made.tags.dropna().astype(float)
    if values.empty or not (values > 0).any():
        raise SourceError(f"{path}: no CAGE tag within {LABEL_HALF_BP} bp of the TSS of any of {len(genes):,} genes")
    return Labels(values, made.notes, _off_scale(values, base))


def _off_scale(values: pd.Series[float], base: Dataset) -> tuple[str, ...]:
    """The 3-fold rule on the sum over the genes that both know, against the data set's first labels."""
    for cell in base.cell_types:
        path = base.path("expression", cell)
        table = None if path is None else read_expression(path)
        if table is None or cell not in table.columns:
            continue
        there = table[cell].dropna()
        shared = values.index.intersection(there.index)
        own, reference = float(values[shared].sum()), float(there[shared].sum())
        if own > 0 and reference > 0 and not 1 / FOLD <= own / reference <= FOLD:
            return (
                f"The labels add up to {own / reference:.2g} times those of {cell} of {base.name}: prediction and "
                "label are compared on one scale only if both are tag counts of like depth (not TPM).",
            )
        return ()
    return ()
