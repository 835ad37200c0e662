"""The mask in the browser is the mask on the server: the component's own code under node, on the very bytes it gets."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seq2exp.genome import Interval, IntervalOverlap, Region
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.inference.elements import without
from seq2exp.inference.session import LocusSession
from seq2exp.results import LocusView, MaskResult
from seq2exp.settings import ElementSettings, MaskSettings
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.sources.peaks import overlap
from seq2exp.synthetic import synthesize
from seq2exp.ui import state
from seq2exp.ui.knobs import PRIOR_STRENGTHS
from seq2exp.ui.tracks.payload import locus_payload
from seq2exp.ui.tracks.reply import Shown, reply_to
from tests.ui.tracks_sessions import random_checkpoint, random_session

ANSWERS = Path(__file__).resolve().parents[1] / "js" / "answers.js"
CASES = 64
APART = 1e-6
"""No mean is closer to a threshold than this: float32 sums in another order may differ by less."""


@dataclass(frozen=True)
class Case:
    """One random locus under random settings, and what the server says of it."""

    view: LocusView
    settings: dict[str, Any]
    payload: bytes
    reply: dict[str, Any]
    overlap: IntervalOverlap

    @property
    def mask(self) -> MaskResult:
        return self.view.mask


def _mask_settings(settings: dict[str, Any]) -> MaskSettings:
    return MaskSettings(
        mode=settings["mode"],
        threshold=settings["threshold"],
        top_share=settings["top_percent"] / 100,
        signal_scale=settings["signal_scale"],
        signal_weights=settings["weights"],
        prior_mean=settings["prior_mean"],
        prior_strength=float(settings["prior_strength"]),
    )


def _settings(rng: np.random.Generator, session: LocusSession) -> dict[str, Any]:
    """Settings a visitor could choose, whose threshold or share no rounding decides."""
    from_signals = session.checkpoint is None
    settings: dict[str, Any] = {
        "mode": str(rng.choice(state.allowed_modes(session.config))),
        "signal_scale": round(float(rng.uniform(0.1 if from_signals else 0, 4)), 1),
        "weights": tuple(np.round(rng.uniform(0, 5, size=3) * (rng.random(3) < 0.8) + [0, 0.1, 0], 1).tolist()),
        "prior_mean": round(float(rng.uniform(0.01, 0.99)), 2),
        "prior_strength": int(rng.choice(PRIOR_STRENGTHS)) * int(rng.random() < 0.6),
        "merge_gap": 10 * int(rng.integers(0, 30)),
        "min_length": 10 * int(rng.integers(1, 20)),
        "threshold": 0.5,
        "top_percent": 10.0,
    }
    mean = session.mask(_mask_settings({**settings, "mode": "hard"})).mean
    ordered = np.sort(mean)[::-1].astype(np.float64)
    typical = np.quantile(mean, rng.uniform(0.2, 0.95))
    for threshold in (round(float(typical) + step / 100, 2) for step in (0, 1, -1, 2, -2, 3, 4, 5)):
        if 0.01 <= threshold <= 0.99 and np.abs(ordered - threshold).min() > APART:
            settings["threshold"] = threshold
            break
    for percent in (round(0.5 * int(part), 1) for part in rng.permutation(np.arange(1, 101))):
        kept = int(len(ordered) * (percent / 100))
        if ordered[kept - 1] - ordered[kept] > APART:
            settings["top_percent"] = percent
            break
    return settings


def _peaks(rng: np.random.Generator, window: Interval) -> tuple[Region, ...]:
    """Peaks anywhere in the window, the promoter included; some lie over each other, as those of a file may."""
    starts = np.sort(rng.integers(window.start, window.end - 1, size=rng.integers(0, 25)))
    ends = np.minimum(starts + rng.integers(1, 400, size=len(starts)), window.end)
    return tuple(Region(Interval(window.chrom, *pair)) for pair in zip(starts.tolist(), ends.tolist(), strict=True))


def _case(rng: np.random.Generator, number: int, session: LocusSession, view: LocusView) -> Case:
    settings = _settings(rng, session)
    calls = ElementSettings(settings["merge_gap"], settings["min_length"])
    view = replace(
        view,
        gene=session.window.gene,
        cell_type=session.window.cell_type,
        interval=session.window.interval,
        centre=session.centre,
        mask=session.mask(_mask_settings(settings), calls),
        peaks=_peaks(rng, session.window.interval),
        tracks=(),
    )
    key = f"case {number}"
    reply = reply_to(
        key,
        view,
        commit=0,
        settings=settings,
        defaults=settings,
        modes=state.allowed_modes(session.config),
        shown=Shown(view.interval),
        stamp="",
        caption=(),
        plotly="",
    )
    outside = [part for peak in view.peaks for part in without(peak.interval, view.centre)]
    shared = overlap([element.interval for element in view.mask.elements], outside, view.interval)
    return Case(view, settings, locus_payload(key, session, view, truth=None), reply, shared)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(synthesize(preset="tiny", out=tmp_path_factory.mktemp("data") / "tiny"))


@pytest.fixture(scope="module")
def cases(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    folder = tmp_path_factory.mktemp("checkpoints")
    made_of: list[LoadedCheckpoint | None] = [
        random_checkpoint(folder / "soft", "soft"),
        random_checkpoint(
            folder / "log1p",
            "soft",
            signal_transform="log1p",
            z_scale=0.5,
            signal_weights=(2, 0.5, 3),
            most_sequence_counts=3.0,
        ),
        random_checkpoint(folder / "hard", "hard"),
        random_checkpoint(folder / "summits", "soft", summit_bp=60, summit_floor=0.3, prior_scale=2.0),
        random_checkpoint(folder / "contacts", "soft", contact_half=0.4, prior_scale=3.0),
        random_checkpoint(folder / "both", "soft", summit_bp=90, contact_half=1.1, prior_scale=2.0),
        None,
    ]
    rng = np.random.default_rng(20)
    first = random_session(rng, dataset, None, folder).view(MaskSettings())
    return [_case(rng, i, random_session(rng, dataset, made_of[i % len(made_of)], folder), first) for i in range(CASES)]


@pytest.fixture(scope="module")
def answers(cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the component makes of every case, in one node process."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    folder = tmp_path_factory.mktemp("parity")
    described = []
    for i, case in enumerate(cases):
        (folder / f"{i}.bin").write_bytes(case.payload)
        described.append({"payload": f"{i}.bin", "arrays": f"{i}.f32", "reply": case.reply})
    (folder / "cases.json").write_text(json.dumps(described, allow_nan=False))
    done = subprocess.run([node, str(ANSWERS), str(folder)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads((folder / "answers.json").read_text())
    for i, answer in enumerate(found):
        answer["mean"], answer["sd"] = np.split(np.fromfile(folder / f"{i}.f32", dtype="<f4"), 2)
    return found


def _ratio(value: float | None) -> float:
    """JSON has no NaN: a ratio of nothing comes as null."""
    return math.nan if value is None else value


def test_the_cases_are_worth_it(cases: list[Case]) -> None:
    """Every mode, masks with and without elements, peaks, blacklists and priors are among them."""
    modes = [case.settings["mode"] for case in cases]
    assert min(modes.count(mode) for mode in ("soft", "hard", "top-k")) >= 8
    counts = [len(case.mask.elements) for case in cases]
    assert sum(count > 0 for count in counts) >= CASES // 2
    assert max(counts) >= 5
    for number_with in (
        sum(bool(case.mask.forced_off.any()) for case in cases),
        sum(case.settings["prior_strength"] > 0 for case in cases),
        sum(0 in case.settings["weights"] for case in cases),
        sum(0 < case.overlap.jaccard < 1 for case in cases),
    ):
        assert number_with >= 10


def test_mean_and_sd_are_the_servers(cases: list[Case], answers: list[dict[str, Any]]) -> None:
    for case, answer in zip(cases, answers, strict=True):
        np.testing.assert_allclose(answer["mean"], case.mask.mean, atol=1e-5, rtol=0, err_msg=str(case.settings))
        np.testing.assert_allclose(answer["sd"], case.mask.sd, atol=1e-5, rtol=0, err_msg=str(case.settings))


def test_elements_are_the_servers_base_by_base(cases: list[Case], answers: list[dict[str, Any]]) -> None:
    for case, answer in zip(cases, answers, strict=True):
        called = [[element.interval.start, element.interval.end] for element in case.mask.elements]
        assert answer["elements"] == called, case.settings


def test_share_threshold_and_floor_are_the_servers(cases: list[Case], answers: list[dict[str, Any]]) -> None:
    for case, answer in zip(cases, answers, strict=True):
        assert answer["ratio"] == pytest.approx(case.mask.ratio_outside_promoter, abs=1e-5), case.settings
        assert answer["threshold"] == pytest.approx(case.mask.threshold, abs=1e-5), case.settings
        assert answer["floor"] == pytest.approx(case.mask.floor, abs=1e-5), case.settings


def test_overlap_with_peaks_is_the_servers(cases: list[Case], answers: list[dict[str, Any]]) -> None:
    for case, answer in zip(cases, answers, strict=True):
        for name in ("jaccard", "precision", "recall"):
            found = _ratio(answer["overlap"][name])
            assert found == pytest.approx(getattr(case.overlap, name), abs=1e-9, nan_ok=True), (name, case.settings)
