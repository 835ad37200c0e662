"""The Leaderboard's views of expression: Tables 1 and 2 as they were run here, and the paper's own figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from seq2exp import __version__
from seq2exp.benchmark.paper import PAPER, SOURCE, TEST_GENES
from seq2exp.benchmark.tournament import TABLE2
from seq2exp.errors import Seq2ExpError
from seq2exp.figures.leaderboard_bars import Panel, bars_figure
from seq2exp.sources.dataset import Dataset
from seq2exp.ui import (
    badges,
    leaderboard_choices,
    leaderboard_cite,
    leaderboard_downloads,
    leaderboard_predictions,
    leaderboard_scatter,
    leaderboard_tables,
)
from seq2exp.ui.catalogue import place_in_words
from seq2exp.ui.leaderboard_files import Board, TableName, read_boards
from seq2exp.ui.leaderboard_rows import (
    ERRORS,
    KEPT,
    SPEARMAN,
    Measure,
    expression_panels,
    expression_rows,
    ordered,
    paper_rows,
    with_oracle,
)
from seq2exp.ui.panels import theme_name
from seq2exp.ui.text import plain

STILL = {"displayModeBar": False}


def problems(found: Sequence[str]) -> None:
    """Files that are not shown, each with the reason."""
    for problem in found:
        st.error(plain(problem))


def bars(panels: Sequence[Panel], measure: Measure, *, key: str, least_height: int = 0) -> None:
    """The bars of a view, at least ``least_height`` px tall."""
    st.plotly_chart(
        bars_figure(
            panels,
            axis=measure.title,
            better=measure.better,
            percent=measure.percent,
            least_height=least_height,
            theme=theme_name(),
        ),
        key=key,
        theme=None,
        config=STILL,
        alt=f"{measure.title} as bars with deviations or intervals, the best on top; the table has the numbers",
    )


def choose_measure(measures: Sequence[Measure], view: str) -> Measure:
    """By what is compared."""
    by_key = {measure.key: measure for measure in measures}
    chosen = leaderboard_choices.switch("Figure", "figure", {key: by_key[key].title for key in by_key}, view=view)
    return by_key[chosen]


def show_table(table: TableName) -> None:
    """Table 1 or 2 as it was run here; without any run, how to make one, and the paper's figures."""
    found, masks = read_boards(table), table == "table2"
    problems(found.problems)
    if not found.items:
        st.info(
            f"No run is in {'Table 2' if masks else 'Table 1'} yet. Train and test every system with "
            f"`python -m seq2exp benchmark {table} --dataset .data/train`; `--models` and `--seeds` choose fewer. "
            "Until then, what is to be reproduced:"
        )
        show_paper(masks=masks)
        return
    boards = {_key(board): board for board in found.items}
    data, cell, figure = st.columns([1.5, 1, 1.8], vertical_alignment="top")
    with data:
        names = {key: board.label for key, board in boards.items()}
        board = boards[leaderboard_choices.pick("Data set", "data", names, view=table)]
    with cell:
        cells = leaderboard_choices.several("Cell types", "cells", board.cells, view=f"{table}_{board.hash}")
    with figure:
        measure = choose_measure([*ERRORS, SPEARMAN, *([KEPT] if masks else [])], table)
    _expression(board, cells, measure, table)


