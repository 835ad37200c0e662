"""The Leaderboard page over its states: nothing there, one run, several data sets, damaged files, a click, a link."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from seq2exp import metrics
from seq2exp.benchmark.paper import PAPER
from seq2exp.model.checkpoint import save_checkpoint
from seq2exp.model.network import Seq2Exp
from seq2exp.settings import ModelConfig
from seq2exp.sources.dataset import open_dataset
from seq2exp.training.config import read_config
from seq2exp.ui import leaderboard_scatter
from tests.ui.leaderboard_files_written import (
    crispri_row,
    run_row,
    write_crispri,
    write_mask_benchmark,
    write_table,
)
from tests.ui.run_folders import write_run

Open = Callable[..., AppTest]
SYSTEMS_OF_PAPER = len(PAPER["K562"])


def _leaderboard(page: Open, **query: str) -> AppTest:
    app = page()
    app.switch_page("pages/leaderboard.py")
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


def _words(app: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "info", "warning")
    return " | ".join(str(element.value) for kind in kinds for element in app.get(kind)).replace("\\", "")


def _charts(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


@pytest.fixture
def run(tiny: Path, tmp_path: Path) -> tuple[Path, pd.DataFrame]:
    """A finished run with its checkpoint and kept predictions on tiny's test genes, and a table that lists it."""
    opened = open_dataset(tiny)
    genes = [gene.gene_id for gene in opened.genes if opened.fold(gene) == "test"]
    drawn = np.random.default_rng(7)
    cells = np.repeat(opened.cell_types, len(genes))
    observed = drawn.uniform(0, 3, len(cells)).astype(np.float32)
    windows = pd.DataFrame(
        {
            "gene_id": genes * len(opened.cell_types),
            "cell_type": cells,
            "predicted": observed + drawn.normal(0, 0.3, len(cells)).astype(np.float32),
            "observed": observed,
            "mask_ratio": 0.1,
            "mask_ratio_total": 0.2,
        }
    )
    folder = write_run(tmp_path / ".data" / "runs" / "mine")
    config = read_config(folder / "config.yaml")
    network = Seq2Exp(ModelConfig(window_bp=4_096, centre_bp=256, d_model=8, generator_layers=1, predictor_layers=1))
    save_checkpoint(folder / "checkpoint", network, provenance={"trained": True})
    windows.to_parquet(folder / f"test-{opened.hash}-0123456789ab.parquet", index=False)
    own = {"dataset": opened.name, "dataset_hash": opened.hash, "n": len(genes)}
    rows = []
    for cell, part in windows.groupby("cell_type"):
        mse = metrics.mse(part["predicted"].to_numpy(float), part["observed"].to_numpy(float))
        rows.append(run_row(config.row.name, config.run.seed, str(cell), mse, **own))
        rows.append(run_row("mamba", 2, str(cell), 2.0, **own))
    write_table(tmp_path / ".data" / "tables", rows)
    return folder, windows


def test_without_any_run_the_command_and_the_papers_figures_are_shown(page: Open) -> None:
    app = _leaderboard(page)
    assert not app.exception
    assert not app.error
    assert "python -m seq2exp benchmark table1" in app.info[0].value
    assert "THE PAPER'S OWN FIGURES" in _words(app)
    (table,) = [frame.value for frame in app.dataframe if "mse" in frame.value]
    assert len(table) == 2 * SYSTEMS_OF_PAPER
    assert list(table["cell_type"].unique()) == list(PAPER)
    assert table.groupby("cell_type")["mse"].apply(lambda column: column.is_monotonic_increasing).all()
    for view, command in (("truth", "benchmark mask"), ("crispri", "benchmark crispri"), ("table2", "table2")):
        app.segmented_control(key="leaderboard_view_").set_value(view).run()
        assert not app.exception
        assert command in app.info[0].value
        assert app.query_params["view"] == view


def test_runs_stand_with_their_scatter_and_a_click_opens_the_gene(
    page: Open, tiny: Path, run: tuple[Path, pd.DataFrame]
) -> None:
    _, windows = run
    opened = open_dataset(tiny)
    app = _leaderboard(page, cells="SynK")
    assert not app.exception
    assert not app.error
    assert "EVERY SYSTEM RAN ONCE" in _words(app)
    assert "SYNTHETIC" in _words(app)
    charts = _charts(app)
    (bars,) = [chart for chart in charts if chart["data"][0]["type"] == "bar"]
    (scatter,) = [chart for chart in charts if chart is not bars]
    assert bars["layout"]["annotations"][0]["text"] == "<b>SynK</b>"
    marks = next(trace for trace in scatter["data"] if "customdata" in trace and "mode" in trace)
    assert set(marks["customdata"]) == set(windows["gene_id"])
    table = next(frame.value for frame in app.dataframe if "mse" in frame.value)
    assert set(table["cell_type"]) == {"SynK"}
    assert table["mse_sd"].isna().all()
    assert list(table["system"])[-1].startswith("Oracle")
    wanted = marks["customdata"][1]
    app.session_state["leaderboard_open"] = (wanted, *app.session_state["leaderboard_shown"])
    app.run()
    assert not app.exception
    assert app.selectbox(key="gene").value == opened.genes.get(wanted).symbol
    assert app.selectbox(key="cell").value == "SynK"
    assert app.selectbox(key="checkpoint").value == "mine"
    app.switch_page("pages/leaderboard.py").run()
    assert app.query_params["cells"] == "SynK"


