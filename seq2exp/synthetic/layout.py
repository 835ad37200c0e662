"""Where things stand: a slot of chromosome per gene, and the kinds and places of the elements around its TSS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seq2exp.synthetic.elements import Kind
from seq2exp.synthetic.presets import CELLS, STEP_BP, Cell, Scale

_PLACES = (0.15, 0.304, 0.458, 0.612, 0.766, 0.92)
"""Places on either side of the TSS, in half windows."""
_WALLS = (2, 3, 4)
"""Which place an insulator takes on one of the sides: where the domain ends must not be a matter of distance."""
_APART = 0.153
"""Smallest distance between neighbouring places."""
_BETWEEN_BP = 20
"""Bases that stay free between two elements, however they are jittered."""
_ENHANCERS = (0.12, 0.38, 0.32, 0.18)
"""Probability of 0, 1, 2, 3 active enhancers of a gene in one line: their number is what a model has to learn."""
_INSULATED = 0.8
"""Chance of an insulated enhancer behind the wall."""
_SILENT = 0.9
"""Chance of a silent motif cluster for each line, and of one more behind the wall where there is room: with fewer,
counting motifs alone would find the enhancers."""
_ARTEFACT = 0.1
_DECOYS = (2, 0.6)
"""Decoys of a gene, and the chance of one more: about 0.42 of the open sites of a line outside promoters."""
_PAST_START, _PAST_END = "chrX", "chr3"
"""Chromosomes whose first or last window passes the end: readers must pad it."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One gene's stretch of chromosome before anything is written into it."""

    start: int
    end: int
    tss: int


@dataclass(frozen=True, slots=True)
class Place:
    """An element that is to be drawn."""

    centre: int
    kind: Kind
    cell: Cell | None


def lay_slots(scale: Scale, chrom: str, rng: np.random.Generator) -> list[Slot]:
    """A slot per gene of ``chrom``, end to end; the last one's end is the chromosome's length."""
    slots: list[Slot] = []
    # Log-normal spacing, but never so near that a gene's promoter lies in its neighbour's window.
    widths = scale.window_bp * np.maximum(scale.spacing_factor * rng.lognormal(0.0, 0.15, scale.genes[chrom]), 1.12)
    position = 0
    for index, drawn in enumerate(widths):
        # Whole steps of the tracks, so that only an end cut short on purpose splits one.
        width = int(drawn) // STEP_BP * STEP_BP
        tss, end = position + width // 2, position + width
        if chrom == _PAST_START and index == 0:
            tss = scale.half_bp - scale.end_overhang_bp
            end = tss + width // 2
        if chrom == _PAST_END and index == len(widths) - 1:
            end = tss + scale.half_bp - scale.end_overhang_bp
        slots.append(Slot(position, end, tss))
        position = end
    return slots


def _kinds(n_places: int, rng: np.random.Generator) -> list[tuple[Kind, Cell | None] | None]:
    """What stands at each of a gene's places within its domain, shuffled; None is a place left as it is."""
    kinds: list[tuple[Kind, Cell | None] | None] = []
    for cell in CELLS:
        kinds += [("enhancer", cell)] * int(rng.choice(len(_ENHANCERS), p=_ENHANCERS))
        kinds += [("silent", cell)] * int(rng.random() < _SILENT)
    if rng.random() < _ARTEFACT:
        kinds.append(("artefact", None))
    kinds += [("decoy", None)] * (_DECOYS[0] + int(rng.random() < _DECOYS[1]))
    kinds = kinds[:n_places]
    kinds += [None] * (n_places - len(kinds))
    return [kinds[i] for i in rng.permutation(n_places)]


def draw_places(slot: Slot, scale: Scale, rng: np.random.Generator) -> list[Place]:
    """The elements of a slot in genome order; some may lie past a chromosome's end."""
    walled = -1 if rng.random() < 0.5 else 1
    wall = int(rng.choice(_WALLS))
    inside = [-walled * f for f in _PLACES] + [walled * f for f in _PLACES[:wall]]
    chosen: list[tuple[float, Kind, Cell | None]] = [
        (f, what[0], what[1]) for f, what in zip(inside, _kinds(len(inside), rng), strict=True) if what is not None
    ]
    chosen.append((walled * _PLACES[wall], "insulator", None))
    beyond = rng.permutation(_PLACES[wall + 1 :])
    behind: tuple[tuple[Kind, float], ...] = (("insulated", _INSULATED), ("silent", _SILENT))
    for f, (kind, chance) in zip(beyond, behind, strict=False):
        if rng.random() < chance:
            chosen.append((walled * float(f), kind, CELLS[int(rng.integers(2))]))
    # As far as neighbours stay apart and the outermost element stays inside the window.
    room_bp = min(
        (_APART * scale.half_bp - scale.element_bp[1] - _BETWEEN_BP) / 2,
        (1 - _PLACES[-1]) * scale.half_bp - scale.element_bp[1] / 2 - 1,
    )
    places = [
        Place(slot.tss + round(f * scale.half_bp + rng.uniform(-room_bp, room_bp)), kind, cell)
        for f, kind, cell in chosen
    ]
    return sorted(places, key=lambda place: place.centre)
