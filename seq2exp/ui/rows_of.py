"""What stands beside the model's own lanes: registry elements, screened stretches, the contact map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.figures.beside import Box, BoxRow, ContactTriangle
from seq2exp.genome import Gene, Interval
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.sources.ccre import CandidateElement, read_ccres
from seq2exp.sources.crispri import Knockdown
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.hic import read_contact_matrix
from seq2exp.ui import perturb_cache

CCRE_COLOURS = {
    "PLS": "threshold",
    "pELS": "h3k27ac",
    "dELS": "mask_only",
    "CA-H3K4me3": "truth",
    "DNase-H3K4me3": "truth",
    "CA-CTCF": "dnase",
    "CTCF-only": "dnase",
}
"""Colours of the theme nearest to the registry's own, by class; another class is grey. The word stands below."""


def known(
    opened: Dataset, gene: Gene, cell_type: str, loaded: LoadedCheckpoint | None, window: Interval
) -> tuple[BoxRow, ...]:
    """Every row the data set has for ``window``: registry elements, then the screen."""
    try:
        elements = registered(opened, cell_type, window)
    except Seq2ExpError:  # told on the page, beside the figure
        elements = ()
    return (*elements, *screened(opened, gene, cell_type, loaded, window))


def registered(opened: Dataset, cell_type: str, window: Interval) -> tuple[BoxRow, ...]:
    """The row of candidate cis-regulatory elements; empty where the data set names none. Raises as `read_ccres`."""
    path = opened.path("ccre", cell_type)
    if path is None:
        return ()
    return (_registered(opened.hash, str(path), str(window), window),)


@st.cache_resource(max_entries=8, show_spinner=False)
def _registered(dataset_hash: str, path: str, place: str, _window: Interval) -> BoxRow:
    """Once per window: a chromosome has tens of thousands, and a slider asks at every move."""
    found = _elements(dataset_hash, path, _window.chrom)
    inside = [element for element in found if element.interval.overlaps(_window)]
    return BoxRow("ccre", "cCRE", "other", [_candidate(element) for element in inside])


@st.cache_resource(max_entries=8, show_spinner=False)
def _elements(dataset_hash: str, path: str, chrom: str) -> tuple[CandidateElement, ...]:
    """Once per chromosome: the registry's list of all cell types has a million lines."""
    return read_ccres(Path(path), chrom)


def _candidate(element: CandidateElement) -> Box:
    told = ", ".join(filter(None, (element.element_class, element.remark, element.accession)))
    colour = CCRE_COLOURS.get(element.element_class, "other")
    return Box(element.interval, element.element_class, told, colour=colour)


def screened(
    opened: Dataset, gene: Gene, cell_type: str, loaded: LoadedCheckpoint | None, window: Interval
) -> tuple[BoxRow, ...]:
    """The row of stretches that CRISPRi silenced and tested on this gene; empty where there is no screen to read."""
    try:
        found = perturb_cache.knockdowns(perturb_cache.Locus(opened, gene, cell_type, loaded))
    except Seq2ExpError:  # told on the Perturb page, where it matters
        return ()
    if found is None:
        return ()
    boxes = [_tested(knockdown) for knockdown in found if knockdown.interval.overlaps(window)]
    return (BoxRow("crispri", "CRISPRi", "contact", boxes),)


def as_json(rows: Sequence[BoxRow]) -> list[dict[str, Any]]:
    """Rows as the track component reads them."""
    return [
        {"name": row.name, "title": row.title, "colour": row.colour, "boxes": [_box_as_json(box) for box in row.boxes]}
        for row in rows
    ]


def _box_as_json(box: Box) -> dict[str, Any]:
    given = {"label": box.label, "told": box.told, "colour": box.colour}
    place = {"start": box.interval.start, "end": box.interval.end, "strong": box.strong}
    return place | {name: value for name, value in given.items() if value}


def contact_map(opened: Dataset, cell_type: str, window: Interval) -> ContactTriangle | None:
    """The contact map around the gene in the data set's own bins; None where there is none to read."""
    try:
        return _contact_map(opened.hash, cell_type, str(window), opened, window)
    except Seq2ExpError:  # the window itself was read from the same file, or its lane says why not
        return None


@st.cache_resource(max_entries=8, show_spinner=False)
def _contact_map(
    dataset_hash: str, cell_type: str, place: str, _opened: Dataset, _window: Interval
) -> ContactTriangle | None:
    """Read once per window, not at every move of a slider."""
    bin_bp = _opened.manifest.window.contact_resolution_bp
    path = _opened.place("contact", cell_type)
    if path is None:
        return None
    values = read_contact_matrix(path, _window, resolution_bp=bin_bp)
    return ContactTriangle(max(_window.start, 0) // bin_bp * bin_bp, bin_bp, values) if len(values) else None


def _tested(knockdown: Knockdown) -> Box:
    effect = "" if math.isnan(knockdown.effect) else f"{100 * knockdown.effect:+.0f} %"
    verdict = "significant" if knockdown.significant else "not significant"
    told = f"expression {effect or 'not measured'}, {verdict}"
    return Box(knockdown.interval, effect if knockdown.significant else "", told, strong=knockdown.significant)
