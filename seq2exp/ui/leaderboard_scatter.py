"""Observed against predicted of one run of a table; a click on a mark opens its gene in Explore."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from seq2exp.errors import SourceError
from seq2exp.figures.gene_scatter import GenePoints, gene_scatter
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import cache, catalogue, inputs
from seq2exp.ui.genes_panels import CONFIG, clicked_gene
from seq2exp.ui.leaderboard_files import Board
from seq2exp.ui.leaderboard_predictions import Predicted, agreement, open_dataset_of, windows_of
from seq2exp.ui.panels import theme_name
from seq2exp.ui.text import number, plain

HEIGHT_PX = 300
_SCATTER, _OPEN, _SHOWN = "leaderboard_scatter", "leaderboard_open", "leaderboard_shown"
_RUN, _CELL = "leaderboard_run", "leaderboard_run_cell"


def follow_click() -> None:
    """Open Explore on the gene that was clicked, with the data and the checkpoint of the run, where they are there."""
    wanted = st.session_state.pop(_OPEN, None)
    if wanted is None:
        return
    gene_id, board, cell, folder = wanted
    opened = open_dataset_of(board)
    if opened is None:
        return
    state = st.session_state
    state["dataset"], state["cell"] = opened[0], cell
    of_run = next((name for name, path in catalogue.checkpoint_paths().items() if path == folder / "checkpoint"), None)
    if of_run is not None:
        state["checkpoint"] = of_run
    inputs.open_in_explore(opened[1], gene_id)


def show(
    board: Board,
    cells: list[str],
    runs: Mapping[tuple[str, int], list[Predicted]],
    opened: tuple[str, Dataset] | None,
) -> pd.DataFrame | None:
    """The scatter of a run that is picked here, the best by MSE first; its windows in all cell types.

    None where its predictions cannot be read, which is said.
    """
    state = st.session_state
    ordered = _best_first(board, cells, runs)
    labels = {runs[key][0].label: key for key in ordered}
    if state.get(_RUN) not in labels:
        state[_RUN] = next(iter(labels))
    if state.get(_CELL) not in cells:
        state[_CELL] = cells[0]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.selectbox("Gene by gene", list(labels), key=_RUN, filter_mode=None, label_visibility="collapsed")
        if len(cells) > 1:
            st.segmented_control(
                "Cell type of the scatter", cells, key=_CELL, required=True, label_visibility="collapsed"
            )
    try:
        run, windows = windows_of(board, runs[labels[state[_RUN]]])
    except SourceError as error:
        st.error(plain(str(error)))
        return None
    own = windows[windows["cell_type"] == state[_CELL]]
    said = " · ".join(f"{name} **{number(value, 3)}**" for name, value in agreement(own).items())
    st.markdown(f"{said} · n = **{len(own):,}**")
    state[_SHOWN] = (board, state[_CELL], run.folder)
    _chart(own, opened)
    if opened is None:
        st.caption(f"Genes cannot be opened: {plain(board.dataset)} {plain(board.hash)} is not among the data sets.")
    else:
        st.caption("Click a mark to open its gene in Explore.")
    return windows


def _best_first(
    board: Board, cells: list[str], runs: Mapping[tuple[str, int], list[Predicted]]
) -> list[tuple[str, int]]:
    """Runs by their MSE, mean over the cell types on show."""
    own = board.runs[board.runs["cell_type"].isin(cells)]
    errors = own.groupby(["system", "seed"])["mse"].mean().to_dict()
    return sorted(runs, key=lambda key: errors.get(key, np.inf))


def _chart(own: pd.DataFrame, opened: tuple[str, Dataset] | None) -> None:
    ids = own["gene_id"].astype(str).tolist()
    symbols = (
        {} if opened is None else {key: name for name, key in cache.gene_labels(opened[1].hash, opened[1]).items()}
    )
    points = GenePoints(
        "test",
        "Test genes",
        ids,
        [symbols.get(gene_id, gene_id) for gene_id in ids],
        own["observed"].to_numpy(dtype=float),
        own["predicted"].to_numpy(dtype=float),
    )
    st.plotly_chart(
        gene_scatter(
            [points], x_title="Observed, log10(1 + CAGE)", y_title="Predicted", height=HEIGHT_PX, theme=theme_name()
        ),
        key=_SCATTER,
        theme=None,
        on_select=_clicked,
        selection_mode="points",
        config=CONFIG,
        alt="Observed against predicted expression of the test genes",
    )


def _clicked() -> None:
    wanted = clicked_gene(_SCATTER)
    if wanted is not None and _SHOWN in st.session_state:
        st.session_state[_OPEN] = (wanted, *st.session_state[_SHOWN])
