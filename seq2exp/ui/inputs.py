"""The choices above the figure: data set, gene, cell type, checkpoint, and the stretch on show."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from seq2exp.errors import GeneError, Seq2ExpError, SettingsError
from seq2exp.figures.locus import visible_within
from seq2exp.genome import Gene, Interval
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import cache, display, offers, streaming, viewport
from seq2exp.ui.catalogue import dataset_paths
from seq2exp.ui.text import plain

_TYPED = "typed_datasets"
_VISIBLE = "visible"
_LOCUS_ERROR = "locus_error"
_TYPED_ERROR = "typed_error"
_SHOWN_GENE = "shown_gene"
_MOVES = "stretch_moves"


def whole_window() -> None:
    """Show the whole window again."""
    st.session_state[_VISIBLE] = None
    st.session_state[_LOCUS_ERROR] = ""
    _count_move()


def _from_link(key: str, options: list[str]) -> None:
    """Choose what the link names, once, if it is among ``options``; else leave a valid choice or the first."""
    state = st.session_state
    chosen = state.get(key, st.query_params.get(key))
    state[key] = chosen if chosen in options else options[0]


def _add_dataset() -> None:
    """Try what was typed as a manifest; keep it among the data sets only if it opens."""
    state = st.session_state
    text = state["dataset_path"].strip()
    state[_TYPED_ERROR] = ""
    if not text:
        return
    try:
        cache.dataset(Path(text).expanduser(), remote=streaming.is_on())
    except (Seq2ExpError, OSError, ValueError, RuntimeError) as error:  # RuntimeError: ~ of no known user
        state[_TYPED_ERROR] = str(error)
        return
    known = (*state.get(_TYPED, ()), text)
    state[_TYPED] = known[-8:]
    wanted = Path(text).expanduser().absolute()
    names = dataset_paths(sys.argv[1:], state[_TYPED])
    state["dataset"] = next(name for name, path in names.items() if path == wanted)
    state["dataset_path"] = ""
    _forget_gene()


def _forget_gene() -> None:
    st.session_state["gene"] = None
    st.session_state[_SHOWN_GENE] = None
    whole_window()


def known_datasets() -> dict[str, Path]:
    """Every data set this visitor can open, by the name shown: given, found and typed."""
    return dataset_paths(sys.argv[1:], st.session_state.get(_TYPED, ()))


def choose_dataset() -> Dataset:
    """The data set picker with a box for another manifest; stops the page where there is nothing to open."""
    known = known_datasets()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if known:
            names = list(known)
            _from_link("dataset", names)
            st.selectbox(
                "Data set",
                names,
                key="dataset",
                on_change=_forget_gene,
                format_func=lambda name: _dataset_label(name, known),
                filter_mode=None,
            )
        with st.popover(":material/folder_open:", help="Open another data set by its manifest"):
            st.text_input(
                "Manifest file, or the folder that holds it",
                key="dataset_path",
                on_change=_add_dataset,
                placeholder="/data/my_windows/manifest.yaml",
            )
            if st.session_state.get(_TYPED_ERROR):
                st.error(plain(st.session_state[_TYPED_ERROR]))
            streaming.switch(_forget_gene)
    if not known:
        st.info("No data set is open. Make a small one with `make data`, or open a manifest above.")
        st.stop()
    return _open(known[st.session_state["dataset"]])


def _dataset_label(name: str, known: Mapping[str, Path]) -> str:
    """Name and short hash, so that two data sets of one name are told apart."""
    found = cache.dataset_hash(known[name]) if name in known else None
    return name if found is None else f"{name} · {found[:6]}"


def _open(path: Path) -> Dataset:
    try:
        return cache.dataset(path, remote=streaming.is_on())
    except (Seq2ExpError, OSError) as error:
        st.error(f"This data set cannot be opened: {plain(str(error))}")
        st.stop()


def choose_gene(opened: Dataset, first: Gene | None = None) -> Gene:
    """The gene search box: type to filter, or enter an alias or Ensembl id. Keeps the last gene on a bad name.

    ``first`` is shown where nobody has chosen yet; without it, the first of the list.
    """
    state = st.session_state
    labels = cache.gene_labels(opened.hash, opened)
    if not labels:
        st.error(f"{plain(opened.name)} lists no gene on its chromosomes")
        st.stop()
    if "gene" not in state:
        state["gene"] = st.query_params.get("gene")
    if state["gene"] is None:
        wished = [label for label, gene_id in labels.items() if first is not None and gene_id == first.gene_id]
        state["gene"] = next(iter([*wished, *labels]))
    # What was typed stays among the options, so that it can be seen and corrected.
    typed = [] if state["gene"] in labels else [state["gene"]]
    st.selectbox(
        "Gene: symbol, alias or Ensembl id",
        [*typed, *labels],
        key="gene",
        accept_new_options=True,
        on_change=whole_window,
        placeholder="Search a gene",
    )
    wanted = state["gene"] or ""
    try:
        gene = opened.genes.get(labels.get(wanted, wanted))
    except GeneError as error:
        state["gene_error"] = error
        fallback = state.get(_SHOWN_GENE) or next(iter(labels.values()))
        return opened.genes.get(fallback)
    state["gene_error"] = None
    state[_SHOWN_GENE] = gene.gene_id
    return gene


def show_gene_error(shown: Gene) -> None:
    """Why the name typed is no gene of this data set, with the nearest names to press."""
    error: GeneError | None = st.session_state.get("gene_error")
    if error is None:
        return
    st.error(f"{plain(str(error))} — still showing {plain(shown.symbol or shown.gene_id)}.")
    if error.suggestions:
        with st.container(horizontal=True):
            for name in error.suggestions[:6]:
                st.button(plain(name), key=f"suggest {name}", on_click=_take_gene, args=(name,))


def _take_gene(name: str) -> None:
    st.session_state["gene"] = name
    whole_window()


def open_in_explore(opened: Dataset, gene_id: str | None) -> None:
    """Leave for Explore on the gene of that id; stay where the data set has none."""
    label = next((label for label, known in cache.gene_labels(opened.hash, opened).items() if known == gene_id), None)
    if label is not None:
        st.session_state["gene"] = label
        whole_window()
        st.switch_page("pages/explore.py")


def choose_cell(opened: Dataset) -> str:
    """The cell type picker."""
    _from_link("cell", list(opened.cell_types))
    chosen: str = st.selectbox("Cell type", list(opened.cell_types), key="cell", filter_mode=None)
    return chosen


def visible_stretch(window: Interval) -> Interval:
    """The stretch on show; the whole window when the stored one does not fit it (another gene, a shorter window)."""
    state = st.session_state
    if _VISIBLE not in state:
        state[_VISIBLE] = _linked_stretch(window)
    stored: Interval | None = state[_VISIBLE]
    whole = visible_within(window)
    if stored is not None and (stored.chrom != whole.chrom or stored.intersect(whole) != stored):
        state[_VISIBLE] = stored = None
    return whole if stored is None else stored


def _linked_stretch(window: Interval) -> Interval | None:
    text = st.query_params.get("locus")
    if text is None:
        return None
    try:
        return viewport.typed(text, window)
    except SettingsError:
        return None


def _show(stretch: Interval) -> None:
    keep_stretch(stretch)
    _count_move()


def keep_stretch(stretch: Interval) -> None:
    """Remember what the figure itself moved to."""
    st.session_state[_VISIBLE] = stretch
    st.session_state[_LOCUS_ERROR] = ""


def _count_move() -> None:
    st.session_state[_MOVES] = moves() + 1


def moves() -> int:
    """How often the page, not the figure, chose the stretch."""
    count: int = st.session_state.get(_MOVES, 0)
    return count


def _type_stretch(window: Interval) -> None:
    try:
        _show(viewport.typed(st.session_state["locus"], window))
    except SettingsError as error:
        st.session_state[_LOCUS_ERROR] = str(error)


def position_box(window: Interval) -> Interval:
    """The box that shows and takes coordinates; the stretch to draw."""
    visible = visible_stretch(window)
    if not st.session_state.get(_LOCUS_ERROR):
        st.session_state["locus"] = str(visible)
    st.text_input(
        "Position, 1-based, both ends included",
        key="locus",
        on_change=_type_stretch,
        args=(window,),
        width=236,
        label_visibility="collapsed",
        help="1-based, both ends included, like chr11:5,225,000-5,325,000.",
    )
    return visible


def move_buttons(gene: Gene, window: Interval) -> None:
    """Pan and zoom of the plain chart."""
    visible = visible_stretch(window)
    for move in viewport.moves(gene, visible, window):
        key, done = f"go {move.name}", move.target == visible
        st.button(move.label, key=key, help=move.help, on_click=_show, args=(move.target,), disabled=done)


def show_locus_error() -> None:
    """Why the position typed was not taken."""
    if st.session_state.get(_LOCUS_ERROR):
        st.error(plain(st.session_state[_LOCUS_ERROR]))


def zoom_to_box(window: Interval) -> None:
    """Take the box drawn across the figure as the stretch to show."""
    selection = st.session_state["figure"]["selection"]
    boxes = selection["box"]
    if boxes:
        low, high = boxes[0]["x"][:2]
        stretch = viewport.selected((low, high), window)
        if stretch is not None:
            _show(stretch)


def choices(window: Interval, visible: Interval) -> dict[str, str]:
    """What the link names beside the settings."""
    state = st.session_state
    named = {"dataset": state["dataset"], "gene": state["gene"] or "", "cell": state["cell"]}
    if not offers.is_unsaid(state["checkpoint"]):
        named["checkpoint"] = state["checkpoint"]
    named |= display.choices() | streaming.link()
    if visible != visible_within(window):
        named["locus"] = f"{visible.chrom}:{visible.start + 1}-{visible.end}"
    return named
