"""Rows, bars and curves of the mask and CRISPRi benchmarks: predictors with 95 % intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, cast

import pandas as pd

from seq2exp.benchmark.crispri import DISTANCE
from seq2exp.benchmark.crispri_curve import AUPRC, AVERAGE_PRECISION, PRECISION
from seq2exp.benchmark.crispri_model import DELETION, MASK
from seq2exp.benchmark.crispri_table import fault_line
from seq2exp.figures.leaderboard_bars import Bar, Panel
from seq2exp.figures.leaderboard_curves import PrecisionRecall
from seq2exp.figures.ranking import OURS
from seq2exp.sources.crispri import PairFaults
from seq2exp.ui.benchmark_view import interval_of
from seq2exp.ui.leaderboard_files import CrispriFound, MaskFound
from seq2exp.ui.leaderboard_rows import Measure
from seq2exp.ui.text import finite

TRUTH = (
    Measure("element_auprc", "Element AUPRC", "higher", percent=True),
    Measure("base_auprc", "Base AUPRC", "higher", percent=True),
    Measure("precision", "Precision", "higher", percent=True),
    Measure("recall", "Recall", "higher", percent=True),
    Measure("f1", "F1", "higher", percent=True),
    Measure("covered_share", "Covered", "neither", percent=True),
)
CRISPRI = (
    Measure(AUPRC, "AUPRC (field)", "higher", digits=3),
    Measure(AVERAGE_PRECISION, "Average precision", "higher", digits=3),
    Measure(PRECISION, "Precision at 70 % recall", "higher", digits=3),
)
CHANCE: Mapping[str, str] = {"element_auprc": "element_rate", "base_auprc": "base_rate"}
"""The fact that says what guessing reaches, by measure."""

PUBLISHED: Mapping[str, Mapping[str, float]] = {
    "abc": {AUPRC: 0.58, PRECISION: 0.48},
    DISTANCE: {PRECISION: 0.32},
}
"""On all pairs of the ENCODE benchmark's K562 training file, DNase, H3K27ac and power-law contact: the performance
table of EngreitzLab/ABC-Enhancer-Gene-Prediction, and for distance a reading of its figure (data-sources.md 10.3)."""
PUBLISHED_PAIRS = ("EPCrisprBenchmark_combined_data.training_K562.", 10_356)
"""Beginning of the file's name, and its pairs."""


def truth_rows(found: Sequence[MaskFound]) -> pd.DataFrame:
    """One row per checkpoint and predictor: checkpoint, predictor, each measure with _low and _high, call_rule."""
    rows = [
        {
            "checkpoint": one.label,
            "predictor": str(row["predictor"]),
            **_figures(row, TRUTH),
            "call_rule": str(row.get("call_rule") or ""),
        }
        for one in found
        for row in one.content["rows"]
    ]
    return pd.DataFrame(rows)


def truth_panels(found: Sequence[MaskFound], measure: Measure) -> list[Panel]:
    """A panel per checkpoint."""
    fact = CHANCE.get(measure.key, "")
    return [
        Panel(one.label, _bars(one.content["rows"], measure, {OURS}), finite(one.content.get(fact))) for one in found
    ]


def groups(found: CrispriFound) -> list[str]:
    """Names of the groups of pairs, in the order of the file."""
    return list(dict.fromkeys(str(row["stratum"]) for row in found.rows))


def crispri_rows(found: CrispriFound) -> pd.DataFrame:
    """One row per group of pairs and predictor; ``published_<measure>`` only where others published it."""
    rows = []
    for row in found.rows:
        known = published(found, row)
        rows.append(
            {
                "stratum": str(row["stratum"]),
                "predictor": str(row["predictor"]),
                **{
                    key: value
                    for measure in CRISPRI
                    for key, value in (
                        *_figures(row, [measure]).items(),
                        (f"published_{measure.key}", known.get(measure.key)),
                    )
                },
                **{key: finite(row.get(key)) for key in ("pairs", "positives", "scored")},
            }
        )
    table = pd.DataFrame(rows)
    empty = [name for name in table if str(name).startswith("published_") and table[name].isna().all()]
    return table.drop(columns=empty)


def published(found: CrispriFound, row: Mapping[str, Any]) -> Mapping[str, float]:
    """What others found with the predictor of ``row`` on these very pairs; empty on any other."""
    begins, pairs = PUBLISHED_PAIRS
    same = str(found.content["pairs_file"]).startswith(begins) and row.get("pairs") == pairs and row["kind"] == "all"
    return PUBLISHED.get(str(row["predictor"]), {}) if same else {}


def crispri_panel(found: CrispriFound, group: str, measure: Measure) -> Panel:
    """The predictors on one group of pairs; guessing reaches the share of regulated pairs."""
    own = _of_group(found, group)
    papers = {str(row["predictor"]): published(found, row).get(measure.key) for row in own}
    return Panel(group, _bars(own, measure, {MASK, DELETION}, papers), chance(found, group))


def chance(found: CrispriFound, group: str) -> float | None:
    """Share of regulated pairs in a group."""
    own = _of_group(found, group)
    pairs, positives = (finite(own[0].get(key)) for key in ("pairs", "positives"))
    return None if not pairs or positives is None else positives / pairs


def crispri_curves(found: CrispriFound, group: str) -> list[PrecisionRecall]:
    """The curve of every predictor that has one, in the file's order."""
    curves = []
    for row in _of_group(found, group):
        curve = row.get("curve")
        points = [
            (float(point[0]), float(point[1]))
            for point in (curve if isinstance(curve, list) else ())
            if isinstance(point, list) and len(point) == 2 and None not in (finite(point[0]), finite(point[1]))
        ]
        if points:
            curves.append(PrecisionRecall(str(row["predictor"]), tuple(points), finite(row.get(PRECISION))))
    return curves


def faults_in_words(found: CrispriFound) -> str | None:
    """What was wrong with the table of pairs and what was done; None where the file does not say."""
    faults = found.content.get("faults")
    known = isinstance(faults, dict) and all(isinstance(faults.get(one.name), int) for one in fields(PairFaults))
    return fault_line(cast(dict[str, int], faults)) if known else None


def _of_group(found: CrispriFound, group: str) -> list[dict[str, Any]]:
    return [row for row in found.rows if str(row["stratum"]) == group]


def _bars(
    rows: Sequence[Mapping[str, Any]],
    measure: Measure,
    ours: set[str],
    papers: Mapping[str, float | None] | None = None,
) -> tuple[Bar, ...]:
    bars = []
    for row in rows:
        value, pair = finite(row.get(measure.key)), interval_of(row, measure.key)
        if value is None:
            continue
        words = measure.words(value)
        told = words if pair is None else f"{words} [{measure.words(pair[0])}, {measure.words(pair[1])}]"
        name = str(row["predictor"])
        bars.append(Bar(name, value, words, told, pair, ours=name in ours, paper=(papers or {}).get(name)))
    return tuple(bars)


def _figures(row: Mapping[str, Any], measures: Sequence[Measure]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for measure in measures:
        low, high = interval_of(row, measure.key) or (None, None)
        found |= {measure.key: finite(row.get(measure.key)), f"{measure.key}_low": low, f"{measure.key}_high": high}
    return found
