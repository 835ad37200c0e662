"""Checkpoints on synthetic assemblies that nothing was trained on or chosen by: other seeds, and so other genomes.

    python tests/bench/bench_fresh.py demo-hard demo-soft [--seeds 105,106,107,108] [--page]

The test chromosomes hold 75 genes; every seed here has 155, enough to tell two checkpoints apart. Intervals are over
genes drawn anew; with --page the table goes into docs/experiments.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from expression_rows import Array, expression_rows
from page import put

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the script runs in a checkout that is not installed

from seq2exp.benchmark.oracle import oracle_of  # noqa: E402
from seq2exp.inference.checkpoints import find_checkpoint  # noqa: E402
from seq2exp.model.checkpoint import load_checkpoint  # noqa: E402
from seq2exp.model.network import Seq2Exp  # noqa: E402
from seq2exp.model.signal_path import let_through  # noqa: E402
from seq2exp.sources.dataset import open_dataset  # noqa: E402
from seq2exp.synthetic import synthesize  # noqa: E402
from seq2exp.training.batches import loader  # noqa: E402
from seq2exp.training.cache import WindowCache, cut_windows  # noqa: E402
from seq2exp.window.assemble import window_settings  # noqa: E402

PAGE = ROOT / "docs" / "experiments.md"
_BATCH = 4


@torch.no_grad()
def predictions(name: str, network: Seq2Exp, cache: WindowCache) -> dict[str, Array]:
    """(N,) log10(1 + CAGE) of every window, as in evaluation; where two readers answer, of each of them too."""
    indices = range(len(cache.windows))
    lists = [list(indices[i : i + _BATCH]) for i in indices[::_BATCH]]
    whole: list[torch.Tensor] = []
    signals: list[torch.Tensor] = []
    for batch in loader(cache, lists, workers=0):
        given = batch.network_input()
        out = network(given)
        whole.append(out.prediction[:, 0])
        if network.signal_path is not None:
            passed = let_through(network.config, given.signals, out.mask)
            signals.append(network.signal_path(passed, given.rna_features)[:, 0])
    found = {name: torch.cat(whole).double().numpy()}
    if network.signal_path is not None:
        share, alone = float(network.signal_path.share), torch.cat(signals).double().numpy()
        found[f"{name}, its backbone alone"] = (found[name] - share * alone) / (1 - share)
        found[f"{name}, its signal path alone"] = alone
    return found


def further_genome(seed: int, folder: Path) -> Path:
    """Folder of the `demo` assembly of one seed, made where it is absent."""
    found = folder / f"demo{seed}"
    if not (found / "manifest.yaml").is_file():
        synthesize(preset="demo", out=found, seed=seed)
    return found


def further_answers(
    networks: Mapping[str, Seq2Exp], seeds: Sequence[int], folder: Path
) -> tuple[dict[str, Array], Array, list[str]]:
    """(N,) predictions by name, the oracle's among them, (N,) observed log10(1 + CAGE), and the gene of each."""
    parts: dict[str, list[Array]] = {}
    targets: list[Array] = []
    genes: list[str] = []
    for seed in seeds:
        dataset = open_dataset(further_genome(seed, folder))
        cache = cut_windows(dataset, window_settings(dataset), folder=folder / "windows")
        about = [(window.gene_id, window.cell_type) for window in cache.windows]
        targets.append(np.array([cache.read(index).target for index in range(len(about))]))
        genes += [f"{seed} {gene}" for gene, _ in about]
        oracle = oracle_of(dataset, about)
        if oracle is None:
            raise SystemExit(f"{dataset.name}: has no oracle")
        for name, network in networks.items():
            for reader, answer in predictions(name, network, cache).items():
                parts.setdefault(reader, []).append(answer)
        parts.setdefault("oracle", []).append(oracle)
    return {name: np.concatenate(part) for name, part in parts.items()}, np.concatenate(targets), genes


def main() -> None:
    """Print the table; with --page put it into the page too."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkpoints", nargs="+", help="names of shipped ones, or folders")
    parser.add_argument("--seeds", default="105,106,107,108")
    parser.add_argument("--data", type=Path, default=ROOT / ".data" / "fresh")
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    networks = {name: load_checkpoint(find_checkpoint(name)).network.eval() for name in options.checkpoints}
    seeds = [int(seed) for seed in options.seeds.split(",")]
    found, targets, genes = further_answers(networks, seeds, options.data)
    lines = [
        f"`demo` with seeds {options.seeds.replace(',', ', ')}: {len(set(genes))} genes, {len(genes):,} windows.",
        "",
        *expression_rows("", found, targets, genes),
    ]
    print("\n".join(lines))
    if options.page:
        put("fresh", lines, PAGE)


if __name__ == "__main__":
    main()
