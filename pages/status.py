"""Status & About: what runs here, on what data and weights, whether it works, and whom to cite."""

from __future__ import annotations

import streamlit as st

from seq2exp.ui import frame, status_panels

frame.ensure()
st.markdown("### This machine")
status_panels.machine()
status_panels.caches()
st.markdown("### Data")
path = status_panels.choose_manifest()
status_panels.data(path)
st.markdown("### Self-test")
status_panels.run_self_test(path)
st.markdown("### Checkpoints")
status_panels.checkpoints()
st.markdown("### About")
status_panels.about()
