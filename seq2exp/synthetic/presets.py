"""Sizes of a synthetic assembly: how long windows are, how many genes stand where, how far things lie apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from seq2exp.errors import SettingsError

PresetName = Literal["tiny", "demo", "train", "large", "full"]
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
    """How far the first window of chrX and the last one of chr3 pass the chromosome's end."""
    contact_depth: float
    """Expected contacts of a bin with itself."""
    contact_bins: int
    """Contacts are written up to this distance, in bins."""

    @property
    def half_bp(self) -> int:
        """Half the window."""
        return self.window_bp // 2

    @property
    def promoter_half_bp(self) -> int:
        """Half of the stretch a promoter is written into; real ones do not grow with the window."""
        return min(self.centre_bp // 2, 256)


_HELD_OUT = {"chr19": 20, "chr3": 40, "chr21": 20, "chr22": 35, "chrX": 40}
"""Genes of `demo`: validation and test chromosomes, and a small training chromosome to look at."""
_TRAINING = ("chr1", "chr2", *(f"chr{i}" for i in range(4, 12)))
"""Chromosomes that `train`, `large` and `full` have besides."""
_FURTHER = (*(f"chr{i}" for i in range(12, 19)), "chr20")
"""Chromosomes that `large` has beside those of `train`."""


def chrom_number(chrom: str) -> int:
    """1 to 22, and 23 for X: the order of chromosomes, and where their genes' numbers begin."""
    return 23 if chrom == "chrX" else int(chrom.removeprefix("chr"))


def _ordered(genes: Mapping[str, int]) -> Mapping[str, int]:
    """``genes`` in the order of chromosomes."""
    return MappingProxyType(dict(sorted(genes.items(), key=lambda item: chrom_number(item[0]))))


def _eight_kb(name: PresetName, genes: Mapping[str, int]) -> Scale:
    """`demo`, `train` and `large`: one geometry, so that what one has of another is the same to the byte."""
    return Scale(
        name=name,
        window_bp=8192,
        centre_bp=512,
        # 32 bins a window; the published one has 40.
        bin_bp=256,
        genes=_ordered(genes),
        spacing_factor=1.35,
        element_bp=(150, 400),
        end_overhang_bp=1000,
        contact_depth=150.0,
        contact_bins=64,
    )


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
        ),
        "demo": _eight_kb("demo", _HELD_OUT),
        "train": _eight_kb("train", _HELD_OUT | dict.fromkeys(_TRAINING, 298)),
        "large": _eight_kb("large", _HELD_OUT | dict.fromkeys(_TRAINING, 298) | dict.fromkeys(_FURTHER, 1000)),
        "full": Scale(
            name="full",
            window_bp=200_000,
            centre_bp=2000,
            bin_bp=5000,
            genes=_ordered(
                {"chr19": 20, "chr3": 90, "chr21": 50, "chr22": 80, "chrX": 80} | dict.fromkeys(_TRAINING, 168)
            ),
            spacing_factor=1.35,
            element_bp=(150, 600),
            end_overhang_bp=25_000,
            # A deep map at 5 kb holds hundreds of contacts in the diagonal bin, a few at the window's edge.
            contact_depth=300.0,
            contact_bins=64,
        ),
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
