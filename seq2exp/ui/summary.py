"""What stands above and below either chart of Explore: badges, notices, numbers, table, sources."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from seq2exp.genome import Gene
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.results import LocusView
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import badges, display, panels, peaks_panel, track_scale, truth
from seq2exp.ui.cache import Answer
from seq2exp.ui.held_out import acquaintance


def badge_row(
    opened: Dataset, gene: Gene, cell_type: str, loaded: LoadedCheckpoint | None, view: LocusView, *, plain: bool
) -> DeltaGenerator:
    """Whose numbers these are, and the popovers that change what is drawn; ``plain``: by which chart.

    Returns the place for `scale_warning`, which is filled once the figure is on its way.
    """
    badges.model_badge(view.mask, trained=loaded is not None and loaded.trained)
    badges.gene_badge(None if loaded is None else acquaintance(opened, gene, cell_type, loaded.provenance))
    badges.data_badge(synthetic=opened.synthetic, truth=truth.has_truth(opened, cell_type))
    later = st.container(horizontal=True, width="content")
    display.choose(opened, plain=plain)
    peaks_panel.choose()
    return later


def scale_warning(place: DeltaGenerator, opened: Dataset, cell_type: str, loaded: LoadedCheckpoint | None) -> None:
    """Whether the tracks are on the scale the model learned; measuring them must not hold up the figure."""
    said = track_scale.compared(opened, cell_type, loaded)
    with place:
        badges.scale_badge(said)


def below(answer: Answer, *, live: bool) -> None:
    """Notices, latency, numbers, the element table and where it all came from; ``live``: below the live figure."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        panels.notices(answer.view)
        panels.latency(answer)
    panels.numbers(answer.view)
    panels.element_table(answer.view, live=live)
    panels.provenance(answer.view)
