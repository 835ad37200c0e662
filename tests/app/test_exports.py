"""The popover Export on a page of its own: it offers every file, and a settings file leads back to the same view."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from seq2exp.model.checkpoint import save_checkpoint
from seq2exp.model.network import Seq2Exp
from seq2exp.settings import ModelConfig
from seq2exp.sources.dataset import open_dataset
from seq2exp.ui import exports, state
from seq2exp.ui.settings_file import read_view, write_view

Open = Callable[..., AppTest]


def _page() -> None:
    """The pickers and the popover, as a page puts them together."""
    import streamlit as st

    from seq2exp.settings import ModelConfig
    from seq2exp.ui import cache, exports, inputs, offers, state

    opened = inputs.choose_dataset()
    loaded = offers.choose_checkpoint(opened)
    gene, cell_type = inputs.choose_gene(opened), inputs.choose_cell(opened)
    config = ModelConfig() if loaded is None else loaded.config
    state.seed(config, "none" if loaded is None else loaded.hash)
    view = cache.answer(opened, gene, cell_type, loaded, state.question(config)).view
    visible = inputs.visible_stretch(view.interval)
    choices = inputs.choices(view.interval, visible)
    exports.popover(view, visible, config=config, choices=choices)
    held = {key: st.session_state[key] for key in state.defaults(config)}
    st.session_state["saved"] = exports.saved_view(view, choices, held, config, visible)
    state.write_link(config, choices)


@pytest.fixture
def opened(page: Open, tiny: Path, tmp_path: Path) -> Callable[..., AppTest]:
    """The page above on the tiny data set, with one shipped checkpoint; ``page`` sets the place up."""
    data = open_dataset(tiny)
    config = ModelConfig(window_bp=4_096, centre_bp=256, d_model=8, generator_layers=1, predictor_layers=1)
    origin = {"dataset": data.name, "dataset_hash": data.hash, "cell_types": list(data.cell_types)}
    save_checkpoint(tmp_path / "shipped" / "demo-soft", Seq2Exp(config), provenance={"trained": True, **origin})

    def open_page(**query: str) -> AppTest:
        app = AppTest.from_function(_page, default_timeout=60)
        for key, value in query.items():
            app.query_params[key] = value
        return app.run()

    page()  # names the data set and the cache folder
    return open_page


def _link(app: AppTest) -> dict[str, Any]:
    return {key: value[0] if isinstance(value, list) else value for key, value in app.query_params.items()}


def test_a_settings_file_leads_back_to_the_view_it_was_written_on(opened: Callable[..., AppTest], tiny: Path) -> None:
    gene = list(open_dataset(tiny).genes)[3]
    first = opened(gene=gene.symbol, cell=open_dataset(tiny).cell_types[1], threshold="0.61", prior_strength="20")
    assert not first.exception
    written = write_view(first.session_state["saved"]).encode()
    assert read_view(written).settings["threshold"] == 0.61
    other = opened(mode="hard", signal_scale="2.0")
    assert _link(other) != _link(first)
    other.file_uploader[0].upload("view.json", written, "application/json").run()
    assert not other.warning
    other.button(key="export open").click().run()
    assert not other.exception
    assert _link(other) == _link(first)
    assert other.session_state["saved"] == first.session_state["saved"]
    assert other.selectbox(key="gene").value == gene.symbol


def test_another_hash_is_told_and_a_foreign_file_refused(opened: Callable[..., AppTest]) -> None:
    app = opened()
    content = json.loads(write_view(app.session_state["saved"]))
    content["checkpoint"]["hash"] = "abcabcabcabc"
    app.file_uploader[0].upload("view.json", json.dumps(content).encode(), "application/json").run()
    assert "abcabcabcabc" in app.warning[0].value
    app.file_uploader[0].upload("view.json", b'{"format": "<script>"}', "application/json").run()
    assert "Not opened" in app.error[0].value
    assert not [button for button in app.button if button.key == "export open"]


def test_every_file_is_offered_and_only_moved_settings_are_named(opened: Callable[..., AppTest]) -> None:
    app = opened(threshold="0.61")
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == ["PDF", "Values, TSV", "Elements, BED", "HTML", "Values, CSV", "Settings, JSON"]
    config = ModelConfig()
    held = {**state.defaults(config), "threshold": 0.61}
    assert exports.moved_settings(config, held) == {"Threshold": "0.61 (by default 0.5)"}
    assert set(state.defaults(config)) <= set(exports.LABELS)
