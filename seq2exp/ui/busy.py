"""What a tab shows while another one computes: its place in line, and a way out of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType

from seq2exp.inference.turns import ACCELERATOR

_ANSWERED = "answered"


def place() -> Any:
    """Where the notice will stand. Drawn in every run, so that what is below keeps its place in the page."""
    return st.empty()


@contextmanager
def turn(place: Any) -> Iterator[None]:
    """This tab's turn at the accelerator; until then its number in line is shown in ``place``.

    A newer wish of the same tab takes over from this one.
    """
    notice: list[Any] = []

    def waiting(ahead: int) -> None:
        if _newer_wish():
            st.rerun(scope="fragment" if _in_fragment() else "app")
        if not notice:
            notice.append(_draw(place))
        who = "another tab is" if ahead == 1 else f"{ahead} other tabs are"
        # Also where Streamlit looks whether the visitor has left or stopped the run.
        notice[0].markdown(f"Waiting: {who} computing, yours is number {ahead + 1} in line.")

    with ACCELERATOR.turn(waiting):
        if notice:
            place.empty()
        yield


def _draw(place: Any) -> Any:
    """The notice, over the page so that nothing moves; what holds its words."""
    with place.container(key="busy", horizontal=True, vertical_alignment="center"):
        words = st.empty()
        if _ANSWERED in st.session_state:
            st.button("Cancel", key=f"cancel {_run_number()}", on_click=_go_back)
    return words


def remember(chosen: dict[str, Any]) -> None:
    """Keep what the page now shows, by keys of session state, for a later cancel."""
    st.session_state[_ANSWERED] = chosen


def _go_back() -> None:
    for key, value in st.session_state[_ANSWERED].items():
        st.session_state[key] = value


def _run_number() -> int:
    """Tells the notices of one tab apart: a button may stand only once in a run."""
    count = int(st.session_state.get("waits", 0)) + 1
    st.session_state["waits"] = count
    return count


def _in_fragment() -> bool:
    context = get_script_run_ctx()
    return context is not None and bool(context.fragment_ids_this_run)


def _newer_wish() -> bool:
    """Whether this tab has asked for something else meanwhile.

    Streamlit hands a fragment's newer request over only when the fragment has ended, so it is looked up here.
    """
    context = get_script_run_ctx()
    requests = None if context is None else context.script_requests
    return requests is not None and requests._state == ScriptRequestType.RERUN
