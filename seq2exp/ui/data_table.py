"""A table of files on the Data page: a click on a name picks the file that the panel below shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

ROW_PX = 33
_MOST_ROWS = 10
"""On show at once; below them the panel begins on a screen of 720 lines."""


def file_table(rows: pd.DataFrame, columns: Mapping[str, Any], *, key: str, name_px: int, alt: str) -> None:
    """The rows as a table; a click on a name is noted for `picked`.

    Parameters
    ----------
    rows
        ``id``, ``title``, which is what can be clicked, and whatever ``columns`` names.
    columns
        Streamlit's configuration of the columns right of the name, by their names in ``rows``.
    key
        Of the table among those of the page.
    name_px
        Width of the names.
    alt
        What the table shows, for those who cannot see it.
    """
    click, shown = f"{key}_click", f"{key}_shown"
    name = st.column_config.ButtonColumn(
        "File",
        type="tertiary",
        pinned=True,
        alignment="left",
        on_click=note_click,
        args=(click, shown, f"{key}_picked"),
        key=click,
        width=name_px,
    )
    st.session_state[shown] = tuple(zip(rows["id"], rows["title"], strict=True))
    st.dataframe(
        rows[["title", *columns]],
        key=f"{key}_table",
        hide_index=True,
        column_config={"title": name, **columns},
        height=ROW_PX * (1 + min(len(rows), _MOST_ROWS)) + 3,
        row_height=ROW_PX,
        placeholder="\u2013",
        alt=alt,
    )


def picked(key: str) -> str | None:
    """Id of the file whose name was clicked last in the table of that key."""
    found = st.session_state.get(f"{key}_picked")
    return None if found is None else str(found)


def note_click(click_key: str, shown_key: str, picked_key: str) -> None:
    """Note the id of the row whose name was clicked, by the table as it was drawn last.

    Where another row has moved there since, the name clicked decides if one row alone bears it.
    """
    state = st.session_state
    click, drawn = state[click_key], state.get(shown_key, ())
    ids = [one for one, title in drawn if title == click["label"]]
    if 0 <= click["row"] < len(drawn) and drawn[click["row"]][0] in ids:
        state[picked_key] = drawn[click["row"]][0]
    elif len(ids) == 1:
        state[picked_key] = ids[0]
