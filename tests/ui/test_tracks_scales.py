"""Scales of signal lanes: what a link may say, what ends an axis, and that every figure draws and says the same."""

from __future__ import annotations

import numpy as np
import pytest

from seq2exp.figures.lane import Frame
from seq2exp.figures.scale import TrackScale, own_scale, transform
from seq2exp.figures.style import THEMES
from seq2exp.figures.tracks import signal_lane
from seq2exp.genome import Gene, Interval
from seq2exp.inference.ranges import TrackRange, other_ranges, track_range
from seq2exp.results import Track
from seq2exp.settings import SIGNALS
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.synthetic import synthesize
from seq2exp.ui import scales
from seq2exp.window.assemble import build_window, window_settings

WINDOW = Interval("chr1", 10_000, 12_000)
FRAME = Frame(Gene("G1", "AAA", "chr1", 11_000, "+"), WINDOW, WINDOW, THEMES["light"], 760, 4_096)
OWN, OTHER = TrackRange(top=10, clip=4), TrackRange(top=30, clip=3)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(synthesize("tiny", tmp_path_factory.mktemp("data") / "tiny"))


@pytest.mark.parametrize(
    ("others", "clip", "locked", "top", "words"),
    [
        ({}, False, None, 10, ""),
        ({"B": OTHER}, False, None, 30, "group scale"),
        ({"B": OTHER}, True, None, 4, "group scale, clipped at 99.5 %"),
        ({}, True, None, 4, "clipped at 99.5 %"),
        ({"B": OTHER}, True, 7.0, 7, "scale locked"),
    ],
)
def test_what_ends_an_axis(
    others: dict[str, TrackRange], clip: bool, locked: float | None, top: float, words: str
) -> None:
    found = scales.scale_of("sqrt", OWN, others, clip=clip, locked=locked)
    assert found == TrackScale("sqrt", top, words)


def test_a_sparse_track_is_not_clipped_away_and_nothing_measured_is_no_range() -> None:
    assert scales.scale_of("linear", TrackRange(5, 0), {}, clip=True, locked=None) == TrackScale("linear", 5, "")
    assert track_range(np.full(5, np.nan, np.float32), percent=99.5) is None
    assert scales.scale_of("linear", None, {}, clip=False, locked=None).ceiling == 1


def test_the_range_of_another_cell_type_is_that_of_its_own_window(tiny: Dataset) -> None:
    gene = next(iter(tiny.genes))
    shown, other = tiny.cell_types
    settings = window_settings(tiny)
    found = other_ranges(tiny, gene, shown, width_bp=settings.width_bp, percent=99.5)
    window = build_window(tiny, gene, other, settings)
    for name in SIGNALS:
        values = window.measured[name]
        measured = values[~np.isnan(values)]
        expected = TrackRange(float(measured.max()), float(np.percentile(measured, 99.5)))
        assert found[name] == {other: expected}


@pytest.mark.parametrize("kind", ["linear", "log1p", "sqrt"])
def test_a_lane_says_its_scale_and_keeps_to_it(kind: str) -> None:
    values = np.linspace(-1, 50, FRAME.window.width, dtype=np.float32)
    values[:10] = np.nan
    track = Track("dnase", values, unit="cuts", title="DNase")
    axis = TrackScale(kind, 20.0, "group scale")  # type: ignore[arg-type]
    lane = signal_lane(FRAME, track, axis)
    assert lane.ticks == ((0.0, "0"), (axis.ceiling, "20"))
    assert f"{kind}, cuts" in [label.text for label in lane.labels]
    assert [note["text"] for note in lane.notes] == ["group scale"]
    heights = np.concatenate([np.asarray(t["y"]) for t in lane.traces if t["type"] == "scatter"])
    assert np.nanmax(heights) == pytest.approx(axis.ceiling)
    assert any("reaches beyond 20" in t.get("hovertemplate", "") for t in lane.traces)
    whole = signal_lane(FRAME, track, own_scale("dnase", values))
    assert not any("reaches beyond" in t.get("hovertemplate", "") for t in whole.traces)


def test_transforms() -> None:
    values = np.array([np.nan, -4, 0, 9])
    np.testing.assert_array_equal(transform("log1p", values), [np.nan, 0, 0, 1])
    np.testing.assert_array_equal(transform("sqrt", values), [np.nan, 0, 0, 3])
    np.testing.assert_array_equal(transform("linear", values), values)


def test_of_a_link_the_sound_parts_are_taken() -> None:
    assert scales.read_scales("dnase:sqrt,contact:linear") == {"dnase": "sqrt", "contact": "linear"}
    assert scales.read_scales("dnase:<b>,__class__:sqrt,h3k27ac:log1p") == {"h3k27ac": "log1p"}
    assert scales.read_scales(",".join(["x:y"] * 9) + ",dnase:sqrt") == {}
    assert scales.read_range("own") == scales.OWN
    assert scales.read_range("dnase:12.5,contact:nan,h3k27ac:-1") == {"dnase": 12.5}
    for text in ("", "inf", "dnase:1e999", "dnase", "dnase:" + "9" * 5_000, "<script>:1"):
        assert scales.read_range(text) == scales.GROUP
