"""What Explore's figure draws beside what the model said, as a visitor chose it: for the chart and for every export."""

from __future__ import annotations

import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.figures.beside import Beside
from seq2exp.genome import Gene
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.results import LocusView
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import display, own, rows_of, scales
from seq2exp.ui.text import plain


def drawn(opened: Dataset, gene: Gene, cell_type: str, loaded: LoadedCheckpoint | None, view: LocusView) -> Beside:
    """Axes in force, rows and arcs that are not switched off; a row that cannot be read is told on the page."""
    hidden, window = display.hidden(), view.interval
    try:
        rows_of.registered(opened, cell_type, window)
    except Seq2ExpError as error:
        st.warning(f"No cCREs to show: {plain(str(error))}")
    rows = (*rows_of.known(opened, gene, cell_type, loaded, window), *own.rows(window))
    return Beside(
        scales=scales.in_force(opened, view),
        rows=tuple(row for row in rows if row.name not in hidden),
        arcs="arcs" not in hidden,
        contacts=None if "triangle" in hidden else rows_of.contact_map(opened, cell_type, window),
    )
