"""What teaches a hard mask: the gradient that each part of the loss sends to the mask, on the last saved state of runs.

    python tests/bench/bench_gradient.py .data/runs/demo-hard .data/runs/demo-hard-seed22 [--page]

Norms of the gradients with respect to the sequence Beta outside the promoter, means over batches of training
windows; with --page they go into docs/experiments.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any, get_args

import torch
from page import put
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the script runs in a checkout that is not installed

from seq2exp.model.checkpoint import build_network  # noqa: E402
from seq2exp.model.losses import seq2exp_loss  # noqa: E402
from seq2exp.settings import HardGradient, ModelConfig  # noqa: E402
from seq2exp.sources.dataset import open_dataset  # noqa: E402
from seq2exp.training.batches import Batch, StepSampler, loader, units  # noqa: E402
from seq2exp.training.cache import WindowCache  # noqa: E402
from seq2exp.training.config import ReadoutReads, TrainConfig, read_config  # noqa: E402
from seq2exp.training.folder import RunFolder  # noqa: E402
from seq2exp.training.objective import Objective, objective_of  # noqa: E402
from seq2exp.training.run import windows_of  # noqa: E402
from seq2exp.window.assemble import window_settings  # noqa: E402

PAGE = ROOT / "docs" / "experiments.md"


def batches(config: TrainConfig, cache: WindowCache, n: int) -> list[Batch]:
    """The first ``n`` batches that the run trained on."""
    of_genes = units(cache, "train", group_cells=True)
    per_batch = config.optimiser.batch // len(of_genes[0])
    steps = StepSampler(of_genes, start=0, stop=n, per_batch=per_batch, seed=config.run.seed)
    return list(loader(cache, steps, workers=0))


def objective_with(config: TrainConfig, gradient: HardGradient, cache: WindowCache, saved: dict[str, Any]) -> Objective:
    """The run's objective at a saved state, its hard mask taught by ``gradient``."""
    assert isinstance(config.model, ModelConfig)
    network = build_network(dataclasses.replace(config.model, hard_gradient=gradient))
    objective = objective_of(config.row, network, config.objective, cache=cache)
    assert isinstance(objective, Objective)
    objective.load_state_dict(saved["objective"])
    return objective.train()


def norms(objective: Objective, batch: Batch) -> dict[str, float]:
    """Norm of each part's gradient, each part with its weight in the loss."""
    network, config = objective.network, objective.config
    given = batch.network_input()
    output = network(given, cells_per_gene=objective.track_head.n_cells if objective.track_head else 1)
    loss = seq2exp_loss(output, batch.target, kl_weight=0.0)
    assert output.sequence_beta is not None
    assert loss.kl is not None
    parts: dict[str, Tensor] = {"expression": loss.expression, "KL": network.config.kl_weight * loss.kl}
    for reads in get_args(ReadoutReads):
        read = objective.readout_loss(output, given, batch.target, reads)
        parts[f"readout of the {reads}"] = config.readout_weight * read
    found = {}
    for name, value in parts.items():
        pair = torch.autograd.grad(value, tuple(output.sequence_beta), retain_graph=True, allow_unused=True)
        sent = torch.stack([torch.zeros_like(output.mask) if one is None else one for one in pair])
        sent[..., network.centre] = 0
        found[name] = float(sent.norm())
    return found


def rows(folder: RunFolder, n_batches: int) -> list[str]:
    """The lines of one run."""
    config = read_config(folder.path / "config.yaml")
    dataset = open_dataset(Path(config.data.dataset))
    cache, _ = windows_of(config, dataset, window_settings(dataset))
    given = batches(config, cache, n_batches)
    saved = torch.load(folder.state, map_location="cpu", weights_only=True)
    name, lines = f"state {config.run.seed}, update {saved['progress']['step']:,}", []
    for gradient in get_args(HardGradient):
        torch.manual_seed(0)  # the same draws for all
        objective = objective_with(config, gradient, cache, saved)
        found = [norms(objective, batch) for batch in given]
        means = [sum(one[part] for one in found) / len(found) for part in found[0]]
        lines.append(f"| {name} | {gradient} | " + " | ".join(f"{value:.1e}" for value in means) + " |")
    return lines


def main() -> None:
    """Print the table; with --page put it into the page too."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--batches", type=int, default=12)
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    lines = [
        "| run | hard_gradient | expression | KL | readout of the mask | readout of the mean |",
        "|---|---|---|---|---|---|",
    ]
    for run in options.runs:
        lines += rows(RunFolder(run), options.batches)
    print("\n".join(lines))
    if options.page:
        put("gradient", lines, PAGE)


if __name__ == "__main__":
    main()
