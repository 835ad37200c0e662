"""What the figure asks of the page: genes in the picker's order, a talk, QR codes; nonsense asks nothing."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.testing.v1 import AppTest

from seq2exp.genome import Gene
from seq2exp.ui import asks

LABELS = {"BBB": "G2", "AAA": "G1", "AAA G3": "G3"}


@pytest.mark.parametrize(
    ("gene_id", "by", "label"),
    [("G2", 1, "AAA"), ("G1", -1, "BBB"), ("G2", 2, "AAA G3"), ("G3", 5, "AAA G3"), ("G2", -1, "BBB"), ("G9", 1, None)],
)
def test_genes_follow_each_other_as_in_the_picker(gene_id: str, by: int, label: str | None) -> None:
    assert asks.neighbour(LABELS, gene_id, by) == label


def test_a_talk_names_a_gene_so_that_it_is_found_again() -> None:
    names = {"AAA": "G1", "A,B": "G4"}
    told = [asks.talk_name(Gene(gene_id, symbol, "chr1", 5, "+"), names) for symbol, gene_id in names.items()]
    assert told == ["AAA", "G4"]
    assert asks.talk_name(Gene("G2", "AAA", "chr1", 5, "+"), names) == "G2"


def test_a_qr_code_is_an_svg_of_its_own_and_a_long_address_has_none() -> None:
    picture = unquote(asks.qr_code("http://10.0.0.7:8501/?gene=%3Cscript%3E&marks=1-2:<b>"))
    assert picture.startswith("data:image/svg+xml")
    assert "viewBox" in picture
    assert "script" not in picture
    assert picture != unquote(asks.qr_code("http://10.0.0.7:8501/?gene=another"))
    assert asks.qr_code("http://x/?" + "a" * 2_000) == ""


def _script() -> None:
    """A page of the component alone, wired as Explore wires it, with three genes."""
    from types import SimpleNamespace
    from typing import Any, cast

    import streamlit as st

    from seq2exp.genome import Gene
    from seq2exp.ui import asks, instrument
    from seq2exp.ui.tracks import component

    genes = [Gene(f"G{i}", symbol, "chr1", 5, "+") for i, symbol in enumerate(("AAA", "BBB", "CCC"))]
    opened = cast(Any, SimpleNamespace(hash="three genes", genes=genes))

    def nothing() -> None:
        """Not what is tested here."""

    asked = lambda: instrument._asked(opened)  # noqa: E731
    component.mount({"locus": "x"}, key="tracks", on_commit=nothing, on_view=nothing, on_ask=asked)
    held = st.session_state
    st.session_state["told"] = (held.get("gene"), held.get("asked_to_leave"), held.get(asks.PRESENT_FIRST), asks.qr())


def _send(app: AppTest, value: Any) -> Any:
    (element,) = app.get("bidi_component")
    states = WidgetStates()
    raw = json.dumps([{"event": "ask", "value": value}])
    states.widgets.add(id=_make_trigger_id(element.proto.id, "events"), json_trigger_value=raw)
    app._run(states)
    assert not app.exception, raw[:200]
    return app.session_state["told"]


def test_asked_for_a_gene_a_talk_or_a_code() -> None:
    app = AppTest.from_function(_script, default_timeout=30).run()
    assert _send(app, {"what": "gene", "from": "G0", "by": 2})[:2] == ("CCC", "")
    assert _send(app, {"what": "present", "gene": "G1"})[1:3] == ("pages/present.py", "G1")
    code = _send(app, {"what": "qr", "address": "https://x/?a=b"})[3]
    assert code == {"of": "https://x/?a=b", "image": asks.qr_code("https://x/?a=b")}


def test_nonsense_asks_nothing() -> None:
    app = AppTest.from_function(_script, default_timeout=30).run()
    before = app.session_state["told"]
    nonsense: tuple[Any, ...] = (
        None,
        "gene",
        7,
        [],
        {},
        {"what": ["gene"]},
        {"what": "gene"},
        {"what": "gene", "from": "G0", "by": 1.5},
        {"what": "gene", "from": "G0", "by": 10**400},
        {"what": "gene", "from": ["G0"], "by": 1},
        {"what": "gene", "from": "<b>", "by": 1},
        {"what": "qr", "address": "javascript:alert(1)"},
        {"what": "qr", "address": ["http://x"]},
        {"what": "__import__('os')"},
    )
    for value in nonsense:
        assert _send(app, value) == before, value
