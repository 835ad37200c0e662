"""The stretch both sides show: position box, pan and zoom, with this page's own session keys."""

from __future__ import annotations

import streamlit as st

from seq2exp.errors import SettingsError
from seq2exp.figures.locus import visible_within
from seq2exp.genome import Gene, Interval
from seq2exp.ui import compare_inputs, streaming, viewport
from seq2exp.ui.text import plain

_VISIBLE = "compare_visible"
"""Gene id and the stretch shown of its window; None: the whole."""
_LOCUS = "compare_locus"
_ERROR = "compare_locus_error"


def stretch_on_show(gene: Gene, window: Interval) -> Interval:
    """The stretch to draw; the whole window of a gene that was not on show before."""
    state, whole = st.session_state, visible_within(window)
    if _VISIBLE not in state:
        state[_VISIBLE] = (gene.gene_id, _linked(window))
    of_gene, stored = state[_VISIBLE]
    if of_gene != gene.gene_id or (stored is not None and stored.intersect(whole) != stored):
        stored = None
        state[_VISIBLE], state[_ERROR] = (gene.gene_id, None), ""
    return whole if stored is None else stored


def _linked(window: Interval) -> Interval | None:
    """What the link's ``locus`` asks for; told as left out where it is no place in this window."""
    text = st.query_params.get("locus")
    if text is None:
        return None
    try:
        return viewport.typed(text, window)
    except SettingsError:
        st.session_state[compare_inputs.LEFT_OUT] = [*st.session_state.get(compare_inputs.LEFT_OUT, []), "locus"]
        return None


def _show(gene_id: str, stretch: Interval) -> None:
    st.session_state[_VISIBLE] = (gene_id, stretch)
    st.session_state[_ERROR] = ""


def _type(gene_id: str, window: Interval) -> None:
    try:
        _show(gene_id, viewport.typed(st.session_state[_LOCUS], window))
    except SettingsError as error:
        st.session_state[_ERROR] = str(error)


def navigate(gene: Gene, window: Interval) -> Interval:
    """Position box and the pan and zoom buttons; the stretch to draw."""
    visible = stretch_on_show(gene, window)
    if not st.session_state.get(_ERROR):
        st.session_state[_LOCUS] = str(visible)
    st.text_input(
        "Position, 1-based, both ends included",
        key=_LOCUS,
        on_change=_type,
        args=(gene.gene_id, window),
        width=236,
        label_visibility="collapsed",
        help="1-based, both ends included, like chr11:5,225,000-5,325,000. Drag across the figure to zoom in.",
    )
    for move in viewport.moves(gene, visible, window):
        st.button(
            move.label,
            key=f"compare_go_{move.name}",
            help=move.help,
            on_click=_show,
            args=(gene.gene_id, move.target),
            disabled=move.target == visible,
        )
    return visible


def show_error() -> None:
    """Why the position typed was not taken."""
    if st.session_state.get(_ERROR):
        st.error(plain(st.session_state[_ERROR]))


def zoom_to_box(figure: str, gene: Gene, window: Interval) -> None:
    """Take the box drawn across the figure of that key as the stretch to show."""
    boxes = st.session_state[figure]["selection"]["box"]
    if boxes:
        low, high = boxes[0]["x"][:2]
        stretch = viewport.selected((low, high), window)
        if stretch is not None:
            _show(gene.gene_id, stretch)


def link_fields(window: Interval, visible: Interval) -> dict[str, str]:
    """Data set, gene and, where it is not the whole window, the stretch, as the link names them."""
    state = st.session_state
    fields = {"dataset": state["dataset"], "gene": state["gene"] or "", **streaming.link()}
    if visible != visible_within(window):
        fields["locus"] = f"{visible.chrom}:{visible.start + 1}-{visible.end}"
    return fields
