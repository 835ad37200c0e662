"""`benchmark mask` as a user runs it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2exp.benchmark.mask import MaskBenchmark
from seq2exp.benchmark.table import mask_table
from seq2exp.cli import main
from seq2exp.sources.dataset import Dataset

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], peak_cache: Path, soft_folder: Path
) -> Run:
    """Runs ``benchmark mask`` with these words; the checkpoint is shipped for the time being, as soft-random."""
    monkeypatch.setenv("SEQ2EXP_CACHE", str(peak_cache))
    monkeypatch.setattr("seq2exp.inference.checkpoints.SHIPPED", soft_folder.parent)

    def _run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["seq2exp", "benchmark", "mask", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return _run


def test_json_by_shipped_name(run: Run, tiny: Dataset, tmp_path: Path) -> None:
    few = ("--limit-genes", 2, "--cell", "SynG", "--bootstrap", 20, "--skip-deletions", "--device", "cpu")
    out_file = tmp_path / "result.json"
    status, out, err = run("--dataset", tiny.root, "--checkpoint", "soft-random", *few, "--json", "--out", out_file)
    assert status == 0
    found = json.loads(out)
    assert found == json.loads(out_file.read_text())
    assert found["trained"] is False
    assert (found["checkpoint"], found["mode"], found["threshold"]) == ("soft-random", "soft", 0.5)
    assert (found["n_genes"], found["n_windows"], found["cells"]) == (2, 2, ["SynG"])
    assert set(found["rows"][0]) >= {
        "predictor",
        "base_auprc",
        "element_auprc",
        "precision",
        "recall",
        "f1",
        "covered_share",
        "ci95",
    }
    assert set(found["expression"]) >= {"mse", "mae", "pearson", "spearman", "n", "ci95", "oracle", "promoter_only"}
    assert "windows: 2 of 2" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--checkpoint", "demo-sofd"], "a checkpoint folder (model.safetensors and model.json) or one of the shipped"),
        (["--checkpoint", "soft-random", "--cell", "HeLa"], "no cell type 'HeLa'"),
        (["--checkpoint", "soft-random", "--limit-genes", 0], "limit_genes must be at least 1"),
        (["--checkpoint", "soft-random", "--out", "no/such/r.json"], "no/such/r.json: its folder is not there"),
    ],
)
def test_errors_are_one_line(run: Run, tiny: Dataset, words: list[object], message: str) -> None:
    status, out, err = run("--dataset", tiny.root, *words)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


def test_help_names_units_and_an_example(run: Run) -> None:
    status, out, _ = run("--help")
    assert status == 0
    assert "Example: python -m seq2exp benchmark mask" in out


def test_table_for_people(result: MaskBenchmark) -> None:
    lines = mask_table(result).splitlines()
    assert lines[0].startswith("UNTRAINED WEIGHTS")
    start = next(number for number, line in enumerate(lines) if line.startswith("predictor"))
    rows = lines[start : start + 1 + len(result.rows)]
    column = rows[0].index("element AUPRC %")
    for line, row in zip(rows[1:], result.rows, strict=True):
        assert line.startswith(row.predictor)
        assert line[column:].startswith(f"{100 * row.figures['element_auprc']:.1f} [")
    assert any(line.startswith("promoter only") for line in lines)
