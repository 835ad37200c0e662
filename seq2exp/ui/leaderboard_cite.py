"""Whom to cite for each system and predictor of the Leaderboard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd
import streamlit as st

from seq2exp.baselines.systems import SYSTEMS
from seq2exp.ui.status_about import REFERENCES, Reference

_KNOWN = {reference.what: reference for reference in REFERENCES}
MODEL, PEAKS, ABC = (_KNOWN[what] for what in ("The model", "MACS3, peaks", "Activity by contact (ABC)"))
SCREENS = (
    Reference(
        "ENCODE CRISPRi benchmark",
        "Gschwind AR et al. Nature (2026), 10.1038/s41586-026-10781-4",
        "https://doi.org/10.1038/s41586-026-10781-4",
    ),
    Reference(
        "Screens in it",
        "Gasperini M et al. Cell 176, 377-390 (2019), 10.1016/j.cell.2018.11.029",
        "https://doi.org/10.1016/j.cell.2018.11.029",
    ),
    Reference(
        "Screens in it; ABC's constants of 2021",
        "Nasser J et al. Nature 593, 238-243 (2021), 10.1038/s41586-021-03446-x",
        "https://doi.org/10.1038/s41586-021-03446-x",
    ),
)
"""With Fulco 2019, which is `ABC`."""


def of_systems(names: Iterable[str]) -> pd.DataFrame:
    """System, what to know of it, citation and link, in the order of the paper."""
    wanted = set(names)
    rows = [(row.title, row.note, row.citation, row.link) for row in SYSTEMS if row.name in wanted]
    return pd.DataFrame(rows, columns=["System", "What to know", "Cite", "Link"])


def of_references(references: Sequence[Reference]) -> pd.DataFrame:
    """What for, citation and link."""
    rows = [(reference.what, reference.text, reference.address) for reference in references]
    return pd.DataFrame(rows, columns=["For", "Cite", "Link"])


def show(table: pd.DataFrame) -> None:
    """The citations, folded."""
    if table.empty:
        return
    with st.expander("Whom to cite", icon=":material/format_quote:"):
        st.dataframe(
            table,
            hide_index=True,
            height="content",
            column_config={
                "What to know": st.column_config.TextColumn(width="large"),
                "Cite": st.column_config.TextColumn(width="large"),
                "Link": st.column_config.LinkColumn(width="medium"),
            },
        )
