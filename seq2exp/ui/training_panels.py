"""The parts of the Training page: where a run stands, its curves, settings, facts, card and benchmark."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from seq2exp.errors import TrainingError
from seq2exp.figures.curves import Curve, Moments, Stage, curve_figure
from seq2exp.figures.style import THEMES, with_alpha
from seq2exp.processing import trained_on
from seq2exp.ui.benchmark_view import show_benchmark
from seq2exp.ui.panels import theme_name
from seq2exp.ui.recipe import ChosenSetting, recipe_name, settings_of
from seq2exp.ui.runs import Run, read_card, read_run
from seq2exp.ui.text import duration, number, percent, plain

REFRESH_S = 10
"""How often a run in progress is read again."""

_FACTS = {
    "dataset": "Data set",
    "dataset_hash": "Data hash",
    "synthetic": "Synthetic",
    "cell_types": "Cell types",
    "n_train": "Training windows",
    "n_valid": "Validation windows",
    "seed": "Random state",
    "epochs": "Epochs",
    "seconds": "Time",
    "hardware": "Hardware",
    "git_revision": "Code revision",
    "seq2exp_version": "seq2exp",
    "torch_version": "torch",
    "python_version": "Python",
    "parameters": "Parameters",
    "trainable_parameters": "Parameters trained",
    "starts": "Starts",
}
_SHOWN_ELSEWHERE = ("name", "finished", "step", "steps", "best_step", "best_mse", trained_on.FACT)
"""Above the tabs, or in the model card."""
_HEADING = re.compile(r"^(#{1,3})(?=\s)", re.MULTILINE)


def live(path: Path) -> None:
    """Where the run stands and its curves; read again by itself while the run goes on."""
    going_on = read_run(path, now=time.time()).state == "running"
    st.fragment(_standing, run_every=REFRESH_S if going_on else None)(path, going_on=going_on)


def _standing(path: Path, *, going_on: bool) -> None:
    run = read_run(path, now=time.time())
    if going_on and run.state != "running":
        st.rerun()
    for problem in run.problems:
        st.error(plain(problem))
    if run.train.empty and run.valid.empty and not run.facts:
        return
    _headline(run)
    _curves(run)


def _headline(run: Run) -> None:
    """State, progress and the figures of the kept checkpoint."""
    done = f"update {run.step:,}" + (f" of {run.steps:,}" if run.steps else "")
    left = run.seconds_left
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if run.state == "finished":
            st.badge(f"FINISHED: {done}", color="green", icon=":material/check_circle:")
        elif run.state == "running":
            words = f"RUNNING: {done}" + ("" if left is None else f", about {duration(left)} left")
            st.badge(words, color="blue", icon=":material/sync:", help=f"Read again every {REFRESH_S} seconds")
        else:
            st.badge(
                f"STOPPED: {done}",
                color="orange",
                icon=":material/pause_circle:",
                help="No new row for a while; the same command goes on from the last saved state.",
            )
    if run.state == "running" and run.steps:
        st.progress(min(run.step / run.steps, 1.0))
    kept = run.kept
    row = {} if kept is None else kept.to_dict()
    columns = st.columns(6)
    columns[0].metric("Kept update", "–" if kept is None else f"{int(row['step']):,}")  # noqa: RUF001
    columns[1].metric("Validation MSE", number(row.get("mse"), 3), help="Of log10(1 + CAGE), at the kept update")
    columns[2].metric("Pearson", number(row.get("pearson"), 3))
    columns[3].metric("Spearman", number(row.get("spearman"), 3))
    columns[4].metric("Mask kept", percent(row.get("mask_ratio")), help="Mean of the mask outside the promoter centre")
    columns[5].metric("Time", duration(_seconds(run)))


def _seconds(run: Run) -> float | None:
    logged = run.train["seconds"].max() if len(run.train) else None
    stated = run.number("seconds")
    known = [float(value) for value in (logged, stated) if value is not None and np.isfinite(value)]
    return max(known, default=None)


def _curves(run: Run) -> None:
    """Six figures in two rows of three."""
    train, valid = run.train, run.valid
    steps, checked = _column(train, "step"), _column(valid, "step")
    track_weight = 0.0 if run.config is None else run.config.objective.track_weight
    kept = run.kept
    moments = Moments(None if kept is None else float(kept["step"]), _stages(run), run.steps or run.step or None)
    kl = _column(train, "kl") * _column(train, "kl_weight")
    tracks = _column(train, "tracks") * track_weight
    parts = [
        Curve("total", steps, _column(train, "loss"), noisy=True),
        Curve("expression", steps, _column(train, "expression"), noisy=True),
        Curve("KL x weight", steps, np.where(kl > 0, kl, np.nan), noisy=True, dash="dash"),
        Curve("tracks x weight", steps, np.where(tracks > 0, tracks, np.nan), noisy=True, dash="dot"),
    ]
    masks = [
        Curve("validation", checked, _column(valid, "mask_ratio")),
        Curve("training", steps, _column(train, "mask_ratio"), noisy=True, dash="dash"),
    ]
    validation = [
        Curve("Pearson", checked, _column(valid, "pearson")),
        Curve("Spearman", checked, _column(valid, "spearman"), dash="dash"),
    ]
    theme = theme_name()
    mse, rate = [Curve("MSE", checked, _column(valid, "mse"))], [Curve("rate", steps, _column(train, "learning_rate"))]
    norm = [Curve("norm", steps, _column(train, "gradient_norm"), noisy=True)]
    figures = {
        "loss": curve_figure("Training loss and its parts", parts, moments, theme=theme, scale="log"),
        "mse": curve_figure("Validation MSE", mse, moments, theme=theme),
        "correlation": curve_figure("Validation correlation", validation, moments, theme=theme),
        "mask": curve_figure("Mask outside the promoter", masks, moments, theme=theme, tick_format=".0%"),
        "rate": curve_figure("Learning rate", rate, moments, theme=theme),
        "norm": curve_figure("Gradient norm before clipping", norm, moments, theme=theme, scale="log"),
    }
    for row in (("loss", "mse", "correlation"), ("mask", "rate", "norm")):
        for column, name in zip(st.columns(3), row, strict=True):
            with column:
                st.plotly_chart(figures[name], key=f"curve {name}", theme=None, config={"displayModeBar": False})


def _stages(run: Run) -> tuple[Stage, ...]:
    if run.config is None:
        return ()
    spans = {"stem": range(run.config.objective.stem_steps), "signals": run.config.path_stage}
    return tuple(Stage(part, span.start, span.stop) for part, span in spans.items() if span)


def _column(table: pd.DataFrame, name: str) -> Any:
    return table[name].to_numpy(dtype=np.float64)


def details(path: Path) -> None:
    """Settings, facts, card and benchmark in tabs."""
    run = read_run(path, now=time.time())
    settings, facts, card, benchmark = st.tabs(["Settings", "Facts", "Model card", "Benchmark"])
    with settings:
        _settings(run)
    with facts:
        _facts(run)
    with card:
        _card(path)
    with benchmark:
        show_benchmark(path)


def _settings(run: Run) -> None:
    """Settings beside the published recipe; what differs is tinted and marked."""
    if run.config is None:
        st.caption("No configuration can be read in this folder.")
        return
    every = settings_of(run.config)
    n_differing = sum(setting.differs for setting in every)
    recipe = recipe_name(run.config)
    only = st.toggle(f"Only what differs from the published {recipe} recipe ({n_differing})", value=True)
    shown = [setting for setting in every if setting.differs or not only]
    if not shown:
        st.caption("Nothing differs.")
        return
    st.dataframe(
        _table(shown) if only else _tinted(shown),
        hide_index=True,
        height="content" if len(shown) <= 30 else 640,
        column_config={
            "": st.column_config.TextColumn(width=36),
            "What it is": st.column_config.TextColumn(width="large"),
        },
    )


def _table(shown: Sequence[ChosenSetting]) -> pd.DataFrame:
    """One line per setting, a sign where it differs."""
    return pd.DataFrame(
        [
            {
                "": "≠" if setting.differs else "",
                "Setting": f"{setting.section}.{setting.name}",
                "This run": setting.value,
                "Published": setting.published,
                "What it is": setting.meaning,
            }
            for setting in shown
        ]
    )


def _tinted(shown: Sequence[ChosenSetting]) -> Any:
    """The table with a tint on the rows that differ, which stand among others that do not."""
    tint = f"background-color: {with_alpha(THEMES[theme_name()].mask_only, 0.18)}"
    differing = [setting.differs for setting in shown]
    return _table(shown).style.apply(lambda column: [tint if differs else "" for differs in differing], axis=0)


def _facts(run: Run) -> None:
    """What was learned from what, on what, how long."""
    if not run.facts:
        st.caption("No facts can be read in this folder.")
        return
    rows = [
        {"What": _FACTS.get(key, key), "Value": _fact(key, value)}
        for key, value in run.facts.items()
        if key not in _SHOWN_ELSEWHERE
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, height="content")


def _fact(key: str, value: Any) -> str:
    if key == "seconds" and isinstance(value, (int, float)):
        return duration(float(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, int) and key != "seed":
        return f"{value:,}"
    return "–" if value is None else str(value)  # noqa: RUF001 - the dash of a table


def _card(path: Path) -> None:
    try:
        text = read_card(path)
    except TrainingError as error:
        st.error(plain(str(error)))
        return
    if text is None:
        st.caption("No model card is in this folder yet; it is written at the first validation.")
        return
    with st.container(border=True):
        st.markdown(card_markdown(text))


def card_markdown(text: str) -> str:
    """A card as the page may show it: its headings below the page's own, nothing fetched from elsewhere."""
    return _HEADING.sub(lambda found: "##" + found[1], text).replace("![", r"!\[")
