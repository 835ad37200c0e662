"""Training: what a run was told, how it went, and what came out of it."""

from __future__ import annotations

import streamlit as st

from seq2exp.ui import catalogue, frame, training_panels
from seq2exp.ui.text import plain

frame.ensure()
runs = catalogue.run_paths()
if not runs:
    st.info("No training run is there. Start one with `python -m seq2exp train configs/smoke.yaml`.")
    st.stop()
names = list(runs)
state = st.session_state
chosen = state.get("run", st.query_params.get("run"))
state["run"] = chosen if chosen in runs else names[0]
picker, place = st.columns([1, 2], vertical_alignment="bottom")
with picker:
    st.selectbox("Training run", names, key="run", filter_mode=None)
folder = runs[state["run"]]
with place:
    st.caption(plain(catalogue.place_in_words(folder)))
training_panels.live(folder)
training_panels.details(folder)
if st.query_params.to_dict() != {"run": state["run"]}:
    st.query_params.from_dict({"run": state["run"]})
