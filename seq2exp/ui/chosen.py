"""The one element that is looked at: chosen in the table or in the figure, and shown in both."""

from __future__ import annotations

from typing import Any

import streamlit as st

from seq2exp.genome import Interval
from seq2exp.results import LocusView

TABLE = "elements table"
_PLACE, _COUNT = "chosen_place", "chosen_count"


def in_figure(found: object, window: Interval) -> None:
    """Take the place a click in the figure chose, [start, end) of the genome, or None; nothing else changes it."""
    if found is None:
        st.session_state[_PLACE] = None
    elif isinstance(found, list) and len(found) == 2 and all(isinstance(value, int) for value in found):
        start, end = max(found[0], window.start, 0), min(found[1], window.end)
        if start < end:
            st.session_state[_PLACE] = Interval(window.chrom, start, end)


def row_of(view: LocusView) -> int | None:
    """Row of the element that shares most with the chosen place; None where none does."""
    place: Interval | None = st.session_state.get(_PLACE)
    if place is None:
        return None
    shared = [
        0 if (part := element.interval.intersect(place)) is None else part.width for element in view.mask.elements
    ]
    best = max(range(len(shared)), key=shared.__getitem__, default=None)
    return best if best is not None and shared[best] else None


def in_table(view: LocusView) -> None:
    """Take the row that was chosen in the table, as a callback; the figure brings it into sight."""
    rows = st.session_state[TABLE]["selection"]["rows"]
    inside = [row for row in rows if 0 <= row < len(view.mask.elements)]
    st.session_state[_PLACE] = view.mask.elements[inside[0]].interval if inside else None
    st.session_state[_COUNT] = st.session_state.get(_COUNT, 0) + 1


def for_figure() -> dict[str, Any] | None:
    """What the table chose last, for the component: ``n`` counts the choices; None: nothing was chosen there yet."""
    count = st.session_state.get(_COUNT, 0)
    place: Interval | None = st.session_state.get(_PLACE)
    return {"n": count, "place": None if place is None else [place.start, place.end]} if count else None
