"""What the browser sends, through Streamlit's own dispatch: settled settings, stretches, marks, and anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.testing.v1 import AppTest

from seq2exp.genome import Interval
from seq2exp.ui import display
from seq2exp.ui.tracks.reply import SETTING_KEYS

START, END = 1_000, 9_192


def _script() -> None:
    """A page of the component alone, wired as Explore wires it."""
    import streamlit as st

    from seq2exp.genome import Interval
    from seq2exp.settings import ModelConfig
    from seq2exp.ui import display, inputs, instrument, state
    from seq2exp.ui.tracks import component

    config, window = ModelConfig(), Interval("chr1", 1_000, 9_192)
    state.seed(config, "none")
    visible = inputs.visible_stretch(window)
    component.mount(
        {"locus": "x"},
        key="tracks",
        on_commit=lambda: instrument._committed(config),
        on_view=lambda: instrument._viewed(window),
        on_ask=lambda: None,
    )
    st.session_state["link"] = display.choices()
    st.session_state["seen"] = (visible, display.marks(window))
    state.write_link(config, display.choices())


def _open() -> AppTest:
    app = AppTest.from_function(_script, default_timeout=30).run()
    assert not app.exception
    return app


def _send(app: AppTest, raw: str) -> AppTest:
    """Deliver ``raw`` as the browser delivers the component's events."""
    (element,) = app.get("bidi_component")
    states = WidgetStates()
    states.widgets.add(id=_make_trigger_id(element.proto.id, "events"), json_trigger_value=raw)
    app._run(states)
    assert not app.exception, raw[:200]
    return app


def _event(name: str, value: Any) -> str:
    return json.dumps([{"event": name, "value": value}])


def _held(app: AppTest) -> dict[str, Any]:
    """Everything a message may change."""
    keys = (*SETTING_KEYS, "tracks_commit", "seen", "link", "chosen_place")
    return {key: app.session_state[key] for key in keys if key in app.session_state}


SETTLED = {
    "mode": "hard",
    "threshold": 0.37,
    "top_percent": 12.5,
    "signal_scale": 2.1,
    "weights": [0, 1.5, 3],
    "prior_mean": 0.2,
    "prior_strength": 50,
    "merge_gap": 40,
    "min_length": 120,
}


def test_settled_settings_are_taken_and_stand_in_the_link() -> None:
    app = _send(_open(), _event("commit", {"n": 1_700_000_000_123, "settings": SETTLED}))
    held = _held(app)
    assert held.pop("tracks_commit") == 1_700_000_000_123
    assert {key: held[key] for key in SETTING_KEYS} == {**SETTLED, "weights": (0, 1.5, 3)}
    assert app.query_params["weights"] == "0,1.5,3"
    assert app.query_params["threshold"] == "0.37"


def test_the_stretch_and_marks_on_show_are_remembered() -> None:
    bands = [{"start": 2_000, "end": 2_500, "name": "R1"}, {"start": 8_000, "end": 9_500, "name": "a,b:<b>"}]
    app = _send(_open(), _event("view", {"view": [2_000, 4_000], "bands": bands, "n": 1}))
    app.run()
    visible, marks = app.session_state["seen"]
    assert visible == Interval("chr1", 2_000, 4_000)
    assert marks == ((2_000, 2_500, "R1"), (8_000, 9_500, "a b <b>"))
    assert app.session_state["link"] == {"marks": "2001-2500:R1,8001-9500:a b <b>"}
    assert display.read_marks(app.session_state["link"]["marks"]) == marks
    _send(app, _event("view", {"view": [2_000, 4_000], "bands": [], "n": 2}))
    assert app.session_state["seen"][1] == ()


