"""The application: its pages, title and frame. Run with ``streamlit run app.py -- --dataset MANIFEST``."""

from __future__ import annotations

import streamlit as st

PAGES = [st.Page("pages/explore.py", title="Explore", icon=":material/genetics:", default=True)]

st.set_page_config(page_title="Seq2Exp Explorer", page_icon=":material/genetics:", layout="wide")
# Less air above the first row, so that the figure fits a 720-pixel screen. Fixed text: nothing typed gets here.
CSS = """
.stMainBlockContainer{padding:1.6rem 2rem 2rem}
.stAppHeader{background:transparent;height:1.6rem;min-height:0}
[data-testid=stSidebarHeader]{height:1.5rem;margin:0}
"""
st.html(f"<style>{CSS}</style>")
st.navigation(PAGES, position="top").run()
