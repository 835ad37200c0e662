"""Random streams: one per seed, chromosome and purpose, so that no part of the data depends on what else is made."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from seq2exp.synthetic.presets import CELLS, Cell, chrom_number

Purpose = Literal[
    "layout", "bases", "genes", "elements", "gaps", "noise", "dnase", "h3k27ac", "contacts", "cage", "crispri", "reads"
]
_PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
"""New purposes are added at the end: a purpose's place is part of its stream."""


def stream(seed: int, chrom: str, purpose: Purpose, cell: Cell | None = None) -> np.random.Generator:
    """The generator of one purpose on one chromosome; of one line, where the lines differ."""
    of_cell = 0 if cell is None else 1 + CELLS.index(cell)
    key = (chrom_number(chrom), _PURPOSES.index(purpose), of_cell)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def genome_stream(seed: int) -> np.random.Generator:
    """The generator of what all chromosomes share: the chain of bases and the repeat families."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
