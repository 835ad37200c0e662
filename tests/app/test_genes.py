"""The Genes page over its states: no checkpoint, no scores, scored, filtered, untrained, damaged, of other data."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
import yaml
from streamlit.testing.v1 import AppTest

from seq2exp import metrics
from seq2exp.benchmark import score
from seq2exp.benchmark.score import score_genes
from seq2exp.benchmark.score_file import GeneScore, add_scores, read_scores, scores_path
from seq2exp.inference.checkpoints import load_checkpoint_for_inference
from seq2exp.inference.session import open_session
from seq2exp.model.checkpoint import save_checkpoint
from seq2exp.model.network import Seq2Exp
from seq2exp.settings import ModelConfig
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.ui import genes_data, genes_filter, genes_panels, genes_scoring
from seq2exp.ui.genes_filter import GeneFilter

Open = Callable[..., AppTest]


@pytest.fixture
def scored(tiny: Path, peak_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Ships a checkpoint, trained or not, and scores SynK under it; returns the score file."""
    monkeypatch.setenv("SEQ2EXP_CACHE", str(tmp_path / "cache"))

    def make(*, trained: bool = True, limit: int | None = None) -> Path:
        folder = _ship(tmp_path, tiny, trained=trained)
        loaded, opened = load_checkpoint_for_inference(folder, "cpu"), open_dataset(tiny)
        path = scores_path(tmp_path / "cache", opened.hash, loaded.hash)
        if limit != 0:
            score_genes(opened, loaded, path, cell_type="SynK", limit=limit, cache_dir=peak_cache)
        return path

    return make


def _ship(tmp_path: Path, tiny: Path, *, trained: bool) -> Path:
    opened = open_dataset(tiny)
    config = ModelConfig(window_bp=4_096, centre_bp=256, d_model=8, generator_layers=1, predictor_layers=1)
    origin = {"dataset": opened.name, "dataset_hash": opened.hash, "cell_types": list(opened.cell_types)}
    folder = tmp_path / "shipped" / "demo-soft"
    save_checkpoint(folder, Seq2Exp(config), provenance={"trained": trained, **origin})
    return folder


def _genes(page: Open, dataset_path: Path | None = None, **query: str) -> AppTest:
    app = page(dataset_path=dataset_path, **query)
    app.switch_page("pages/genes.py")
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


def _words(app: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "info", "warning")
    return " | ".join(str(element.value) for kind in kinds for element in app.get(kind)).replace("\\", "")


def _table(app: AppTest) -> pd.DataFrame:
    (found,) = app.dataframe
    return found.value


def _marks(app: AppTest) -> dict[str, dict[str, Any]]:
    (chart,) = app.get("plotly_chart")
    return {trace["name"]: trace for trace in json.loads(chart.proto.spec)["data"] if trace["name"] != "identity"}


def _csv(app: AppTest, opened: Dataset, path: Path | None, chosen: GeneFilter) -> tuple[list[str], pd.DataFrame]:
    of = None if path is None else read_scores(path).of
    rows = genes_data.gene_rows(opened, "SynK", of, path)
    text = genes_data.genes_csv(
        chosen.apply(rows.table), genes_data.provenance(opened, "SynK", rows, chosen.in_words())
    )
    lines = text.splitlines()
    return [line for line in lines if line.startswith("#")], pd.read_csv(StringIO(text), comment="#")


def test_without_a_checkpoint_the_observed_values_are_shown(page: Open, tiny: Path) -> None:
    opened = open_dataset(tiny)
    app = _genes(page)
    assert not app.exception
    assert not app.error
    assert "NO CHECKPOINT: observed only" in _words(app)
    table = _table(app)
    assert len(table) == len(opened.genes)
    assert "predicted_log10" not in table.columns
    assert table["observed_log10"].notna().any()
    assert not app.get("plotly_chart")
    head, rows = _csv(app, opened, None, GeneFilter())
    assert any("checkpoint: none" in line for line in head)
    assert (rows["tss"] == [gene.tss + 1 for gene in opened.genes]).all()


def test_scored_genes_show_figures_of_the_filtered_set(page: Open, tiny: Path, scored: Callable[..., Path]) -> None:
    path = scored()
    app = _genes(page)
    assert not app.exception
    assert not app.error
    table = _table(app)
    assert not app.get("button_group") or "genes_start" not in [button.key for button in app.button]
    assert "FAITHFUL" in _words(app)
    assert f"n = **{len(table):,}**" in _words(app)
    whole = {name: set(trace["customdata"]) for name, trace in _marks(app).items()}
    assert set(whole) == {"Test", "Validation", "Training"}
    assert len({trace["marker"]["symbol"] for trace in _marks(app).values()}) == 3
    app.get("button_group")[0].set_value(["test"]).run()
    shown = _table(app)
    assert set(shown["fold"]) == {"Test"}
    assert set(shown["gene_id"]) == whole["Test"]
    rows = read_scores(path).table.to_pandas()
    test = rows[rows["fold"] == "test"]
    for value in (
        metrics.pearson(test["predicted_log10"], test["observed_log10"]),
        metrics.mse(test["predicted_log10"], test["observed_log10"]),
    ):
        assert f"**{value:.3f}**" in _words(app)
    assert app.query_params["fold"] == "test"
    wanted = shown["symbol"].iloc[0]
    app.text_input(key="genes_text").set_value(wanted.lower()).run()
    assert wanted in set(_table(app)["symbol"])
    assert all(wanted in symbol for symbol in _table(app)["symbol"])


