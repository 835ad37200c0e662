"""A run's benchmark.json as tables and one figure; whatever is not there is a dash."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from seq2exp.errors import SourceError
from seq2exp.figures.ranking import Score, ranking_figure
from seq2exp.training.folder import BENCHMARK_FILE
from seq2exp.ui.panels import theme_name
from seq2exp.ui.text import finite, number, percent, plain

FIGURES = {
    "element_auprc": "Element AUPRC, %",
    "base_auprc": "Base AUPRC, %",
    "precision": "Precision, %",
    "recall": "Recall, %",
    "f1": "F1, %",
    "covered_share": "Covered, %",
}
NO_WORDS = "–"  # noqa: RUF001 - the dash of a table
SIDES = {"prediction": "This checkpoint", "promoter_only": "Promoter only", "oracle": "Oracle: no noise"}


def read_benchmark(path: Path) -> Mapping[str, Any] | None:
    """The benchmark that lies in a run's folder; None without one.

    Raises
    ------
    SourceError
        It is not one of this program.
    """
    file = path / BENCHMARK_FILE
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, not JSON
        raise SourceError(f"{file}: cannot be read ({error})") from error
    rows = found.get("rows") if isinstance(found, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "predictor" in row for row in rows):
        raise SourceError(f"{file}: not a benchmark of this program; make it with python -m seq2exp benchmark mask")
    return dict(found)


def row_table(found: Mapping[str, Any]) -> pd.DataFrame:
    """One line per predictor, shares in percent with their 95 % intervals."""
    lines = [
        {
            "Predictor": str(row["predictor"]),
            **{title: _with_interval(row, key, share=True) for key, title in FIGURES.items()},
            "How bases were called": str(row.get("call_rule") or ""),
        }
        for row in found["rows"]
    ]
    return pd.DataFrame(lines)


def expression_table(found: Mapping[str, Any]) -> pd.DataFrame:
    """Expression as this checkpoint, the promoter alone and the oracle predict it."""
    own = found.get("expression")
    own = own if isinstance(own, dict) else {}
    sides = {"prediction": own, **{name: own.get(name) for name in ("promoter_only", "oracle")}}
    lines = []
    for name, side in sides.items():
        if isinstance(side, dict) and side:
            figures = {title: _with_interval(side, key) for key, title in (("pearson", "Pearson"), ("mse", "MSE"))}
            more = {"Spearman": _with_interval(side, "spearman"), "MAE": _with_interval(side, "mae")}
            share = percent(finite(side.get("pearson_of_oracle")))
            lines.append({"Predicted by": SIDES[name], **figures, **more, "Pearson of oracle's": share})
    return pd.DataFrame(lines)


def scores(found: Mapping[str, Any]) -> tuple[Score, ...]:
    """Element AUPRC of each predictor that has one."""
    made = []
    for row in found["rows"]:
        value = finite(row.get("element_auprc"))
        if value is not None:
            made.append(Score(str(row["predictor"]), value, interval_of(row, "element_auprc")))
    return tuple(made)


def show_benchmark(path: Path) -> None:
    """Tables and figure of the benchmark in ``path``, or why there are none."""
    try:
        found = read_benchmark(path)
    except SourceError as error:
        st.error(plain(str(error)))
        return
    if found is None:
        st.caption(f"No {BENCHMARK_FILE} in this folder. Make one with `python -m seq2exp benchmark mask --out …`.")
        return
    st.markdown("**Who finds the true elements?** " + plain(_what(found)))
    ranked = scores(found)
    if ranked:
        st.plotly_chart(
            ranking_figure(ranked, chance=finite(found.get("element_rate")), theme=theme_name()),
            key="ranking",
            theme=None,
            config={"displayModeBar": False},
            alt="Element AUPRC of the mask and its rivals with 95 % intervals",
        )
    st.dataframe(row_table(found), hide_index=True)
    table = expression_table(found)
    if len(table):
        st.markdown("**How well is expression predicted?** log10(1 + CAGE tags)")
        st.dataframe(table, hide_index=True)
    st.caption("In brackets: 95 % intervals over resamples of genes.")


def _what(found: Mapping[str, Any]) -> str:
    """What was scored on what."""
    cells = found.get("cells")
    cells_in_words = " and ".join(map(str, cells)) if isinstance(cells, list) else NO_WORDS
    return (
        f"{found.get('n_genes', NO_WORDS)} {found.get('part', '')} genes of {found.get('dataset', NO_WORDS)} "
        f"({found.get('dataset_hash', NO_WORDS)}) in {cells_in_words}, outside the promoter centre"
    )


def interval_of(row: Mapping[str, Any], key: str) -> tuple[float, float] | None:
    """The 95 % interval of one figure of a row; None where there is no sound one."""
    pairs = row.get("ci95")
    pair = pairs.get(key) if isinstance(pairs, dict) else None
    if not isinstance(pair, Sequence) or len(pair) != 2:
        return None
    low, high = finite(pair[0]), finite(pair[1])
    return None if low is None or high is None else (low, high)


def _with_interval(row: Mapping[str, Any], key: str, *, share: bool = False) -> str:
    value, pair = finite(row.get(key)), interval_of(row, key)
    if value is None:
        return NO_WORDS
    factor, digits = (100, 1) if share else (1, 3)
    words = number(factor * value, digits)
    return (
        words if pair is None else f"{words} [{number(factor * pair[0], digits)}, {number(factor * pair[1], digits)}]"
    )
