"""The popover Export: one locus as figure, page, values, elements or settings, and a settings file back in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import streamlit as st

from seq2exp.errors import SettingsError
from seq2exp.figures.beside import Beside
from seq2exp.figures.export_html import locus_html
from seq2exp.figures.export_tracks import TableFormat, tracks_file
from seq2exp.figures.export_words import ExportFacts, badge
from seq2exp.genome import Interval
from seq2exp.inference.report import elements_bed
from seq2exp.model.checkpoint import CheckpointFacts
from seq2exp.results import LocusView, TrueElement
from seq2exp.settings import ModelConfig
from seq2exp.ui import cache, display, inputs, offers, state
from seq2exp.ui.catalogue import NO_CHECKPOINT, checkpoint_paths
from seq2exp.ui.panels import theme_name
from seq2exp.ui.settings_file import VIEW_KEYS, Named, SavedView, mismatches, read_view, write_view
from seq2exp.ui.text import plain

LABELS = {
    "mode": "Mask mode",
    "threshold": "Threshold",
    "top_percent": "Share kept, %",
    "signal_scale": "Signal scale",
    "weights": "Signal weights (H3K27ac, DNase, contacts)",
    "prior_mean": "Prior mean",
    "prior_strength": "Prior strength",
    "merge_gap": "Merge gaps up to, bp",
    "min_length": "Shortest element, bp",
    "peak_rule": "Peak cut-off",
    "peak_cutoff": "Peak signal",
    "peak_percent": "Window under peaks, %",
}
"""Settings as an export names them; another is named by its key."""


def popover(
    view: LocusView,
    visible: Interval,
    *,
    config: ModelConfig,
    choices: Mapping[str, str],
    truth: Sequence[TrueElement] | None = None,
    beside: Beside | None = None,
    key: str = "export",
) -> None:
    """The button Export with everything behind it. Each file is made only when it is asked for.

    Figures leave out the tracks that are switched off on Explore and show what is marked there (`display`).

    Parameters
    ----------
    visible
        The stretch that figures show; the value tables hold the whole window.
    config
        Of the checkpoint in force; a setting counts as moved where session state differs from `state.defaults`.
    choices
        What the page's link names beside the settings (`inputs.choices`).
    truth
        True elements as the page draws them; None: that lane is not drawn.
    beside
        What else the page draws that no model says.
    key
        Prefix of every widget, for pages with more than one.
    """
    with st.popover("Export", icon=":material/download:", key=key):
        st.caption(f"{plain(badge(view))}. Everything below says so, with data, checkpoint and settings.")
        _files(view, visible, config=config, choices=choices, truth=truth, beside=beside, key=key)
        _settings_in(key)


def moved_settings(config: ModelConfig, held: Mapping[str, Any]) -> dict[str, str]:
    """Every setting in ``held`` that is not as ``config`` has it, in words with its default beside it."""
    return {
        LABELS.get(key, key): f"{_in_words(held[key])} (by default {_in_words(value)})"
        for key, value in state.defaults(config).items()
        if key in held and held[key] != value
    }


def saved_view(
    view: LocusView, choices: Mapping[str, str], held: Mapping[str, Any], config: ModelConfig, visible: Interval
) -> SavedView:
    """The view on show as a settings file holds it."""
    checkpoint = view.provenance.get("checkpoint", "none")
    name, _, digest = checkpoint.rpartition(" ")
    words = {key: text for key, text in choices.items() if key in VIEW_KEYS and text}
    if "locus" not in words and visible != view.interval:
        words["locus"] = f"{visible.chrom}:{visible.start + 1}-{visible.end}"
    return SavedView(
        gene=choices.get("gene") or view.gene.gene_id,
        cell=view.cell_type,
        dataset=Named(choices["dataset"], view.provenance["dataset"].rpartition(" ")[2]),
        checkpoint=None if checkpoint == "none" else Named(choices.get("checkpoint") or name, digest),
        settings={key: held[key] for key in state.defaults(config) if key in held},
        view=words,
    )


def file_stem(view: LocusView) -> str:
    """Beginning of every file's name: gene and cell type, with nothing in it that a path could mean."""
    words = f"{view.gene.symbol or view.gene.gene_id}_{view.cell_type}"
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in words)[:80] or "locus"


