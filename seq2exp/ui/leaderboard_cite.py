"""Whom to cite for each system and predictor of the Leaderboard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from seq2exp.baselines.systems import SYSTEMS
from seq2exp.ui.status_about import REFERENCES, Reference
from seq2exp.ui.text import plain

_KNOWN = {reference.what: reference for reference in REFERENCES}
MODEL, PEAKS, ABC = (_KNOWN[what] for what in ("The model", "MACS3, peaks", "Activity by contact (ABC)"))
SCREENS = (
    Reference(
        "ENCODE CRISPRi benchmark",
        "Gschwind AR et al. Nature (2026)",
        "https://doi.org/10.1038/s41586-026-10781-4",
    ),
    Reference(
        "Screens in it",
        "Gasperini M et al. Cell 176, 377-390 (2019)",
        "https://doi.org/10.1016/j.cell.2018.11.029",
    ),
    Reference(
        "Screens in it; ABC's constants of 2021",
        "Nasser J et al. Nature 593, 238-243 (2021)",
        "https://doi.org/10.1038/s41586-021-03446-x",
    ),
)
"""With Fulco 2019, which is `ABC`."""


def of_systems(names: Iterable[str]) -> list[Reference]:
    """The citation of each system with what to know of it, in the order of the paper."""
    wanted = set(names)
    return [
        Reference(row.title, f"{row.citation}. {row.note}".strip(), row.link) for row in SYSTEMS if row.name in wanted
    ]


def show(references: Sequence[Reference]) -> None:
    """The citations, folded; each name is the link."""
    if not references:
        return
    with st.expander("Whom to cite", icon=":material/format_quote:"):
        lines = [f"- **[{plain(one.what)}]({one.address})**: {plain(one.text)}" for one in references]
        st.markdown("\n".join(lines))
