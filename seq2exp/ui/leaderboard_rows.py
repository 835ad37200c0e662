"""Rows and bars of expression: systems by cell type, their deviations over runs, the paper's figures beside them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from seq2exp.baselines.systems import SYSTEMS
from seq2exp.benchmark.paper import PAPER, PaperRow
from seq2exp.benchmark.standings import TITLES, is_papers, standings
from seq2exp.benchmark.tournament import ORACLE
from seq2exp.figures.leaderboard_bars import Bar, Better, Panel
from seq2exp.ui.leaderboard_files import Board


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure by which systems are compared."""

    key: str
    title: str
    better: Better
    percent: bool = False
    """A share 0..1, shown in percent."""
    digits: int = 4
    """Decimals, where it is not in percent."""

    def words(self, value: float) -> str:
        """The figure as the page writes it."""
        return f"{100 * value:.1f} %" if self.percent else f"{value:.{self.digits}f}"

    @property
    def form(self) -> str:
        """Of a column of these figures."""
        return "%.1f %%" if self.percent else f"%.{self.digits}f"


ERRORS = (
    Measure("mse", "MSE", "lower"),
    Measure("mae", "MAE", "lower"),
    Measure("pearson", "Pearson", "higher"),
)
"""What the paper gives too."""
SPEARMAN = Measure("spearman", "Spearman", "higher")
KEPT = Measure("mask_ratio_total", "Mask kept", "neither", percent=True)
KEPT_OUTSIDE = Measure("mask_ratio", "Kept outside promoter", "neither", percent=True)

_OWN = {row.name: row.own for row in SYSTEMS}
_EFFORT = ("runs", "parameters", "windows", "minutes", "n", "hardware")


def expression_rows(board: Board, cells: Sequence[str], *, masks: bool) -> pd.DataFrame:
    """One row per system and cell type: means, deviations (missing of one run), effort, and the paper's figures.

    Parameters
    ----------
    masks
        With the share of the window that is kept.

    Returns
    -------
    pandas.DataFrame
        system (its name), cell_type, ``<measure>`` and ``<measure>_sd``, runs, parameters, windows, minutes, n,
        hardware.
        Columns ``paper_<measure>`` and ``paper_<measure>_sd`` only where a row is of the paper's own test, and filled
        in such rows alone.
    """
    table = standings(board.runs[board.runs["cell_type"].isin(cells)])
    table = table.sort_values("cell_type", key=lambda column: column.map(list(cells).index), kind="stable")
    table = table.reset_index(drop=True)
    measures = [*ERRORS, SPEARMAN, *((KEPT, KEPT_OUTSIDE) if masks else ())]
    beside = pd.DataFrame([_paper_beside(row, masks=masks) for row in table.to_dict("records")])
    joined = table if beside.isna().to_numpy().all() else table.join(beside)
    return joined[[name for name in ("system", "cell_type", *_beside_each(measures), *_EFFORT) if name in joined]]


def paper_rows(cells: Sequence[str]) -> pd.DataFrame:
    """The paper's own figures: system, cell_type, ``<measure>``, ``<measure>_sd``, mask_ratio_total, parameters."""
    parameters = {row.name: row.parameters for row in SYSTEMS}
    rows = [
        {"system": name, "cell_type": cell, **_figures(row, masks=True), "parameters": parameters.get(name)}
        for cell in cells
        for name, row in PAPER[cell].items()
    ]
    return pd.DataFrame(rows)


def ordered(rows: pd.DataFrame, measure: Measure, within: str) -> pd.DataFrame:
    """The rows of each value of ``within`` together, in their order, the best by ``measure`` first."""
    place = {value: number for number, value in enumerate(dict.fromkeys(rows[within]))}
    sign = -1 if measure.better == "higher" else 1
    keys = pd.DataFrame({"group": rows[within].map(place), "value": sign * pd.to_numeric(rows[measure.key])})
    return rows.loc[keys.sort_values(["group", "value"], kind="stable").index].reset_index(drop=True)


def with_oracle(rows: pd.DataFrame, oracle: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """``rows`` and, for the cell types of ``oracle`` among them, what expression without its noise would score."""
    own = [
        {"system": ORACLE, "cell_type": cell, **oracle[str(cell)], "n": group["n"].iloc[0]}
        for cell, group in rows.groupby("cell_type", sort=False)
        if str(cell) in oracle
    ]
    if not own:
        return rows
    counts = dict.fromkeys(("runs", "parameters", "windows", "n"), "Int64")  # whole numbers, of which some do not exist
    beside = pd.DataFrame(own).reindex(columns=rows.columns).astype(counts)
    return pd.concat([rows.astype(counts), beside], ignore_index=True)


def expression_panels(
    rows: pd.DataFrame, measure: Measure, runs: pd.DataFrame | None = None, lines: Mapping[str, float] | None = None
) -> list[Panel]:
    """A panel per cell type of what `expression_rows` or `paper_rows` gave.

    Parameters
    ----------
    runs
        The single runs, to be drawn over their mean.
    lines
        By cell type, a figure to mark.
    """
    panels = []
    for cell, group in rows.groupby("cell_type", sort=False):
        bars = []
        for row in group.to_dict("records"):
            bar = _bar(row, measure)
            if bar is None:
                continue
            singles: tuple[float, ...] = ()
            if runs is not None:
                own = runs[(runs["system"] == row["system"]) & (runs["cell_type"] == cell)]
                singles = tuple(float(value) for value in own[measure.key].dropna())
            bars.append(replace(bar, singles=singles))
        panels.append(Panel(str(cell), tuple(bars), None if lines is None else lines.get(str(cell))))
    return panels


def title_of(system: str) -> str:
    """As the tables spell it; a name this program does not know as it is."""
    return TITLES.get(system, system)


def _bar(row: Mapping[Hashable, Any], measure: Measure) -> Bar | None:
    value, deviation = float(row[measure.key]), float(row.get(f"{measure.key}_sd", math.nan))
    if math.isnan(value) or row["system"] == ORACLE:
        return None
    paper = float(row.get(f"paper_{measure.key}", math.nan))
    words = measure.words(value)
    single = ", one run" if row.get("runs") == 1 else ""
    return Bar(
        title_of(str(row["system"])),
        value,
        words,
        words + single if math.isnan(deviation) else f"{words} ± {measure.words(deviation)}",
        None if math.isnan(deviation) else (value - deviation, value + deviation),
        ours=_OWN.get(str(row["system"]), False),
        paper=None if math.isnan(paper) else paper,
    )


def _paper_beside(row: Mapping[Hashable, Any], *, masks: bool) -> dict[str, float]:
    known = PAPER[str(row["cell_type"])].get(str(row["system"])) if is_papers(row) else None
    nothing = PaperRow((math.nan, None), (math.nan, None), (math.nan, None))
    return {f"paper_{key}": value for key, value in _figures(known or nothing, masks=masks).items()}


def _beside_each(measures: Sequence[Measure]) -> list[str]:
    """A measure and its deviation, then the paper's of the same, measure by measure."""
    return [f"{whose}{measure.key}{what}" for measure in measures for whose in ("", "paper_") for what in ("", "_sd")]


def _figures(row: PaperRow, *, masks: bool) -> dict[str, float]:
    found = {}
    for measure in ERRORS:
        value, deviation = getattr(row, measure.key)
        found[measure.key] = value
        found[f"{measure.key}_sd"] = math.nan if deviation is None else deviation
    if masks:
        found[KEPT.key] = math.nan if row.mask_ratio is None else row.mask_ratio
    return found
