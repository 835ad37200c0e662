"""Everything known of a locus's called elements before any edit: effects, truth, CRISPRi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from seq2exp.errors import Seq2ExpError, SourceError
from seq2exp.figures.perturb import Bar, Marker
from seq2exp.genome import Interval
from seq2exp.inference.agreement import KnownEffect, measured_effects, true_effects
from seq2exp.inference.perturb import ElementEffect
from seq2exp.results import LocusView, TrueElement
from seq2exp.ui import perturb_cache, truth
from seq2exp.ui.cache import Question
from seq2exp.ui.perturb_cache import Locus
from seq2exp.ui.perturb_state import Edits
from seq2exp.ui.text import plain


@dataclass(frozen=True)
class Found:
    """The elements called on the unedited sequence and what is known of each, in genome order."""

    view: LocusView
    effects: tuple[ElementEffect, ...] | None
    """None without predictions that mean something."""
    truth: tuple[KnownEffect | None, ...] | None
    """None where the data set knows no truth."""
    crispri: tuple[KnownEffect | None, ...] | None
    """None where the data set has no screen."""

    @property
    def places(self) -> tuple[Interval, ...]:
        """Where they lie."""
        return tuple(element.interval for element in self.view.mask.elements)

    def bars(self, edits: Edits) -> list[Bar]:
        """The elements as the figures draw them."""
        n = len(self.places)
        deltas = [None] * n if self.effects is None else [effect.delta_log10 for effect in self.effects]
        known = zip(_markers(self.truth, n), _markers(self.crispri, n), strict=True)
        return [
            Bar(f"E{rank}", element.interval, element.tss_distance_bp, delta, edits.of(element.interval), *markers)
            for rank, (element, delta, markers) in enumerate(
                zip(self.view.mask.elements, deltas, known, strict=True), start=1
            )
        ]


def _markers(known: Sequence[KnownEffect | None] | None, n: int) -> list[Marker | None]:
    if known is None:
        return [None] * n
    return [None if one is None else Marker(one.effect_log10, one.significant, one.words) for one in known]


def find(locus: Locus, question: Question) -> Found:
    """The called elements under ``question``. Raises as `perturb_cache.view` and `perturb_cache.effects`."""
    view = perturb_cache.view(locus, question, Edits())
    places = tuple(element.interval for element in view.mask.elements)
    true = perturb_cache.true_elements(locus)
    return Found(
        view=view,
        effects=perturb_cache.effects(locus, places, question.mask) if locus.predicts else None,
        truth=None if true is None else true_effects(places, true),
        crispri=_crispri(locus, places),
    )


def _crispri(locus: Locus, places: Sequence[Interval]) -> tuple[KnownEffect | None, ...] | None:
    """Measured effects; after saying why where the table cannot be read: the page goes on without them."""
    try:
        found = perturb_cache.knockdowns(locus)
    except SourceError as error:
        st.error(f"No CRISPRi to compare with: {plain(str(error))}")
        return None
    return None if found is None else measured_effects(places, found)


def true_lane(locus: Locus, window: Interval) -> tuple[TrueElement, ...] | None:
    """The true elements to draw; None where none are known, or after saying why they cannot be read."""
    if not truth.has_truth(locus.dataset, locus.cell_type):
        return None
    try:
        return truth.true_elements(locus.dataset, locus.gene, locus.cell_type, window)
    except Seq2ExpError as error:
        st.error(f"No truth to show: {plain(str(error))}")
        return None
