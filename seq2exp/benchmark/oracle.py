"""Expression without its noise, where a synthetic data set knows it: the best any prediction could do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seq2exp.benchmark.ranking import Array
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.truth import GeneInCell, read_oracle


def oracle_of(dataset: Dataset, windows: Sequence[GeneInCell]) -> Array | None:
    """(P,) log10(1 + v) without noise, NaN where the table is silent; None without a table."""
    tables = {
        cell: read_oracle(path)
        for cell in dict.fromkeys(cell for _, cell in windows)
        if (path := dataset.path("oracle", cell)) is not None
    }
    if not tables:
        return None
    return np.array([tables.get(cell, {}).get((gene_id, cell), np.nan) for gene_id, cell in windows])