def _files(
    view: LocusView,
    visible: Interval,
    *,
    config: ModelConfig,
    choices: Mapping[str, str],
    truth: Sequence[TrueElement] | None,
    beside: Beside | None,
    key: str,
) -> None:
    theme, stem = theme_name(), file_stem(view)
    held = {name: st.session_state[name] for name in state.defaults(config) if name in st.session_state}
    chrom = view.interval.chrom
    marks = tuple((Interval(chrom, start, end), name) for start, end, name in display.marks(view.interval))
    left_out = tuple(sorted(display.hidden()))

    def facts() -> ExportFacts:
        return ExportFacts(visible, f"{datetime.now(UTC):%Y-%m-%d}", moved_settings(config, held), marks, left_out)

    def pdf() -> bytes:
        from seq2exp.figures.export_pdf import locus_pdf  # matplotlib: half a second that only a PDF need pay

        return locus_pdf(view, facts(), truth=truth, beside=beside)

    def values(table_format: TableFormat) -> Callable[[], bytes]:
        return lambda: tracks_file(view, facts(), table_format=table_format)

    offered: tuple[tuple[str, str, str, Callable[[], bytes | str], str], ...] = (
        ("PDF", f"{stem}.pdf", "application/pdf", pdf, "The figure on one page, letters as letters, light theme"),
        (
            "HTML",
            f"{stem}.html",
            "text/html",
            lambda: locus_html(view, facts(), truth=truth, beside=beside, theme=theme),
            "The figure with its pointer, in one file of about 5 MB that needs no network",
        ),
        ("Values, TSV", f"{stem}_values.tsv.gz", "application/gzip", values("tsv"), "One row per base, packed"),
        ("Values, CSV", f"{stem}_values.csv.gz", "application/gzip", values("csv"), "One row per base, packed"),
        ("Elements, BED", f"{stem}_elements.bed", "text/plain", lambda: elements_bed(view), "0-based, half-open"),
        (
            "Settings, JSON",
            f"{stem}_settings.json",
            "application/json",
            lambda: write_view(saved_view(view, choices, held, config, visible)),
            "Gene, data, checkpoint, settings and stretch; open it below to come back here",
        ),
    )
    rows = st.columns(2)
    for number, (label, name, mime, make, words) in enumerate(offered):
        rows[number % 2].download_button(
            label, make, name, mime, on_click="ignore", help=words, key=f"{key} {label}", width="stretch"
        )
    st.caption("Values: positions 1-based, both ends included; an empty field was not measured.")
    st.caption("SVG and PNG of what is on screen: the camera of the figure.")


def _settings_in(key: str) -> None:
    """A settings file back in: what it holds, what differs here, and the button that opens it."""
    given = st.file_uploader("Open a settings file", type=["json"], key=f"{key} settings file", max_upload_size=1)
    if given is None:
        return
    try:
        saved = read_view(given.getvalue())
    except SettingsError as error:
        st.error(f"Not opened: {plain(str(error))}")
        return
    saved, problems = found_here(saved)
    with_checkpoint = "no checkpoint" if saved.checkpoint is None else saved.checkpoint.name
    st.markdown(plain(f"{saved.gene} in {saved.cell}, {saved.dataset.name}, {with_checkpoint}"))
    for words in problems:
        st.warning(plain(words))
    if saved.off or saved.on:
        st.warning(f"It switches {len(saved.off) + len(saved.on)} stretches off or on; this page does not take that.")
    if st.button("Open this view", key=f"{key} open", type="primary"):
        follow({**saved.choices(no_checkpoint=NO_CHECKPOINT), **_as_link(saved.settings)})
        st.rerun()


def found_here(saved: SavedView) -> tuple[SavedView, tuple[str, ...]]:
    """The view with its data set and checkpoint as they are called here, found by hash first, and what differs."""
    data_sets = inputs.known_datasets()
    data_hashes = {name: cache.dataset_hash(path) for name, path in data_sets.items()}
    checkpoint_hashes = {name: _checkpoint_hash(folder) for name, folder in checkpoint_paths().items()}
    dataset = _by_hash(saved.dataset, data_hashes)
    checkpoint = None if saved.checkpoint is None else _by_hash(saved.checkpoint, checkpoint_hashes)
    named = replace(saved, dataset=dataset, checkpoint=checkpoint)
    here = None if checkpoint is None else checkpoint_hashes.get(checkpoint.name)
    return named, mismatches(named, dataset_hash=data_hashes.get(dataset.name), checkpoint_hash=here)


def _by_hash(wanted: Named, hashes: Mapping[str, str | None]) -> Named:
    """``wanted`` under the name its hash has here; as it is where that hash is not here or its own name fits."""
    same = [name for name, digest in hashes.items() if digest == wanted.hash]
    return wanted if not same or wanted.name in same else Named(same[0], wanted.hash)


def _checkpoint_hash(folder: Path | None) -> str | None:
    says = None if folder is None else cache.checkpoint_says(folder)
    return says.hash if isinstance(says, CheckpointFacts) else None


def follow(link: Mapping[str, str]) -> None:
    """Go to a view of this page as a visitor with that link would: what was chosen before is forgotten."""
    kept_by_pages = (inputs._VISIBLE, inputs._LOCUS_ERROR, inputs._SHOWN_GENE, "gene_error", "show_truth")
    own = (state._SETTINGS_OF, offers._CHOSEN_FOR, *kept_by_pages)
    for key in (*state.CHOICES, *(setting.key for setting in state.SETTINGS), *own):
        if key in st.session_state:
            del st.session_state[key]
    st.query_params.from_dict(dict(link))


def _as_link(settings: Mapping[str, Any]) -> dict[str, str]:
    return {key: _in_words(value) for key, value in settings.items()}


def _in_words(value: Any) -> str:
    """A setting as text; `state.read_link` reads it back."""
    return ",".join(str(part) for part in value) if isinstance(value, (tuple, list)) else str(value)
