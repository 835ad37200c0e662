"""What a checkpoint knows of the gene on show: learned from, chosen by, or never seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from seq2exp.genome import Gene
from seq2exp.sources.dataset import Dataset

Acquaintance = Literal["train", "valid", "test", "other cell", "other data", "unknown"]

_ONE_GENOME = re.compile(r"^synthetic-(?:demo|train|large)-(?P<rest>seed\d+-v\d+)$")
"""`demo` and `train` are cut from the genome of `large`: same seed and generator, same genes in the same parts. A gene
of the training part that only the larger one has counts as learned from."""


def same_genes(learned: str, shown: str) -> bool:
    """Whether two synthetic data sets of these names hold the same genome, so that their parts mean the same."""
    one, other = _ONE_GENOME.match(learned), _ONE_GENOME.match(shown)
    return one is not None and other is not None and one["rest"] == other["rest"]


def acquaintance(opened: Dataset, gene: Gene, cell_type: str, provenance: Mapping[str, Any]) -> Acquaintance | None:
    """Which part of its training data the gene in this cell type was to the checkpoint.

    Parameters
    ----------
    provenance
        The checkpoint's own words: ``trained``, ``dataset``, ``dataset_hash``, ``cell_types``.

    Returns
    -------
    Acquaintance | None
        ``other data``: it was trained on something else; ``unknown``: it does not say on what. None: not trained, or
        the gene is in no part.
    """
    if not provenance.get("trained"):
        return None
    if not provenance.get("dataset_hash"):
        return "unknown"
    same = provenance.get("dataset_hash") == opened.hash
    if not same and not same_genes(str(provenance.get("dataset")), opened.name):
        return "other data"
    part = opened.fold(gene)
    if part not in ("train", "valid", "test"):
        return None
    cells = provenance.get("cell_types")
    if isinstance(cells, (list, tuple)) and cell_type not in cells:
        return "other cell"
    return part  # type: ignore[return-value]  # one of the three
