"""Run folders as the page reads them, whole, in progress and damaged."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2exp.errors import SourceError
from seq2exp.settings import ModelConfig
from seq2exp.training.config import read_config
from seq2exp.ui.benchmark_view import expression_table, read_benchmark, row_table, scores
from seq2exp.ui.recipe import field_meanings, published_preset, settings_of
from seq2exp.ui.runs import QUIET_S, read_card, read_run
from seq2exp.ui.training_panels import card_markdown
from tests.ui.run_folders import SMOKE, write_run


def test_a_finished_run_keeps_the_row_it_says(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "it"), now=time.time())
    assert (run.state, run.step, run.steps, run.problems) == ("finished", 40, 40, ())
    assert run.kept is not None
    assert run.kept["step"] == 20
    assert run.seconds_left is None


def test_a_run_in_progress_tells_what_is_left_until_it_falls_silent(tmp_path: Path) -> None:
    path = write_run(tmp_path / "it", finished=False, steps=30, best_step=None)
    run = read_run(path, now=time.time())
    assert (run.state, run.step) == ("running", 30)
    assert run.seconds_left == pytest.approx(10 * 2.0)
    assert read_run(path, now=time.time() + 2 * QUIET_S).state == "stopped"


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "facts are a list": (lambda p: (p / "run.json").write_text("[1]"), "run.json"),
    "facts are not JSON": (lambda p: (p / "run.json").write_text("{"), "run.json"),
    "facts are bytes": (lambda p: (p / "run.json").write_bytes(b"\xff\xfe\x00"), "run.json"),
    "facts of other kinds": (lambda p: (p / "run.json").write_text('{"best_step": "x", "steps": []}'), ""),
    "curve of another program": (lambda p: (p / "train.csv").write_text("a,b\n1,2\n"), "train.csv"),
    "curve of words": (lambda p: (p / "valid.csv").write_text("step\nx\n"), "valid.csv"),
    "half a row": (lambda p: (p / "train.csv").write_text((p / "train.csv").read_text() + "50,1"), ""),
    "config of another version": (lambda p: (p / "config.yaml").write_text("name: x\nkolor: red\n"), "config.yaml"),
    "config is not YAML": (lambda p: (p / "config.yaml").write_text("a: [")  , "config.yaml"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named_and_the_rest_is_read(tmp_path: Path, damage: str) -> None:
    path = write_run(tmp_path / "it")
    harm, named = DAMAGE[damage]
    harm(path)
    run = read_run(path, now=time.time())
    assert all(named in problem and "\n" not in problem for problem in run.problems)
    assert bool(run.problems) == bool(named)
    assert run.state in ("finished", "running")
    assert run.kept is None or run.kept["step"] == 20


def test_an_empty_folder_and_a_strange_card_are_said_to_be_so(tmp_path: Path) -> None:
    assert "no run is here" in read_run(tmp_path, now=0.0).problems[0]
    assert read_card(tmp_path) is None
    shown = card_markdown("# demo\n\n![x](http://example.org/x.png)\n## Data\n#5 is no heading\n")
    assert shown == "### demo\n\n!\\[x](http://example.org/x.png)\n#### Data\n#5 is no heading\n"


def test_what_differs_from_the_published_recipe() -> None:
    config = read_config(SMOKE)
    found = {f"{one.section}.{one.name}": one for one in settings_of(config)}
    assert found["model.d_model"].differs
    assert (found["model.d_model"].value, found["model.d_model"].published) == ("16", "128")
    assert not found["model.beta_min"].differs
    assert not found["optimiser.betas"].differs
    assert not found["run.seed"].differs
    assert not found["data.dataset"].differs
    assert found["optimiser.warmup_steps"].meaning == "Updates of the linear warm-up."
    assert all(one.meaning for one in found.values())
    assert published_preset(ModelConfig.preset("hard", window_bp=4_096, centre_bp=256)) == "hard"
    assert field_meanings(ModelConfig)["d_model"] == "Width of the embeddings."


def test_a_benchmark_becomes_tables(tmp_path: Path) -> None:
    assert read_benchmark(tmp_path) is None
    row = {"predictor": "mask", "element_auprc": 0.8123, "base_auprc": None, "ci95": {"element_auprc": [0.75, 0.9]}}
    oracle = {"pearson": 0.9, "mse": 0.1}
    content = {"rows": [row, {"predictor": "bare"}], "expression": {"n": 3, "pearson": 0.85, "oracle": oracle}}
    (tmp_path / "benchmark.json").write_text(json.dumps(content))
    found = read_benchmark(tmp_path)
    assert found is not None
    table = row_table(found)
    assert table.loc[0, "Element AUPRC, %"] == "81.2 [75.0, 90.0]"
    assert set(table.loc[1, ["Element AUPRC, %", "Precision, %"]]) == {"\u2013"}
    assert [(one.name, one.interval) for one in scores(found)] == [("mask", (0.75, 0.9))]
    assert list(expression_table(found)["Pearson"]) == ["0.850", "0.900"]


@pytest.mark.parametrize("text", ["{", "[]", '{"rows": 3}', '{"rows": [1]}', '{"rows": [{}]}'])
def test_a_damaged_benchmark_is_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "benchmark.json").write_text(text)
    with pytest.raises(SourceError, match=r"benchmark\.json"):
        read_benchmark(tmp_path)
