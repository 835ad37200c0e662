"""A tab that waits for another: its notice, and what takes over from it."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.testing.v1 import AppTest

from seq2exp.inference.turns import ACCELERATOR
from seq2exp.ui import busy


def _page() -> None:
    import streamlit as st

    from seq2exp.ui import busy

    st.session_state["gene"] = "now"
    busy.remember({"gene": "before"})
    with busy.turn(busy.place()):
        st.write("computed")


def test_a_tab_in_line_says_so_and_then_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, said = threading.Event(), list[str]()
    draw = busy._draw

    def spy(place: Any) -> Any:
        words = draw(place)
        drawn.set()
        tell = words.markdown
        return SimpleNamespace(markdown=lambda text: (said.append(text), tell(text)))

    monkeypatch.setattr(busy, "_draw", spy)

    def other_tab() -> None:
        with ACCELERATOR.turn():
            inside.set()
            assert drawn.wait(60)

    inside = threading.Event()
    other = threading.Thread(target=other_tab)
    other.start()
    assert inside.wait(60)
    page = AppTest.from_function(_page, default_timeout=60).run()
    other.join(60)
    assert not page.exception
    assert set(said) == {"Waiting: another tab is computing, yours is number 2 in line."}
    assert [block.value for block in page.markdown] == ["computed"]
    assert not page.button


def test_nothing_is_said_where_nobody_waits() -> None:
    page = AppTest.from_function(_page, default_timeout=60).run()
    assert [block.value for block in page.markdown] == ["computed"]


def test_a_cancel_brings_back_what_was_on_show() -> None:
    def script() -> None:
        import streamlit as st

        from seq2exp.ui import busy

        busy.remember({"gene": "before"})
        st.session_state.setdefault("gene", "asked")
        busy._draw(busy.place())

    page = AppTest.from_function(script, default_timeout=60).run()
    assert page.session_state["gene"] == "asked"
    page.button[0].click().run()
    assert page.session_state["gene"] == "before"


def test_a_newer_request_of_the_same_tab_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a fragment, which Streamlit itself would let wait until the old one has run."""
    requests = ScriptRequests()
    monkeypatch.setattr(busy, "get_script_run_ctx", lambda: SimpleNamespace(script_requests=requests))
    assert not busy._newer_wish()
    requests.request_rerun(RerunData(fragment_id_queue=["figure"]))
    assert requests.on_scriptrunner_yield() is None
    assert busy._newer_wish()
