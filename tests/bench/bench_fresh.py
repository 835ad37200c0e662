"""Checkpoints on synthetic assemblies that nothing was trained on or chosen by: other seeds, and so other genomes.

    python tests/bench/bench_fresh.py demo-hard demo-soft [--seeds 101,102,103,104] [--page]

The test chromosomes hold 75 genes; every seed here has 155, enough to tell two checkpoints apart. Intervals are over
genes drawn anew; with --page the table goes into docs/experiments.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from page import put

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the script runs in a checkout that is not installed

from seq2exp.benchmark.expression import expression_report  # noqa: E402
from seq2exp.benchmark.oracle import oracle_of  # noqa: E402
from seq2exp.benchmark.ranking import gene_weights  # noqa: E402
from seq2exp.model.checkpoint import load_checkpoint  # noqa: E402
from seq2exp.sources.dataset import open_dataset  # noqa: E402
from seq2exp.synthetic import synthesize  # noqa: E402
from seq2exp.training.batches import loader  # noqa: E402
from seq2exp.training.cache import WindowCache, cut_windows  # noqa: E402
from seq2exp.window.assemble import window_settings  # noqa: E402

Array = NDArray[np.float64]
PAGE = ROOT / "docs" / "experiments.md"
SHIPPED = ROOT / "seq2exp" / "checkpoints"
_BATCH = 4


@torch.no_grad()
def predictions(folder: Path, cache: WindowCache, indices: NDArray[np.int64]) -> Array:
    """(N,) log10(1 + CAGE) of the windows ``indices``, as in evaluation."""
    network = load_checkpoint(folder).network.eval()
    lists = [indices[i : i + _BATCH].tolist() for i in range(0, len(indices), _BATCH)]
    found = [network(batch.network_input()).prediction[:, 0] for batch in loader(cache, lists, workers=0)]
    return torch.cat(found).double().numpy()


def main() -> None:
    """Print the table; with --page put it into the page too."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkpoints", nargs="+", help="names of shipped ones, or folders")
    parser.add_argument("--seeds", default="101,102,103,104")
    parser.add_argument("--data", type=Path, default=ROOT / ".data" / "fresh")
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    parts: dict[str, list[Array]] = {name: [] for name in (*options.checkpoints, "oracle")}
    targets: list[Array] = []
    genes: list[str] = []
    for seed in seeds:
        folder = options.data / f"demo{seed}"
        if not (folder / "manifest.yaml").is_file():
            synthesize(preset="demo", out=folder, seed=seed)
        dataset = open_dataset(folder)
        cache = cut_windows(dataset, window_settings(dataset), folder=options.data / "windows")
        indices = np.arange(len(cache.windows))
        about = [(window.gene_id, window.cell_type) for window in cache.windows]
        targets.append(np.array([cache.read(int(index)).target for index in indices]))
        genes += [f"{seed} {gene}" for gene, _ in about]
        oracle = oracle_of(dataset, about)
        if oracle is None:
            raise SystemExit(f"{folder}: has no oracle")
        parts["oracle"].append(oracle)
        for name in options.checkpoints:
            shipped = SHIPPED / name
            parts[name].append(predictions(shipped if shipped.is_dir() else Path(name), cache, indices))
    names = list(dict.fromkeys(genes))
    numbers = np.array([names.index(gene) for gene in genes])
    report = expression_report(
        {name: np.concatenate(found) for name, found in parts.items()},
        np.concatenate(targets),
        numbers,
        gene_weights(len(names), resamples=1000, seed=0),
    )
    lines = [
        f"`demo` with seeds {options.seeds.replace(',', ', ')}: {len(names)} genes, {len(genes):,} windows.",
        "",
        "| | Pearson | over the oracle's | MSE |",
        "|---|---|---|---|",
    ]
    for name, found in report.items():
        low, high = found["ci95"]["pearson"]
        share = ""
        if name != "oracle":
            share = "{:.3f} [{:.3f}, {:.3f}]".format(found["pearson_of_oracle"], *found["ci95"]["pearson_of_oracle"])
        lines.append(f"| {name} | {found['pearson']:.3f} [{low:.3f}, {high:.3f}] | {share} | {found['mse']:.4f} |")
    print("\n".join(lines))
    if options.page:
        put("fresh", lines, PAGE)


if __name__ == "__main__":
    main()
