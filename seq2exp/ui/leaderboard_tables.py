"""How the Leaderboard's tables look: titles, formats and helps of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from seq2exp.ui.leaderboard_rows import ERRORS, KEPT, KEPT_OUTSIDE, SPEARMAN, Measure, title_of

TALL_PX = 420
"""Of a table with more rows than a screen has room for."""
_ROW_PX = 33
_MOST_ROWS = 21
_LONG, _WIDE_PX = 24, 215
"""Names of more letters are cut off in the first column unless it is this wide."""
_DASH = "\u2013"
_FACTS: dict[str, tuple[str, str, str]] = {
    "runs": ("Runs", "%d", "Random states behind a mean"),
    "parameters": ("Parameters", "localized", "Of the network that was trained"),
    "windows": ("Windows seen", "localized", "By the whole network, in each run"),
    "minutes": ("Minutes", "%.1f", "Training, of the fastest run"),
    "n": ("Genes", "localized", "Test genes in this cell type"),
    "pairs": ("Pairs", "localized", "Element-gene pairs in the group"),
    "positives": ("Regulated", "localized", "Pairs whose gene falls when the element is silenced"),
    "scored": ("Scored", "localized", "Pairs the predictor says something about; the others count as 0"),
}
_WORDS: dict[str, tuple[str, str]] = {
    "system": ("System", ""),
    "cell_type": ("Cell type", ""),
    "checkpoint": ("Checkpoint", ""),
    "predictor": ("Predictor", ""),
    "stratum": ("Group of pairs", ""),
    "hardware": ("Hardware", ""),
    "call_rule": ("How bases were called", ""),
}


def deviations(table: pd.DataFrame, *, alt: str) -> None:
    """Systems with their deviations: the columns of `expression_rows` or `paper_rows`."""
    shown = table.assign(system=table["system"].map(title_of))
    formats: dict[str, Any] = {}
    for measure in (*ERRORS, SPEARMAN, KEPT, KEPT_OUTSIDE):
        for prefix, said in (("", ""), ("paper_", "Paper: ")):
            key = f"{prefix}{measure.key}"
            if key not in shown:
                continue
            formats[key] = _number(f"{said}{measure.title}", measure.form, _help(measure))
            if f"{key}_sd" in shown:
                formats[f"{key}_sd"] = _number(
                    "±", measure.form, f"Standard deviation of {measure.title} over the runs"
                )
            if measure.percent:
                columns = [name for name in (key, f"{key}_sd") if name in shown]
                shown[columns] *= 100
    _show(shown, formats, alt)


def intervals(table: pd.DataFrame, measures: Sequence[Measure], *, alt: str) -> None:
    """Predictors with their 95 % intervals: the columns of `truth_rows` or `crispri_rows`."""
    shown, formats = table.copy(), dict[str, Any]()
    for measure in measures:
        factor = 100 if measure.percent else 1
        low, high = f"{measure.key}_low", f"{measure.key}_high"
        pairs = zip(shown[low], shown[high], strict=True)
        shown[low] = [_span(measure, pair) for pair in pairs]
        shown = shown.drop(columns=high)
        shown[measure.key] = pd.to_numeric(shown[measure.key]) * factor
        formats[measure.key] = _number(measure.title, measure.form, _help(measure))
        formats[low] = st.column_config.TextColumn("95 %", help=f"95 % interval of {measure.title}")
        published = f"published_{measure.key}"
        if published in shown:
            formats[published] = _number("Published", "%.2f", f"{measure.title} as others published it for these pairs")
    _show(shown, formats, alt)


def _show(shown: pd.DataFrame, formats: dict[str, Any], alt: str) -> None:
    known: dict[str, Any] = {}
    for position, name in enumerate(map(str, shown.columns)):
        if name in _WORDS:
            title, words = _WORDS[name]
            wide = _WIDE_PX if shown[name].astype(str).str.len().max() > _LONG else None
            known[name] = st.column_config.TextColumn(
                title, help=words or None, pinned=position == 0, width=wide if position == 0 else None
            )
        elif name in _FACTS:
            known[name] = _number(*_FACTS[name])
    st.dataframe(
        shown,
        hide_index=True,
        column_config={**known, **formats},
        height="content" if len(shown) <= _MOST_ROWS else TALL_PX,
        row_height=_ROW_PX,
        placeholder=_DASH,
        alt=alt,
    )


def _number(title: str, form: str, words: str) -> Any:
    return st.column_config.NumberColumn(title, format=form, help=words)


def _help(measure: Measure) -> str:
    return {
        "mask_ratio_total": "Share of the whole window that the mask keeps, promoter included",
        "mask_ratio": "Share of the window that the mask keeps, promoter centre left out",
    }.get(measure.key, f"{measure.title}: {measure.better} is better" if measure.better != "neither" else measure.title)


def _span(measure: Measure, pair: tuple[float | None, float | None]) -> str | None:
    low, high = pair
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return None
    factor, digits = (100, 1) if measure.percent else (1, measure.digits)
    return f"{factor * low:.{digits}f} to {factor * high:.{digits}f}"
