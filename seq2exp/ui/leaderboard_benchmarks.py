"""The Leaderboard's views of the benchmarks with intervals: masks against known truth, and CRISPRi."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from seq2exp import __version__
from seq2exp.benchmark.crispri_curve import RECALL
from seq2exp.figures.leaderboard_curves import precision_recall_figure
from seq2exp.ui import (
    leaderboard_choices,
    leaderboard_cite,
    leaderboard_downloads,
    leaderboard_shares,
    leaderboard_tables,
)
from seq2exp.ui.benchmark_view import expression_table
from seq2exp.ui.catalogue import place_in_words
from seq2exp.ui.leaderboard_files import CrispriFound, MaskFound, read_crispri, read_masks
from seq2exp.ui.leaderboard_panels import STILL, bars, choose_measure, problems
from seq2exp.ui.leaderboard_rows import ordered
from seq2exp.ui.panels import theme_name
from seq2exp.ui.status_about import Reference
from seq2exp.ui.text import plain

MOST_CHECKPOINTS = 3
"""Side by side; more do not fit a screen."""
CURVE_PX = 330


def show_truth() -> None:
    """Masks and their rivals against the true elements, a panel per checkpoint."""
    found = read_masks()
    problems(found.problems)
    if not found.items:
        st.info(
            "No mask was scored against known truth yet. Score one with `python -m seq2exp benchmark mask --dataset "
            ".data/demo --checkpoint NAME --out FOLDER/benchmark.json`, in the folder of its run."
        )
        return
    by_data: dict[str, list[MaskFound]] = {}
    for one in found.items:
        by_data.setdefault(".".join(one.data), []).append(one)
    data, chosen, figure = st.columns([1.5, 1.3, 2.1], vertical_alignment="top")
    with data:
        names = {key: _data_label(group[0]) for key, group in by_data.items()}
        group = by_data[leaderboard_choices.pick("Data set", "data", names, view="truth")]
    with chosen:
        labels = {one.label: one for one in group}
        wanted = leaderboard_choices.several(
            f"Checkpoints, up to {MOST_CHECKPOINTS}",
            "checkpoints",
            list(labels),
            view="truth_" + group[0].data[1],
            most=MOST_CHECKPOINTS,
        )
    with figure:
        measure = choose_measure(leaderboard_shares.TRUTH, "truth")
    shown = [labels[label] for label in wanted]
    facts = shown[0].content
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge("TRUTH KNOWN: simulated", color="gray", icon=":material/experiment:")
        st.caption(
            plain(
                f"{facts.get('n_genes', '?')} {shown[0].data[2]} genes in {shown[0].data[3]}, outside the promoter "
                "centre and the blacklist"
            )
        )
    chance = " Dashed: chance." if measure.key in leaderboard_shares.CHANCE else ""
    bars(leaderboard_shares.truth_panels(shown, measure), measure, key="bars_truth")
    st.caption(
        f"Whiskers: 95 % intervals over resamples of genes. Filled: the learned mask; outlined: its rivals.{chance}"
    )
    rows = ordered(leaderboard_shares.truth_rows(shown), measure, "checkpoint")
    leaderboard_tables.intervals(rows, leaderboard_shares.TRUTH, alt="Masks and rivals against known truth")
    about = {
        "table": "masks against known truth",
        "files": ", ".join(place_in_words(one.path) for one in shown),
        "dataset": " ".join(shown[0].data[:2]),
        "genes": f"{facts.get('n_genes', '?')} of part {shown[0].data[2]} in {shown[0].data[3]}",
        **_common(facts),
    }
    leaderboard_downloads.show(rows, about, name="mask-truth")
    for one in shown:
        table = expression_table(one.content)
        if len(table):
            with st.expander(f"Expression predicted by {plain(one.label)}"):
                st.dataframe(table, hide_index=True)
    references = [leaderboard_cite.MODEL, leaderboard_cite.PEAKS, leaderboard_cite.ABC]
    leaderboard_cite.show(references)


def show_crispri() -> None:
    """Predictors on element-gene pairs of a CRISPRi screen: bars with intervals, and precision over recall."""
    found = read_crispri()
    problems([*found.problems, *(one.left_out for one in found.items if one.left_out)])
    files = {one.file.stem: one for one in found.items if one.rows}
    if not files:
        st.info(
            "No CRISPRi benchmark is there yet. Make one with `python -m seq2exp benchmark crispri --pairs FILE --out "
            ".data/tables/crispri-NAME.json`."
        )
        return
    data, pairs, figure = st.columns([1.7, 1.3, 1.8], vertical_alignment="top")
    with data:
        chosen = leaderboard_choices.pick(
            "Screen", "data", {key: one.label for key, one in files.items()}, view="crispri"
        )
        one = files[chosen]
    with pairs:
        names = leaderboard_shares.groups(one)
        group = leaderboard_choices.pick("Pairs", "pairs", {name: name for name in names}, view=f"crispri_{chosen}")
    with figure:
        measure = choose_measure(leaderboard_shares.CRISPRI, "crispri")
    _screen(one)
    panel = leaderboard_shares.crispri_panel(one, group, measure)
    left, right = st.columns([1, 1], gap="medium")
    with left:
        bars([panel], measure, key="bars_crispri", least_height=CURVE_PX)
        st.caption(_reading(one, panel_has_published=any(bar.paper is not None for bar in panel.bars)))
    with right:
        curves = leaderboard_shares.crispri_curves(one, group)
        if curves:
            st.plotly_chart(
                precision_recall_figure(
                    curves,
                    chance=leaderboard_shares.chance(one, group),
                    recall=RECALL,
                    height=CURVE_PX,
                    theme=theme_name(),
                ),
                key="curves_crispri",
                theme=None,
                config=STILL,
                alt="Precision over recall of every predictor",
            )
        else:
            st.caption("No curve is in this file, or the group has no regulated pair.")
    rows = ordered(leaderboard_shares.crispri_rows(one), measure, "stratum")
    leaderboard_tables.intervals(rows, leaderboard_shares.CRISPRI, alt="Predictors by group of pairs")
    about = {
        "table": "CRISPRi",
        "file": place_in_words(one.file),
        "pairs": str(one.content["pairs_file"]),
        "dataset": f"{one.content.get('dataset') or 'none'} {one.content.get('dataset_hash') or ''}",
        "checkpoint": f"{one.content.get('checkpoint') or 'none'} {one.content.get('checkpoint_hash') or ''}",
        "cell types": " and ".join(map(str, one.content["cells"])),
        **_common(one.content),
    }
    leaderboard_downloads.show(rows, about, name=one.file.stem)
    leaderboard_cite.show(_references(one))


def _screen(one: CrispriFound) -> None:
    facts = one.content
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if facts.get("dataset") is not None:
            read_by = f"windows of {facts['dataset']} {facts.get('dataset_hash')}"
            if facts.get("checkpoint"):
                read_by += f", checkpoint {facts['checkpoint']} {facts.get('checkpoint_hash')}"
            st.caption(plain(read_by), width="content")
        words = f"{facts['n_pairs']:,} pairs of {facts['n_genes']:,} genes, part {facts.get('part')}"
        faults = leaderboard_shares.faults_in_words(one)
        st.caption(plain(words), width="content", help=None if faults is None else plain(faults))


def _reading(one: CrispriFound, *, panel_has_published: bool) -> str:
    resampling = one.content.get("bootstrap")
    unit = resampling.get("unit", "gene") if isinstance(resampling, dict) else "gene"
    said = [f"Whiskers: 95 % intervals over resamples of {plain(str(unit))}s. Dashed: chance."]
    if panel_has_published:
        said.append("Diamonds: published for these pairs.")
    return " ".join(said)


def _references(one: CrispriFound) -> list[Reference]:
    predictors = {str(row["predictor"]) for row in one.rows}
    found = [*leaderboard_cite.SCREENS] if str(one.content["pairs_file"]).startswith("EPCrisprBenchmark") else []
    found += [leaderboard_cite.ABC] if found or any(name.startswith("abc") for name in predictors) else []
    return found + ([leaderboard_cite.MODEL] if one.content.get("checkpoint") else [])


def _common(content: Mapping[str, Any]) -> dict[str, str]:
    drawn = content.get("bootstrap")
    resampling = drawn if isinstance(drawn, dict) else {}
    return {
        "figures": "shares in 0..1; _low and _high: 95 % interval",
        "intervals": f"{resampling.get('resamples', '?')} resamples of {resampling.get('unit', '?')}s, seed "
        f"{resampling.get('seed', '?')}",
        "made by seq2exp": str(content.get("seq2exp_version", "?")),
        "seq2exp": __version__,
    }


def _data_label(one: MaskFound) -> str:
    name, digest, part, cells = one.data
    return f"{name} · {digest[:6]} · {part} · {cells}"
