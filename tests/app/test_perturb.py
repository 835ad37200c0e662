from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from seq2exp.model.checkpoint import build_network, save_checkpoint
from seq2exp.settings import ModelConfig
from seq2exp.sources.dataset import open_dataset
from seq2exp.ui import catalogue, perturb_state

ROOT = Path(__file__).resolve().parents[2]
Open = Callable[..., AppTest]
GENE = "SQX2"
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "![x](http://example.org/x.png)",
    "../../../etc/passwd",
    "\u202e\u0000" + "A" * 3_000,
)


def _checkpoint(root: Path, *, trained: bool = True, name: str = "it") -> str:
    config = ModelConfig(
        window_bp=4_096, centre_bp=256, d_model=8, generator_layers=1, predictor_layers=1, threshold=0.4
    )
    save_checkpoint(root / ".data" / "checkpoints" / name, build_network(config), provenance={"trained": trained})
    return name


@pytest.fixture
def perturb(page: Open, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """The page as a link opens it, with a trained checkpoint unless ``checkpoint`` says otherwise."""
    assert page is not None  # its temporary folders stand in for the project's
    _checkpoint(tmp_path)

    def open_page(dataset_path: Path | None = None, **query: str) -> AppTest:
        monkeypatch.setenv(catalogue.DATASET_VARIABLE, str(dataset_path or tiny))
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).switch_page("pages/perturb.py")
        for key, value in {"gene": GENE, "checkpoint": "it", **query}.items():
            app.query_params[key] = value
        return app.run()

    return open_page


def _metric(app: AppTest, label: str) -> str:
    (found,) = [metric.value for metric in app.metric if metric.label.startswith(label)]
    return str(found)


def _words(app: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "info", "warning")
    return " | ".join(str(element.value) for kind in kinds for element in app.get(kind))