def _expression(board: Board, cells: list[str], measure: Measure, table: TableName) -> None:
    rows = expression_rows(board, cells, masks=table == "table2")
    opened = leaderboard_predictions.open_dataset_of(board)
    runs = leaderboard_predictions.predictions_of(board)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        badges.data_badge(synthetic=board.synthetic, truth=False)
        if (rows["runs"] == 1).any():
            one = "EVERY SYSTEM RAN ONCE" if (rows["runs"] == 1).all() else "SOME SYSTEMS RAN ONCE"
            st.badge(f"{one}: no deviation", color="orange", icon=":material/counter_1:")
        st.caption(f"{_genes(rows)} of {plain(board.dataset)} {plain(board.hash)}", width="content")
    wide, narrow = st.columns([3, 2], gap="medium") if runs else (st.container(), None)
    oracle: Mapping[str, Mapping[str, float]] = {}
    if narrow is not None:
        with narrow:
            windows = leaderboard_scatter.show(board, cells, runs, opened)
        if windows is not None and opened is not None:
            oracle = _oracle(opened[1], windows)
    lines = {cell: figures[measure.key] for cell, figures in oracle.items() if measure.key in figures}
    with wide:
        own = board.runs[board.runs["cell_type"].isin(cells)]
        bars(
            expression_panels(rows, measure, own, lines),
            measure,
            key=f"bars_{table}",
            least_height=leaderboard_scatter.HEIGHT_PX + 40 if runs else 0,
        )
        st.caption(_reading(rows, oracle=bool(lines)))
    shown = with_oracle(ordered(rows, measure, "cell_type"), oracle)
    leaderboard_tables.deviations(shown, alt=f"{table}: every system with its figures and deviations")
    leaderboard_downloads.show(shown, _facts(board, cells, table, shown), name=f"{table}-{board.dataset}")
    leaderboard_cite.show(leaderboard_cite.of_systems(shown["system"]))


def show_paper(*, masks: bool = False) -> None:
    """The paper's own figures; ``masks``: of the systems with a mask alone."""
    cell, figure = st.columns([1, 2.2], vertical_alignment="top")
    with cell:
        cells = leaderboard_choices.several("Cell types", "cells", list(PAPER), view="paper")
    with figure:
        measure = choose_measure([*ERRORS, KEPT], "paper")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge("THE PAPER'S OWN FIGURES", color="blue", icon=":material/article:")
        st.caption(f"Real {' and '.join(PAPER)}, {TEST_GENES:,} test genes; nothing here was run by this program.")
    rows = paper_rows(cells)
    if masks:
        rows = rows[rows["system"].isin(TABLE2)].reset_index(drop=True)
    bars(expression_panels(rows, measure), measure, key="bars_paper")
    rows = ordered(rows, measure, "cell_type")
    st.caption(f"{plain(SOURCE)}. Whiskers: standard deviation of five runs, where the paper gives one.")
    leaderboard_tables.deviations(rows, alt="The paper's figures with their deviations")
    facts = {
        "table": "the paper's own figures",
        "source": SOURCE,
        "data": f"{' and '.join(cells)}, {TEST_GENES} test genes",
        "deviations": "standard deviation of five runs",
        "seq2exp": __version__,
    }
    leaderboard_downloads.show(rows, facts, name="paper")
    leaderboard_cite.show(leaderboard_cite.of_systems(rows["system"]))


def _oracle(opened: Dataset, windows: pd.DataFrame) -> dict[str, dict[str, float]]:
    try:
        return leaderboard_predictions.oracle_figures(opened, windows)
    except (Seq2ExpError, OSError) as error:
        st.error(f"No oracle: {plain(str(error))}")
        return {}


def _genes(rows: pd.DataFrame) -> str:
    counts = [f"{int(group['n'].iloc[0]):,} in {cell}" for cell, group in rows.groupby("cell_type", sort=False)]
    return f"Test genes: {plain(', '.join(counts))},"


def _reading(rows: pd.DataFrame, *, oracle: bool) -> str:
    said = ["Whiskers: standard deviation over random states; rings: single runs."]
    if any(str(name).startswith("paper_") for name in rows):
        said.append("Diamonds: the paper's own figure.")
    if oracle:
        said.append("Dashed: what expression without its noise would score.")
    return " ".join(said)


def _facts(board: Board, cells: Sequence[str], table: str, shown: pd.DataFrame) -> dict[str, str]:
    facts = {
        "table": table,
        "file": place_in_words(board.file),
        "dataset": f"{board.dataset} {board.hash}",
        "synthetic": "yes" if board.synthetic else "no",
        "cell types": " and ".join(cells),
        "figures": "mean and sample standard deviation (_sd) over random states, on test genes; shares in 0..1",
        "seq2exp": __version__,
    }
    if any(str(name).startswith("paper_") for name in shown):
        facts["paper_*"] = f"{SOURCE}; five runs"
    return facts


def _key(board: Board) -> str:
    """In the link: the data's hash, with the folder where it is not the first one."""
    folder: Path = board.file.parent
    return board.hash if board.label.count("·") == 1 else f"{board.hash}.{folder.name}"