def test_heights_and_the_chosen_element_are_remembered() -> None:
    message = {"heights": {"dnase": 90, "mask": 150, "truth": 60}, "chosen": [2_000, 2_400], "n": 1}
    app = _send(_open(), _event("view", message)).run()
    assert app.session_state["link"] == {"heights": "dnase:90,mask:150"}
    assert display.read_heights("dnase:90,mask:150") == {"dnase": 90, "mask": 150}
    assert app.session_state["chosen_place"] == Interval("chr1", 2_000, 2_400)
    app = _send(app, _event("view", {"heights": {}, "chosen": None, "n": 2})).run()
    assert app.session_state["link"] == {}
    assert app.session_state["chosen_place"] is None
    assert app.session_state["tracks_heard"] == {"view": 2}


@pytest.mark.parametrize("text", ["dnase:9", "dnase:401", "dnase:-50", "dnase", ":50", "x:50", "dnase:5e1", "dnase:²"])
def test_malformed_heights_of_a_link_are_left_out(text: str) -> None:
    assert display.read_heights(text) == {}
    assert display.read_heights(f"{text},mask:50") == {"mask": 50}


def test_a_stretch_is_cut_at_the_windows_ends() -> None:
    app = _send(_open(), _event("view", {"view": [-50, 4_000]})).run()
    assert app.session_state["seen"][0] == Interval("chr1", START, 4_000)
    app = _send(app, _event("view", {"view": [5_000, 10**30]})).run()
    assert app.session_state["seen"][0] == Interval("chr1", 5_000, END)


HOSTILE_COMMITS: list[Any] = [
    None,
    "threshold",
    "{",
    7,
    [],
    [[1]],
    {},
    {"settings": None},
    {"settings": [1, 2]},
    {"settings": {"threshold": "<b>"}, "n": "1"},
    {"settings": {"threshold": [0.5], "weights": 3, "mode": ["hard"]}, "n": [1]},
    {"settings": {"threshold": 1.5, "signal_scale": -1, "prior_strength": 3, "min_length": 10**400}, "n": -1},
    {"settings": {"weights": [10**400, 1, 1]}, "n": 10**400},
    {"settings": {"weights": [0, 0, 0]}, "n": None},
    {"settings": {"weights": [1, 1]}, "n": {}},
    {"settings": {"weights": [[1], 1, 1], "prior_mean": {"a": 1}}},
    {"settings": {"mode": "__import__('os').system('true')", "dataset": "/etc/passwd", "tracks_commit": 5}},
    {"settings": {"mode": None, "threshold": True, "merge_gap": "1e9"}},
]
HOSTILE_VIEWS: list[Any] = [
    None,
    "2000-4000",
    {"view": None, "bands": None},
    {"view": [2_000]},
    {"view": [4_000, 2_000]},
    {"view": [2_000.5, 4_000]},
    {"view": ["2000", "4000"]},
    {"view": [20_000, 30_000]},
    {"view": [-(10**400), -5]},
    {"view": {"0": 2_000, "1": 4_000}},
    {"bands": "2001-2500:R1"},
    {"bands": [{"start": "2000", "end": 2_500, "name": "x"}]},
    {"bands": [{"start": 2_000, "end": None, "name": "x"}]},
    {"bands": [{"start": 2_000, "end": 10**400, "name": "x"}]},
    {"bands": [{"start": 2_500, "end": 2_000, "name": "x"}]},
    {"bands": [{"start": -5, "end": 2_000, "name": "x"}]},
    {"bands": [{"start": 2_000, "end": 2_500, "name": ["x"]}]},
    {"heights": [80], "chosen": "E1"},
    {"heights": {"dnase": 10**400, "mask": "80", "contact": 80.5, "x": 80}, "chosen": [10**400, 2]},
    {"heights": {"dnase": None}, "chosen": [2_400, 2_000]},
    {"heights": "dnase:80", "chosen": {"0": 2_000, "1": 2_400}},
    {"bands": [{"start": 2_000, "end": 2_500}, 7, None, "x", ["start", "end", "name"]]},
]


