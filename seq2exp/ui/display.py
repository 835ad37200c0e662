"""What a visitor chose to see: lanes switched off, the plain chart, marks; and the link that restores it."""

from __future__ import annotations

import streamlit as st

from seq2exp.genome import Interval
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import own, scales

LANES = {
    "dnase": "DNase",
    "h3k27ac": "H3K27ac",
    "contact": "Contacts",
    "arcs": "Arcs from elements to the TSS",
    "triangle": "Hi-C triangle",
    "ccre": "cCRE",
    "crispri": "CRISPRi screen",
    "own": "Own intervals",
    "truth": "Truth",
}
"""Lanes a visitor can switch off, by the names the link uses."""
_AT_FIRST = ("triangle",)
"""Left out until asked for: the model reads one row of the map, so the triangle is context."""
HIDDEN, CHART, MARKS, HEIGHTS = "hidden", "chart", "marks", "heights"
RESIZABLE = ("dnase", "h3k27ac", "contact", "mask")
"""Lanes whose lower border can be moved, by the names the link uses."""
LOWEST_PX, HIGHEST_PX = 24, 400
_MOST_MARKS = 9
_MOST_DIGITS = 10


def _seed() -> None:
    """Take the link's word, once."""
    state, link = st.session_state, st.query_params
    if HIDDEN not in state:
        asked = link.get(HIDDEN)
        state[HIDDEN] = list(_AT_FIRST) if asked is None else [name for name in LANES if name in asked.split(",")]
    if CHART not in state:
        state[CHART] = link.get(CHART) == "plain"
    if MARKS not in state:
        state[MARKS] = read_marks(link.get(MARKS, ""))
    if HEIGHTS not in state:
        state[HEIGHTS] = read_heights(link.get(HEIGHTS, ""))


def read_marks(text: str) -> tuple[tuple[int, int, str], ...]:
    """Marks of a link, ``100-200`` or ``100-200:name``, 1-based and closed, as half-open pairs with names.

    What is malformed is left out.
    """
    marks: list[tuple[int, int, str]] = []
    for part in text.split(",")[:_MOST_MARKS]:
        place, _, name = part.partition(":")
        first, _, last = place.partition("-")
        digits = first.isdecimal() and last.isdecimal() and max(len(first), len(last)) <= _MOST_DIGITS
        if digits and 0 < int(first) <= int(last):
            marks.append((int(first) - 1, int(last), name[:24] or f"R{len(marks) + 1}"))
    return tuple(marks)


def read_heights(text: str) -> dict[str, int]:
    """Heights of a link, ``dnase:80,mask:150``, in px by lane; what is malformed or out of range is left out."""
    found: dict[str, int] = {}
    for part in text.split(",")[: len(RESIZABLE)]:
        name, _, px = part.partition(":")
        if name in RESIZABLE and px.isdecimal() and len(px) <= _MOST_DIGITS and LOWEST_PX <= int(px) <= HIGHEST_PX:
            found[name] = int(px)
    return found


def keep_heights(found: object) -> None:
    """Remember the heights the component sent; what is malformed is left out."""
    if isinstance(found, dict):
        text = ",".join(f"{name}:{px}" for name, px in found.items() if isinstance(px, int) and abs(px) <= HIGHEST_PX)
        st.session_state[HEIGHTS] = read_heights(text)


def heights() -> dict[str, int]:
    """Lanes made higher or lower by hand, in px."""
    _seed()
    return dict(st.session_state[HEIGHTS])


def keep_marks(found: object) -> None:
    """Remember the marks the component sent; what is malformed is left out."""
    if isinstance(found, list):
        st.session_state[MARKS] = read_marks(",".join(filter(None, map(_mark_as_text, found))))


def _mark_as_text(mark: object) -> str:
    """One mark as the link writes it; nothing for what is no mark."""
    if not isinstance(mark, dict):
        return ""
    start, end, name = (mark.get(key) for key in ("start", "end", "name"))
    if not (isinstance(start, int) and isinstance(end, int) and isinstance(name, str)):
        return ""
    # Half a surrogate pair is no letter, and no link can carry it.
    letters = name.encode(errors="ignore").decode().translate({ord(","): " ", ord(":"): " "})
    return f"{start + 1}-{end}:{letters}"


def marks(window: Interval) -> tuple[tuple[int, int, str], ...]:
    """The marks that lie in ``window``."""
    _seed()
    return tuple(mark for mark in st.session_state[MARKS] if mark[0] < window.end and mark[1] > window.start)


def hidden() -> frozenset[str]:
    """Names of the lanes that are switched off."""
    _seed()
    return frozenset(st.session_state[HIDDEN])


def shown() -> dict[str, bool]:
    """Every lane that can be switched off, and whether it is drawn."""
    return {name: name not in hidden() for name in LANES}


def plain_chart() -> bool:
    """Whether the chart without live sliders was asked for."""
    _seed()
    return bool(st.session_state[CHART])


def choose(opened: Dataset, *, plain: bool) -> None:
    """The switches, in a popover; ``plain``: the chart the page draws now."""
    _seed()
    with st.popover("Display", icon=":material/tune:"):
        st.multiselect("Lanes left out", list(LANES), key=HIDDEN, format_func=LANES.__getitem__)
        scales.choose()
        if not plain:
            own.choose(opened)
        now_plain = st.toggle(
            "Plain chart",
            key=CHART,
            help="Drawn by the server at every change, without live sliders: for browsers that cannot show the other.",
        )
    if now_plain != plain:
        st.rerun()  # the whole page: its sidebar belongs to one of the two


def choices() -> dict[str, str]:
    """What the link names of all this."""
    _seed()
    state = st.session_state
    named: dict[str, str] = {}
    if set(state[HIDDEN]) != set(_AT_FIRST):
        named[HIDDEN] = ",".join(state[HIDDEN]) or "none"
    if state[CHART]:
        named[CHART] = "plain"
    if state[MARKS]:
        named[MARKS] = ",".join(f"{start + 1}-{end}:{name}" for start, end, name in state[MARKS])
    if state[HEIGHTS]:
        named[HEIGHTS] = ",".join(f"{name}:{px}" for name, px in state[HEIGHTS].items())
    return named | scales.choices()
