"""Writes run folders as the training loop leaves them, without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seq2exp.training.config import read_config, write_config
from seq2exp.training.folder import Curves, RunFolder

SMOKE = Path(__file__).resolve().parents[2] / "configs" / "smoke.yaml"


def write_run(path: Path, *, finished: bool = True, steps: int = 40, **facts: Any) -> Path:
    """A run of ``configs/smoke.yaml`` whose lowest validation MSE is at update 20."""
    path.mkdir(parents=True)
    write_config(read_config(SMOKE), path / "config.yaml")
    folder = RunFolder(path)
    curves = Curves(folder, step=0)
    for step in range(10, steps + 1, 10):
        row: dict[str, float | None] = {
            "step": step, "seconds": 2.0 * step, "learning_rate": 1e-4, "loss": 2 - step / 50, "expression": 1.0,
            "kl": 50.0, "kl_weight": 0.01, "tracks": None, "mask_ratio": 0.4, "gradient_norm": 1.5, "wait_share": 0.01,
        }  # fmt: skip
        curves.train(row)
        if step % 20 == 0:
            scores = {"mse": 0.5 + abs(step - 20) / 100, "mae": 0.4, "pearson": 0.81, "spearman": 0.7}
            curves.valid(
                {**scores, "step": step, "seconds": 2 * step, "mask_ratio": 0.1, "mask_ratio_total": 0.2, "n": 9}
            )
    folder.write_facts(
        {
            "name": path.name, "finished": finished, "step": steps, "steps": 40, "best_step": 20, "best_mse": 0.5,
            "dataset": "synthetic-tiny-seed7-v2", "dataset_hash": "0123456789ab", "synthetic": True, "seed": 2222,
            "cell_types": ["SynK", "SynG"], "n_train": 20, "n_valid": 14, "epochs": 8.0, "seconds": 81.5,
            "hardware": "a CPU", "git_revision": "abc", "seq2exp_version": "0.1.0", "torch_version": "2",
            "python_version": "3", "parameters": 6713, "trainable_parameters": 6707, "starts": 1, **facts,
        }
    )  # fmt: skip
    return path