def test_malformed_messages_change_nothing() -> None:
    app = _open()
    before = _held(app)
    for value in HOSTILE_COMMITS:
        assert _held(_send(app, _event("commit", value))) == before, value
    for value in HOSTILE_VIEWS:
        assert _held(_send(app, _event("view", value)).run()) == before, value
    for raw in ("{", "7", '"commit"', "null", '{"event": "commit"}', '[{"event": ["commit"]}]'):
        assert _held(_send(app, raw)) == before, raw
    for number in ("NaN", "Infinity", "-Infinity", "1e999"):
        settings = f'{{"threshold": {number}, "merge_gap": {number}, "weights": [{number}, 1, 1]}}'
        raw = f'[{{"event": "commit", "value": {{"n": {number}, "settings": {settings}}}}}]'
        assert _held(_send(app, raw)) == before, number
        raw = f'[{{"event": "view", "value": {{"view": [{number}, 5], "bands": [{{"start": {number}}}]}}}}]'
        assert _held(_send(app, raw).run()) == before, number


def test_of_a_message_the_sound_parts_are_taken() -> None:
    app = _send(
        _open(), _event("commit", {"n": "no", "settings": {"threshold": 0.4, "mode": "none", "min_length": -3}})
    )
    assert (app.session_state["threshold"], app.session_state["mode"]) == (0.4, "soft")
    bands = [{"start": 2_000, "end": 2_500, "name": "R1"}, {"start": "x"}, {"start": 3_000, "end": 3_100, "name": ""}]
    _send(app, _event("view", {"view": "all", "bands": bands}))
    assert app.session_state["seen"][1] == ((2_000, 2_500, "R1"), (3_000, 3_100, "R2"))


def test_more_marks_than_the_figure_holds_and_names_without_end_are_cut() -> None:
    bands = [{"start": 2_000 + i, "end": 2_500 + i, "name": "\ud800" + "x" * 10_000} for i in range(500)]
    app = _send(_open(), _event("view", {"bands": bands}))
    _, marks = app.session_state["seen"]
    assert len(marks) == 9
    assert {name for *_, name in marks} == {"x" * 24}


@pytest.mark.parametrize(
    "text",
    ["", "5", "-", "0-5", "9-5", "a-b", "1-2-3", "-5--1", "1.5-3", "1e3-2e3", "²-³", "9" * 5_000 + "-" + "9" * 5_001],
)
def test_malformed_marks_of_a_link_are_left_out(text: str) -> None:
    assert display.read_marks(text) == ()
    assert display.read_marks(f"{text},11-20:kept") == ((10, 20, "kept"),)


def test_a_hostile_link_opens() -> None:
    app = AppTest.from_function(_script, default_timeout=30)
    app.query_params["marks"] = "9" * 5_000 + "-3,<script>,2001-2500:<b>"
    app.query_params["hidden"] = "truth,__class__,<b>"
    app.query_params["chart"] = "<script>"
    app.query_params["threshold"] = "9" * 5_000
    app.run()
    assert not app.exception
    assert app.session_state["seen"][1] == ((2_000, 2_500, "<b>"),)
    assert app.session_state["link"] == {"hidden": "truth", "marks": "2001-2500:<b>"}
    assert app.session_state["threshold"] == 0.5


def _refusing() -> None:
    """Explore where the settings in force allow no mask."""
    import streamlit as st

    from seq2exp.errors import SettingsError
    from seq2exp.settings import ModelConfig
    from seq2exp.ui import instrument, state

    state.seed(ModelConfig(), "none")
    if st.session_state["signal_scale"] == 0:
        instrument.refused(SettingsError("signal scale <b> must be above 0"), ModelConfig())


def test_settings_that_allow_no_mask_have_a_way_back() -> None:
    app = AppTest.from_function(_refusing, default_timeout=30)
    app.query_params["signal_scale"] = "0"
    app.run()
    assert app.error[0].value == r"signal scale \<b\> must be above 0"
    app.button[0].click().run()
    assert not app.error
    assert app.session_state["signal_scale"] == 1