def test_what_was_clicked_is_the_run_on_show(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, Any] = {"leaderboard_shown": ("board", "SynK", "folder")}
    monkeypatch.setattr(st, "session_state", state)
    for points, wanted in (([{"customdata": "G2"}], "G2"), ([{"customdata": ["G3"]}], "G3"), ([], None)):
        state.pop("leaderboard_open", None)
        state["leaderboard_scatter"] = {"selection": {"points": points}}
        leaderboard_scatter._clicked()
        assert state.get("leaderboard_open") == (None if wanted is None else (wanted, "board", "SynK", "folder"))


def test_predictions_that_are_not_the_tables_are_refused(
    page: Open, tmp_path: Path, run: tuple[Path, pd.DataFrame]
) -> None:
    folder, windows = run
    (kept,) = folder.glob("test-*.parquet")
    windows.assign(predicted=windows["predicted"] + 0.5).to_parquet(kept, index=False)
    app = _leaderboard(page)
    assert not app.exception
    assert "trained anew since" in app.error[0].value
    assert len(_charts(app)) == 1
    kept.write_bytes(b"nonsense")
    app.run()
    assert "not predictions of a run" in app.error[0].value
    (tmp_path / ".data" / "tables" / "table1.parquet").write_bytes(b"nonsense")
    app.run()
    assert not app.exception
    assert "not a table of runs" in app.error[0].value
    assert "THE PAPER'S OWN FIGURES" in _words(app)


def test_masks_and_screens_show_their_intervals_and_a_link_restores_them(page: Open, tmp_path: Path) -> None:
    for name, value in (("one", 0.6), ("two", 0.7)):
        write_mask_benchmark(tmp_path / ".data" / "runs" / name, value)
    write_mask_benchmark(tmp_path / ".data" / "runs" / "elsewhere", 0.9, dataset_hash="b" * 12)
    tables = tmp_path / ".data" / "tables"
    rows = [crispri_row(name, value) for name, value in (("distance", 0.4), ("mask", 0.6))]
    rows += [crispri_row("distance", 0.8, stratum="distance <= 1 kb", pairs=8)]
    write_crispri(tables / "crispri-a.json", rows, trained=True)
    (tables / "foreign.json").write_text("[]")
    app = _leaderboard(page, view="truth", figure="element_auprc")
    assert not app.exception
    assert not app.error
    picker = app.selectbox(key="leaderboard_data_truth")
    assert len(picker.options) == 2
    for key in ("a" * 12, "b" * 12):
        picker.select(f"made.{key}.test.SynK").run()
        (chart,) = _charts(app)
        names = [note["text"] for note in chart["layout"]["annotations"] if note.get("yref") == "paper"]
        assert sorted(name[3:].split(" ")[0] for name in names) == (["one", "two"] if key[0] == "a" else ["elsewhere"])

    app = _leaderboard(page, view="crispri", pairs="distance <= 1 kb", figure="average_precision")
    assert not app.exception
    assert len(app.error) == 1
    assert "foreign.json: not a CRISPRi benchmark" in _words(app)
    bars, curves = _charts(app)
    assert bars["data"][0]["x"] == [0.8]
    assert "Average precision" in json.dumps(bars["layout"]["xaxis"]["title"])
    assert curves["data"][0]["x"] == [0.2, 0.8, 1.0]
    assert len(app.dataframe[0].value) == 3
    assert app.query_params["pairs"] == "distance <= 1 kb"


def test_a_hostile_link_is_left_out(page: Open, run: tuple[Path, pd.DataFrame]) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    app = _leaderboard(page, view=hostile, data=hostile, cells=hostile, figure=hostile, pairs=hostile)
    assert not app.exception
    assert not app.error
    assert app.query_params == {} or hostile not in str(app.query_params)
    assert not any(getattr(element.proto, "allow_html", False) for element in app.main)
    assert len(_charts(app)) == 2
