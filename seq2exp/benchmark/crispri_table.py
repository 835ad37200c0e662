"""The CRISPRi benchmark in words and an aligned table, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seq2exp.benchmark.crispri import CrispriBenchmark
from seq2exp.benchmark.crispri_curve import AUPRC, AVERAGE_PRECISION, PRECISION
from seq2exp.benchmark.table import aligned
from seq2exp.training.card import with_interval

COLUMNS: Mapping[str, str] = {
    AUPRC: "AUPRC (field)",
    AVERAGE_PRECISION: "average precision",
    PRECISION: "precision at 70 % recall",
}


def crispri_table(found: CrispriBenchmark) -> str:
    """What was judged, the faults of the table, then one line per group of pairs and predictor."""
    result = found.to_dict()
    lines = ["UNTRAINED WEIGHTS: mask and deletion mean nothing"] if result["trained"] is False else []
    lines += [
        f"{result['pairs_file']}: {result['n_pairs']:,} pairs of {result['n_genes']:,} genes in "
        f"{', '.join(result['cells'])}, {result['n_positives']:,} regulated (chance "
        f"{result['n_positives'] / result['n_pairs']:.3f}), part {result['part']}",
        fault_line(result["faults"]),
    ]
    if result["dataset"] is not None:
        read_by = "" if result["checkpoint"] is None else f", checkpoint {result['checkpoint']} "
        lines.append(
            f"windows of {result['dataset']} {result['dataset_hash']}{read_by}{result['checkpoint_hash'] or ''}"
        )
    rows = [
        [
            row["stratum"],
            row["predictor"],
            f"{row['pairs']:,}",
            f"{row['positives']:,}",
            f"{row['scored']:,}",
            *(with_interval(row, key) for key in COLUMNS),
        ]
        for row in result["rows"]
    ]
    lines += ["", *aligned(["pairs", "predictor", "n", "regulated", "scored", *COLUMNS.values()], rows), ""]
    lines.append("Pairs a predictor does not score count as 0 and stay in; field: trapezoids, see docs/crispri.md.")
    resampling = result["bootstrap"]
    if resampling["resamples"]:
        lines.append(
            f"[95 % intervals: {resampling['resamples']:,} resamples of {resampling['unit']}s, "
            f"seed {resampling['seed']}]"
        )
    return "\n".join(lines)


def fault_line(faults: Mapping[str, Any]) -> str:
    """Every fault with its count, those of zero too: looked for and not found."""
    return (
        f"faults in {faults['rows']:,} rows: left out {faults['invalid']:,} of no valid connection and "
        f"{faults['duplicates']:,} duplicates ({faults['contradictory']:,} of another label); kept "
        f"{faults['zero_width']:,} elements of width 0, {faults['zero_tss']:,} of startTSS 0, {faults['far_tss']:,} "
        "with a startTSS more than 10 kb off (distanceToTSS is used)"
    )
