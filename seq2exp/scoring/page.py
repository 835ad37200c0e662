"""A finished folder's rows in the file that the app's Genes page shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]

from seq2exp.benchmark.score import scored_what
from seq2exp.benchmark.score_file import GeneScore, add_scores, read_scores_of, scores_path
from seq2exp.errors import ScoringError
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.scoring.folder import SCORES_FILE, ScoreFolder
from seq2exp.scoring.plan import ScoreSettings, make_plan
from seq2exp.sources.dataset import Dataset


def show_on_page(folder: ScoreFolder, dataset: Dataset, checkpoint: LoadedCheckpoint, *, cache_dir: Path) -> int:
    """Add the folder's rows to the page's file, where that has none of the gene and cell type; how many were added.

    They have no MACS3 peaks and no truth: `seq2exp.benchmark.score.score_genes` measures those.

    Raises
    ------
    ScoringError
        The folder was scored under other settings than the checkpoint's own, which the page stands for.
    SourceError
        The page's file cannot be read or written.
    """
    own = make_plan(dataset, checkpoint, ScoreSettings()).facts
    if any(folder.plan.facts[name] != own[name] for name in ("mask_settings", "element_settings")):
        raise ScoringError(f"{folder.path}: what-if scores; the Genes page shows those of a checkpoint as trained")
    of = scored_what(dataset, checkpoint)
    path = scores_path(cache_dir, dataset.hash, checkpoint.hash)
    before = read_scores_of(path, of)
    known = frozenset() if before is None else before.done
    rows = [_row(row) for row in pq.read_table(folder.path / SCORES_FILE).to_pylist() if not row["problem"]]
    new = [row for row in rows if row.key not in known]
    add_scores(path, of, new)
    return len(new)


def _row(row: dict[str, Any]) -> GeneScore:
    predicted, observed = row["predicted_log10"], row["observed_log10"]
    same = ("gene_id", "symbol", "chrom", "tss", "strand", "fold", "trained", "promoter_only_log10", "n_elements")
    return GeneScore(
        **{name: row[name] for name in (*same, "mask_ratio_outside_promoter", "what_if")},
        cell=row["cell_type"],
        observed_log10=observed,
        predicted_log10=predicted,
        error_log10=None if predicted is None or observed is None else predicted - observed,
    )
