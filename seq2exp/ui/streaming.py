"""Files read from servers instead of from disk: the switch, what one gene moved, and what a server withheld."""

from __future__ import annotations

import sys
from collections.abc import Callable

import streamlit as st

from seq2exp.results import LocusView
from seq2exp.sources.remote import Traffic
from seq2exp.ui.text import missing_in_words, plain

STREAM = "stream"
"""Key of the switch, and its name in a link."""
ARGUMENT = "--remote"
"""Among the app's own arguments: the switch begins on."""


def is_on() -> bool:
    """Whether what is not on disk is streamed: as switched, as the link says, as the app was started."""
    state = st.session_state
    if STREAM not in state:
        state[STREAM] = st.query_params.get(STREAM) == "1" or ARGUMENT in sys.argv[1:]
    return bool(state[STREAM])


def switch(changed: Callable[[], None]) -> None:
    """The switch; ``changed`` is called when it is moved."""
    st.session_state[STREAM] = is_on()  # written anew: another page's widget of that key does not set this one
    st.toggle(
        "Stream what is not on disk",
        key=STREAM,
        on_change=changed,
        help="bigWig, 2bit, FASTA and .hic files that the manifest gives an address for are read from their servers, "
        "only the parts one gene needs; what was read is kept and works offline.",
    )


def link() -> dict[str, str]:
    """What a link says of the switch: nothing while it is off."""
    return {STREAM: "1"} if is_on() else {}


def in_words(traffic: Traffic) -> str:
    """What came over the network for one gene."""
    if not traffic.requests:
        return "Streamed for this gene: nothing, all of it was kept from before."
    return f"Streamed for this gene: {traffic.moved_bytes / 1e6:.2f} MB in {traffic.requests} requests."


def told(traffic: Traffic | None, unavailable: tuple[str, ...], view: LocusView, retry: Callable[[], None]) -> None:
    """Say what was moved, and name each track that could not be had, with a button that asks its server again."""
    if traffic is None:
        return
    for missing in view.missing:
        if missing.name in unavailable:
            st.warning(plain(missing_in_words(missing)))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(in_words(traffic))
        if unavailable:
            st.button("Ask the servers again", key="ask servers again", on_click=retry)
