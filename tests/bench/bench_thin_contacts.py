"""How masks and predictions hold when the contact map is thinner than any that was learned from.

    python tests/bench/bench_thin_contacts.py demo-soft demo-hard [--dataset .data/demo] [--page]

Every contact of the test windows is drawn anew, bin by bin, from a Poisson law as if the map had a share of its reads:
Poisson(share * contact) / share. Nothing is learned anew. With --page the table goes into docs/experiments.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from page import ROOT, put

sys.path.insert(0, str(ROOT))  # the script runs in a checkout that is not installed

from seq2exp import metrics
from seq2exp.benchmark.choice import BenchmarkSettings, chosen_cells, chosen_genes
from seq2exp.benchmark.predictors import ABC, MASK, LocusEvidence, judge_session
from seq2exp.benchmark.ranking import average_precision
from seq2exp.inference.checkpoints import LoadedCheckpoint, find_checkpoint, load_checkpoint_for_inference
from seq2exp.inference.session import LocusSession, open_session
from seq2exp.results import FloatArray
from seq2exp.settings import SIGNALS
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.sources.truth import known_truth

SHARES = (1.0, 0.3, 0.1, 0.03)
_CONTACT = SIGNALS.index("contact")


def thinned(signals: FloatArray, share: float, rng: np.random.Generator) -> FloatArray:
    """Signals (L, 3) whose contacts, constant over a bin of the map, have ``share`` of their reads; 1: as they are."""
    found = np.array(signals)
    if share == 1:
        return found
    contact = 10 ** found[:, _CONTACT].astype(np.float64) - 1
    begins = np.flatnonzero(np.diff(contact, prepend=np.nan) != 0)
    drawn = rng.poisson(share * contact[begins]) / share
    found[:, _CONTACT] = np.log10(1 + np.repeat(drawn, np.diff(begins, append=len(contact))))
    return found


def evidence(dataset: Dataset, checkpoint: LoadedCheckpoint, share: float) -> list[LocusEvidence]:
    """Every test window under a map of ``share``."""
    settings, rng, found = BenchmarkSettings(), np.random.default_rng(0), []
    cells, genes = chosen_cells(dataset, settings), chosen_genes(dataset, settings)
    truth = {cell: known_truth(dataset, cell) for cell in cells}
    for gene in genes:
        for cell in cells:
            measured = open_session(dataset, gene, cell, checkpoint=checkpoint)
            session = LocusSession(
                dataset=dataset,
                window=dataclasses.replace(measured.window, signals=thinned(measured.window.signals, share, rng)),
                config=checkpoint.config,
                checkpoint=checkpoint,
                device=checkpoint.device,
                cache_dir=measured.cache_dir,
                window_ms=0.0,
            )
            elements = truth[cell].get((gene.gene_id, cell), ())
            found.append(judge_session(session, elements, checkpoint, deletions=False))
    return found


def figures(found: Sequence[LocusEvidence]) -> tuple[float, ...]:
    """Element AUPRC of the mask and of activity x contact, base AUPRC of the mask, its share outside, Pearson."""
    causal = np.concatenate([one.locus.causal_elements for one in found])
    by_element = (
        average_precision(np.concatenate([one.scores[name].elements for one in found]), causal) for name in (MASK, ABC)
    )
    bases = [one.scores[MASK].bases for one in found]
    by_base = average_precision(
        np.concatenate([part for part in bases if part is not None]),
        np.concatenate([one.locus.causal_bases for one in found]),
    )
    observed, predicted = (np.array([getattr(one, name) for one in found]) for name in ("observed", "prediction"))
    outside = 100 * float(np.mean([one.mask_ratio_outside_promoter for one in found]))
    return (*by_element, by_base, outside, metrics.pearson(predicted, observed))


def main() -> None:
    """Print the table; with --page put it into the page too."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkpoints", nargs="+", help="names of shipped ones, or folders")
    parser.add_argument("--dataset", type=Path, default=ROOT / ".data" / "demo")
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    dataset = open_dataset(options.dataset)
    lines = [
        "| checkpoint | reads | element AUPRC of the mask | activity x contact | base AUPRC | mask outside | Pearson |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in options.checkpoints:
        checkpoint = load_checkpoint_for_inference(find_checkpoint(name), "cpu")
        for share in SHARES:
            *ranked, outside, pearson = figures(evidence(dataset, checkpoint, share))
            cells = [*(f"{value:.3f}" for value in ranked), f"{outside:.1f} %", f"{pearson:.3f}"]
            lines.append(f"| {name} | {100 * share:g} % | " + " | ".join(cells) + " |")
            print(lines[-1], flush=True)
    if options.page:
        put("thin", lines, ROOT / "docs" / "experiments.md")


if __name__ == "__main__":
    main()
