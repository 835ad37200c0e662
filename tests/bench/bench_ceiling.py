"""How much of expression the inputs tell on a synthetic data set; writes its section of docs/experiments.md.

    python tests/bench/bench_ceiling.py .data/large [--updates 14000] [--page]

A ridge regression is told on every gene what no network is told: which elements are causal. What it makes of the tracks
says, roughly and from below, what a reader of the same inputs could reach; the oracle knows more than they hold. The
signal path of the shipped checkpoints is told the same, as a mask that is 1 over causal elements alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from expression_rows import Array, expression_rows
from page import put
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the script runs in a checkout that is not installed

from seq2exp.benchmark.oracle import oracle_of  # noqa: E402
from seq2exp.model.predictor import centre_slice  # noqa: E402
from seq2exp.model.signal_path import Passed, SignalPath, let_through  # noqa: E402
from seq2exp.settings import SIGNALS, ModelConfig  # noqa: E402
from seq2exp.sources.dataset import Dataset, open_dataset  # noqa: E402
from seq2exp.sources.truth import TruthElement, known_truth  # noqa: E402
from seq2exp.training.cache import Example, WindowCache, cut_windows  # noqa: E402
from seq2exp.training.config import read_config  # noqa: E402
from seq2exp.training.passed import PassedWindows, path_batches  # noqa: E402
from seq2exp.window.assemble import window_settings  # noqa: E402

PAGE = ROOT / "docs" / "experiments.md"
_PROMOTER_BP, _LOBES_BP = 150, 400
"""Half widths around the TSS in which the promoter's openness and its acetylation are measured."""
_FLANK_BP = 200
"""Acetylation of an element is measured beside it too."""
_PENALTY = 1.0


class Window(NamedTuple):
    """One gene in one cell line, with what is true of it."""

    example: Example
    start: int
    elements: Sequence[TruthElement]


def promoter(window: Window) -> list[float]:
    """mRNA features, and the heights of the promoter's own tracks."""
    dnase, h3k27ac, _ = tracks(window)
    middle = len(dnase) // 2
    near = dnase[middle - _PROMOTER_BP : middle + _PROMOTER_BP]
    lobes = h3k27ac[middle - _LOBES_BP : middle + _LOBES_BP]
    heights = (near.max(), near.mean(), lobes.max(), lobes.mean())
    return [*map(float, window.example.rna_features), *(float(np.log(0.1 + height)) for height in heights)]


