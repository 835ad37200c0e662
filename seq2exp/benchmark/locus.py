"""One gene in one cell type: the bases and elements that are judged, and what a predictor's values come to on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seq2exp.genome import Gene, Interval
from seq2exp.results import BoolArray, FloatArray
from seq2exp.sources.truth import TruthElement


@dataclass(frozen=True, eq=False)
class Locus:
    """What is judged in one window: bases outside promoter centre, blacklist and chromosome ends, and elements.

    N judged bases, M elements. Made by `make_locus`.
    """

    gene: Gene
    cell_type: str
    interval: Interval
    judged: BoolArray
    """(L,) over the window."""
    causal_bases: BoolArray
    """(N,) whether the base lies in a causal element."""
    elements: tuple[TruthElement, ...]
    """M elements with at least one judged base in the window."""
    element_bases: tuple[NDArray[np.intp], ...]
    """Per element its judged bases, as indices into the window."""

    @property
    def causal_elements(self) -> BoolArray:
        """(M,)."""
        return np.array([element.causal for element in self.elements], dtype=bool)


def make_locus(
    gene: Gene, cell_type: str, interval: Interval, judged: BoolArray, elements: Sequence[TruthElement]
) -> Locus:
    """The locus of a window; elements without a judged base are left out, since nothing could score them.

    Parameters
    ----------
    judged
        (L,) False in the promoter centre, in the blacklist and beyond the chromosome.
    elements
        Every element of the gene in the cell type; may reach past the window.
    """
    causal = np.zeros(interval.width, dtype=bool)
    kept: list[TruthElement] = []
    bases: list[NDArray[np.intp]] = []
    for element in elements:
        shared = element.interval.intersect(interval)
        if shared is None:
            continue
        first, last = shared.start - interval.start, shared.end - interval.start
        causal[first:last] |= element.causal
        inside = first + np.flatnonzero(judged[first:last])
        if len(inside):
            kept.append(element)
            bases.append(inside)
    return Locus(gene, cell_type, interval, judged, causal[judged], tuple(kept), tuple(bases))


@dataclass(frozen=True, eq=False)
class LocusScores:
    """One predictor on one locus; None at a level it says nothing about."""

    bases: FloatArray | None
    """(N,)."""
    elements: FloatArray
    """(M,) mean over the element's judged bases."""
    element_maxima: FloatArray | None
    """(M,) largest value in them."""


def score(locus: Locus, values: NDArray[np.floating]) -> LocusScores:
    """What per-base values (L,) come to on a locus: one rule for every predictor."""
    ready = np.asarray(values, dtype=np.float32)
    means = [float(ready[bases].mean(dtype=np.float64)) for bases in locus.element_bases]
    maxima = [float(ready[bases].max()) for bases in locus.element_bases]
    return LocusScores(ready[locus.judged], np.array(means, dtype=np.float32), np.array(maxima, dtype=np.float32))
