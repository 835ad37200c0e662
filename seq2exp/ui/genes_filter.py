"""Which genes the Genes page shows and in which order: the filter, its link, its controls."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from seq2exp.ui.genes_data import PARTS

ORDERS = {
    "position": ("Position", "rank", True),
    "symbol": ("Symbol", "symbol", True),
    "error": ("Largest error first", "distance", False),
    "over": ("Predicted too high first", "error_log10", False),
    "under": ("Predicted too low first", "error_log10", True),
    "observed": ("Highest observed first", "observed_log10", False),
    "predicted": ("Highest predicted first", "predicted_log10", False),
    "elements": ("Most elements first", "n_elements", False),
    "jaccard": ("Highest Jaccard first", "jaccard", False),
}
"""Words, column and whether ascending; genes without the number come last."""
_LONGEST_TEXT = 80
_KEPT = "genes_filter"
_TEXT, _PARTS, _CHROMS, _FROM, _TO, _ORDER = (
    f"genes_{name}" for name in ("text", "parts", "chroms", "error_from", "error_to", "order")
)


@dataclass(frozen=True, slots=True)
class GeneFilter:
    """What is shown; as made, everything by position."""

    text: str = ""
    """Letters of a symbol, alias or id, in any case."""
    parts: tuple[str, ...] = ()
    """Of `PARTS`; none: all."""
    chroms: tuple[str, ...] = ()
    """None: all."""
    error_from: float | None = None
    """Least error, predicted minus observed log10(1 + CAGE); with a bound, genes without an error are left out."""
    error_to: float | None = None
    order: str = "position"

    def apply(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of ``table`` (in genome order) that pass, ordered."""
        keep = pd.Series(data=True, index=table.index)
        wanted = self.text.strip().casefold()
        if wanted:
            keep &= table["names"].str.contains(wanted, regex=False)
        if self.parts:
            keep &= table["fold"].isin(self.parts)
        if self.chroms:
            keep &= table["chrom"].isin(self.chroms)
        if self.error_from is not None:
            keep &= table["error_log10"] >= self.error_from
        if self.error_to is not None:
            keep &= table["error_log10"] <= self.error_to
        shown = table[keep]
        _, column, ascending = ORDERS[self.order]
        if column == "rank":
            return shown
        by = shown["error_log10"].abs() if column == "distance" else shown[column]
        ordered = by.sort_values(ascending=ascending, kind="stable", na_position="last")
        return shown.loc[ordered.index]

    def to_link(self) -> dict[str, str]:
        """The fields of a link that differ from the first view."""
        fields = {
            "text": self.text.strip(),
            "fold": ",".join(self.parts),
            "chrom": ",".join(self.chroms),
            "error_from": "" if self.error_from is None else f"{self.error_from:g}",
            "error_to": "" if self.error_to is None else f"{self.error_to:g}",
            "order": "" if self.order == "position" else self.order,
        }
        return {key: value for key, value in fields.items() if value}

    def in_words(self) -> str:
        """For a download: what was left out, and the order."""
        said = [
            f"name contains {self.text.strip()}" if self.text.strip() else "",
            f"fold {' or '.join(self.parts)}" if self.parts else "",
            f"on {' or '.join(self.chroms)}" if self.chroms else "",
            f"error at least {self.error_from:g}" if self.error_from is not None else "",
            f"error at most {self.error_to:g}" if self.error_to is not None else "",
        ]
        chosen = ", ".join(part for part in said if part) or "all"
        return f"{chosen}; order: {ORDERS[self.order][0].lower()}"


def read_link(parameters: Mapping[str, str], chroms: Sequence[str]) -> GeneFilter:
    """The filter of a link; what is unknown or malformed is left out."""

    def several(key: str, allowed: Sequence[str]) -> tuple[str, ...]:
        asked = parameters.get(key, "").split(",")
        return tuple(name for name in allowed if name in asked)

    order = parameters.get("order", "position")
    return GeneFilter(
        text=" ".join(parameters.get("text", "").split())[:_LONGEST_TEXT],
        parts=several("fold", list(PARTS)),
        chroms=several("chrom", chroms),
        error_from=_number(parameters.get("error_from")),
        error_to=_number(parameters.get("error_to")),
        order=order if order in ORDERS else "position",
    )


def choose_filter(table: pd.DataFrame, *, errors: bool) -> GeneFilter:
    """The controls of the filter, as the visitor left them or the link says.

    Parameters
    ----------
    table
        All genes.
    errors
        Whether any gene has an error to filter by.
    """
    state = st.session_state
    chroms = list(dict.fromkeys(table["chrom"]))
    _seed(chroms)
    parts = [part for part in PARTS if part in set(table["fold"])]
    state[_PARTS] = [part for part in state[_PARTS] if part in parts]
    text, fold, chrom, low, high, order = st.columns([1.5, 2.3, 1.6, 0.9, 0.9, 1.6])
    with text:
        st.text_input("Gene name contains", key=_TEXT, placeholder="symbol, alias, id", max_chars=_LONGEST_TEXT)
    with fold:
        st.pills("Fold", parts, key=_PARTS, selection_mode="multi", format_func=lambda part: PARTS.get(part, part))
    with chrom:
        st.multiselect("Chromosome", chroms, key=_CHROMS, placeholder="all")
    hint = "Predicted minus observed log10(1 + CAGE)" if errors else "No gene has a prediction yet"
    with low:
        st.number_input(
            "Error from",
            key=_FROM,
            value=None,
            step=0.1,
            format="%.2f",
            placeholder="any",
            help=hint,
            disabled=not errors,
        )
    with high:
        st.number_input(
            "Error to", key=_TO, value=None, step=0.1, format="%.2f", placeholder="any", disabled=not errors
        )
    with order:
        st.selectbox("Order", list(ORDERS), key=_ORDER, format_func=lambda name: ORDERS[name][0], filter_mode=None)
    chosen = GeneFilter(
        text=state[_TEXT] or "",
        parts=tuple(part for part in parts if part in state[_PARTS]),
        chroms=tuple(name for name in chroms if name in state[_CHROMS]),
        error_from=state[_FROM] if errors else None,
        error_to=state[_TO] if errors else None,
        order=state[_ORDER],
    )
    state[_KEPT] = chosen
    return chosen


def forget() -> None:
    """Show all genes again, by position."""
    _put(GeneFilter())


def _seed(chroms: Sequence[str]) -> None:
    """Values of the controls before they are drawn: Streamlit forgets them while another page is shown."""
    state = st.session_state
    if _ORDER not in state:
        _put(state.get(_KEPT) or read_link(st.query_params.to_dict(), chroms))
    state[_CHROMS] = [name for name in state[_CHROMS] if name in chroms]


def _put(chosen: GeneFilter) -> None:
    state = st.session_state
    state[_TEXT], state[_PARTS], state[_CHROMS] = chosen.text, list(chosen.parts), list(chosen.chroms)
    state[_FROM], state[_TO], state[_ORDER] = chosen.error_from, chosen.error_to, chosen.order


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
