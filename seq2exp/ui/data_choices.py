"""The Data page's pickers: restored from a link, kept while another page is shown, and written into the link."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

_LINK = "data_link"
_PREFIX = "data_"


def begin() -> None:
    """Forget what the last run put in the link."""
    st.session_state[_LINK] = {}


def switch(label: str, name: str, options: Mapping[str, str]) -> str:
    """One of ``options`` (title by value) as a row of buttons; the first where nothing else was chosen."""
    key = _seed(name, options)
    st.segmented_control(
        label,
        list(options),
        key=key,
        required=True,
        format_func=lambda value: options.get(value, str(value)),
        label_visibility="collapsed",
        persist_state="session",
    )
    return _taken(name, key, options)


def pick(label: str, name: str, options: Mapping[str, str], *, help: str | None = None) -> str:
    """One of ``options`` (title by value) from a list; the first where nothing else was chosen."""
    key = _seed(name, options)
    st.selectbox(
        label,
        list(options),
        key=key,
        format_func=lambda value: options.get(value, str(value)),
        filter_mode=None,
        help=help,
        persist_state="session",
    )
    return _taken(name, key, options)


def choose(name: str, value: str) -> None:
    """Have the picker of that name stand at ``value`` from the next run on."""
    st.session_state[_PREFIX + name] = value


def write_link() -> None:
    """Make the address bar the link to what is chosen."""
    link = st.session_state[_LINK]
    if st.query_params.to_dict() != link:
        st.query_params.from_dict(link)


def _seed(name: str, options: Mapping[str, str]) -> str:
    """Put a valid value under the widget's key before it is drawn: as it was left, as the link says, or the first."""
    state, key = st.session_state, _PREFIX + name
    wanted = state.get(key, st.query_params.get(name))
    if key not in state or wanted not in options:
        state[key] = wanted if wanted in options else next(iter(options))
    return key


def _taken(name: str, key: str, options: Mapping[str, str]) -> str:
    chosen = str(st.session_state[key])
    if chosen != next(iter(options)):
        st.session_state[_LINK][name] = chosen
    return chosen
