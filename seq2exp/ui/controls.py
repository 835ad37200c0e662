"""The sidebar: what moves the mask, what calls elements and peaks, and what each of them changes."""

from __future__ import annotations

import streamlit as st

from seq2exp.settings import ModelConfig
from seq2exp.ui import state
from seq2exp.ui.knobs import PRIOR_STRENGTHS


def settings_panel(config: ModelConfig, *, has_checkpoint: bool) -> None:
    """Every slider, its unit and what it acts on; values live in session state under the setting's key."""
    mode = st.session_state["mode"]
    st.segmented_control(
        "Mask mode",
        state.allowed_modes(config),
        key="mode",
        required=True,
        help="Soft: the mask is the mean itself. Hard: bases with a mean at or above the threshold are kept. "
        "Top-k: the largest means are kept.",
    )
    predicts = "also the prediction" if has_checkpoint else "nothing else, as there is no prediction"
    if mode == "top-k":
        st.slider(
            "Share kept, % of window",
            0.5,
            50.0,
            step=0.5,
            key="top_percent",
            format="%.1f",
            help=f"Moves which bases are kept and called; {predicts}.",
        )
    else:
        what = (
            "Soft mode: calls elements only; the prediction does not change."
            if mode == "soft"
            else f"Hard mode: decides which bases are kept and called; {predicts}."
        )
        st.slider("Threshold on the mask mean", 0.01, 0.99, step=0.01, key="threshold", help=what)
        st.caption("Calls elements only" if mode == "soft" else "Keeps bases and calls elements")
    st.markdown("**What if …**")
    st.slider(
        "Signal scale",
        0.0,
        4.0,
        step=0.1,
        key="signal_scale",
        format="%.1f x",
        help="Factor on what DNase, H3K27ac and contacts say. 1 is as trained. Moves the mask.",
    )
    st.select_slider(
        "Prior strength, pseudo-counts",
        PRIOR_STRENGTHS,
        key="prior_strength",
        help="How strongly every base is pulled towards the prior mean. 0 is as trained. Moves the mask.",
    )
    st.slider(
        "Prior mean",
        0.01,
        0.99,
        step=0.01,
        key="prior_mean",
        disabled=st.session_state["prior_strength"] == 0,
        help="What the mask is pulled towards; it acts once the prior strength is above 0.",
    )
    with st.expander("Element calls"):
        st.slider(
            "Merge gaps up to, bp", 0, 1_000, step=10, key="merge_gap", help="Moves calls and the table, not the mask."
        )
        st.slider(
            "Shortest element, bp", 10, 500, step=10, key="min_length", help="Moves calls and the table, not the mask."
        )
    st.button(
        "Reset to faithful" if has_checkpoint else "Reset settings",
        icon=":material/restart_alt:",
        on_click=state.reset,
        args=(config,),
        width="stretch",
    )
