"""Sizes of a synthetic assembly: how long windows are, how many genes stand where, how far things lie apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from seq2exp.errors import SettingsError

PresetName = Literal["tiny"]
Cell = Literal["SynK", "SynG"]

CELLS: tuple[Cell, Cell] = ("SynK", "SynG")
"""SynK is erythroid-like, SynG lymphoid-like; they share the genome."""

FOLDS: Mapping[str, str] = MappingProxyType({"chr3": "valid", "chr21": "valid", "chr22": "test", "chrX": "test"})
"""Part of each chromosome in the official fold 11 (models.md section 1.6); every other one trains."""

STEP_BP = 20
"""Step of the DNase and H3K27ac tracks in bp, as ENCODE's hotspot2 density has it (data-sources.md 3.2)."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Lengths in bp and counts of one preset."""

    name: PresetName
    window_bp: int
    """Window length, centred on a TSS."""
    centre_bp: int
    """Forced promoter centre."""
    bin_bp: int
    """Bin width of the contact map."""
    genes: Mapping[str, int]
    """Number of genes per chromosome, in chromosome order."""
    spacing_factor: float
    """Median distance between neighbouring TSSs, in windows."""
    element_bp: tuple[int, int]
    """Shortest and longest element."""
    end_overhang_bp: int
    """How far the first window of the last chromosome and the last window of the first one pass the end."""
    contact_depth: float
    """Expected contacts of a bin with itself."""
    contact_bins: int
    """Contacts are written up to this distance, in bins."""

    @property
    def half_bp(self) -> int:
        """Half the window."""
        return self.window_bp // 2


_SCALES: Mapping[str, Scale] = MappingProxyType(
    {
        "tiny": Scale(
            name="tiny",
            window_bp=4096,
            # 1/16 of the window where the published centre is 1/100: a promoter must still hold its motifs.
            centre_bp=256,
            # 16 bins a window where the published one has 40: finer bins would split every element.
            bin_bp=256,
            genes=MappingProxyType({"chr1": 10, "chr3": 4, "chr21": 3, "chr22": 4, "chrX": 3}),
            spacing_factor=1.35,
            element_bp=(150, 220),
            end_overhang_bp=500,
            # Puts log10(1 + contact) at 0-2.5 within a window; the published channel has 0-4 (data-sources.md 4.4).
            contact_depth=150.0,
            contact_bins=64,
        )
    }
)


def scale_of(preset: str) -> Scale:
    """The sizes of ``preset``; SettingsError lists the known ones if there is none of that name."""
    try:
        return _SCALES[preset]
    except KeyError:
        raise SettingsError(f"preset {preset!r} is unknown; choose one of {', '.join(_SCALES)}") from None


def fold_of(chrom: str) -> str:
    """train, valid or test."""
    return FOLDS.get(chrom, "train")
