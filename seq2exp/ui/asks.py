"""What the figure asks of the page beside numbers: another gene of the picker's list, a talk, a QR code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from seq2exp.genome import Gene
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import cache, inputs

PRESENT_FIRST = "present_first"
"""Id of the gene a talk is to begin with, in session state until the talk has taken it."""
_LEAVE, _QR = "asked_to_leave", "asked_qr"
_MOST_GENES = 10_000
_LONGEST_ADDRESS = 1_200
"""Letters; what a telephone still reads off a projector's picture of 97 x 97 modules."""


def take(sent: Mapping[str, Any], opened: Dataset) -> None:
    """Do what the component sent, where it is something known; meant as a callback."""
    what = sent.get("what")
    if what == "gene":
        _turn(sent, opened)
    elif what == "present":
        st.session_state[_LEAVE] = "pages/present.py"
        st.session_state[PRESENT_FIRST] = sent.get("gene")
    elif what == "qr":
        address = sent.get("address")
        if isinstance(address, str) and address.startswith(("http://", "https://")):
            st.session_state[_QR] = {"of": address, "image": qr_code(address)}


def leave() -> None:
    """Go where the figure asked to go; called outside callbacks, which cannot leave a fragment."""
    page = st.session_state.pop(_LEAVE, None)
    if page == "":
        st.rerun()
    elif page is not None:
        st.switch_page(page)


def qr() -> dict[str, str] | None:
    """The last QR code asked for: ``of`` which address, ``image`` as a data address, empty where it is too long."""
    found: dict[str, str] | None = st.session_state.get(_QR)
    return found


@st.cache_data(max_entries=32, show_spinner=False)
def qr_code(address: str) -> str:
    """The QR code of ``address`` as an SVG in a ``data:`` address; empty where it is too long to be read."""
    import segno  # only a code that was asked for need pay for it

    if len(address) > _LONGEST_ADDRESS:
        return ""
    # Black on white on any page: cameras look for dark modules, and four modules of white around them.
    code = segno.make(address, error="m", micro=False)
    return str(code.svg_data_uri(border=4, dark="#000", light="#fff", omitsize=True))


def neighbour(labels: Mapping[str, str], gene_id: str, by: int) -> str | None:
    """The label ``by`` places after that of ``gene_id`` in ``labels`` (label to id); the list ends where it ends.

    None where the gene is not in the list.
    """
    names, ids = list(labels), list(labels.values())
    if gene_id not in ids:
        return None
    return names[min(max(ids.index(gene_id) + by, 0), len(ids) - 1)]


def _turn(sent: Mapping[str, Any], opened: Dataset) -> None:
    """Choose another gene as the picker does."""
    start, by = sent.get("from"), sent.get("by")
    if not (isinstance(start, str) and isinstance(by, int) and abs(by) <= _MOST_GENES):
        return
    label = neighbour(cache.gene_labels(opened.hash, opened), start, by)
    if label is not None:
        st.session_state["gene"] = label
        inputs.whole_window()
        st.session_state[_LEAVE] = ""  # the pickers stand outside the figure's fragment


def talk_name(gene: Gene, labels: Mapping[str, str]) -> str:
    """How a list of genes names ``gene`` so that it is found again: by its symbol where that is enough."""
    plain_symbol = labels.get(gene.symbol) == gene.gene_id and "," not in gene.symbol
    return gene.symbol if plain_symbol else gene.gene_id
