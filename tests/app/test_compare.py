"""The Compare page over its states: two cell types, checkpoints or settings, and every way one side can be lacking."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from streamlit.testing.v1 import AppTest

from seq2exp.model.checkpoint import save_checkpoint
from seq2exp.model.network import Seq2Exp
from seq2exp.settings import ModelConfig
from seq2exp.sources.dataset import open_dataset

Open = Callable[..., AppTest]
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "![x](http://example.org/x.png)",
    "../../../etc/passwd",
    "__import__('os').system('true')",
    "nan",
    "\u202e\u0000" + "A" * 3_000,
)


def _compare(page: Open, dataset_path: Path | None = None, **query: str) -> AppTest:
    app = page(dataset_path)
    app.query_params.clear()
    for key, value in query.items():
        app.query_params[key] = value
    return app.switch_page("pages/compare.py").run()


def _words(app: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "info", "warning")
    return " | ".join(str(element.value) for kind in kinds for element in app.get(kind))


def _metric(app: AppTest, label: str) -> str:
    (found,) = [metric.value for metric in app.metric if metric.label == label]
    return str(found)


def _figure(app: AppTest) -> dict[str, Any]:
    (chart,) = app.get("plotly_chart")
    return dict(json.loads(chart.proto.spec))


def _notes(app: AppTest) -> str:
    return " | ".join(note["text"] for note in _figure(app)["layout"]["annotations"])


def _cage(app: AppTest) -> list[list[str]]:
    """Rows A, B, B - A; columns predicted, observed."""
    return [[str(cell) for cell in row] for row in app.table[0].value.to_numpy()]


def _link(app: AppTest) -> dict[str, str]:
    return {key: value if isinstance(value, str) else value[0] for key, value in app.query_params.items()}


def _checkpoint(folder: Path, *, trained: bool = True, **changes: Any) -> None:
    small: dict[str, Any] = {"window_bp": 4_096, "centre_bp": 256, "d_model": 8}
    config = ModelConfig(**{**small, "generator_layers": 1, "predictor_layers": 1, **changes})
    save_checkpoint(folder, Seq2Exp(config), provenance={"trained": trained})


def _without(tiny: Path, folder: Path, name: str, drop: Callable[[dict[str, Any]], bool]) -> Path:
    """The tiny data set under another name, without the sources that ``drop`` names."""
    shutil.copytree(tiny.parent, folder / name)
    manifest = yaml.safe_load(tiny.read_text())
    manifest["name"] = name
    manifest["sources"] = [source for source in manifest["sources"] if not drop(source)]
    manifest["cell_types"] = [
        cell
        for cell in manifest["cell_types"]
        if any(cell in (source.get("cell_type"), *source.get("cell_types", ())) for source in manifest["sources"])
    ]
    (folder / name / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    return folder / name / "manifest.yaml"


def test_first_load_compares_the_first_two_cell_types(page: Open, tiny: Path) -> None:
    app = _compare(page)
    assert not app.exception
    assert not app.error
    assert not app.info
    cells = open_dataset(tiny).cell_types
    link = _link(app)
    assert (link["v"], link["a_cell"], link["b_cell"]) == ("1", cells[0], cells[1])
    assert _words(app).count("NO CHECKPOINT") == 2
    notes = _notes(app)
    for lane in ("Mask A", "Mask B", "B - A", "Elements A", "MACS3 peaks B", "Truth A", "Truth B"):
        assert lane in notes
    assert {trace["xaxis"] for trace in _figure(app)["data"]} == {"x"}
    (of_a, of_b, change) = _cage(app)
    assert (of_a[0], of_b[0], change[0]) == ("\u2013",) * 3
    assert float(change[1]) == pytest.approx(float(of_b[1]) - float(of_a[1]), abs=0.011)
    assert "A: no prediction, as no checkpoint is loaded" in _words(app)


def test_swap_turns_the_comparison_round(page: Open) -> None:
    app = _compare(page)
    before, counts = app.dataframe[0].value, (_metric(app, "Elements A"), _metric(app, "Elements B"))
    link, cage = _link(app), _cage(app)
    app.button(key="compare_swap").click().run()
    assert (_link(app)["a_cell"], _link(app)["b_cell"]) == (link["b_cell"], link["a_cell"])
    assert (_metric(app, "Elements B"), _metric(app, "Elements A")) == counts
    np.testing.assert_allclose(app.dataframe[0].value["B - A"], -before["B - A"], atol=1e-6)
    assert _cage(app)[:2] == cage[1::-1]
    app.button(key="compare_swap").click().run()
    assert _link(app) == link


def test_shared_settings_move_both_sides_and_their_own_one(page: Open) -> None:
    app = _compare(page)
    before = _notes(app)
    app.slider(key="compare_a_threshold").set_value(0.71).run()
    assert _notes(app).count("threshold 0.71") == 2 != before.count("threshold 0.71")
    assert _link(app)["a_threshold"] == "0.71"
    assert "b_threshold" not in _link(app)
    app.toggle(key="compare_share").set_value(False).run()
    assert (_link(app)["share"], _link(app)["b_threshold"]) == ("off", "0.71")
    app.slider(key="compare_b_threshold").set_value(0.64).run()
    assert _notes(app).count("threshold 0.71") == 1
    assert _notes(app).count("threshold 0.64") == 1
    app.button(key="compare_swap").click().run()
    assert (_link(app)["a_threshold"], _link(app)["b_threshold"]) == ("0.64", "0.71")
    app.button(key="compare_reset_b").click().run()
    assert "b_threshold" not in _link(app)
    assert _link(app)["a_threshold"] == "0.64"


def test_a_link_restores_both_sides(page: Open) -> None:
    asked = {
        "v": "1",
        "a_cell": "SynG",
        "b_cell": "SynG",
        "share": "off",
        "lock_y": "off",
        "truth": "off",
        "a_mode": "hard",
        "a_threshold": "0.66",
        "b_signal_scale": "2.0",
        "b_prior_strength": "100",
        "b_prior_mean": "0.8",
    }
    app = _compare(page, **asked)
    assert not app.info
    link = _link(app)
    assert {key: link[key] for key in asked} == asked
    again = _compare(page, **link)
    assert _link(again) == link
    assert [m.value for m in again.metric] == [m.value for m in app.metric]
    assert again.dataframe[0].value.equals(app.dataframe[0].value)
    assert "Truth" not in _notes(app)


def test_choices_are_still_there_after_another_page(page: Open) -> None:
    app = _compare(page, b_signal_scale="1.5", share="off", a_mode="top-k", a_top_percent="3.0")
    sides = {field: text for field, text in _link(app).items() if field not in ("dataset", "gene")}
    assert sides["b_signal_scale"] == "1.5"
    app.switch_page("pages/training.py").run()
    app.query_params.clear()
    app.switch_page("pages/compare.py").run()
    assert sides.items() <= _link(app).items()
    assert app.slider(key="compare_a_top_percent").value == 3.0


def test_what_a_link_no_longer_means_is_left_out_and_said(page: Open) -> None:
    app = _compare(
        page, v="7", a_cell="K999", b_checkpoint="gone", a_threshold="2", colour="red", dataset="old", locus="x"
    )
    assert not app.exception
    assert not app.error
    (info,) = app.info
    for field in ("v", "a\\_cell", "b\\_checkpoint", "a\\_threshold", "colour", "dataset", "locus"):
        assert field in info.value
    assert "K999" not in json.dumps(_link(app))
    app.button(key="compare_left_out_seen").click().run()
    assert not app.info


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_links_and_places_stay_letters(page: Open, text: str) -> None:
    fields = ("gene", "locus", "a_cell", "b_checkpoint", "a_threshold", "b_mode", "share", "v", "a_", "_b")
    app = _compare(page, **dict.fromkeys(fields, text), **{text[:300]: text})
    assert not app.exception
    app.text_input(key="compare_locus").set_value(text).run()
    assert not app.exception
    assert app.error
    assert "<img" not in json.dumps(_figure(app))
    for element in (*app.error, *app.info, *app.markdown, *app.caption):
        assert not getattr(element.proto, "allow_html", False)
        shown = str(element.value).replace("\\<", "").replace("\\!", "").replace("\\[", "")
        assert "<img" not in shown
        assert "![" not in shown


def test_an_unknown_gene_keeps_the_view(page: Open, tiny: Path) -> None:
    shown, other = list(open_dataset(tiny).genes)[:2]
    app = _compare(page)
    box = app.selectbox(key="gene")
    box.options.append(other.symbol + "Q")
    box.select(other.symbol + "Q").run()
    assert len(app.error) == 1
    assert "still showing" in app.error[0].value
    assert f"{shown.symbol} TSS" in _notes(app)
    next(button for button in app.button if button.label == other.symbol).click().run()
    assert not app.error
    assert f"{other.symbol} TSS" in _notes(app)


def test_a_cell_type_without_an_assay_is_compared_all_the_same(page: Open, tiny: Path, tmp_path: Path) -> None:
    def drop(source: dict[str, Any]) -> bool:
        return source["role"] in ("h3k27ac", "contact") and source.get("cell_type") == "SynG"

    app = _compare(page, _without(tiny, tmp_path, "half", drop))
    assert not app.exception
    assert not app.error
    assert "B: H3K27ac not available - zero stood in" in _notes(app)
    assert "B: Contacts not available - " in _notes(app)
    assert "A: H3K27ac" not in _notes(app)
    assert "H3K27ac missing" in _words(app)


def test_one_cell_type_is_compared_by_settings(page: Open, tiny: Path, tmp_path: Path) -> None:
    app = _compare(page, _without(tiny, tmp_path, "single", lambda source: source.get("cell_type") == "SynG"))
    assert not app.exception
    assert "has one cell type" in app.info[0].value
    assert "A and B are the same" in app.info[0].value
    assert "the two masks are the same" in _notes(app)
    assert _metric(app, "A only") == "0"
    app.select_slider(key="compare_b_prior_strength").set_value(100).run()
    assert "A and B are the same" not in app.info[0].value
    assert len(app.dataframe[0].value) > 0


def test_one_side_without_a_checkpoint_has_a_mask_and_no_prediction(page: Open, tmp_path: Path) -> None:
    _checkpoint(tmp_path / ".data" / "checkpoints" / "it")
    app = _compare(page, a_checkpoint="it")
    assert not app.error
    words = _words(app)
    assert "FAITHFUL" in words
    assert "NO CHECKPOINT" in words
    assert "B: no prediction, as no checkpoint is loaded" in words
    of_a, of_b, change = _cage(app)
    float(of_a[0])
    assert (of_b[0], change[0]) == ("\u2013", "\u2013")
    assert "A SynK · it" in _notes(app)


def test_untrained_weights_never_look_like_results(page: Open, tmp_path: Path) -> None:
    for name, trained in (("raw", False), ("it", True)):
        _checkpoint(tmp_path / ".data" / "checkpoints" / name, trained=trained)
    app = _compare(page, a_checkpoint="it", b_checkpoint="raw")
    assert "UNTRAINED WEIGHTS" in _words(app)
    of_a, of_b, change = _cage(app)
    float(of_a[0])
    assert (of_b[0], change[0]) == ("\u2013", "\u2013")
    assert "B: no prediction, as the weights are not trained" in _words(app)
    assert "predicted" not in next(c.value for c in app.caption if c.value.startswith("Tags in B"))


def test_a_checkpoint_that_does_not_fit_or_is_broken_is_named_on_its_side(page: Open, tmp_path: Path) -> None:
    folder = tmp_path / ".data" / "checkpoints"
    _checkpoint(folder / "wide", window_bp=8_192)
    (folder / "broken").mkdir()
    (folder / "broken" / "model.safetensors").write_bytes(b"nonsense")
    app = _compare(page, a_checkpoint="wide", b_checkpoint="broken")
    assert not app.exception
    assert app.warning[0].value.startswith("A: wide reads windows of")
    assert app.error[0].value.startswith("B: ")
    assert _words(app).count("Shown without a checkpoint") == 2
    assert _words(app).count("NO CHECKPOINT") == 2
    assert app.get("plotly_chart")


def test_a_shared_mode_that_b_does_not_know_is_left_to_its_own(page: Open, tmp_path: Path) -> None:
    folder = tmp_path / ".data" / "checkpoints"
    _checkpoint(folder / "a", mask_mode="hard")
    _checkpoint(folder / "b", mask_mode="hard", position_table=True)
    app = _compare(page, a_checkpoint="a", b_checkpoint="b", a_mode="soft")
    assert not app.exception
    assert not app.error
    assert "B: this checkpoint knows no soft mask: its own mode, hard, is used" in _words(app).replace("\\", "")
    assert "soft mode" in _notes(app)
    assert "hard mode" in _notes(app)
    app.button(key="compare_swap").click().run()
    assert not app.exception
    assert "a_mode" not in _link(app)


def test_a_side_that_cannot_answer_says_why_and_the_page_lives(page: Open) -> None:
    app = _compare(page, b_signal_scale="0.0", share="off")
    assert not app.exception
    (error,) = app.error
    assert error.value.startswith("B: without a checkpoint")
    app.slider(key="compare_b_signal_scale").set_value(1.0).run()
    assert not app.error
    assert app.get("plotly_chart")


def test_position_zoom_and_scales(page: Open) -> None:
    app = _compare(page)
    low, high = _figure(app)["layout"]["xaxis"]["range"]
    app.button(key="compare_go_in").click().run()
    inner = _figure(app)["layout"]["xaxis"]["range"]
    assert low < inner[0] < inner[1] < high
    chrom = app.text_input(key="compare_locus").value.split(":")[0]
    app.text_input(key="compare_locus").set_value(f"{chrom}:{int(low) + 501:,}-{int(low) + 600:,}").run()
    assert _figure(app)["layout"]["xaxis"]["range"] == [low + 500, low + 600]
    assert _link(app)["locus"] == f"{chrom}:{int(low) + 501}-{int(low) + 600}"
    app.text_input(key="compare_locus").set_value("chr99:1-100").run()
    assert len(app.error) == 1
    assert _figure(app)["layout"]["xaxis"]["range"] == [low + 500, low + 600]
    app.button(key="compare_go_all").click().run()
    assert not app.error
    assert "locus" not in _link(app)
    ticks = _figure(app)["layout"]["yaxis2"]["ticktext"]
    app.toggle(key="compare_lock_y").set_value(False).run()
    assert _figure(app)["layout"]["yaxis2"]["ticktext"] == ["0"] != ticks
