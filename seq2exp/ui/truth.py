"""True elements of one gene as the figure draws them; read by nothing that predicts."""

from __future__ import annotations

import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.genome import Gene, Interval
from seq2exp.results import TrueElement
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.truth import TruthElement
from seq2exp.ui import cache, display
from seq2exp.ui.text import plain

CLASSES = {
    "active_enhancer": ("enhancer", "active enhancer of this cell line"),
    "other_cell_enhancer": ("other cell", "enhancer of the other cell line, closed here"),
    "insulator": ("insulator", "insulator: open, shapes contacts"),
    "open_decoy": ("open decoy", "open decoy: open like an enhancer, without its motifs"),
    "closed_decoy": ("closed decoy", "closed decoy: neither open nor with motifs"),
    "insulated_enhancer": ("insulated", "enhancer behind an insulator: hardly meets this gene"),
    "silent_cluster": ("silent", "silent cluster: this cell line's motifs, closed"),
    "artefact": ("artefact", "artefact of the assay, in the blacklist"),
}
"""Name and meaning by class of the truth table; another class is shown by its own name."""


def as_drawn(element: TruthElement) -> TrueElement:
    """The element with its class in words."""
    own = element.element_class.replace("_", " ")
    name, meaning = CLASSES.get(element.element_class, (own, own))
    return TrueElement(element.interval, name, meaning, element.causal, element.effect_log10, element.contact)


def has_truth(opened: Dataset, cell_type: str) -> bool:
    """Whether the data set names a truth table for the cell type."""
    return opened.source("truth", cell_type) is not None


def true_elements(opened: Dataset, gene: Gene, cell_type: str, window: Interval) -> tuple[TrueElement, ...]:
    """The true elements of ``gene`` in ``cell_type`` that meet ``window``, in genome order.

    Raises
    ------
    SourceError
        The table cannot be read.
    """
    found = cache.truth(opened, cell_type).get((gene.gene_id, cell_type), ())
    inside = (as_drawn(element) for element in found if element.interval.overlaps(window))
    return tuple(sorted(inside, key=lambda element: element.interval))


def drawn(opened: Dataset, gene: Gene, cell_type: str, window: Interval) -> tuple[TrueElement, ...] | None:
    """`true_elements_or_reason` where there is truth and its lane is not switched off; else None."""
    if not has_truth(opened, cell_type) or "truth" in display.hidden():
        return None
    return true_elements_or_reason(opened, gene, cell_type, window)


def true_elements_or_reason(
    opened: Dataset, gene: Gene, cell_type: str, window: Interval
) -> tuple[TrueElement, ...] | None:
    """`true_elements`, or None after saying why they cannot be read: the page goes on without them."""
    try:
        return true_elements(opened, gene, cell_type, window)
    except Seq2ExpError as error:
        st.error(f"No truth to show: {plain(str(error))}")
        return None


def first_gene(opened: Dataset) -> Gene | None:
    """The gene to begin with where truth is known: the first held-out one that hangs on at least two elements.

    None without truth. Chosen by what is true of it, never by how well a model does on it.
    """
    cell_type = opened.cell_types[0]
    if not has_truth(opened, cell_type):
        return None
    try:
        known = cache.truth(opened, cell_type)
    except Seq2ExpError:  # told where the truth is drawn
        return None
    for gene in opened.genes:
        elements = known.get((gene.gene_id, cell_type), ())
        if opened.fold(gene) == "test" and sum(element.causal for element in elements) >= 2:
            return gene
    return None
