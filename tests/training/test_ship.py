import json
from pathlib import Path

import pytest
import torch

from seq2exp.errors import TrainingError
from seq2exp.model.checkpoint import build_network, load_checkpoint, save_checkpoint
from seq2exp.settings import ModelConfig
from seq2exp.training.config import DataConfig, TrainConfig
from seq2exp.training.folder import Curves, RunFolder, open_folder
from seq2exp.training.ship import ship

FACTS = {
    "name": "small", "finished": True, "step": 30, "steps": 30, "best_step": 20, "best_mse": 0.2, "parameters": 7,
    "trainable_parameters": 6, "starts": 1, "dataset": "made", "dataset_hash": "abc", "synthetic": True,
    "cell_types": ["A", "B"], "n_train": 8, "n_valid": 4, "seed": 2, "epochs": 3.0, "seconds": 90.0,
    "seq2exp_version": "0", "torch_version": "0", "python_version": "3", "git_revision": "r", "hardware": "CPU",
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    model = ModelConfig.preset("soft", window_bp=64, centre_bp=8, d_model=8, generator_layers=1, predictor_layers=1)
    folder = open_folder(tmp_path, TrainConfig(name="small", data=DataConfig(dataset="made"), model=model))
    torch.manual_seed(0)
    save_checkpoint(folder.checkpoint, build_network(model), provenance={"trained": True, "name": "small"})
    curves = Curves(folder, step=0)
    blank = dict.fromkeys(("kl", "kl_weight", "tracks"))
    for step in range(1, 1001):
        numbers = {"learning_rate": 1e-3, "loss": 1 / step, "expression": 1 / step, "mask_ratio": 0.1}
        curves.train({**blank, **numbers, "step": step, "seconds": step, "gradient_norm": 1.0, "wait_share": 0.01})
    for step, mse in ((10, 0.3), (20, 0.2), (30, 0.25)):
        scores = {"mse": mse, "mae": 0.3, "pearson": 0.5, "spearman": 0.5, "mask_ratio": 0.1, "mask_ratio_total": 0.2}
        curves.valid({**scores, "step": step, "seconds": step, "n": 4})
    folder.write_facts(FACTS)
    return folder


def test_a_packed_run_is_a_checkpoint_with_curves_and_card(run: RunFolder, tmp_path: Path) -> None:
    interval = {"element_auprc": [0.5, 0.7]}
    row = {"predictor": "mask", "element_auprc": 0.6, "base_auprc": None, "covered_share": 0.07, "ci95": interval}
    scores = {"pearson": 0.81, "spearman": 0.8, "mse": 0.2, "mae": 0.3, "ci95": {}}
    found = {
        "part": "test", "chromosomes": ["chr22"], "dataset": "made", "n_genes": 3, "cells": ["A"], "n_elements": 40,
        "element_rate": 0.2, "mask_ratio_outside_promoter": 0.07, "rows": [row],
        "expression": {**scores, "promoter_only": None, "oracle": scores},
    }  # fmt: skip
    (tmp_path / "found.json").write_text(json.dumps(found))
    packed = ship(run, tmp_path / "packed", benchmark=tmp_path / "found.json")
    assert load_checkpoint(packed.path).provenance["trained"] is True
    train, valid = packed.curves()
    assert 300 < len(train) <= 400
    assert list(valid["mse"]) == [0.3, 0.2, 0.25]
    card = (packed.path / "card.md").read_text()
    for words in (
        "| 20 (kept) | 0.2000 |",
        "0.600 [0.500, 0.700]",
        "| predicted | 0.810 |",
        "nothing in it was measured",
    ):
        assert words in card
    assert "promoter only" not in card


def test_an_unfinished_run_and_a_foreign_benchmark_are_refused(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "found.json").write_text('{"rows": 3}')
    with pytest.raises(TrainingError, match=r"benchmark\.json: not a result of `benchmark mask --json`"):
        ship(run, tmp_path / "packed", benchmark=tmp_path / "found.json")
    run.write_facts({**FACTS, "finished": False})
    with pytest.raises(TrainingError, match="not finished"):
        ship(run, tmp_path / "other")