def test_a_click_lands_on_that_gene_in_explore(page: Open, scored: Callable[..., Path]) -> None:
    scored()
    app = _genes(page, order="error", cell="SynK")
    shown = _table(app)
    assert list(shown["error_log10"].abs()) == sorted(shown["error_log10"].abs(), reverse=True)
    symbol = shown["symbol"].iloc[3]
    app.session_state["genes_open"] = shown["gene_id"].iloc[3]
    app.run()
    assert not app.exception
    assert app.selectbox(key="gene").value == symbol
    assert app.selectbox(key="cell").value == "SynK"
    assert not app.error
    app.switch_page("pages/genes.py").run()
    assert app.selectbox(key="genes_order").value == "error"
    pd.testing.assert_frame_equal(_table(app), shown)


def test_a_click_is_resolved_by_what_was_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, Any] = {"genes_shown": (("G1", "A"), ("G2", "B"), ("G3", "B"))}
    monkeypatch.setattr(st, "session_state", state)
    for row, label, wanted in ((0, "A", "G1"), (2, "B", "G3"), (1, "A", "G1"), (0, "B", None), (9, "B", None)):
        state.pop("genes_open", None)
        state["genes_click"] = {"row": row, "label": label}
        genes_panels._clicked_name()
        assert state.get("genes_open") == wanted
    for points, wanted in (([{"customdata": "G2"}], "G2"), ([{"customdata": ["G3"]}], "G3"), ([], None)):
        state.pop("genes_open", None)
        state["genes_scatter"] = {"selection": {"points": points}}
        genes_panels._clicked_mark()
        assert state.get("genes_open") == wanted


def test_a_link_restores_filter_and_cell_and_bad_fields_are_left_out(page: Open, scored: Callable[..., Path]) -> None:
    scored()
    link = {"cell": "SynG", "text": "sqx", "fold": "test", "error_to": "0.5", "order": "symbol"}
    app = _genes(page, **link)
    assert app.selectbox(key="cell").value == "SynG"
    assert {key: app.query_params[key] for key in ("cell", "text", "fold", "order")} == {
        key: link[key] for key in ("cell", "text", "fold", "order")
    }
    hostile = "<img src=x onerror=alert(1)>"
    app = _genes(page, cell=hostile, text=hostile, fold=hostile, chrom=hostile, error_from="nan", order=hostile)
    assert not app.exception
    assert "No gene passes this filter" in _words(app)
    assert not any(getattr(element.proto, "allow_html", False) for element in app.main)
    next(button for button in app.button if button.label == "Show all genes").click().run()
    assert len(_table(app)) > 0
    assert "text" not in app.query_params


