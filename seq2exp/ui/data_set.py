"""Data sets here: the files of a manifest with sizes, checksums and warnings, and one of them whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from seq2exp.errors import ManifestError
from seq2exp.sources.manifest import Manifest, find_manifest, load_manifest
from seq2exp.ui import cache, data_choices, data_details, data_table, inputs
from seq2exp.ui.data_rows import STATES, STREAMS, on_disk, set_rows
from seq2exp.ui.status_machine import short
from seq2exp.ui.text import plain

_TABLE = "data_set"


def show() -> None:
    """The whole view; a manifest that cannot be read is told, one whose files are gone is still listed."""
    known = inputs.known_datasets()
    if not known:
        st.info(
            "No data set is there. Make a small one with `make data`, or a real one with `data get` and `data build`."
        )
        return
    opened = st.session_state.get("dataset")
    names = [name for name in known if name == opened] + [name for name in known if name != opened]
    picker, facts = st.columns([2, 5], vertical_alignment="bottom", gap="medium")
    with picker:
        chosen = data_choices.pick("Data set", "set", {name: name for name in names})
    with facts:
        found = summary(known[chosen])
    if found is None:
        return
    manifest, root = found
    if not manifest.sources:
        st.info("This data set names no file.")
        return
    rows = set_rows(manifest, root)
    _table(rows)
    n_warned = int((rows["warnings"] > 0).sum())
    st.caption(f"{len(rows):,} files, {n_warned:,} with warnings. Click a name for everything known about a file.")
    picked = data_table.picked(_TABLE)
    source = next((one for one in manifest.sources if one.id == picked), manifest.sources[0])
    state, size = on_disk(source, root)
    data_details.panel(data_details.of_set(manifest, source, state, size, short(root / source.local_path)))


@st.cache_data(max_entries=16, show_spinner=False)
def _manifest(path: str, changed_ns: int) -> Manifest:
    return load_manifest(Path(path))


def summary(path: Path) -> tuple[Manifest, Path] | None:
    """What the data set is and whether all of it is here; its manifest and folder, or None once it is told why not."""
    try:
        found = find_manifest(path)
        manifest = _manifest(str(found), found.stat().st_mtime_ns)
    except (ManifestError, OSError) as error:
        st.error(plain(short(str(error)), limit=700))
        return None
    n_files = len(manifest.sources)
    states = [on_disk(source, found.parent)[0] for source in manifest.sources]
    streams = states.count(STREAMS)
    absent = n_files - streams - states.count(STATES["present"])
    found_hash = None if absent else cache.dataset_hash(found)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if manifest.synthetic:
            st.badge("SYNTHETIC: nothing here was measured", color="gray", icon=":material/experiment:")
        if absent:
            st.badge(f"{absent} of {n_files} files are not here as stated", color="orange")
        elif not streams:
            st.badge(f"all {n_files} files are here", color="green", icon=":material/check:")
        if streams:
            st.badge(f"{streams} of {n_files} files are not here and stream", color="blue", icon=":material/cloud:")
        st.caption(plain(short(found)) + (f" · hash {plain(found_hash)}" if found_hash else ""), width="content")
    cells = ", ".join(manifest.cell_types)
    told = f"{manifest.title}. {manifest.genome_build}; {cells}; window {manifest.window.width_bp:,} bp"
    st.caption(plain(told, limit=240))
    return manifest, found.parent


def _table(rows: pd.DataFrame) -> None:
    """The rows; a click on a name puts that file into the panel."""
    text = st.column_config.TextColumn
    columns: dict[str, Any] = {
        "role": text("Role", width=105),
        "what": text("What it is", width=275, help="Output type and unit"),
        "cell": text("Cell type", width=85),
        "size": text("Size", width=75),
        "state": text("State", width=65),
        "checksum": text("Checksum", width=120, help="The first letters of what the manifest states"),
        "licence": text("Licence"),
        "warnings": st.column_config.NumberColumn("Warnings", width=75),
    }
    alt = "Files of the data set with size, state, checksum and licence"
    data_table.file_table(rows, columns, key=_TABLE, name_px=250, alt=alt)
