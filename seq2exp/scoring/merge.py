"""Finished shards to the files people use: scores.parquet, elements.bed, and the card that says how they came about."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]

from seq2exp.errors import ScoringError
from seq2exp.files import whole_file, whole_text, write_whole
from seq2exp.inference.drawn import QUANTILES
from seq2exp.scoring.bigwig import MASK_TRACK, write_masks
from seq2exp.scoring.folder import (
    ELEMENTS_FILE,
    MADE,
    METADATA,
    SCORES_FILE,
    ScoreFolder,
    writing,
)
from seq2exp.scoring.windows import scores_schema

INTERVAL = (
    f"predicted_low and predicted_high: {QUANTILES[0]:.0%} and {QUANTILES[1]:.0%} quantile of the predictions under "
    "masks drawn from the Beta of each base; how far the prediction hangs on the mask, NOT a confidence interval of "
    "the true expression, and predicted_log10 (of the mean mask) may lie outside it"
)
ELEMENT_COLUMNS = ("chrom", "start", "end", "name", "score", "strand")
ELEMENT_EXTRA = ("gene_id", "symbol", "cell_type", "fold", "mean", "sd", "peak", "tss_distance_bp")


def merge(folder: ScoreFolder, *, seconds: float, processes: int) -> dict[str, Any]:
    """Write the merged files and then the card, which is returned; the same bytes whoever made the shards.

    Memory holds a shard and the elements of one chromosome.

    Parameters
    ----------
    seconds, processes
        Of the start that finished the run, for the card.

    Raises
    ------
    ScoringError
        A shard is missing or of another run; no room.
    """
    missing = [number for number in range(folder.plan.n_shards) if not folder.finished(number)]
    if missing:
        raise ScoringError(f"{folder.path}: {len(missing)} of {folder.plan.n_shards} shards are missing")
    counts = _write_scores(folder)
    _write_elements(folder)
    if folder.plan.settings.bigwig:
        for cell in folder.plan.cells:
            write_masks(folder, cell)
    card = {
        **folder.plan.facts,
        **counts,
        "interval": INTERVAL if folder.plan.settings.samples else "none was asked for",
        "mask_track": MASK_TRACK if folder.plan.settings.bigwig else "none was asked for",
        "made": _made(folder),
        "last_start": {"seconds": round(seconds, 2), "processes": processes},
        "files": {path.name: path.stat().st_size for path in folder.results},
    }
    with writing(folder.card):
        write_whole(folder.card, (json.dumps(card, indent=1) + "\n").encode())
    folder.tidy()
    return card


def _write_scores(folder: ScoreFolder) -> dict[str, Any]:
    """The score columns of all shards in the plan's order; how many rows there are of each kind."""
    schema = scores_schema().with_metadata({METADATA: json.dumps(dict(folder.plan.facts))})
    counts = {"n_windows": 0, "n_problems": 0, "n_faithful": 0}
    path = folder.path / SCORES_FILE
    with (
        writing(path),
        whole_file(path) as partial,
        pq.ParquetWriter(partial, schema, compression="zstd") as out,
    ):
        for number in range(folder.plan.n_shards):
            table = folder.read_shard(number, schema.names)
            out.write_table(table.replace_schema_metadata(schema.metadata))
            rows = table.select(["problem", "faithful"]).to_pydict()
            counts["n_windows"] += len(rows["problem"])
            counts["n_problems"] += sum(map(bool, rows["problem"]))
            counts["n_faithful"] += sum(map(bool, rows["faithful"]))
    scored = counts["n_windows"] - counts["n_problems"]
    return counts | {"faithful": counts["n_faithful"] == scored > 0}


def _write_elements(folder: ScoreFolder) -> None:
    facts = folder.plan.facts
    lines = [
        f"# dataset: {facts['dataset']} {facts['dataset_hash']}, assembly {facts['assembly']}, "
        f"{'synthetic' if facts['synthetic'] else 'measured'}",
        f"# checkpoint: {facts['checkpoint']} {facts['checkpoint_hash']}, "
        + ("trained" if facts["trained"] else "UNTRAINED WEIGHTS: these elements mean nothing"),
        f"# mask: {facts['mode']}, elements at mask mean >= {facts['threshold']:g}; seq2exp {facts['seq2exp_version']}",
        "# an element belongs to the gene and cell type of its name: those of neighbouring genes may overlap",
        "# score: 1000 x mean of the mask mean; mean, sd, peak: of the mask Beta over the element, 0..1; "
        "tss_distance_bp: middle, positive in the direction of transcription",
        "#" + "\t".join((*ELEMENT_COLUMNS, *ELEMENT_EXTRA)),
    ]
    path = folder.path / ELEMENTS_FILE
    with writing(path), whole_text(path) as out:
        out.write("\n".join(lines) + "\n")
        for _, rows in groupby(_elements(folder), key=lambda row: row[0]):
            for row in sorted(rows, key=lambda row: (row[1], row[2], row[6], row[8])):
                out.write("\t".join(map(str, row)) + "\n")


def _elements(folder: ScoreFolder) -> Iterator[tuple[Any, ...]]:
    """Columns of every element, chromosome by chromosome."""
    columns = ["gene_id", "symbol", "chrom", "cell_type", "fold", "elements"]
    for number in range(folder.plan.n_shards):
        for row in folder.read_shard(number, columns).to_pylist():
            yield from _of_window(row, row["elements"] or ())


def _of_window(row: dict[str, Any], elements: Sequence[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    gene = row["symbol"] or row["gene_id"]
    for rank, one in enumerate(elements, start=1):
        yield (
            row["chrom"],
            one["start"],
            one["end"],
            f"{gene}_{row['cell_type']}_E{rank}".replace(" ", "_").replace("\t", "_"),
            round(1000 * one["mean"]),
            ".",
            row["gene_id"],
            row["symbol"],
            row["cell_type"],
            row["fold"] or ".",
            f"{one['mean']:.4f}",
            f"{one['sd']:.4f}",
            f"{one['peak']:.4f}",
            one["tss_distance_bp"],
        )


def _made(folder: ScoreFolder) -> dict[str, Any]:
    """On what the shards were computed, and how long it took, all processes together."""
    made = [
        json.loads(pq.read_schema(folder.shard_path(number)).metadata[MADE]) for number in range(folder.plan.n_shards)
    ]
    seconds = sum(one["seconds"] for one in made)
    return {
        "devices": sorted({one["device"] for one in made}),
        "torch": sorted({one["torch"] for one in made}),
        "process_seconds": round(seconds, 2),
        "cpu_seconds": round(sum(one["cpu_seconds"] for one in made), 2),
        "windows_per_process_second": round(folder.plan.n_windows / seconds, 3) if seconds else None,
    }
