"""Tables 1 and 2 from the command line: what is missing is trained, runs are averaged, the paper stays apart."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import yaml

from seq2exp import metrics
from seq2exp.baselines.systems import SYSTEMS
from seq2exp.benchmark.paper import PAPER, TEST_GENES, better_in_paper
from seq2exp.benchmark.standings import is_papers, markdown, orderings, standings
from seq2exp.benchmark.tables import Made, make_table
from seq2exp.cli import main
from seq2exp.errors import SettingsError
from seq2exp.sources.dataset import open_dataset
from seq2exp.synthetic import synthesize

Run = Callable[[list[str]], "Ended"]
GEOMETRY = {"window_bp": 4096, "centre_bp": 256, "d_model": 8, "d_state": 4, "predictor_layers": 1}
SYSTEM = {"mamba": {"system": "mamba"}, "macs3": {"system": "macs3"}, "soft": {}}


class Ended(NamedTuple):
    exit_code: int
    stdout: str
    output: str


@pytest.fixture
def run_cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(arguments: list[str]) -> Ended:
        monkeypatch.setattr("sys.argv", ["seq2exp", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Ended(int(ended.value.code or 0), out, out + err)

    return run


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesize("tiny", tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture(scope="module")
def configs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("configs")
    for name, named in SYSTEM.items():
        content: dict[str, Any] = {
            "name": f"tiny-{name}",
            **named,
            "data": {"dataset": "elsewhere", "cache": str(folder / "windows")},
            "model": GEOMETRY | ({"generator_layers": 1} if name == "soft" else {}),
            "optimiser": {"batch": 4, "steps": 2, "warmup_steps": 1},
            "run": {"precision": "32-true", "accelerator": "cpu", "threads": 1, "valid_every": 1, "save_every": 1},
        }
        (folder / f"tiny-{name}.yaml").write_text(yaml.safe_dump(content))
    return folder


def command(data: Path, configs: Path, folder: Path, *more: str, table: str = "table1") -> list[str]:
    return [
        "benchmark", table, "--dataset", str(data), "--recipe", "tiny", "--configs", str(configs), "--runs",
        str(folder / "runs"), "--out", str(folder / "tables"), *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def trained(data: Path, configs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Made]:
    """The folder in which two systems were trained and put in a table, and that table."""
    folder = tmp_path_factory.mktemp("trained")
    made = make_table(
        "table1", data, names=["mamba", "seq2exp-soft"], seeds=(2, 22), jobs=2, resume=False, training=True,
        recipe="tiny", configs=configs, runs=folder / "runs", out=folder / "tables", say=lambda _: None,
    )  # fmt: skip
    return folder, made


def test_runs_are_averaged_and_the_oracle_stands_beside_them(data: Path, trained: tuple[Path, Made]) -> None:
    folder, made = trained
    assert not made.problems
    rows = {(row["system"], row["cell_type"]): row for row in made.to_dict()["rows"]}
    opened = open_dataset(data)
    cells = opened.cell_types
    assert set(rows) == {(name, cell) for name in ("mamba", "seq2exp-soft", "oracle") for cell in cells}
    runs = pd.read_parquet(folder / "tables" / "table1.parquet")
    assert len(runs) == 2 * 2 * len(cells)
    for (name, cell), row in rows.items():
        own = runs[(runs["system"] == name) & (runs["cell_type"] == cell)]
        if name == "oracle":
            assert row["pearson"] > 0.8
            continue
        assert row["runs"] == 2
        assert row["mse"] == pytest.approx(own["mse"].mean())
        assert row["mse_sd"] == pytest.approx(own["mse"].std(ddof=1))
        assert (row["mask_ratio"] is None) == (name == "mamba")
    # A figure by hand: the predictions kept in the run's folder against the data set's own labels.
    (kept,) = (folder / "runs" / "tiny-mamba-seed2").glob("test-*.parquet")
    windows = pd.read_parquet(kept)
    windows = windows[windows["cell_type"] == cells[0]]
    genes = [opened.genes.get(gene_id) for gene_id in windows["gene_id"]]
    assert {opened.fold(gene) for gene in genes} == {"test"}
    observed = np.log10(1 + np.array([opened.observed(gene, cells[0]) for gene in genes], dtype=float))
    own = runs[(runs["system"] == "mamba") & (runs["seed"] == 2) & (runs["cell_type"] == cells[0])].iloc[0]
    assert own["mse"] == pytest.approx(metrics.mse(windows["predicted"].to_numpy(), observed), rel=1e-5)


def test_what_is_trained_is_not_trained_again(
    data: Path, configs: Path, trained: tuple[Path, Made], run_cli: Run
) -> None:
    folder, made = trained
    times = {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("*") if path.is_file()}
    again = run_cli(command(data, configs, folder, "--models", "mamba,seq2exp-soft", "--seeds", "2,22", "--json"))
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout) == made.to_dict()
    assert {path: path.stat().st_mtime_ns for path in times} == times
    masks = run_cli(command(data, configs, folder, "--models", "seq2exp-soft", "--seeds", "2", table="table2"))
    assert masks.exit_code == 0, masks.output
    assert "mask without promoter" in masks.output
    assert "%" in masks.output


def test_missing_unfinished_and_failing_runs_are_said(
    data: Path, configs: Path, trained: tuple[Path, Made], run_cli: Run, tmp_path: Path
) -> None:
    folder, _ = trained
    longer = run_cli([*command(data, configs, folder, "--models", "mamba", "--length", "7x2"), "--no-training"])
    assert longer.exit_code == 2  # runs of another length are other runs
    assert "mamba, random state 2: not trained" in longer.output
    partly = run_cli([*command(data, configs, folder, "--models", "mamba", "--seeds", "2,222"), "--no-training"])
    assert partly.exit_code == 1
    assert "mamba, random state 222: not trained" in partly.output
    assert "Mamba" in (folder / "tables" / "table1.md").read_text()
    broken = tmp_path / "configs"
    broken.mkdir()
    content = yaml.safe_load((configs / "tiny-macs3.yaml").read_text())
    content["model"]["window_bp"] = 2048
    (broken / "tiny-macs3.yaml").write_text(yaml.safe_dump(content))
    begun = tmp_path / "runs" / "tiny-macs3-seed2"
    begun.mkdir(parents=True)
    (begun / "run.json").write_text('{"finished": false}')
    asked = command(data, broken, tmp_path, "--models", "macs3", "--seeds", "2")
    refused = run_cli(asked)
    assert refused.exit_code == 2
    assert "macs3, random state 2" in refused.output
    assert "--resume" in refused.output
    failed = run_cli([*asked, "--resume"])
    assert failed.exit_code == 2
    assert "macs3, random state 2: training configuration tiny-macs3-seed2: the model has windows of" in failed.output


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--models", "nonesuch"), "nonesuch"),
        (("--seeds", "2,x"), "--seeds"),
        (("--seeds", "2,2"), "once each"),
        (("--models", "enformer"), "tiny-enformer.yaml"),
        (("--models", "mamba", "--length", "1000"), "length"),
    ],
)
def test_wrong_options_are_refused_at_once(
    more: tuple[str, ...], said: str, data: Path, configs: Path, tmp_path: Path, run_cli: Run
) -> None:
    found = run_cli(command(data, configs, tmp_path, *more))
    assert found.exit_code == 2
    assert said in found.output
    with pytest.raises(SettingsError, match="mamba: no mask"):
        make_table(
            "table2", data, names=["mamba"], seeds=(2,), jobs=1, resume=False, training=False, recipe="tiny",
            configs=configs, runs=tmp_path, out=tmp_path, say=lambda _: None,
        )  # fmt: skip


def runs_like_the_papers(*, synthetic: bool, n: int) -> pd.DataFrame:
    """Three runs of every system around the paper's own means."""
    rows = [
        {
            "system": name, "seed": seed, "cell_type": cell, "n": n, "mse": row.mse[0] + shift, "mae": row.mae[0],
            "pearson": row.pearson[0], "spearman": 0.5, "mask_ratio": math.nan, "mask_ratio_total": math.nan,
            "parameters": 1, "minutes": 1.0, "steps": 1, "windows": 4, "hardware": "", "dataset": "d",
            "dataset_hash": "h", "synthetic": synthetic,
        }
        for cell, systems in PAPER.items()
        for name, row in systems.items()
        for seed, shift in ((2, -1e-6), (22, 0.0), (222, 1e-6))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_papers_figures_stand_beside_its_own_test_alone() -> None:
    theirs = standings(runs_like_the_papers(synthetic=False, n=TEST_GENES))
    assert [row for row in theirs.to_dict("records") if not is_papers(row)] == []
    text = markdown(theirs, masks=True)
    assert "paper: MSE" in text
    assert "0.1856 ± 0.0032" in text
    assert text.index("Enformer") < text.index("Seq2Exp-soft")
    for other in (runs_like_the_papers(synthetic=True, n=TEST_GENES), runs_like_the_papers(synthetic=False, n=75)):
        assert "paper" not in markdown(standings(other))


def test_orderings_of_the_paper_are_found_in_it_and_reversed_in_its_mirror() -> None:
    assert set(PAPER["K562"]) == {row.name for row in SYSTEMS}
    assert ("seq2exp-soft", "enformer") in better_in_paper()
    runs = runs_like_the_papers(synthetic=False, n=TEST_GENES)
    assert set(orderings(standings(runs))["verdict"]) == {"holds"}
    mirrored = runs.assign(mse=-runs["mse"])
    assert set(orderings(standings(mirrored))["verdict"]) == {"reversed"}
    alone = runs[runs["seed"] == 2]
    assert set(orderings(standings(alone))["verdict"]) == {"open"}
