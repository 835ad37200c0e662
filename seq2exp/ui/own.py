"""A visitor's own intervals as a row of the figure: uploaded, read as text, kept in this tab alone."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from seq2exp.errors import SourceError
from seq2exp.figures.beside import Box, BoxRow
from seq2exp.genome import Assembly, Interval
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.own_bed import MOST_BYTES, OwnBed, read_own_bed
from seq2exp.ui.text import plain

_FOUND = "own_bed_found"
_MOST_BOXES = 300
"""More in one window would be a solid bar, and many kB."""


def choose(opened: Dataset) -> None:
    """The upload; what is wrong with a file is said below it."""
    given = st.file_uploader(
        "Own intervals, BED", type=["bed", "txt"], key="own_bed", max_upload_size=MOST_BYTES // 1_000_000
    )
    st.session_state[_FOUND] = None
    if given is None:
        return
    try:
        found = _read(opened.hash, given.file_id, opened.assembly, given)
    except SourceError as error:
        st.error(plain(str(error)))
        return
    st.session_state[_FOUND] = found
    st.caption(
        f"{found.n_regions:,} intervals of {plain(given.name)}; {sum(found.unplaced.values()):,} on no chromosome here."
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _read(dataset_hash: str, file_id: str, _assembly: Assembly, _given: UploadedFile) -> OwnBed:
    """Once per upload and data set, not at every move of a slider."""
    return read_own_bed(_given.getvalue(), _assembly, title=_given.name)


def rows(window: Interval) -> tuple[BoxRow, ...]:
    """The row of what lies in ``window``; empty without an upload."""
    found: OwnBed | None = st.session_state.get(_FOUND)
    if found is None:
        return ()
    boxes = [Box(region.interval, region.name, region.name) for region in found.within(window)[:_MOST_BOXES]]
    return (BoxRow("own", "Own intervals", "other", boxes),)
