"""The application: its pages, title and frame. Run with ``streamlit run app.py -- --dataset MANIFEST``."""

from __future__ import annotations

import streamlit as st

PAGES = [st.Page("pages/explore.py", title="Explore", icon=":material/genetics:", default=True)]

st.set_page_config(page_title="Seq2Exp Explorer", page_icon=":material/genetics:", layout="wide")
# Less air above the first row, so that the figure fits a 720-pixel screen. Fixed text: nothing typed gets here.
st.html("<style>.stMainBlockContainer{padding-top:2.2rem;padding-bottom:2rem}</style>")
st.navigation(PAGES, position="top").run()