def measured(window: Window) -> list[float]:
    """Sums over the causal elements of measured heights times measured contact."""
    dnase, h3k27ac, contact = tracks(window)
    sums = np.zeros(3)
    for element in window.elements:
        first, stop = (
            min(max(p - window.start, 0), len(dnase)) for p in (element.interval.start, element.interval.end)
        )
        if element.causal and first < stop:
            opened = dnase[first:stop].max()
            lobe = h3k27ac[max(first - _FLANK_BP, 0) : stop + _FLANK_BP].max()
            reached = 10 ** contact[(first + stop) // 2] - 1
            sums += reached * np.array([np.sqrt(opened * lobe), opened, lobe])
    return [float(value) for scale in (1, 30, 1000) for value in np.log1p(sums / scale)]


def true_drive(window: Window) -> list[float]:
    """log(1 + sum of activity x contact), as the generator computes it."""
    return [float(np.log1p(sum(element.activity * element.contact for element in window.elements)))]


def tracks(window: Window) -> tuple[Array, Array, Array]:
    """DNase, H3K27ac and contact, (L,) each."""
    by_name = dict(zip(SIGNALS, window.example.signals.astype(np.float64).T, strict=True))
    return by_name["dnase"], by_name["h3k27ac"], by_name["contact"]


KNOWN: dict[str, tuple[Callable[[Window], list[float]], ...]] = {
    "mRNA features and the promoter's tracks": (promoter,),
    "and the tracks at every causal element": (promoter, measured),
    "and instead of these the elements' true activity x contact": (promoter, true_drive),
}


def causal_mask(window: Window, centre: slice) -> torch.Tensor:
    """(L,) 1 over the centre and the causal elements."""
    mask = torch.zeros(len(window.example.codes))
    mask[centre] = 1
    for element in window.elements:
        if element.causal:
            mask[max(element.interval.start - window.start, 0) : max(element.interval.end - window.start, 0)] = 1
    return mask


def passed(config: ModelConfig, found: Sequence[Window]) -> PassedWindows:
    """What the true mask lets through of every window."""
    centre = centre_slice(config.window_bp, config.centre_bp)
    parts = [
        let_through(config, torch.from_numpy(one.example.signals)[None], causal_mask(one, centre)[None])
        for one in found
    ]
    return PassedWindows(
        Passed(torch.cat([part.signals for part in parts]), torch.cat([part.mask for part in parts])),
        torch.from_numpy(np.stack([one.example.rna_features for one in found])),
        torch.tensor([[one.example.target] for one in found], dtype=torch.float32),
        tuple(str(number) for number in range(len(found))),
    )


def path_told(train: Sequence[Window], asked: Sequence[Window], updates: int) -> Array:
    """(N,) of the signal path of demo-hard, taught in ``updates`` as in its stage but by the true mask."""
    chosen = read_config(ROOT / "configs" / "demo-hard-large.yaml")
    chosen = dataclasses.replace(chosen, objective=dataclasses.replace(chosen.objective, path_steps=updates))
    config, stage = chosen.model, chosen.path_stage
    assert isinstance(config, ModelConfig)
    torch.manual_seed(chosen.run.seed)
    path = SignalPath(config)
    optimiser = torch.optim.AdamW(
        path.parameters(), betas=chosen.optimiser.betas, weight_decay=chosen.optimiser.weight_decay
    )
    batches = path_batches(
        passed(config, train),
        stage,
        per_batch=chosen.objective.path_batch,
        seed=chosen.run.seed,
        rank=0,
        processes=1,
        device=torch.device("cpu"),
    )
    for step, batch in zip(stage, batches, strict=True):
        optimiser.param_groups[0]["lr"] = chosen.rate_at(step)
        optimiser.zero_grad()
        F.smooth_l1_loss(path(batch.passed, batch.rna_features), batch.target).backward()
        torch.nn.utils.clip_grad_norm_(path.parameters(), chosen.optimiser.clip_norm)
        optimiser.step()
    there = passed(config, asked)
    with torch.no_grad():
        return path(there.passed, there.rna_features)[:, 0].double().numpy()


def fitted(train: Array, target: Array, asked: Array) -> Array:
    """Ridge regression on standardised columns."""
    mean, sd = train.mean(0), train.std(0) + 1e-9
    known, new = ((part - mean) / sd for part in (train, asked))
    weights = np.linalg.solve(known.T @ known + _PENALTY * np.eye(known.shape[1]), known.T @ (target - target.mean()))
    found: Array = target.mean() + new @ weights
    return found


def windows(cache: WindowCache, dataset: Dataset, part: str) -> list[Window]:
    """The windows of ``part`` in the cache's order."""
    width = int(cache.facts["window_bp"])
    truth = {cell: known_truth(dataset, cell) for cell in cache.facts["cell_types"]}
    found = []
    for index in cache.part(part):  # type: ignore[arg-type]
        about = cache.windows[index]
        start = dataset.genes.get(about.gene_id).window(width).start
        found.append(
            Window(cache.read(int(index)), start, truth[about.cell_type].get((about.gene_id, about.cell_type), ()))
        )
    return found


def main() -> None:
    """Print the table; with --page put it into the page too."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--cache", type=Path, default=ROOT / ".data" / "windows")
    parser.add_argument("--updates", type=int, default=14_000, help="of the signal path")
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    dataset = open_dataset(options.dataset)
    cache = cut_windows(dataset, window_settings(dataset), folder=options.cache)
    parts = {part: windows(cache, dataset, part) for part in ("train", "test")}
    target = {part: np.array([window.example.target for window in found]) for part, found in parts.items()}
    names = [(cache.windows[i].gene_id, cache.windows[i].cell_type) for i in cache.part("test")]
    predictions = {}
    for name, told in KNOWN.items():
        columns = {
            part: np.array([[value for one in told for value in one(window)] for window in found])
            for part, found in parts.items()
        }
        predictions[name] = fitted(columns["train"], target["train"], columns["test"])
    predictions["the signal path, and as its mask which elements are causal"] = path_told(
        parts["train"], parts["test"], options.updates
    )
    oracle = oracle_of(dataset, names)
    if oracle is None:
        raise SystemExit(f"{options.dataset}: has no oracle")
    predictions["oracle"] = oracle
    lines = [
        f"Ridge regressions and the signal path on {len(parts['train']):,} training windows of {dataset.name} "
        f"{dataset.hash}, put to its {len(names)} test windows.",
        "",
        *expression_rows("what it is told", predictions, target["test"], [gene for gene, _ in names]),
    ]
    print("\n".join(lines))
    if options.page:
        put("ceiling", lines, PAGE)


if __name__ == "__main__":
    main()
