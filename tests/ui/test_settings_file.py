from __future__ import annotations

import json
from typing import Any

import pytest

from seq2exp.errors import SettingsError
from seq2exp.genome import Interval
from seq2exp.settings import ModelConfig
from seq2exp.ui.settings_file import MOST_BYTES, Named, SavedView, mismatches, read_view, write_view
from seq2exp.ui.state import SETTINGS, defaults

SAVED = SavedView(
    gene="<img src=x onerror=alert(1)> {0.__class__}",
    cell="SynK",
    dataset=Named("demo", "0123456789ab"),
    checkpoint=Named("demo-soft", "ba9876543210"),
    settings={**defaults(ModelConfig()), "threshold": 0.37, "prior_strength": 20, "mode": "hard"},
    view={"locus": "chr3:1001-2000", "scales": "dnase:log1p", "clip": "on", "range": "own", "heights": "dnase:90"},
    off=(Interval("chr3", 10, 20),),
    on=(Interval("chr3", 30, 40), Interval("chr3", 50, 60)),
)


def _changed(**fields: Any) -> bytes:
    return json.dumps({**json.loads(write_view(SAVED)), **fields}).encode()


def test_a_view_comes_back_as_it_was_written() -> None:
    assert read_view(write_view(SAVED).encode()) == SAVED
    without = SavedView("G", "SynG", SAVED.dataset, None)
    assert read_view(write_view(without).encode()) == without
    assert without.choices(no_checkpoint="none here")["checkpoint"] == "none here"
    assert set(SAVED.settings) == {setting.key for setting in SETTINGS}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "UTF-8"),
        (b"{", "not JSON"),
        (b"[" * 30_000, "not JSON"),
        (b"[]", "mapping"),
        (b" " * (MOST_BYTES + 1), "at most"),
        (b'{"format": "seq2exp settings", "format": "seq2exp settings"}', "twice"),
        (_changed(format="igv session"), "no settings file"),
        (_changed(format_version=2), "format_version is 2"),
        (_changed(format_version=True), "format_version is True"),
        (_changed(run="rm -rf"), "unknown field 'run'"),
        (_changed(gene=""), "gene"),
        (_changed(gene=["G"]), "gene"),
        (_changed(gene="a\nb"), "gene"),
        (_changed(gene="G" * 201), "gene"),
        (_changed(cell=None), "cell"),
        (_changed(dataset={"name": "demo"}), "name and hash"),
        (_changed(dataset={"name": "demo", "hash": "../../etc"}), "hexadecimal"),
        (_changed(checkpoint="demo-soft"), "checkpoint"),
        (_changed(settings={"threshold": 1.5}), "settings.threshold"),
        (_changed(settings={"threshold": True}), "settings.threshold"),
        (_changed(settings={"threshold": {"a": 1}}), "settings.threshold"),
        (_changed(settings={"mode": "__import__('os')"}), "settings.mode"),
        (_changed(settings={"merge_gap": "9" * 5_000}), "settings.merge_gap"),
        (_changed(settings={"colour": 1}), "unknown setting"),
        (_changed(view={"locus": "chr3"}), "view.locus"),
        (_changed(view={"locus": "chr3:1-" + "9" * 60}), ""),
        (_changed(view={"path": "/etc"}), "unknown field 'path'"),
        (_changed(edits={"off": ["chr3:5-1"]}), r"edits.off\[0\]"),
        (_changed(edits={"off": "chr3:1-5"}), "edits.off"),
        (_changed(edits={"half": []}), "edits"),
    ],
)
def test_what_is_not_a_settings_file_is_refused_in_one_line(content: bytes, words: str) -> None:
    if words == "":  # far away, but a locus: the page that opens it says that it lies outside
        assert read_view(content).view["locus"].endswith("9")
        return
    with pytest.raises(SettingsError, match=words) as caught:
        read_view(content)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(SettingsError, match="NaN is no number"):
        read_view(_changed(settings={"threshold": float("nan")}))


def test_other_hashes_are_told_with_both() -> None:
    fits = {"dataset_hash": "0123456789ab", "checkpoint_hash": "ba9876543210"}
    assert mismatches(SAVED, **fits) == ()
    (words,) = mismatches(SAVED, **{**fits, "checkpoint_hash": "cccccccccccc"})
    assert "cccccccccccc" in words
    assert "ba9876543210" in words
    assert [("not here" in line) for line in mismatches(SAVED, dataset_hash=None, checkpoint_hash=None)] == [True, True]
