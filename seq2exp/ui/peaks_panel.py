"""How MACS3 is asked for peaks: a popover that pages with peaks share."""

from __future__ import annotations

import streamlit as st

from seq2exp.ui import state


def choose() -> None:
    """Cut-off or share, in a popover."""
    with st.popover("MACS3", icon=":material/landscape:", help="How MACS3 calls its peaks"):
        fields()


def fields() -> None:
    """The fields themselves; values live in session state."""
    st.selectbox("Cut-off", state.PEAK_RULES, key="peak_rule", filter_mode=None)
    if st.session_state["peak_rule"] == state.PEAK_RULES[1]:
        st.number_input("DNase at or above, track's unit", 0.01, 10_000.0, step=0.1, key="peak_cutoff")
    if st.session_state["peak_rule"] == state.PEAK_RULES[2]:
        st.slider("Window under peaks, %", 0.1, 50.0, step=0.1, key="peak_percent")
