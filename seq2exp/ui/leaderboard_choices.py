"""The Leaderboard's pickers: kept while another page is shown, restored from a link, and written into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import streamlit as st

_KEPT = "leaderboard_kept"
_LINK = "leaderboard_link"
_PREFIX = "leaderboard_"


def begin() -> None:
    """Forget what the last run put in the link."""
    st.session_state[_LINK] = {}


def switch(label: str, name: str, options: Mapping[str, str], *, view: str = "") -> str:
    """One of ``options`` (title by value) as a row of buttons; the first where nothing else was chosen."""
    key = _seed(name, view, lambda text: text if text in options else None, next(iter(options)))
    st.segmented_control(
        label,
        list(options),
        key=key,
        required=True,
        format_func=lambda value: options.get(value, value),
        label_visibility="visible" if view else "collapsed",
    )
    return _taken(name, key, default=next(iter(options)))


def pick(label: str, name: str, options: Mapping[str, str], *, view: str) -> str:
    """One of ``options`` (title by value) from a list; the first where nothing else was chosen."""
    key = _seed(name, view, lambda text: text if text in options else None, next(iter(options)))
    st.selectbox(label, list(options), key=key, format_func=lambda value: options.get(value, value), filter_mode=None)
    return _taken(name, key, default=next(iter(options)))


def several(label: str, name: str, options: Sequence[str], *, view: str, most: int | None = None) -> list[str]:
    """Some of ``options``, all of them (or the first ``most``) where nothing was chosen."""

    def read(text: str) -> list[str] | None:
        return [option for option in options if option in text.split(",")] or None

    every = list(options[:most])
    key = _seed(name, view, read, every)
    st.pills(label, list(options), key=key, selection_mode="multi")
    state = st.session_state
    chosen = [option for option in options if option in (state[key] or ())][:most] or every
    state[_KEPT][key] = chosen
    if chosen != every:
        state[_LINK][name] = ",".join(chosen)
    return chosen


def write_link() -> None:
    """Make the address bar the link to what is chosen."""
    link = st.session_state[_LINK]
    if st.query_params.to_dict() != link:
        st.query_params.from_dict(link)


def _seed(name: str, view: str, read: Callable[[str], Any], default: Any) -> str:
    """Put a valid value under the widget's key before it is drawn: as it was left, as the link says, or the default."""
    state, key = st.session_state, f"{_PREFIX}{name}_{view}"
    kept = state.setdefault(_KEPT, {})
    value = state.get(key, kept.get(key))
    text = st.query_params.get(name) if value is None else ",".join([value] if isinstance(value, str) else value)
    found = None if text is None else read(text)
    if key not in state or found is None:
        state[key] = default if found is None else found
    return key


def _taken(name: str, key: str, *, default: str) -> str:
    state = st.session_state
    chosen = cast(str, state[key])
    state[_KEPT][key] = chosen
    if chosen != default:
        state[_LINK][name] = chosen
    return chosen
