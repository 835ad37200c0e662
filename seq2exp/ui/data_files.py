"""Published files: the catalogue as a table with states and licences, what a task still needs, and one file whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.sources.catalogue import Catalogue, load_catalogue
from seq2exp.sources.catalogue_state import state_of
from seq2exp.sources.download_plan import make_plan
from seq2exp.ui import catalogue as places
from seq2exp.ui import data_choices, data_details, data_table
from seq2exp.ui.data_rows import (
    EVERY,
    STATES,
    Chosen,
    catalogue_rows,
    cells_of,
    command_of,
    plan_in_words,
    tasks_by_source,
)
from seq2exp.ui.status_machine import short
from seq2exp.ui.text import plain

CATALOGUE_NAME = "data_manifest.yaml"
_TABLE = "data_files"
_FIRST_TASK, _FIRST_CELL = "browse", "K562"


def show() -> None:
    """The whole view; what cannot be read is told."""
    path = places.ROOT / CATALOGUE_NAME
    try:
        catalogue = _catalogue(str(path), path.stat().st_mtime_ns)
        states = state_of(catalogue, path.parent / catalogue.files_dir)
    except FileNotFoundError:
        st.info(f"There is no catalogue: {CATALOGUE_NAME} is not in the project's folder.")
        return
    except (Seq2ExpError, OSError) as error:
        st.error(plain(short(str(error)), limit=700))
        return
    chosen = _filters(catalogue)
    if chosen.task != EVERY:
        _plan(catalogue, path.parent / catalogue.files_dir, chosen)
    rows = catalogue_rows(catalogue, states, chosen)
    if rows.empty:
        st.info("No file passes these filters.")
        return
    _table(rows, with_level=chosen.task != EVERY)
    n_here = int((rows["state"] == STATES["present"]).sum())
    st.caption(f"{len(rows):,} files, {n_here:,} here. Click a name for everything known about a file.")
    ids = [str(one) for one in rows["id"]]
    picked = data_table.picked(_TABLE)
    source = catalogue.source(picked if picked in ids else ids[0])
    state = next(one for one in states if one.id == source.id)
    tasks = tasks_by_source(catalogue, Chosen()).get(source.id, {})
    data_details.panel(data_details.of_catalogue(catalogue, source, state, STATES[state.state], tasks))


@st.cache_data(max_entries=4, show_spinner=False)
def _catalogue(path: str, changed_ns: int) -> Catalogue:
    return load_catalogue(Path(path))


def _filters(catalogue: Catalogue) -> Chosen:
    tasks = [task.name for task in catalogue.tasks]
    cells = list(catalogue.cell_types)
    task_column, cell_column, state_column = st.columns([2, 2, 2])
    with task_column:
        ordered = [name for name in (_FIRST_TASK,) if name in tasks] + [name for name in tasks if name != _FIRST_TASK]
        titles = {name: catalogue.task(name).title for name in ordered} | {EVERY: "Anything: the whole catalogue"}
        task = data_choices.pick("To do", "task", titles)
    with cell_column:
        first = [cell for cell in (_FIRST_CELL,) if cell in cells] + [cell for cell in cells if cell != _FIRST_CELL]
        cell = data_choices.pick("Cell type", "cell", {one: one for one in first} | {EVERY: "Every cell type"})
    with state_column:
        state = data_choices.pick("State", "state", {EVERY: "Any state"} | dict(STATES))
    return Chosen(task, cell, state)


def _plan(catalogue: Catalogue, files_dir: Path, chosen: Chosen) -> None:
    """What the task still needs, and the command that fetches it."""
    cells = cells_of(catalogue, chosen.task, chosen)
    if not cells:
        st.info(plain(f"This is not offered for {chosen.cell}."))
        return
    words, command = st.columns([7, 6], vertical_alignment="center", gap="medium")
    try:
        plan = make_plan(catalogue, files_dir, task=chosen.task, cells=cells)
    except (Seq2ExpError, OSError) as error:
        words.error(plain(short(str(error)), limit=700))
        return
    words.markdown(f"**{plain(' and '.join(cells))}**: {plain(plan_in_words(plan))}.")
    if plan.to_do:
        command.code(command_of(chosen.task, cells), language="bash", wrap_lines=True)


def _table(rows: pd.DataFrame, *, with_level: bool) -> None:
    """The rows; a click on a name puts that file into the panel."""
    text = st.column_config.TextColumn
    columns: dict[str, Any] = {
        "what": text("What it is", width=275 if with_level else 235, help="Output type and unit"),
        "cell": text("Cell type", width=75),
        "size": text("Size", width=75),
        "state": text("State", width=65),
        "licence": text("Licence", width=200),
        "needed": text(
            "Needed" if with_level else "Needed for",
            help=None if with_level else "Tasks that require it; in brackets: that can use it",
            width=85 if with_level else 195,
        ),
    }
    alt = "Published files with size, state and licence"
    data_table.file_table(rows, columns, key=_TABLE, name_px=410 if with_level else 375, alt=alt)
