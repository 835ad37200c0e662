"""Explore with the plain chart: the figure as Plotly JSON, the sliders as Streamlit's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Element

from seq2exp.model.checkpoint import save_checkpoint
from seq2exp.model.network import Seq2Exp
from seq2exp.settings import ModelConfig
from seq2exp.sources.dataset import open_dataset
from seq2exp.ui.text import number

Open = Callable[..., AppTest]


@pytest.fixture
def page(page: Open) -> Open:
    """Open Explore with the plain chart."""
    return lambda *args, **query: page(*args, **{"chart": "plain", **query})


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "![x](http://example.org/x.png)",
    "../../../etc/passwd",
    "__import__('os').system('true')",
    "'; DROP TABLE genes; --",
    "\u202e\u0000" + "A" * 3_000,
)


def _metric(app: AppTest, label: str) -> str:
    (found,) = [metric.value for metric in app.metric if metric.label == label]
    return str(found)


def _words(app: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "info", "warning")
    return " | ".join(str(element.value) for kind in kinds for element in app.get(kind))


def _figure(app: AppTest) -> dict[str, Any]:
    charts = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    (locus,) = [chart for chart in charts if "yaxis2" in chart["layout"]]
    return dict(locus)


def _notes(app: AppTest) -> str:
    return " | ".join(note["text"] for note in _figure(app)["layout"]["annotations"])


def _search(app: AppTest, text: str) -> None:
    """Type ``text`` into the gene box and press Enter, as a browser would send it."""
    box = app.selectbox(key="gene")
    if text not in box.options:
        box.options.append(text)
    box.select(text).run()


def _elements(node: Block | Element) -> Iterator[Element]:
    if isinstance(node, Block):
        for child in node.children.values():
            yield from _elements(child)
    else:
        yield node


def test_first_load_shows_the_first_gene(page: Open, tiny: Path) -> None:
    app = page()
    assert not app.exception
    assert not app.error
    first = next(iter(open_dataset(tiny).genes))
    assert f"{first.symbol} TSS" in _notes(app)
    assert "NO CHECKPOINT" in _words(app)
    assert _metric(app, "Predicted") == "\u2013"
    assert "no checkpoint is loaded" in _words(app)
    assert "cpu" in _words(app)


def test_a_gene_is_found_by_symbol_alias_and_id(page: Open, tiny: Path) -> None:
    genes = list(open_dataset(tiny).genes)
    app = page()
    for gene in genes[3:5]:
        for name in (gene.symbol.lower(), gene.gene_id, f"{gene.gene_id}.4", *gene.aliases[:1]):
            _search(app, name)
            assert not app.error
            assert f"{gene.symbol} TSS" in _notes(app)


def test_an_unknown_gene_keeps_the_view_and_suggests(page: Open, tiny: Path) -> None:
    shown = list(open_dataset(tiny).genes)[2]
    app = page(gene=shown.symbol)
    _search(app, shown.symbol + "Q")
    assert len(app.error) == 1
    assert "still showing" in app.error[0].value
    assert f"{shown.symbol} TSS" in _notes(app)
    suggested = next(button for button in app.button if button.label == shown.symbol)
    suggested.click().run()
    assert not app.error
    assert app.session_state["gene"] == shown.symbol


def test_missing_inputs_are_stated_in_their_lane_and_below(page: Open, bare: Path) -> None:
    app = page(dataset_path=bare)
    assert not app.exception
    assert "H3K27ac not available for this cell type - zero stood in" in _notes(app)
    assert "Contacts not available for this cell type" in _notes(app)
    assert "H3K27ac missing" in _words(app)


def test_the_threshold_changes_elements_and_not_the_mask(page: Open) -> None:
    app = page()
    kept, called = _metric(app, "Mask kept"), _metric(app, "Elements")
    app.slider(key="threshold").set_value(0.8).run()
    assert _metric(app, "Elements") != called
    assert _metric(app, "Mask kept") == kept
    assert "threshold 0.80" in _notes(app)
    assert app.query_params["threshold"] == "0.8"


@pytest.mark.parametrize(("key", "value"), [("signal_scale", 0.3), ("merge_gap", 1_000), ("min_length", 500)])
def test_other_sliders_change_the_calls(page: Open, key: str, value: float) -> None:
    app = page(threshold="0.7")
    before = app.dataframe[0].value
    app.slider(key=key).set_value(value).run()
    assert not app.exception
    assert not app.get("arrow_data_frame") or not app.dataframe[0].value.equals(before)


def test_the_prior_pulls_only_with_strength(page: Open) -> None:
    kept = _metric(page(), "Mask kept")
    app = page(prior_mean="0.9")
    assert app.slider(key="prior_mean").disabled
    assert _metric(app, "Mask kept") == kept
    app.select_slider(key="prior_strength").set_value(100).run()
    assert float(_metric(app, "Mask kept").split()[0]) > float(kept.split()[0])


def test_reset_returns_to_the_first_numbers(page: Open) -> None:
    app = page()
    before = [metric.value for metric in app.metric]
    app.slider(key="threshold").set_value(0.85).run()
    app.slider(key="signal_scale").set_value(2.0).run()
    next(button for button in app.button if button.label.startswith("Reset")).click().run()
    assert [metric.value for metric in app.metric] == before
    assert set(app.query_params) <= {"dataset", "gene", "cell", "chart"}


def test_modes_show_their_own_slider(page: Open) -> None:
    app = page(mode="top-k", top_percent="2.0")
    assert [slider.key for slider in app.slider if slider.key in ("threshold", "top_percent")] == ["top_percent"]
    assert "lowest kept" in _notes(app)
    app.get("button_group")[0].set_value("hard").run()
    assert [slider.key for slider in app.slider if slider.key in ("threshold", "top_percent")] == ["threshold"]


def test_nothing_called_says_where_the_highest_is_and_offers_a_threshold(page: Open) -> None:
    app = page(threshold="0.99")
    (info,) = app.info
    assert "0 elements at threshold 0.99; highest mean" in info.value
    offer = next(button for button in app.button if button.label.startswith("Set threshold to"))
    offer.click().run()
    assert not app.info
    assert int(_metric(app, "Elements")) >= 1


def test_coordinates_pan_and_zoom_redraw_that_stretch(page: Open) -> None:
    app = page()
    low, high = _figure(app)["layout"]["xaxis"]["range"]
    app.button(key="go in").click().run()
    inner = _figure(app)["layout"]["xaxis"]["range"]
    assert low < inner[0] < inner[1] < high
    app.button(key="go all").click().run()
    assert _figure(app)["layout"]["xaxis"]["range"] == [low, high]
    chrom = app.text_input(key="locus").value.split(":")[0]
    app.text_input(key="locus").set_value(f"{chrom}:{int(low) + 501:,}-{int(low) + 600:,}").run()
    assert _figure(app)["layout"]["xaxis"]["range"] == [low + 500, low + 600]
    assert app.query_params["locus"] == f"{chrom}:{int(low) + 501}-{int(low) + 600}"


def test_a_bad_position_is_refused_in_place_and_the_view_stays(page: Open) -> None:
    app = page()
    before = _figure(app)["layout"]["xaxis"]["range"]
    app.text_input(key="locus").set_value("chr99:1-100").run()
    assert len(app.error) == 1
    assert _figure(app)["layout"]["xaxis"]["range"] == before


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_letters(page: Open, text: str) -> None:
    app = page(gene=text, cell=text, dataset=text, checkpoint=text, locus=text, threshold=text)
    assert not app.exception
    assert app.error
    app.text_input(key="locus").set_value(text).run()
    app.text_input(key="dataset_path").set_value(text).run()
    assert not app.exception
    for element in _elements(app.main):
        assert not getattr(element.proto, "allow_html", False)
        if element.type in ("error", "markdown", "info", "caption"):
            assert "<img" not in str(element.value).replace("\\<", "")
            assert "![" not in str(element.value).replace("\\!", "").replace("\\[", "")
    assert "<img" not in json.dumps(_figure(app))


def test_a_wrong_manifest_path_is_refused_in_place(page: Open, tmp_path: Path) -> None:
    foreign = tmp_path / "notes.yaml"
    foreign.write_text("- not a manifest\n")
    app = page()
    for text in ("/no/such/folder", "~nobody-of-that-name/m.yaml", str(foreign), str(tmp_path)):
        app.text_input(key="dataset_path").set_value(text).run()
        assert len(app.error) == 1
        assert not app.exception
        assert app.get("plotly_chart")


def test_another_manifest_can_be_opened(page: Open, bare: Path) -> None:
    app = page()
    app.text_input(key="dataset_path").set_value(str(bare)).run()
    assert not app.error
    assert app.selectbox(key="dataset").value == "bare"
    assert "H3K27ac missing" in _words(app)


def test_a_data_set_that_is_not_there_leaves_the_page_usable(page: Open, tmp_path: Path) -> None:
    app = page(dataset_path=tmp_path / "absent" / "manifest.yaml")
    assert not app.exception
    assert "cannot be opened" in app.error[0].value
    assert app.text_input(key="dataset_path") is not None


def test_a_link_restores_the_view(page: Open) -> None:
    link = {"threshold": "0.7", "signal_scale": "2.0", "cell": "SynG", "prior_strength": "20"}
    app = page(**link)
    assert app.selectbox(key="cell").value == "SynG"
    assert app.slider(key="threshold").value == 0.7
    assert {key: app.query_params[key] for key in link} == link
    assert [m.value for m in page(**{k: str(v) for k, v in app.query_params.items()}).metric] == [
        m.value for m in app.metric
    ]


@pytest.mark.parametrize("trained", [True, False])
def test_a_checkpoint_predicts_and_untrained_weights_never_look_so(
    page: Open, tmp_path: Path, *, trained: bool
) -> None:
    config = ModelConfig(window_bp=4_096, centre_bp=256, d_model=8, generator_layers=1, predictor_layers=1)
    save_checkpoint(tmp_path / ".data" / "checkpoints" / "it", Seq2Exp(config), provenance={"trained": trained})
    app = page()
    app.selectbox(key="checkpoint").select("it").run()
    assert not app.exception
    assert not app.error
    assert app.query_params["checkpoint"] == "it"
    if trained:
        float(_metric(app, "Predicted"))
        assert "FAITHFUL" in _words(app)
    else:
        assert _metric(app, "Predicted") == number(None)
        assert "UNTRAINED WEIGHTS" in _words(app)
        assert "which means nothing" in _words(app)


def test_a_broken_checkpoint_is_named_and_the_page_goes_on(page: Open, tmp_path: Path) -> None:
    folder = tmp_path / ".data" / "checkpoints" / "broken"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"nonsense")
    app = page(checkpoint="broken")
    assert not app.exception
    assert "Shown without a checkpoint" in app.error[0].value
    assert app.get("plotly_chart")