def test_genes_are_scored_on_the_page_and_what_is_there_is_kept(
    page: Open, tiny: Path, scored: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, opened = scored(limit=9), open_dataset(tiny)
    app = _genes(page)
    assert f"9 of {len(opened.genes)} genes are scored" in _words(app)
    assert "score --dataset" in app.code[0].value
    assert "--checkpoint demo-soft --cell SynK" in app.code[0].value
    made: list[str] = []

    def counted(dataset: Dataset, gene: Any, *rest: Any, **options: Any) -> Any:
        made.append(gene.gene_id)
        return open_session(dataset, gene, *rest, **options)

    monkeypatch.setattr(score, "open_session", counted)
    monkeypatch.setattr(genes_scoring, "REFRESH_S", 0.0)
    app.button(key="genes_start").click().run()
    assert not app.exception
    assert not app.error
    assert len(made) == len(set(made)) == len(opened.genes) - 9
    assert len(read_scores(path).done) == len(opened.genes)
    assert _table(app)["predicted_log10"].notna().all()
    assert "genes_start" not in [button.key for button in app.button]


def test_stopping_keeps_what_was_scored(
    page: Open, tiny: Path, scored: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = scored(limit=0)
    app = _genes(page)
    assert "No scores yet for demo-soft in SynK" in _words(app)
    count = 0

    def stops(dataset: Dataset, gene: Any, *rest: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count == 6:
            st.stop()  # as Streamlit ends a run in which something else was clicked
        return open_session(dataset, gene, *rest, **options)

    monkeypatch.setattr(score, "open_session", stops)
    app.button(key="genes_start").click().run()
    assert len(read_scores(path).done) == 5
    monkeypatch.setattr(score, "open_session", open_session)
    app.button(key="genes_stop").click().run()
    assert len(read_scores(path).done) == 5
    assert f"5 of {len(open_dataset(tiny).genes)} genes are scored" in _words(app)


def test_a_gene_that_cannot_be_scored_is_named_and_does_not_hold_up_the_others(
    page: Open, tiny: Path, scored: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, bad = scored(limit=0), list(open_dataset(tiny).genes)[4]

    def fails(dataset: Dataset, gene: Any, *rest: Any, **options: Any) -> Any:
        if gene.gene_id == bad.gene_id:
            raise score.WindowError("the file *ends* here")
        return open_session(dataset, gene, *rest, **options)

    monkeypatch.setattr(score, "open_session", fails)
    app = _genes(page)
    app.button(key="genes_start").click().run()
    assert not app.exception
    assert len(read_scores(path).done) == len(open_dataset(tiny).genes) - 1
    (warning,) = app.warning
    assert bad.symbol in warning.value
    assert "the file \\*ends\\* here" in warning.value
    assert app.button(key="genes_start").label == "Score the other 1"


def test_random_weights_never_look_like_results(page: Open, tiny: Path, scored: Callable[..., Path]) -> None:
    path = scored(trained=False)
    app = _genes(page, checkpoint="demo-soft")
    assert "UNTRAINED WEIGHTS" in _words(app)
    assert not app.get("plotly_chart")
    assert not {"predicted_log10", "error_log10", "promoter_only_log10"} & set(_table(app).columns)
    head, rows = _csv(app, open_dataset(tiny), path, GeneFilter())
    assert "# trained: no" in head
    assert "predicted_log10" not in rows.columns


def test_a_data_set_without_cage_shows_predictions_alone(
    page: Open, tiny: Path, scored: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny.parent
    manifest = yaml.safe_load(tiny.read_text())
    manifest["sources"] = [
        source | {"local_path": str(folder / source["local_path"])}
        for source in manifest["sources"]
        if source["role"] not in ("expression", "cage")
    ]
    (tmp_path / "silent").mkdir()
    silent = tmp_path / "silent" / "manifest.yaml"
    silent.write_text(yaml.safe_dump(manifest))
    scored(limit=0)
    app = _genes(page, dataset_path=silent)
    app.button(key="genes_start").click().run()
    assert not app.exception
    assert "no CAGE in this data set for this cell type" in _words(app)
    assert not app.get("plotly_chart")
    assert _table(app)["predicted_log10"].notna().all()
    assert _table(app)["observed_log10"].isna().all()


def test_a_damaged_or_foreign_score_file_is_named_and_the_page_goes_on(page: Open, scored: Callable[..., Path]) -> None:
    path = scored(limit=2)
    of = read_scores(path).of
    path.write_bytes(b"nonsense")
    app = _genes(page)
    assert not app.exception
    assert "No scores to show" in app.error[0].value
    assert _table(app)["observed_log10"].notna().any()
    path.unlink()
    other = type(of)(**{**{name: getattr(of, name) for name in of.__slots__}, "dataset_hash": "0" * 12})
    add_scores(path, other, [GeneScore("G", "G", "chr1", 1, "+", "SynK", None, trained=True)])
    app = _genes(page)
    assert "000000000000" in app.error[0].value
    assert of.dataset_hash in app.error[0].value


def test_filter_and_order_on_a_table() -> None:
    table = pd.DataFrame(
        {
            "gene_id": list("abcd"),
            "symbol": ["B", "A", "D", "C"],
            "names": ["b\nx1", "a", "d", "c"],
            "chrom": ["chr1", "chr1", "chr2", "chr2"],
            "fold": ["train", "test", "test", "none"],
            "error_log10": [0.5, -0.9, np.nan, 0.1],
        }
    )

    def ids(**options: Any) -> str:
        return "".join(GeneFilter(**options).apply(table)["gene_id"])

    assert ids() == "abcd"
    assert ids(text=" X1 ") == "a"
    assert ids(text=".*") == ""
    assert ids(parts=("test", "none"), chroms=("chr2",)) == "cd"
    assert ids(error_from=-1) == "abd"
    assert ids(error_from=0, error_to=0.2) == "d"
    assert ids(order="error") == "badc"
    assert ids(order="over") == "adbc"
    assert ids(order="under") == "bdac"
    assert ids(order="symbol") == "badc"
    chosen = GeneFilter("x", ("test",), ("chr2",), -0.5, 1.0, "under")
    assert genes_filter.read_link(chosen.to_link(), ["chr1", "chr2"]) == chosen
    assert genes_filter.read_link({"error_from": "inf", "fold": "a,b", "order": "?"}, []) == GeneFilter()
