"""A table of the Leaderboard as CSV, Parquet or Markdown, each saying where its numbers come from."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import streamlit as st

FACTS_KEY = b"seq2exp"
"""Key of a Parquet file's metadata that holds the facts as JSON."""


def as_csv(table: pd.DataFrame, facts: Mapping[str, str]) -> str:
    """``table`` under ``#`` lines of facts; empty cells are numbers that do not exist."""
    return "".join(f"# {_line(key)}: {_line(value)}\n" for key, value in facts.items()) + table.to_csv(index=False)


def as_parquet(table: pd.DataFrame, facts: Mapping[str, str]) -> bytes:
    """``table`` with the facts in the file's metadata, as JSON under `FACTS_KEY`."""
    made = pa.Table.from_pandas(table, preserve_index=False)
    made = made.replace_schema_metadata({**(made.schema.metadata or {}), FACTS_KEY: json.dumps(dict(facts)).encode()})
    out = io.BytesIO()
    pq.write_table(made, out)
    content: bytes = out.getvalue()
    return content


def as_markdown(table: pd.DataFrame, facts: Mapping[str, str]) -> str:
    """The facts as a list, then ``table``."""
    lines = [f"- {_line(key)}: {_line(value)}" for key, value in facts.items()]
    lines += ["", "| " + " | ".join(map(str, table.columns)) + " |", "|" + "---|" * len(table.columns)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines) + "\n"


def show(table: pd.DataFrame, facts: Mapping[str, str], *, name: str) -> None:
    """One button per format below a table; files are made when they are asked for."""
    formats = (
        ("CSV", "csv", "text/csv", as_csv),
        ("Parquet", "parquet", "application/octet-stream", as_parquet),
        ("Markdown", "md", "text/markdown", as_markdown),
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for title, ending, mime, make in formats:
            data = partial(make, table, facts)
            st.download_button(title, data, f"seq2exp-{name}.{ending}", mime, on_click="ignore")
        st.caption("Click a column's head to sort by it.", width="content")


def _line(text: str) -> str:
    return " ".join(str(text).split())


def _cell(value: Any) -> str:
    """One cell of Markdown; empty for what does not exist."""
    if pd.isna(value):
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else _line(value)
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
