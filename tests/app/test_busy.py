"""A tab that waits for another: its notice, and what takes over from it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.testing.v1 import AppTest

from seq2exp.inference.session import LocusSession
from seq2exp.inference.turns import ACCELERATOR
from seq2exp.ui import busy
from seq2exp.ui.text import plain
from tests.app.conftest import Open


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


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Answers of other tests are no answers here, and those of here none elsewhere."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.mark.usefixtures("forgotten")
def test_explore_waits_in_line_and_then_shows_its_gene(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, inside = threading.Event(), threading.Event()
    draw = busy._draw
    monkeypatch.setattr(busy, "_draw", lambda place: (drawn.set(), draw(place))[1])

    def other_tab() -> None:
        with ACCELERATOR.turn():
            inside.set()
            assert drawn.wait(60)

    other = threading.Thread(target=other_tab)
    other.start()
    assert inside.wait(60)
    app = page(gene="SQX2")
    other.join(60)
    assert drawn.is_set()
    assert not app.exception
    assert not app.error
    assert not [block.value for block in app.markdown if block.value.startswith("Waiting")]


@pytest.mark.usefixtures("forgotten")
def test_explore_says_that_the_accelerator_ran_out_of_memory(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    view, words = LocusSession.view, "cuda ran out of memory: computed on the CPU, which takes longer"

    def fallen_back(session: LocusSession, *arguments: Any) -> Any:
        found = view(session, *arguments)
        session.notice = words
        return found

    monkeypatch.setattr(LocusSession, "view", fallen_back)
    app = page(gene="SQX2")
    assert not app.exception
    assert plain(words) in [warning.value for warning in app.warning]


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
