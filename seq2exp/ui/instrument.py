"""Explore below its pickers: the live figure and what follows from it, run anew without the rest of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from seq2exp.errors import Seq2ExpError, SettingsError
from seq2exp.figures.beside import Beside
from seq2exp.genome import Gene, Interval
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.results import LocusView
from seq2exp.settings import ModelConfig
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import asks, beside, cache, chosen, display, exports, inputs, own, panels, rows_of, state, truth
from seq2exp.ui.cache import Answer
from seq2exp.ui.summary import badge_row, below, scale_warning
from seq2exp.ui.text import milliseconds, plain
from seq2exp.ui.tracks import component
from seq2exp.ui.tracks.payload import locus_payload
from seq2exp.ui.tracks.reply import SETTING_KEYS, Shown, reply_to

_KEY = "tracks"
_COMMIT, _HEARD = "tracks_commit", "tracks_heard"
_MOST_COMMITS = 2**53
"""Above this a browser's numbers are no longer whole."""


def carry(
    opened: Dataset,
    gene: Gene,
    cell_type: str,
    loaded: LoadedCheckpoint | None,
    answer: Answer,
    *,
    slot: str = "carried",
) -> str:
    """Send the locus to the browser, once; its key. Outside the fragment, so that a slider does not send it again.

    ``slot`` tells several on one page apart.
    """
    named = cache.window_name(opened, gene, cell_type, loaded)
    names = (named, gene.gene_id, cell_type, cache.hash_of(loaded))
    key = " ".join(names)
    component.carry(_payload(key, opened, gene, cell_type, loaded, answer.view), key=slot)
    return key


@st.cache_data(max_entries=8, show_spinner=False)
def _payload(
    key: str,
    _opened: Dataset,
    _gene: Gene,
    _cell_type: str,
    _loaded: LoadedCheckpoint | None,
    _view: LocusView,
) -> bytes:
    known = None
    if truth.has_truth(_opened, _cell_type):
        try:
            known = truth.true_elements(_opened, _gene, _cell_type, _view.interval)
        except Seq2ExpError:  # told on the page, beside the figure
            known = None
    session = cache.session(_opened, _gene, _cell_type, _loaded)
    rows = rows_of.as_json(rows_of.known(_opened, _gene, _cell_type, _loaded, _view.interval))
    contacts = rows_of.contact_map(_opened, _cell_type, _view.interval)
    return locus_payload(key, session, _view, truth=known, rows=rows, contacts=contacts)


@st.fragment
def show(
    opened: Dataset, gene: Gene, cell_type: str, loaded: LoadedCheckpoint | None, config: ModelConfig, locus: str
) -> None:
    """The figure, the numbers and the table under the settings in force."""
    asks.leave()
    question = state.question(config)
    try:
        answer = cache.answer(opened, gene, cell_type, loaded, question)
    except Seq2ExpError as error:
        refused(error, config)
        return
    view = answer.view
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with row:
        visible = inputs.position_box(view.interval)
        later = badge_row(opened, gene, cell_type, loaded, view, plain=False)
    # One block, empty or not: what is below keeps its place in the page, so the browser need not build it anew.
    with st.container():
        inputs.show_locus_error()
        panels.banner(answer, lambda: cache.read_again(opened, gene, cell_type, loaded))
        panels.empty_result(view, question.elements)
        known = truth.drawn(opened, gene, cell_type, view.interval)
        extra = beside.drawn(opened, gene, cell_type, loaded, view)
    with row:
        choices = inputs.choices(view.interval, visible)
        exports.popover(view, visible, config=config, choices=choices, truth=known, beside=extra)
    _figure(opened, answer, config, locus, visible, extra)
    scale_warning(later, opened, cell_type, loaded)
    below(answer, live=True)
    state.write_link(config, inputs.choices(view.interval, visible))


def refused(error: Seq2ExpError, config: ModelConfig) -> None:
    """Why there is no figure, and the way back where it was the settings: their sliders are gone with it."""
    st.error(plain(str(error)))
    if isinstance(error, SettingsError):
        st.button("Reset settings", on_click=state.reset, args=(config,))


