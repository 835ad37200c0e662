"""What stands around every page: its title, style and the table of pages."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from seq2exp.ui import state

# Less air above the first row, so that the figure fits a 720-pixel screen. Fixed text: nothing typed gets here.
_CSS = """
.stMainBlockContainer{padding:2.6rem 2rem 2rem}
.stMainBlockContainer>[data-testid=stVerticalBlock]{gap:.6rem}
.stAppHeader{height:2.4rem;min-height:0}
[data-testid=stSidebarHeader]{height:1.5rem;margin:0}
[data-testid=stMetricValue]{font-size:1.8rem}
[class*=st-key-carried]{display:none}
.st-key-busy{position:fixed;top:3rem;right:2rem;z-index:99;width:auto;padding:.5rem 1rem;border-radius:.5rem;
 background:Canvas;color:CanvasText;border:1px solid}
"""
_FRAMED = "framed"


def draw() -> StreamlitPage:
    """Title, style and navigation; the page to run inside them."""
    st.set_page_config(page_title="Seq2Exp Explorer", page_icon=":material/genetics:", layout="wide")
    st.html(f"<style>{_CSS}</style>")
    st.session_state[_FRAMED] = True
    state.keep_alive()
    return _pages()


def ensure() -> None:
    """Have ``app.py`` draw the frame first where a page was run without it.

    A fresh server whose first visitor follows a link to a page runs that page alone, until it is told of the table.
    """
    if _FRAMED not in st.session_state:
        _pages()
        st.rerun()


def _pages() -> StreamlitPage:
    return st.navigation(
        [
            st.Page("pages/explore.py", title="Explore", icon=":material/genetics:", default=True),
            st.Page("pages/genes.py", title="Genes", icon=":material/scatter_plot:"),
            st.Page("pages/compare.py", title="Compare", icon=":material/compare_arrows:"),
            st.Page("pages/perturb.py", title="Perturb", icon=":material/toggle_off:"),
            st.Page("pages/present.py", title="Present", icon=":material/slideshow:"),
            st.Page("pages/gallery.py", title="Gallery", icon=":material/photo_library:"),
            st.Page("pages/leaderboard.py", title="Leaderboard", icon=":material/leaderboard:"),
            st.Page("pages/training.py", title="Training", icon=":material/monitoring:"),
            st.Page("pages/data.py", title="Data", icon=":material/database:"),
            st.Page("pages/status.py", title="Status & About", icon=":material/info:"),
        ],
        position="top",
    )
