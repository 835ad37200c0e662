"""The badges above the figure: whose numbers these are, whose data, and whether the model has seen this gene."""

from __future__ import annotations

from typing import Any, cast

import streamlit as st

from seq2exp.figures.export_words import badge_of
from seq2exp.results import MaskResult
from seq2exp.ui.held_out import Acquaintance
from seq2exp.ui.text import plain
from seq2exp.ui.track_scale import Said

PARTS: dict[Acquaintance, tuple[str, str, str, str]] = {
    "test": (
        "HELD-OUT GENE",
        "green",
        ":material/visibility_off:",
        "On a test chromosome: this checkpoint neither learned from this gene nor was chosen by it.",
    ),
    "valid": (
        "VALIDATION GENE",
        "blue",
        ":material/rule:",
        "Not learned from, but the training step that was kept was chosen by genes such as this one.",
    ),
    "train": (
        "TRAINING GENE",
        "orange",
        ":material/school:",
        "This checkpoint learned from this gene: a good prediction here proves little.",
    ),
    "other cell": (
        "CELL TYPE NOT TRAINED ON",
        "orange",
        ":material/swap_horiz:",
        "This checkpoint learned from other cell types of this data set.",
    ),
    "other data": (
        "TRAINED ON OTHER DATA",
        "orange",
        ":material/swap_horiz:",
        "This checkpoint learned from another data set.",
    ),
    "unknown": (
        "TRAINING GENES UNKNOWN",
        "gray",
        ":material/help:",
        "This checkpoint does not say what it learned from, so this gene may have been among it.",
    ),
}
"""Words, colour, icon and explanation of each badge."""


def model_badge(mask: MaskResult, *, trained: bool) -> None:
    """Whether these are the trained model's numbers; pointing at it lists what differs."""
    differs = "; ".join(plain(change) for change in mask.changes) or None
    words = badge_of(mask, trained=trained)
    if mask.source == "signals":
        st.badge(words, color="orange", help=differs)
    elif not trained:
        st.badge(words, icon=":material/warning:", color="red", help=differs)
    elif mask.faithful:
        st.badge(words, icon=":material/verified:", color="green")
    else:
        st.badge(words, icon=":material/science:", color="violet", help=differs)


def gene_badge(known: Acquaintance | None) -> None:
    """Whether the checkpoint has seen this gene; nothing where that cannot be said."""
    if known is not None:
        words, colour, icon, explained = PARTS[known]
        st.badge(words, color=cast(Any, colour), icon=icon, help=explained)


def data_badge(*, synthetic: bool, truth: bool) -> None:
    """That nothing here was measured, where that is so."""
    if synthetic:
        st.badge(
            "SYNTHETIC" + (", truth known" if truth else ""),
            color="gray",
            icon=":material/experiment:",
            help="Simulated cell lines in real file formats: nothing here was measured."
            + (" Which elements drive each gene is therefore known exactly." if truth else ""),
        )


def scale_badge(said: Said | None) -> None:
    """That a track is on another scale than those learned from, or that nobody knows; nothing where all is well."""
    if said is None or said.kind == "alike":
        return
    words = " ".join(plain(sentence) for sentence in said.words)
    if said.kind == "differs":
        st.badge("TRACK ON ANOTHER SCALE", color="red", icon=":material/straighten:", help=words)
    else:
        st.badge("TRACK SCALE NOT KNOWN", color="gray", icon=":material/help:", help=words)
