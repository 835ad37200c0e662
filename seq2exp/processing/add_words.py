"""What a cell type goes without, and what that costs, in words for people."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from seq2exp.processing.add_format import CellRole

TITLES: dict[CellRole, str] = {
    "dnase": "DNase",
    "h3k27ac": "H3K27ac",
    "contact": "Hi-C",
    "cage": "CAGE",
    "dnase_alignment": "DNase reads",
}
"""What a role is called before ``of MyCells``."""


@dataclass(frozen=True, slots=True)
class AbsentInput:
    """One input that was not given."""

    name: str
    cost: str
    """What stands in, and what that does."""


_COSTS: dict[CellRole, str] = {
    "h3k27ac": (
        "Zeros stand in. H3K27ac has the largest say in the signal Beta (weight 2 of 5 and by far the largest values), "
        "so the mask then rests on DNase, contacts and sequence."
    ),
    "dnase": (
        "Zeros stand in (weight 2 of 5 in the signal Beta), and there are no MACS3 peaks to compare the mask with "
        "unless reads are given."
    ),
    "contact": (
        "A power law of the distance to the TSS stands in: every gene gets the same contacts, so loops and domains of "
        "these cells play no part."
    ),
    "cage": "There is nothing to compare a prediction with; everything else works.",
    "dnase_alignment": "MACS3 calls peaks from the DNase bigWig (bdgpeakcall), not from reads (callpeak).",
}
_ACTIVITY = AbsentInput(
    "Promoter activity",
    "Zero stands in for the ninth gene feature, sqrt(H3K27ac RPM x DNase RPM) at the promoter; it needs the reads of "
    "both assays.",
)
_WHAT_IF = (
    "Predictions are marked what-if: a checkpoint was trained with every input, and none was trained on these cells."
)
_NO_CELL = "No checkpoint was trained on these cells: a prediction carries what was learned in others over to them."


def absent_inputs(given: Collection[CellRole], *, activity: bool) -> tuple[AbsentInput, ...]:
    """What was not given, the costliest first.

    Parameters
    ----------
    given
        Roles with a file.
    activity
        Whether the gene features hold the promoter activity of these cells.
    """
    order: tuple[CellRole, ...] = ("h3k27ac", "dnase", "contact", "cage", "dnase_alignment")
    absent = [AbsentInput(TITLES[role], _COSTS[role]) for role in order if role not in given]
    if not activity:
        absent.insert(sum(role in ("h3k27ac", "dnase", "contact") and role not in given for role in order), _ACTIVITY)
    return tuple(absent)


def standing(given: Collection[CellRole], *, activity: bool) -> str:
    """How far a prediction for these cells goes."""
    whole = {"h3k27ac", "dnase", "contact"} <= set(given) and activity
    return _NO_CELL if whole else _WHAT_IF
