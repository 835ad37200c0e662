"""The reply to settings: small, JSON, in words the component knows; and the component's files as they are served."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import plotly
import pytest
from streamlit.testing.v1 import AppTest

from seq2exp.figures.style import THEMES, Theme
from seq2exp.genome import Gene, Interval, Region
from seq2exp.results import LocusView, MaskResult
from seq2exp.settings import SIGNALS, ModelConfig
from seq2exp.ui import state
from seq2exp.ui.knobs import KNOBS, PRIOR_STRENGTHS, knob
from seq2exp.ui.text import number
from seq2exp.ui.tracks import component
from seq2exp.ui.tracks.reply import SETTING_KEYS, Shown, reply_to

STATIC = Path(component.__file__).parent / "static"
DASH = number(None)
PRESENTED = {"title", "why", "address"}
"""What a talk adds to a reply."""
WINDOW = Interval("chr1", 1_000_000, 1_200_000)
CENTRE = Interval("chr1", 1_099_000, 1_101_000)


def _view(*, trained: str = "yes", peaks: tuple[Region, ...] = (), predicted: float | None = 1.234) -> LocusView:
    length = WINDOW.width
    zero, never = np.zeros(length, np.float32), np.zeros(length, bool)
    on = never.copy()
    on[CENTRE.start - WINDOW.start : CENTRE.end - WINDOW.start] = True
    mask = MaskResult(
        mean=zero,
        sd=zero,
        mask=zero,
        forced_on=on,
        forced_off=never,
        elements=(),
        mode="soft",
        threshold=0.5,
        floor=0.3,
        ratio=0.1,
        ratio_outside_promoter=0.1,
        source="model",
        changes=(),
    )
    return LocusView(
        gene=Gene("G1", "<b>AAA</b>", "chr1", 1_100_000, "+"),
        cell_type="SynK",
        interval=WINDOW,
        transcripts=(),
        tracks=(),
        mask=mask,
        peaks=peaks,
        overlap=None,
        blacklist=(),
        centre=CENTRE,
        prediction_log10=predicted,
        promoter_only_log10=0.5,
        observed_log10=math.nan,
        provenance={"trained": trained},
    )


def _reply(view: LocusView, **shown: Any) -> dict[str, Any]:
    own = state.defaults(ModelConfig())
    return reply_to(
        "a key",
        view,
        commit=7,
        settings=own,
        defaults=own,
        modes=("soft", "hard", "top-k"),
        shown=Shown(WINDOW, **shown),
        stamp="cpu",
        caption=("AAA in SynK", "Settings: " + "x" * 400, "dataset: demo"),
        plotly=component.plotly_url(),
    )


def _sent(reply: dict[str, Any]) -> str:
    return json.dumps(reply, allow_nan=False)


def test_a_reply_stays_small_on_a_large_window() -> None:
    starts = range(WINDOW.start, WINDOW.end, WINDOW.width // 200)
    peaks = tuple(Region(Interval("chr1", start, start + 400), name="peak" * 8, score=math.nan) for start in starts)
    bands = tuple((WINDOW.start + i, WINDOW.end - i, "x" * 24) for i in range(9))
    reply = _reply(_view(peaks=peaks), bands=bands)
    assert len(reply["peaks"]) == 200
    assert len(_sent(reply).encode()) < 50_000


def test_peaks_in_the_promoter_are_shown_but_count_for_nothing() -> None:
    over = Region(Interval("chr1", CENTRE.start - 100, CENTRE.end + 50))
    within = Region(Interval("chr1", CENTRE.start + 10, CENTRE.start + 20))
    reply = _reply(_view(peaks=(over, within)))
    assert reply["peaks"] == [[1_098_900, 1_101_050], [1_099_010, 1_099_020]]
    assert reply["overlap_peaks"] == [[1_098_900, 1_099_000], [1_101_000, 1_101_050]]


@pytest.mark.parametrize(
    ("trained", "predicted", "shown"), [("yes", 1.234, "1.23"), ("no", 1.234, DASH), ("yes", None, DASH)]
)
def test_untrained_numbers_never_look_like_results(trained: str, predicted: float | None, shown: str) -> None:
    reply = _reply(_view(trained=trained, predicted=predicted))
    assert reply["predicted"] == shown
    assert (reply["promoter_only"] == DASH) == (trained == "no")
    assert reply["observed"] == DASH
    _sent(reply)


def test_every_knob_moves_a_setting_that_the_link_knows() -> None:
    known = {setting.key for setting in state.SETTINGS}
    assert set(SETTING_KEYS) <= known
    keys = [one.key for one in KNOBS]
    assert len(keys) == len(set(keys))
    for one in KNOBS:
        if one.index is None:
            assert one.key in SETTING_KEYS
        else:
            assert one.key == f"weight_{SIGNALS[one.index]}"
    moved = {"weights" if one.index is not None else one.key for one in KNOBS} | {"mode"}
    assert moved == set(SETTING_KEYS)


@pytest.mark.parametrize("preset", ["soft", "hard"])
def test_every_default_lies_in_its_knobs_range(preset: Any) -> None:
    own = state.defaults(ModelConfig.preset(preset))
    for one in KNOBS:
        value = own["weights"][one.index] if one.index is not None else own[one.key]
        assert one.minimum <= value <= one.maximum, one.key
    assert knob("prior_strength").values == PRIOR_STRENGTHS
    with pytest.raises(KeyError):
        knob("nothing")


@pytest.mark.parametrize("one", KNOBS, ids=lambda one: one.key)
def test_both_ends_of_a_knob_are_accepted_by_the_link(one: Any) -> None:
    for value in one.values or (one.minimum, one.maximum):
        text = f"1,{value},1" if one.index is not None else str(value)
        key = "weights" if one.index is not None else one.key
        assert key in state.read_link({key: text})


def test_what_the_component_reads_is_what_it_is_sent() -> None:
    """Names used in JavaScript on the reply, the knobs and the theme exist on this side."""
    code = "\n".join(path.read_text() for path in sorted(STATIC.glob("*.js")))
    reply = json.loads(_sent(_reply(_view())))
    asked = set(re.findall(r"\breply\.(\w+)", code))
    assert {"settings", "peaks", "overlap_peaks", "knobs", "themes"} <= asked
    assert asked <= set(reply) | PRESENTED
    colours = {field.name for field in dataclasses.fields(Theme)}
    named = set(re.findall(r"\btheme\.(\w+)", code))
    assert len(named) > 10
    assert named <= colours
    assert reply["themes"] == json.loads(
        json.dumps({name: dataclasses.asdict(theme) for name, theme in THEMES.items()})
    )
    assert set(re.findall(r"\bknob\.(\w+)", code)) <= set(reply["knobs"][0])


def test_the_components_files_are_whole() -> None:
    for path in STATIC.glob("*.js"):
        for wanted in re.findall(r'from "(\./[^"]+)"', path.read_text()):
            assert (path.parent / wanted).is_file(), f"{path.name} imports {wanted}"
    assert (STATIC / "tracks.css").is_file()
    assert (Path(plotly.__file__).parent / "package_data" / Path(component.plotly_url()).name).is_file()
    outside = r"https?://(?!www\.w3\.org)|\bimport\("
    for path in STATIC.iterdir():
        assert not re.search(outside, path.read_text()), f"{path.name} reaches beyond the server"


def test_a_change_of_any_file_changes_the_components_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(component, "_STATIC", tmp_path)
    names = set()
    for name, text in (("a.js", "1"), ("a.js", "2"), ("b.js", "2")):
        (tmp_path / name).write_text(text)
        component._version.cache_clear()
        names.add(component._version())
    component._version.cache_clear()
    assert len(names) == 3
    assert all(re.fullmatch(r"[0-9a-f]{8}", name) for name in names)


def _script() -> None:
    import streamlit as st

    from seq2exp.ui.tracks import component

    component.carry(b"S2X1 bytes", key="carried")
    component.mount({"locus": "<b>"}, key="tracks", on_commit=lambda: None, on_view=lambda: None, on_ask=lambda: None)
    st.text("below")


def test_the_locus_is_sent_as_bytes_and_the_reply_as_json() -> None:
    app = AppTest.from_function(_script, default_timeout=30).run()
    assert not app.exception
    carried, mounted = (element.proto for element in app.get("bidi_component"))
    assert carried.bytes == b"S2X1 bytes"
    assert json.loads(mounted.json) == {"locus": "<b>"}
    assert carried.component_name == mounted.component_name
    assert carried.component_name.endswith(".tracks")
    first = mounted.id
    app.run()
    assert [element.proto.id for element in app.get("bidi_component")][1] == first