def _figures(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def _switch(app: AppTest, row: int, to: str) -> None:
    """Choose in the table, as a browser would send it."""
    key = app.data_editor[0].key
    app.session_state[key] = {"edited_rows": {row: {"Now": to}}, "added_rows": [], "deleted_rows": []}
    app.run()


def test_first_load_has_effects_and_nothing_edited(perturb: Open) -> None:
    app = perturb()
    assert not app.exception
    assert not app.error
    assert app.selectbox(key="gene").value == GENE
    assert "FAITHFUL" in _words(app)
    assert "not trained on variants" in _words(app)
    float(_metric(app, "Before"))
    assert _metric(app, "After") == "\u2013"
    locus, tornado = _figures(app)
    rows = app.data_editor[0].value
    assert len(rows) > 1
    assert set(rows["Now"]) == {"as called"}
    assert len(tornado["data"][0]["y"]) == len(rows)
    assert "yaxis4" in locus["layout"]
    assert "Truth" in _words(app)
    assert perturb_state.FIELD_VERSION not in app.query_params


def _first_place(app: AppTest, tiny: Path) -> str:
    """The first element as the link writes it."""
    row = app.data_editor[0].value.iloc[0]
    return f"{open_dataset(tiny).genes.get(GENE).chrom}:{row['Start']}-{row['End']}"


def test_a_link_switches_elements_and_undo_and_reset_lead_back(perturb: Open, tiny: Path) -> None:
    place = _first_place(perturb(), tiny)
    for switch, words in (("off", "switched off"), ("half", "at half"), ("on", "switched on")):
        app = perturb(**{switch: place})
        assert not app.exception
        assert "WHAT-IF: 1 change" in _words(app)
        assert f"E1 {switch}" in _words(app)
        assert app.data_editor[0].value["Now"][0].startswith(switch)
        float(_metric(app, "After"))
        assert words in _words(app)
        assert app.query_params[switch] == place
        assert app.query_params["edits"] == "1"
    next(button for button in app.button if button.label == "Reset to unedited").click().run()
    assert "FAITHFUL" in _words(app)
    assert "on" not in app.query_params
    next(button for button in app.button if button.label == "Undo").click().run()
    assert "E1 on" in _words(app)
    assert app.query_params["on"] == place


def test_switching_in_the_table_moves_the_prediction_by_what_the_tornado_says(perturb: Open) -> None:
    app = perturb()
    delta = app.data_editor[0].value["Δ log10"][1]
    _switch(app, 1, "off: 0")
    assert not app.exception
    assert "E2 off" in _words(app)
    change = float(_metric(app, "Change").replace("\u2013", "nan"))
    assert change == pytest.approx(delta, abs=6e-4)
    _switch(app, 1, "as called")
    assert "FAITHFUL" in _words(app)


def test_bad_base_edits_are_refused_in_place(perturb: Open) -> None:
    app = perturb()
    before = _metric(app, "Before")
    for text in (*HOSTILE, "A>T", "chr99:5 A>T", "1 A>A"):
        app.text_input(key="perturb_base").set_value(text).run()
        assert not app.exception
        assert len(app.error) == 1
        assert "<img" not in app.error[0].value.replace("\\<", "")
        assert _metric(app, "Before") == before
        assert "FAITHFUL" in _words(app)


def test_base_edits_are_taken_named_and_undone(perturb: Open) -> None:
    app = perturb()
    wanted = app.text_input(key="perturb_base").placeholder
    ref, alt = wanted[-3], wanted[-1]
    third = next(base for base in "ACGT" if base not in (ref, alt))
    app.text_input(key="perturb_base").set_value(wanted[:-3] + f"{third}>{ref}").run()
    assert f"is {ref}, not {third}" in app.error[0].value.replace("\\", "")
    app.text_input(key="perturb_base").set_value(wanted).run()
    assert not app.error
    assert "WHAT-IF: 1 change" in _words(app)
    float(_metric(app, "After"))
    assert app.query_params["bases"] == wanted.replace(",", "").replace(" ", "")
    app.text_input(key="perturb_base").set_value(wanted[:-1] + third).run()
    assert "edited already" in app.error[0].value
    next(button for button in app.button if button.label == "Undo").click().run()
    assert "FAITHFUL" in _words(app)


@pytest.mark.parametrize("text", [HOSTILE[0], HOSTILE[-1]])
def test_a_hostile_link_stays_letters(perturb: Open, text: str) -> None:
    app = perturb(off=text, half=f"{text},{text}", on=text, bases=text)
    assert not app.exception
    assert "left out" in app.warning[0].value
    assert "FAITHFUL" in _words(app)
    assert "<img" not in json.dumps(_figures(app))


def test_a_link_of_another_version_is_left_out_whole(perturb: Open) -> None:
    app = perturb(edits="2", off="chr1:1-5")
    assert not app.exception
    assert "1 edit left out" in app.warning[0].value
    assert "FAITHFUL" in _words(app)


def test_edits_that_do_not_fit_are_dropped_and_another_gene_starts_unedited(perturb: Open, tiny: Path) -> None:
    place = _first_place(perturb(), tiny)
    chrom, start = place.split(":")[0], int(place.split(":")[1].split("-")[0])
    app = perturb(
        off=f"{place},{chrom}:{start + 1}-{start + 9},chr99:1-2", bases=f"{chrom}:{start}A>T,{chrom}:{start}C>T"
    )
    assert "E1 off" in _words(app)
    assert "left out" in app.warning[0].value
    other = next(gene for gene in open_dataset(tiny).genes if gene.symbol != GENE)
    app.selectbox(key="gene").select(other.symbol).run()
    assert not app.exception
    assert [warning.value for warning in app.warning] == []
    assert "off" not in app.query_params
    assert "Nothing is edited" in _words(app)


def test_a_scan_runs_to_its_end_and_is_kept(perturb: Open) -> None:
    app = perturb()
    app.selectbox(key="perturb_scan_width").select(500).run()
    next(button for button in app.button if button.label == "Run the scan").click().run()
    assert not app.exception
    assert "Scanned" in _words(app)
    labels = [note["text"] for note in _figures(app)[0]["layout"]["annotations"]]
    assert any("deletion scan" in label for label in labels)
    assert {button.label for button in app.get("download_button")} >= {"Effects, CSV", "Scan, CSV"}


@pytest.mark.parametrize("state", ["none", "untrained"])
def test_without_a_trained_checkpoint_the_mask_is_edited_and_nothing_predicted(
    perturb: Open, tiny: Path, tmp_path: Path, state: str
) -> None:
    name = _checkpoint(tmp_path, trained=False, name="raw") if state == "untrained" else "No checkpoint: signals only"
    app = perturb(checkpoint=name)
    assert not app.exception
    assert not app.metric
    assert "No prediction" in _words(app)
    assert "Needs a trained checkpoint" in _words(app)
    assert len(_figures(app)) == 1
    assert ("UNTRAINED" if state == "untrained" else "NO CHECKPOINT") in _words(app)
    app = perturb(checkpoint=name, off=_first_place(app, tiny))
    assert "E1 off" in _words(app)
    assert not app.metric


def test_missing_inputs_are_said_and_no_faithful_answer(perturb: Open, bare: Path) -> None:
    app = perturb(bare)
    assert not app.exception
    assert "H3K27ac missing" in _words(app)
    assert "WHAT-IF" in _words(app)
    assert _metric(app, "After") == "\u2013"


def test_no_elements_and_no_truth_are_said(perturb: Open, tiny: Path) -> None:
    app = perturb(threshold="0.99")
    assert not app.exception
    assert "No element is called" in app.info[0].value
    assert not app.data_editor
    manifest = yaml.safe_load(tiny.read_text())
    manifest["name"] = "unknown"
    manifest["sources"] = [s for s in manifest["sources"] if s["role"] not in ("truth", "crispri", "oracle")]
    bare = tiny.parent / "without_truth.yaml"
    bare.write_text(yaml.safe_dump(manifest))
    app = perturb(bare)
    assert not app.exception
    assert "Nothing to compare with" in _words(app)
    assert "yaxis4" not in _figures(app)[0]["layout"]
