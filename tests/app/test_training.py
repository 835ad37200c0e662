"""The Training page, and what the Explore page makes of trained checkpoints and of known truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from seq2exp.inference import checkpoints
from seq2exp.model.checkpoint import checkpoint_facts, load_checkpoint, save_checkpoint
from seq2exp.model.network import Seq2Exp
from seq2exp.settings import ModelConfig
from seq2exp.sources.dataset import open_dataset
from tests.ui.run_folders import write_run

Open = Callable[..., AppTest]


def _words(app: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "info", "warning")
    return " | ".join(str(element.value) for kind in kinds for element in app.get(kind))


def _metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: str(metric.value) for metric in app.metric}


def _figure(app: AppTest) -> dict[str, Any]:
    charts = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    (locus,) = [chart for chart in charts if "yaxis2" in chart["layout"]]
    return dict(locus)


def _ship(tmp_path: Path, tiny: Path, *, window_bp: int = 4_096, trained: bool = True) -> Path:
    opened = open_dataset(tiny)
    config = ModelConfig(window_bp=window_bp, centre_bp=256, d_model=8, generator_layers=1, predictor_layers=1)
    folder = tmp_path / "shipped" / "demo-soft"
    origin = {"dataset": opened.name, "dataset_hash": opened.hash, "cell_types": list(opened.cell_types)}
    save_checkpoint(folder, Seq2Exp(config), provenance={"trained": trained, **origin})
    return folder


def _training(page: Open, **query: str) -> AppTest:
    app = page()
    for key, value in query.items():
        app.query_params[key] = value
    return app.switch_page("pages/training.py").run()


def test_without_a_run_the_page_says_how_to_start_one(page: Open) -> None:
    app = _training(page)
    assert not app.exception
    assert "python -m seq2exp train" in app.info[0].value


def test_a_run_shows_its_figures_settings_and_card(page: Open, tmp_path: Path) -> None:
    path = write_run(tmp_path / ".data" / "runs" / "first")
    (path / "card.md").write_text("# first\n\nlearned from <script>alert(1)</script>\n")
    row = {"predictor": "mask", "element_auprc": 0.8, "ci95": {"element_auprc": [0.7, 0.9]}}
    (path / "benchmark.json").write_text(json.dumps({"rows": [row], "element_rate": 0.2}))
    app = _training(page)
    assert not app.exception
    assert not app.error
    assert _metrics(app)["Kept update"] == "20"
    assert _metrics(app)["Pearson"] == "0.810"
    assert "FINISHED: update 40 of 40" in _words(app)
    specs = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    assert len(specs) == 7
    assert sum("kept 20" in json.dumps(spec) for spec in specs) == 6
    assert "### first" in _words(app)
    assert "model.d_model" in set(app.dataframe[0].value["Setting"])
    before = len(app.dataframe[0].value)
    app.toggle[0].set_value(False).run()
    assert len(app.dataframe[0].value) > before
    assert set(app.query_params) == {"run"}


def test_a_damaged_run_is_named_and_another_can_be_chosen(page: Open, tmp_path: Path) -> None:
    write_run(tmp_path / ".data" / "runs" / "good")
    bad = write_run(tmp_path / ".data" / "runs" / "bad")
    for name in ("run.json", "train.csv", "valid.csv", "config.yaml", "benchmark.json"):
        (bad / name).write_bytes(b"\x00\xff nonsense")
    app = _training(page, run="bad")
    app.selectbox(key="run").select("bad").run()
    assert not app.exception
    assert len(app.error) >= 4
    app.selectbox(key="run").select("good").run()
    assert not app.error
    assert _metrics(app)["Kept update"] == "20"


def test_the_shipped_checkpoint_is_chosen_and_its_knowledge_of_the_gene_told(
    page: Open, tiny: Path, tmp_path: Path
) -> None:
    folder = _ship(tmp_path, tiny)
    assert checkpoint_facts(folder).hash == load_checkpoint(folder).hash
    app = page()
    assert not app.exception
    assert app.selectbox(key="checkpoint").value == "demo-soft"
    assert checkpoint_facts(folder).hash[:6] in app.selectbox(key="checkpoint").options[1]
    assert "HELD-OUT GENE" in _words(app)
    assert "SYNTHETIC" in _words(app)
    assert "FAITHFUL" in _words(app)
    predicted, alone = (_metrics(app)[name] for name in ("Predicted", "Promoter only"))
    float(predicted)
    float(alone)
    learned = next(gene for gene in open_dataset(tiny).genes if gene.chrom == "chr1")
    app.selectbox(key="gene").select(learned.symbol).run()
    assert "TRAINING GENE" in _words(app)
    assert _metrics(app)["Promoter only"] != "\u2013"


def test_truth_is_drawn_until_switched_off_and_moves_no_number(page: Open, tiny: Path, tmp_path: Path) -> None:
    _ship(tmp_path, tiny)
    app = page(chart="plain")
    assert "active enhancer" in json.dumps(_figure(app))
    before = _metrics(app)
    app.multiselect(key="hidden").set_value(["truth"]).run()
    assert "Truth" not in json.dumps(_figure(app))
    assert _metrics(app) == before
    assert app.query_params["hidden"] == "truth"


@pytest.mark.parametrize("link", [{}, {"checkpoint": "demo-soft"}])
def test_a_checkpoint_of_another_window_is_never_used(
    page: Open, tiny: Path, tmp_path: Path, link: dict[str, str]
) -> None:
    _ship(tmp_path, tiny, window_bp=8_192)
    app = page(**link)
    assert not app.exception
    assert "does not fit" in app.selectbox(key="checkpoint").options[1]
    assert "NO CHECKPOINT" in _words(app)
    assert [("8,192 bp" in warning.value) for warning in app.warning] == ([True] if link else [])


def test_a_half_written_checkpoint_is_listed_as_unreadable(
    page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shipped" / "demo-soft"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text("{}")
    monkeypatch.setattr(checkpoints, "SHIPPED", folder.parent)
    app = page(checkpoint="demo-soft")
    assert not app.exception
    assert "cannot be read" in app.selectbox(key="checkpoint").options[1]
    assert "Shown without a checkpoint" in app.error[0].value
