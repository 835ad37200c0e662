"""The factor vocabulary: position weight matrices in groups, and how copies of them are drawn and laid out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Group = Literal["erythroid", "lymphoid", "ubiquitous", "ap1", "ctcf", "promoter", "absent"]
_GROUPS: tuple[Group, ...] = ("erythroid", "lymphoid", "ubiquitous", "ap1", "ctcf", "promoter", "absent")

_LETTERS = {"A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC"}
_LETTERS |= {"B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT"}
_LEAK = 0.02
"""Probability of each base the consensus letter excludes; gives 1.6 bits to a fixed base."""


@dataclass(frozen=True)
class Motif:
    """A factor's binding site: ``pwm`` is (width, 4) float64, rows sum to 1, columns A, C, G, T."""

    name: str
    group: Group
    pwm: NDArray[np.float64]

    @property
    def width(self) -> int:
        """Number of bases."""
        return int(self.pwm.shape[0])

    @property
    def information_bits(self) -> float:
        """Kullback-Leibler divergence from even bases, in bits."""
        return float(np.sum(self.pwm * np.log2(self.pwm / 0.25)))


def _motif(name: str, group: Group, consensus: str) -> Motif:
    """The motif of an IUPAC ``consensus``: each allowed base equally likely, each other `_LEAK`."""
    rows = []
    for letter in consensus:
        allowed = np.array([base in _LETTERS[letter] for base in "ACGT"])
        row = np.where(allowed, (1 - _LEAK * (~allowed).sum()) / allowed.sum(), _LEAK)
        rows.append(row)
    return Motif(name, group, np.array(rows))


MOTIFS: tuple[Motif, ...] = (
    _motif("GATA", "erythroid", "WGATAAGR"),
    _motif("TAL-Ebox", "erythroid", "ACAGMTGK"),
    _motif("KLF", "erythroid", "CCMCRCCCW"),
    _motif("NFE2", "erythroid", "TGCTGASTCA"),
    _motif("PU1", "lymphoid", "RRGAGGAAGT"),
    _motif("EBF", "lymphoid", "TCCCNNGGGA"),
    _motif("IRF", "lymphoid", "GAAANNGAAACT"),
    _motif("RUNX", "lymphoid", "TGTGGTTW"),
    _motif("SP", "ubiquitous", "GGGGCGGGG"),
    _motif("NRF1", "ubiquitous", "GCGCATGCGC"),
    _motif("ETS", "ubiquitous", "ACCGGAAGTR"),
    _motif("YY1", "ubiquitous", "AAGATGGCGG"),
    _motif("CREB", "ubiquitous", "TGACGTCA"),
    _motif("AP1", "ap1", "TGASTCAY"),
    _motif("CTCF", "ctcf", "CCASNAGRKGGC"),
    _motif("TATA", "promoter", "TATAWAWR"),
    _motif("INR", "promoter", "TCAKTYY"),
    _motif("HNF4", "absent", "CAAAGTCCA"),
    _motif("POU5F1", "absent", "ATGCAAAT"),
    _motif("P53", "absent", "RRRCATGYYY"),
)

BY_NAME: Mapping[str, Motif] = MappingProxyType({motif.name: motif for motif in MOTIFS})
BY_GROUP: Mapping[Group, tuple[Motif, ...]] = MappingProxyType(
    {group: tuple(m for m in MOTIFS if m.group == group) for group in _GROUPS}
)


def draw(motif: Motif, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One copy of ``motif``: (width,) codes A0 C1 G2 T3, on either strand."""
    cumulative = np.cumsum(motif.pwm, axis=1)
    codes = (rng.random(motif.width)[:, None] > cumulative).sum(axis=1).clip(max=3).astype(np.uint8)
    return np.asarray(3 - codes[::-1], dtype=np.uint8) if rng.random() < 0.5 else codes


def lay_out(
    target: NDArray[np.uint8], blocks: Sequence[Sequence[Motif]], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """``target`` with the motifs of ``blocks`` written into it, in order.

    Parameters
    ----------
    target
        (width,) codes of the element's own bases; not changed.
    blocks
        Cooperating motifs stand 3-10 bp apart within a block; what room is left is shared at random
        between blocks. Blocks that no longer fit are left out.
    rng
        Draws copies, strands and gaps.

    Returns
    -------
    NDArray[np.uint8]
        (width,) codes.
    """
    used = 0
    placed: list[list[tuple[NDArray[np.uint8], int]]] = []  # per block: each copy and the gap after it
    for block in blocks:
        gaps = [*(int(gap) for gap in rng.integers(3, 11, size=len(block) - 1)), 0]
        length = sum(motif.width for motif in block) + sum(gaps)
        if used + length > len(target):
            break
        used += length
        placed.append([(draw(motif, rng), gap) for motif, gap in zip(block, gaps, strict=True)])
    leads = rng.multinomial(len(target) - used, np.full(len(placed) + 1, 1 / (len(placed) + 1)))
    codes = target.copy()
    position = 0
    for lead, copies in zip(leads[:-1], placed, strict=True):
        position += int(lead)
        for copy, gap in copies:
            codes[position : position + len(copy)] = copy
            position += len(copy) + gap
    return codes
