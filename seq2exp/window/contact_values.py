"""What every recipe of contacts gives: values per base, before log10(1 + x)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seq2exp.results import MissingInput


@dataclass(frozen=True)
class Contacts:
    """Contacts of the bases of one window with its TSS, before log10(1 + x)."""

    measured: NDArray[np.float64]
    """(L,) the map's own values (abc_kr: balanced, diagonal corrected); NaN where the map has nothing to say."""
    filled: NDArray[np.float64]
    """(L,) what the model takes: filled, gated, scaled, pseudocount added; 0 outside the chromosome."""
    missing: tuple[MissingInput, ...]
