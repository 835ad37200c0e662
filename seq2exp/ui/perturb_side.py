"""The sidebar of the Perturb page: what is edited, the box for a base, and the deletion scan."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from seq2exp.errors import Seq2ExpError, SettingsError
from seq2exp.inference.edits import BASES, HOW_TO_WRITE, BaseEdit, base_at, edited_window
from seq2exp.inference.perturb import DeletionScan, deletion_scan
from seq2exp.settings import ElementSettings, MaskSettings, ModelConfig
from seq2exp.ui import perturb_cache, perturb_state, state
from seq2exp.ui.cache import Question
from seq2exp.ui.perturb_cache import Locus
from seq2exp.ui.perturb_found import Found
from seq2exp.ui.perturb_state import Edits
from seq2exp.ui.text import plain
from seq2exp.window.assemble import Window

WIDTHS_BP = (50, 100, 200, 500, 1_000)
FIRST_WIDTH_BP = 200
BASE_BOX, WIDTH = "perturb_base", "perturb_scan_width"
_BASE_ERROR, _RUNNING, _SCAN_ERROR = "perturb_base_error", "perturb_scan_running", "perturb_scan_error"


def edit_list(found: Found, edits: Edits) -> None:
    """What is edited, and the ways back."""
    names = {place: f"E{rank}" for rank, place in enumerate(found.places, start=1)}
    lines = [f"{names[place]} {switch}" for switch in perturb_state.SWITCHED for place in getattr(edits, switch)]
    lines += [str(edit) for edit in edits.bases]
    if lines:
        st.markdown("\n".join(f"- {plain(line)}" for line in lines[:12]))
        if len(lines) > 12:
            st.caption(f"and {len(lines) - 12} more")
    else:
        st.caption("Nothing is edited. Switch an element in the table or press its bar, or edit a base below.")
    if perturb_state.dropped():
        count = perturb_state.dropped()
        st.warning(f"{count} edit{'s' if count > 1 else ''} left out: not of this locus, mask or sequence.")
    with st.container(horizontal=True):
        st.button("Undo", icon=":material/undo:", on_click=perturb_state.undo, disabled=not perturb_state.can_undo())
        st.button(
            "Reset to unedited", icon=":material/restart_alt:", on_click=perturb_state.reset, disabled=not bool(edits)
        )


def base_box(found: Found, window: Window, edits: Edits) -> None:
    """The box for one base, and why what was typed was not taken."""
    st.text_input(
        "Edit a base",
        key=BASE_BOX,
        on_change=_take_base,
        args=(window,),
        placeholder=example(found, window, edits),
        disabled=len(edits.bases) >= perturb_state.MOST_BASES,
        max_chars=60,
        help=f"{HOW_TO_WRITE}. Press Enter: the sequence is read anew, and the prediction made from it.",
    )
    if st.session_state.get(_BASE_ERROR):
        st.error(plain(st.session_state[_BASE_ERROR]))
    st.caption("The model was not trained on variants: it never saw two versions of one place.")


def example(found: Found, window: Window, edits: Edits) -> str:
    """An edit that can be made here: in the middle of the element with the highest mask, else at the TSS."""
    strongest = max(found.view.mask.elements, key=lambda element: element.peak, default=None)
    first = window.gene.tss if strongest is None else (strongest.interval.start + strongest.interval.end) // 2
    edited = {edit.position for edit in edits.bases}
    free = (at for at in range(first, window.interval.end) if at not in edited and base_at(window, at) in BASES)
    at = next(free, None)
    if at is None:
        return ""
    ref = base_at(window, at)
    return str(BaseEdit(window.interval.chrom, at, ref, "A" if ref != "A" else "G"))


def _take_base(window: Window) -> None:
    box = st.session_state
    text, box[_BASE_ERROR] = box[BASE_BOX].strip(), ""
    if not text:
        return
    edits = perturb_state.current()
    try:
        bases = (*edits.bases, BaseEdit.parse(text, window.interval))
        edited_window(window, bases)
    except SettingsError as error:
        box[_BASE_ERROR] = str(error)
        return
    perturb_state.take(replace(edits, bases=bases))
    box[BASE_BOX] = ""


def scan_controls(locus: Locus, settings: MaskSettings) -> tuple[DeletionScan | None, DeltaGenerator]:
    """Width, run and stop; the scan that is known, whole or in part, and where its progress is told."""
    box = st.session_state
    known = None
    st.selectbox(
        "Deletion scan: switch off windows of",
        WIDTHS_BP,
        index=WIDTHS_BP.index(FIRST_WIDTH_BP),
        key=WIDTH,
        format_func=lambda width: f"{width:,} bp, every {width // 2:,} bp",
        disabled=not locus.predicts,
        filter_mode=None,
    )
    if locus.predicts:
        known = perturb_cache.scans().get(_key(locus, settings))
        known = known if known is not None and known.tried else None
    running = _running(locus, settings)
    whole = known is not None and known.complete
    with st.container(horizontal=True):
        st.button(
            "Run the scan" if known is None or whole else "Go on",
            icon=":material/play_arrow:",
            on_click=_start,
            args=(locus, settings),
            disabled=not locus.predicts or running or whole,
        )
        st.button("Stop", icon=":material/stop:", on_click=_stop, disabled=not running)
    if box.get(_SCAN_ERROR):
        st.error(plain(box[_SCAN_ERROR]))
    place = st.empty()
    if not locus.predicts:
        place.caption("Needs a trained checkpoint.")
    elif whole:
        place.caption("Scanned: the line over the elements in the figure.")
    elif known is not None and not running:
        place.caption(f"Stopped after {known.tried} of {len(known.places)} windows; those are drawn.")
    return known, place


def _key(locus: Locus, settings: MaskSettings) -> str:
    width = int(st.session_state[WIDTH])
    return perturb_cache.scan_key(locus, settings, width_bp=width, step_bp=width // 2)


def _running(locus: Locus, settings: MaskSettings) -> bool:
    return bool(locus.predicts and st.session_state.get(_RUNNING) == _key(locus, settings))


def _start(locus: Locus, settings: MaskSettings) -> None:
    st.session_state[_RUNNING], st.session_state[_SCAN_ERROR] = _key(locus, settings), ""


def _stop() -> None:
    st.session_state[_RUNNING] = None


def run_scan(locus: Locus, settings: MaskSettings, place: DeltaGenerator) -> None:
    """Scan if asked to, telling progress; called last, so that all else is on the page while it runs.

    Whatever a visitor does meanwhile ends this run of the page between two batches; the next one goes on where it
    was, as the predictions made are kept, unless Stop was pressed.
    """
    if not _running(locus, settings):
        return
    key, width = _key(locus, settings), int(st.session_state[WIDTH])
    bar = place.progress(0.0, "Scanning …")
    try:
        _scan(locus, settings, key, width, bar)
    except Seq2ExpError as error:
        st.session_state[_SCAN_ERROR] = str(error)
    st.session_state[_RUNNING] = None
    st.rerun()


def _scan(locus: Locus, settings: MaskSettings, key: str, width_bp: int, bar: DeltaGenerator) -> None:
    def tell(known: DeletionScan) -> None:
        perturb_cache.scans().put(key, known)
        bar.progress(known.tried / len(known.places), f"{known.tried} of {len(known.places)} windows")

    deletion_scan(locus.session(), settings, width_bp=width_bp, step_bp=width_bp // 2, progress=tell)


def settings_of_explore(config: ModelConfig, question: Question) -> None:
    """That the mask settings are those chosen on Explore, where they are not the checkpoint's own."""
    if (question.mask, question.elements) != (MaskSettings(), ElementSettings()):
        st.caption("The mask settings chosen on Explore hold here too.")
        st.button("Settings as trained", on_click=state.reset, args=(config,))
