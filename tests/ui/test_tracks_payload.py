"""One locus as bytes: the format, by a reader of its own, and what is in it for a real window."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seq2exp.genome import Interval
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.inference.session import LocusSession, open_session
from seq2exp.results import TrueElement
from seq2exp.settings import SIGNALS, MaskSettings
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.synthetic import synthesize
from seq2exp.ui.tracks.payload import base_codes, locus_payload, pack
from tests.ui.tracks_sessions import random_checkpoint

Arrays = dict[str, NDArray[Any]]


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def unpack(block: bytes) -> tuple[dict[str, Any], Arrays]:
    """Header and arrays, read from the format's description; refuses what a browser's reader would refuse."""
    assert block[:4] == b"S2X1"
    (length,) = struct.unpack_from("<I", block, 4)
    header: dict[str, Any] = json.loads(block[8 : 8 + length], parse_constant=_refuse)
    first = (8 + length + 7) // 8 * 8
    assert not any(block[8 + length : first])
    arrays: Arrays = {}
    for name, described in header.pop("arrays").items():
        start = first + described["offset"]
        assert start % 8 == 0
        kind = np.dtype(described["dtype"]).newbyteorder("<")
        assert start + described["length"] * kind.itemsize <= len(block)
        arrays[name] = np.frombuffer(block, kind, described["length"], start)
    return header, arrays


words = st.text(max_size=12)
headers = st.dictionaries(words.filter(lambda key: key != "arrays"), st.none() | st.integers() | words, max_size=4)
packable = st.tuples(st.sampled_from(["float32", ">f4", "uint8"]), st.binary(max_size=80))


@settings(max_examples=60, deadline=None)
@given(header=headers, described=st.dictionaries(words, packable, max_size=5))
def test_what_is_packed_is_read_again(header: dict[str, Any], described: dict[str, tuple[str, bytes]]) -> None:
    arrays = {}
    for name, (kind, content) in described.items():
        dtype = np.dtype(kind)
        arrays[name] = np.frombuffer(content[: len(content) // dtype.itemsize * dtype.itemsize], dtype)
    block = pack(header, arrays)
    assert len(block) % 8 == 0
    found, read = unpack(block)
    assert found == header
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype.itemsize == array.dtype.itemsize


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1.0, float("nan")], {"a": float("-inf")}])
def test_a_header_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        pack({"x": value}, {})


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(synthesize(preset="tiny", out=tmp_path_factory.mktemp("data") / "tiny"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> LoadedCheckpoint:
    return random_checkpoint(tmp_path_factory.mktemp("checkpoints") / "random", "soft", signal_transform="log1p")


def _session(
    dataset: Dataset, folder: Path, checkpoint: LoadedCheckpoint | None = None, *, at_the_end: bool = False
) -> LocusSession:
    """The first gene of the set, or the one nearest to its chromosome's start."""
    genes = list(dataset.genes)
    gene = min(genes, key=lambda known: known.tss) if at_the_end else genes[0]
    return open_session(dataset, gene, "SynK", checkpoint=checkpoint, device="cpu", cache_dir=folder)


def test_a_locus_carries_what_the_model_reads_and_what_was_measured(
    dataset: Dataset, checkpoint: LoadedCheckpoint, tmp_path: Path
) -> None:
    session = _session(dataset, tmp_path, checkpoint)
    view = session.view(MaskSettings())
    place = Interval(view.interval.chrom, view.interval.start + 10, view.interval.start + 90)
    truth = [TrueElement(place, "enhancer", "raises it", causal=True, effect_log10=-0.4, contact=0.5)]
    rows = [{"name": "own", "title": "<b>", "colour": "other", "boxes": []}]
    block = locus_payload("a key", session, view, truth=truth, rows=rows)
    header, arrays = unpack(block)

    made_of = session.ingredients()
    for k, name in enumerate(SIGNALS):
        np.testing.assert_array_equal(arrays[name], made_of.signals[:, k])
    assert made_of.alpha is not None
    assert made_of.beta is not None
    np.testing.assert_array_equal(arrays["a1"], made_of.alpha)
    np.testing.assert_array_equal(arrays["b1"], made_of.beta)
    assert "".join("ACGTN"[code] for code in arrays["codes"]) == view.sequence

    measured = session.window.measured["contact"]
    np.testing.assert_array_equal(arrays["measured_contact"], np.nan_to_num(measured))
    described = {track["name"]: track for track in header["tracks"]}
    for name, track in described.items():
        drawn = arrays.get(f"measured_{name}", arrays[name]).copy()
        for start, end in track["missing"]:
            drawn[start:end] = np.nan
        np.testing.assert_array_equal(drawn, session.window.measured[name])

    assert header["key"] == "a key"
    assert (header["start"], header["end"], header["tss"]) == (view.interval.start, view.interval.end, view.gene.tss)
    assert header["source"] == "model"
    assert header["config"]["signal_transform"] == "log1p"
    np.testing.assert_allclose(header["config"]["signal_weights"], made_of.weights)
    assert [(e["start"], e["end"], e["causal"]) for e in header["truth"]] == [(place.start, place.end, True)]
    assert header["rows"] == rows
    assert [gene["id"] for gene in header["genes"] if gene["target"]] == [view.gene.gene_id]
    assert len(block) < 8_000 + 30 * view.interval.width


def test_runs_are_the_rules_bases(dataset: Dataset, tmp_path: Path) -> None:
    session = _session(dataset, tmp_path, at_the_end=True)
    view = session.view(MaskSettings())
    header, arrays = unpack(locus_payload("k", session, view, truth=None))
    rules = {"on": view.mask.forced_on, "off": view.mask.forced_off, "outside": session.ingredients().outside}
    for name, marks in rules.items():
        found = np.zeros(view.interval.width, dtype=bool)
        for start, end in header["runs"][name]:
            found[start:end] = True
        np.testing.assert_array_equal(found, marks)
    assert header["truth"] is None
    assert header["source"] == "signals"
    assert not {"a1", "b1"} & set(arrays)


def test_unknown_bases_have_a_code_of_their_own() -> None:
    codes = base_codes("ACGTNacgé-", Interval("chr1", 0, 12))
    assert codes.tolist() == [0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 4, 4]
