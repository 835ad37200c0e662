"""Elements: what kinds there are, what each is in each cell line, and how one is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import SettingsError
from seq2exp.genome import Interval
from seq2exp.synthetic.motifs import BY_GROUP, Group, Motif, lay_out
from seq2exp.synthetic.presets import CELLS, Cell

Kind = Literal["enhancer", "insulated", "insulator", "decoy", "silent", "artefact"]
ElementClass = Literal[
    "active_enhancer",
    "other_cell_enhancer",
    "insulator",
    "open_decoy",
    "closed_decoy",
    "insulated_enhancer",
    "silent_cluster",
    "artefact",
]

CELL_GROUP: Mapping[Cell, Group] = {"SynK": "erythroid", "SynG": "lymphoid"}
"""The motif group that works in each cell line."""

DNASE_SUMMIT = (1.2, 15.0)
"""Range of a site's expected DNase summit, cuts per million reads per 150 bp (data-sources.md 3.2)."""
H3K27AC_SUMMIT = (6.0, 240.0)
"""Range of an acetylated site's expected lobe, -log10 p."""
_LOADING = 0.85
"""Of the spread of a site's log heights, how much DNase and H3K27ac share: they correlate at its square."""
_ONE_PAIR = 0.15
"""Share of enhancers, insulated enhancers and silent clusters with one cooperating pair; the others have 2 or 3."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element of the genome. Mappings have one value per cell line."""

    element_id: str
    kind: Kind
    cell: Cell | None
    """The line whose factors its motifs bind; None for kinds without."""
    interval: Interval
    gene_id: str
    """The gene it was placed for."""
    activity: Mapping[Cell, float]
    """Its strength as an enhancer, 0 where it is none."""
    bonus: Mapping[Cell, float]
    """Factor on its contact with its gene's promoter; 1 is none."""
    dnase: Mapping[Cell, float]
    """Expected summit, 0 where closed."""
    h3k27ac: Mapping[Cell, float]
    """Expected height of the two lobes, 0 where there are none."""

    @property
    def centre(self) -> int:
        """0-based base in its middle."""
        return (self.interval.start + self.interval.end) // 2

    def is_open(self, cell: Cell) -> bool:
        """Whether it is a DNase site in ``cell``."""
        return self.dnase[cell] > 0

    def class_in(self, cell: Cell) -> ElementClass:
        """What it is in ``cell``: an enhancer of SynK is another cell's enhancer in SynG."""
        if self.kind == "enhancer":
            return "active_enhancer" if self.cell == cell else "other_cell_enhancer"
        if self.kind == "insulated":
            return "insulated_enhancer" if self.cell == cell else "other_cell_enhancer"
        if self.kind == "decoy":
            return "open_decoy" if self.is_open(cell) else "closed_decoy"
        return {"insulator": "insulator", "silent": "silent_cluster", "artefact": "artefact"}[self.kind]  # type: ignore[return-value]


def _per_cell(synk: float, syng: float) -> Mapping[Cell, float]:
    return {"SynK": synk, "SynG": syng}


def _summit(bounds: tuple[float, float], median: float, sigma: float, state: float, rng: np.random.Generator) -> float:
    """A log-normal height kept inside ``bounds``, most of its spread from the site's chromatin ``state`` (sd units)."""
    spread = _LOADING * state + np.sqrt(1 - _LOADING**2) * rng.normal()
    return float(np.clip(median * np.exp(sigma * spread), *bounds))


def _pairs(motifs: tuple[Motif, ...], n_pairs: int, rng: np.random.Generator) -> list[list[Motif]]:
    """``n_pairs`` cooperating pairs of two different motifs."""
    return [[motifs[i] for i in rng.choice(len(motifs), size=2, replace=False)] for _ in range(n_pairs)]


def _blocks(kind: Kind, cell: Cell | None, rng: np.random.Generator) -> list[list[Motif]]:
    """The motifs of an element, by cooperating block: 2-6 of them, none or AP-1 in a decoy."""
    if kind == "insulator":
        return [[BY_GROUP["ctcf"][0]]] * int(rng.integers(1, 3))
    if kind == "decoy":
        return [[BY_GROUP["ap1"][0]]] * int(rng.integers(0, 4))
    if kind == "artefact":
        return _pairs(BY_GROUP["absent"], 1, rng)
    if cell is None:
        raise SettingsError(f"element kind {kind} needs a cell line")
    # Seldom one pair alone: a chance pair of background motifs must not look like an element.
    n_pairs = 1 if rng.random() < _ONE_PAIR else int(rng.integers(2, 4))
    return _pairs(BY_GROUP[CELL_GROUP[cell]], n_pairs, rng)


def draw_element(
    element_id: str,
    kind: Kind,
    *,
    cell: Cell | None,
    interval: Interval,
    gene_id: str,
    codes: NDArray[np.uint8],
    rng: np.random.Generator,
) -> Element:
    """An element of ``kind``, its motifs written into ``codes`` at ``interval``.

    Parameters
    ----------
    element_id, gene_id
        Its name and the gene it is placed for.
    kind
        See the table of element classes in the design; it sets motifs, openness and effect.
    cell
        The line it belongs to: needed by enhancers, insulated enhancers and silent clusters.
    interval
        Inside the chromosome.
    codes
        (length,) codes of the chromosome, changed under ``interval`` only.
    rng
        Every draw comes from it.

    Returns
    -------
    Element
        With expected summits; noise is the tracks' business.
    """
    blocks = _blocks(kind, cell, rng)
    local = codes[interval.start : interval.end]
    local[:] = lay_out(local, blocks, rng)

    zero = dict.fromkeys(CELLS, 0.0)
    activity, dnase, h3k27ac = dict(zero), dict(zero), dict(zero)
    # A loop without function must not be told from one with: every kind has its share of bonuses.
    loops = kind == "enhancer" or (kind in ("decoy", "silent") and rng.random() < 0.8)
    strength = float(rng.uniform(1.5, 3.0)) if loops else 1.0
    bonus: dict[Cell, float] = {c: strength if cell in (None, c) else 1.0 for c in CELLS}

    # Decoys are open in one line or in both, so that a difference between lines is no sign of function either.
    own = [] if cell is None else [cell]
    open_in: list[Cell] = {
        "enhancer": own,
        "insulated": own,
        "insulator": list(CELLS),
        "decoy": [CELLS[0]] if (u := rng.random()) < 0.15 else [CELLS[1]] if u < 0.3 else list(CELLS),
        "silent": [],
        "artefact": list(CELLS),
    }[kind]
    for name in CELLS:
        if name not in open_in:
            continue
        state = float(rng.normal())
        dnase[name] = _summit(DNASE_SUMMIT, 3.0, 0.6, state, rng)
        if kind in ("enhancer", "insulated"):
            # More cooperating pairs, more activity; what bases do not tell of it shows in the tracks.
            by_bases = 0.5 + 0.5 * len(blocks)
            activity[name] = float(by_bases * np.exp(0.25 * state))
            h3k27ac[name] = _summit(H3K27AC_SUMMIT, 40.0 * np.sqrt(by_bases), 0.7, state, rng)
        elif kind == "decoy":
            h3k27ac[name] = _summit((0.5, H3K27AC_SUMMIT[1]), 25.0, 1.2, state, rng)
        elif kind == "artefact":
            dnase[name] = float(rng.uniform(30.0, 60.0))
            h3k27ac[name] = float(rng.uniform(200.0, 400.0))
    return Element(element_id, kind, cell, interval, gene_id, activity, bonus, dnase, h3k27ac)
