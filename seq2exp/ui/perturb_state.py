"""What a visitor changed at one locus: elements switched, bases edited; its history and the link that restores it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import streamlit as st

from seq2exp.errors import SettingsError
from seq2exp.figures.perturb import Switch
from seq2exp.genome import Interval
from seq2exp.inference.edits import BaseEdit, edited_window
from seq2exp.settings import MaskMode, MaskSettings
from seq2exp.window.assemble import Window

VERSION = "1"
"""Of the link's fields; a link of another version is left out whole and said to be."""
FIELD_VERSION, FIELD_BASES = "edits", "bases"
MOST_PLACES, MOST_BASES, MOST_STEPS = 64, 8, 50
"""Most switched elements, edited bases, and steps that can be undone."""

SWITCHED: tuple[Switch, ...] = ("off", "half", "on")

_EDITS, _HISTORY, _LOCUS, _DROPPED, _DRAWN = (
    f"perturb_{name}" for name in ("edits", "history", "locus", "dropped", "drawn")
)


@dataclass(frozen=True, slots=True)
class Edits:
    """Elements switched and bases edited at one locus."""

    off: tuple[Interval, ...] = ()
    half: tuple[Interval, ...] = ()
    on: tuple[Interval, ...] = ()
    bases: tuple[BaseEdit, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.off or self.half or self.on or self.bases)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.off) + len(self.half) + len(self.on) + len(self.bases)

    def of(self, place: Interval) -> Switch:
        """What was done to the element at ``place``."""
        return next((switch for switch in SWITCHED if place in getattr(self, switch)), "as called")

    def switch(self, place: Interval, to: Switch) -> Edits:
        """The edits with the element at ``place`` switched, or left as called."""
        kept = {name: tuple(p for p in getattr(self, name) if p != place) for name in SWITCHED}
        if to != "as called":
            kept[to] = tuple(sorted((*kept[to], place)))
        return replace(self, off=kept["off"], half=kept["half"], on=kept["on"])

    def mask(self, settings: MaskSettings) -> MaskSettings:
        """``settings`` with the elements switched."""
        return replace(settings, off=self.off, half=self.half, on=self.on)

    def link(self) -> dict[str, str]:
        """The link's fields, none where nothing was edited; `read_link` inverts it."""
        if not self:
            return {}
        fields = {str(name): ",".join(_locus(place) for place in getattr(self, name)) for name in SWITCHED}
        fields[FIELD_BASES] = ",".join(edit.code for edit in self.bases)
        return {FIELD_VERSION: VERSION} | {name: text for name, text in fields.items() if text}


def switches(mode: MaskMode) -> tuple[Switch, ...]:
    """What an element can be: half exists in a soft mask only, and there alone is "on" more than what was called."""
    return get_args(Switch) if mode == "soft" else ("as called", "off")


def _locus(place: Interval) -> str:
    return f"{place.chrom}:{place.start + 1}-{place.end}"


def read_link(parameters: Mapping[str, str], window: Interval) -> tuple[Edits, int]:
    """The edits a link holds, and how many of its words are none or lie outside ``window``."""
    words = {name: [part for part in parameters.get(name, "").split(",") if part] for name in (*SWITCHED, FIELD_BASES)}
    n_words = sum(map(len, words.values()))
    if parameters.get(FIELD_VERSION, VERSION) != VERSION:
        return Edits(), n_words
    edits = Edits()
    for name in SWITCHED:
        for text in words[name][:MOST_PLACES]:
            try:
                place = Interval.parse(text[:60])
            except SettingsError:
                continue
            if place.intersect(window) == place:
                edits = edits.switch(place, name)
    bases: list[BaseEdit] = []
    for text in words[FIELD_BASES][:MOST_BASES]:
        try:
            bases.append(BaseEdit.parse(text, window))
        except SettingsError:
            continue
    edits = replace(edits, bases=tuple(dict.fromkeys(bases)))
    return edits, n_words - edits.count


def fitting(edits: Edits, places: Sequence[Interval], allowed: Sequence[Switch], window: Window) -> Edits:
    """``edits`` without what is no called element, no switch of this mask, or no fit for the bases that stand there."""
    known = set(places)
    kept = {
        name: tuple(place for place in getattr(edits, name) if place in known) if name in allowed else ()
        for name in SWITCHED
    }
    bases: list[BaseEdit] = []
    for edit in edits.bases:
        try:
            edited_window(window, [*bases, edit])
        except SettingsError:
            continue
        bases.append(edit)
    return Edits(kept["off"], kept["half"], kept["on"], tuple(bases))


def settle(locus: tuple[str, str], places: Sequence[Interval], allowed: Sequence[Switch], window: Window) -> Edits:
    """The edits in force: from the link at first, none once another gene is chosen, and only what fits.

    Parameters
    ----------
    locus
        Data set and gene; edits belong to one.
    places
        The called elements.
    allowed
        What an element can be switched to.
    """
    state = st.session_state
    dropped = 0
    if _EDITS not in state:
        state[_EDITS], dropped = read_link(st.query_params.to_dict(), window.interval)
        state[_HISTORY] = ()
    elif state[_LOCUS] != locus:
        state[_EDITS], state[_HISTORY], state[_DROPPED] = Edits(), (), 0
        draw_anew()
    before: Edits = state[_EDITS]
    edits = fitting(before, places, allowed, window)
    dropped += before.count - edits.count
    if edits != before:
        state[_EDITS] = edits
        draw_anew()
    if dropped:
        state[_DROPPED] = dropped
    state[_LOCUS] = locus
    return edits


def current() -> Edits:
    """The edits as they stand."""
    found: Edits = st.session_state.get(_EDITS, Edits())
    return found


def dropped() -> int:
    """How many edits were left out because they do not fit; 0 once anything is edited anew."""
    count: int = st.session_state.get(_DROPPED, 0)
    return count


def take(edits: Edits) -> None:
    """Put ``edits`` in force; what was before can be had back."""
    state = st.session_state
    if edits != current():
        state[_HISTORY] = (*state.get(_HISTORY, ()), current())[-MOST_STEPS:]
        state[_EDITS] = edits
        state[_DROPPED] = 0


def undo() -> None:
    """One step back."""
    state = st.session_state
    history = state.get(_HISTORY, ())
    if history:
        state[_HISTORY], state[_EDITS] = history[:-1], history[-1]
        draw_anew()


def reset() -> None:
    """Nothing edited; undo brings it back."""
    take(Edits())
    draw_anew()


def can_undo() -> bool:
    """Whether there is a step to take back."""
    return bool(st.session_state.get(_HISTORY))


def draw_anew() -> None:
    """Have the table start from the edits in force: its own cell edits are forgotten."""
    st.session_state[_DRAWN] = drawn() + 1


def drawn() -> int:
    """How often the table was started anew."""
    count: int = st.session_state.get(_DRAWN, 0)
    return count