def _figure(opened: Dataset, answer: Answer, config: ModelConfig, locus: str, visible: Interval, extra: Beside) -> None:
    view, session = answer.view, st.session_state
    commit = session.get(_COMMIT, 0)
    reply = reply_to(
        locus,
        view,
        commit=commit,
        heard=session.get(_HEARD),
        settings={key: session[key] for key in SETTING_KEYS},
        defaults=state.defaults(config),
        modes=state.allowed_modes(config),
        shown=_shown(view.interval, visible),
        stamp=_stamp(answer),
        caption=caption(view, {key: session[key] for key in SETTING_KEYS}),
        plotly=component.plotly_url(),
        rows=rows_of.as_json(own.rows(view.interval)),
        scales=extra.scales,
        qr=asks.qr(),
    )
    component.mount(
        reply,
        key=_KEY,
        on_commit=lambda: _committed(config),
        on_view=lambda: _viewed(view.interval),
        on_ask=lambda: _asked(opened),
    )


def _shown(window: Interval, visible: Interval) -> Shown:
    """How the figure stands."""
    lanes, heights = display.shown(), display.heights()
    return Shown(visible, display.marks(window), lanes, inputs.moves(), heights, chosen.for_figure())


def _stamp(answer: Answer) -> str:
    """Where the numbers came from and how long the last stages took."""
    timings = answer.timings
    return f"{answer.device} · mask {milliseconds(timings.combine_ms)} · predictor {milliseconds(timings.predictor_ms)}"


def caption(view: LocusView, settings: dict[str, Any]) -> list[str]:
    """Lines below an exported picture: what it shows, whether it is as trained, every setting, and its sources."""
    name = view.gene.symbol or view.gene.gene_id
    return [
        f"{name} in {view.cell_type}, {view.interval} (1-based). {kind_in_words(view)}",
        "Settings: " + ", ".join(f"{key} {state.as_text(value)}" for key, value in settings.items()),
        "; ".join(f"{key}: {value}" for key, value in view.provenance.items()),
    ]


def kind_in_words(view: LocusView) -> str:
    """Whether these are the trained model's numbers, and what differs."""
    if view.mask.source == "signals":
        return "NO CHECKPOINT: signals only"
    if view.provenance.get("trained") != "yes":
        return "UNTRAINED WEIGHTS: these numbers mean nothing"
    return "FAITHFUL: as trained" if view.mask.faithful else "WHAT-IF: " + "; ".join(view.mask.changes)


def _sent(what: str) -> dict[str, Any]:
    """What the component sent; an empty mapping for anything that is none."""
    found = st.session_state[_KEY]
    value = found.get(what) if hasattr(found, "get") else None
    return dict(value) if isinstance(value, dict) else {}


def _committed(config: ModelConfig) -> None:
    """Take the settings that were settled on in the browser."""
    sent = _sent("commit")
    settings = sent.get("settings")
    if isinstance(settings, dict):
        state.take(config, settings)
    number = _number(sent)
    if number is not None:
        st.session_state[_COMMIT] = number


def _number(sent: Mapping[str, Any]) -> int | None:
    """The number of a message, by which the component knows that it came."""
    number = sent.get("n")
    return number if isinstance(number, int) and 0 <= number < _MOST_COMMITS else None


def _hear(kind: str, sent: Mapping[str, Any]) -> None:
    """Remember that this message came, whatever is in it."""
    number = _number(sent)
    if number is not None:
        st.session_state[_HEARD] = {**st.session_state.get(_HEARD, {}), kind: number}


def _asked(opened: Dataset) -> None:
    """Do what the figure asks of the page."""
    sent = _sent("ask")
    _hear("ask", sent)
    asks.take(sent, opened)


def _viewed(window: Interval) -> None:
    """Remember the stretch and the marks the browser shows, for the link."""
    sent = _sent("view")
    _hear("view", sent)
    bounds = sent.get("view")
    if isinstance(bounds, list) and len(bounds) == 2 and all(isinstance(value, int) for value in bounds):
        start, end = max(bounds[0], window.start, 0), min(bounds[1], window.end)
        if start < end:
            inputs.keep_stretch(Interval(window.chrom, start, end))
    display.keep_marks(sent.get("bands"))
    display.keep_heights(sent.get("heights"))
    if "chosen" in sent:
        chosen.in_figure(sent["chosen"], window)
