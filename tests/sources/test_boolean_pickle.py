"""A pickled blacklist becomes intervals whatever wrote it, and a pickle that would run something runs nothing."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seq2exp.errors import SourceError
from seq2exp.sources import boolean_pickle as room
from seq2exp.sources.boolean_pickle import read_boolean_pickle


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    made = {f"chr{n}": np.cumsum(rng.integers(-1, 2, 3_000 + n)) % 9 > 5 for n in (1, 2)}
    return made | {"all": np.ones(77, bool), "none": np.zeros(78, bool), "bytes": np.array([0, 1, 1, 0], np.uint8)}


@pytest.mark.parametrize("protocol", range(1, 6))
@pytest.mark.parametrize("piece", [7, 77, 100_000])
def test_runs_of_true_are_those_of_the_arrays(tmp_path: Path, monkeypatch, protocol: int, piece: int) -> None:
    monkeypatch.setattr(room, "_PIECE", piece)
    path = tmp_path / "dict.pkl"
    path.write_bytes(pickle.dumps(arrays(), protocol=protocol))
    found = list(read_boolean_pickle(path))
    assert [marked.chrom for marked in found] == list(arrays())
    for marked in found:
        values = np.zeros(marked.length_bp, bool)
        for run in marked.intervals:
            assert not values[max(run.start - 1, 0) : run.end].any()  # runs neither overlap nor touch
            values[run.start : run.end] = True
        np.testing.assert_array_equal(values, arrays()[marked.chrom].astype(bool))


def test_arrays_pickled_by_an_older_numpy_are_read(tmp_path: Path) -> None:
    path = tmp_path / "dict.pkl"
    text = pickle.dumps(OrderedDict(chr1=np.array([False, True])), protocol=4)
    old = text.replace(b"\x8c\x16numpy._core.multiarray", b"\x8c\x15numpy.core.multiarray")
    assert old != text
    # Frames state their length, which has changed by one.
    frame = text.index(b"\x95")
    size = int.from_bytes(text[frame + 1 : frame + 9], "little")
    path.write_bytes(old[: frame + 1] + (size - 1).to_bytes(8, "little") + old[frame + 9 :])
    (marked,) = read_boolean_pickle(path)
    assert [(run.start, run.end) for run in marked.intervals] == [(1, 2)]


@pytest.mark.parametrize("protocol", range(2, 6))
def test_long_arrays_are_not_remembered(tmp_path: Path, monkeypatch, protocol: int) -> None:
    monkeypatch.setattr(room, "_LARGE", 50)
    remembered: list[Any] = []
    step = room._Machine._step

    def watched(self, name, argument):
        step(self, name, argument)
        remembered.append(sum(map(room._is_large, self.memo.values())))

    monkeypatch.setattr(room._Machine, "_step", watched)
    path = tmp_path / "dict.pkl"
    path.write_bytes(pickle.dumps({f"chr{n}": np.ones(1_000, bool) for n in range(5)}, protocol=protocol))
    assert sum(marked.length_bp for marked in read_boolean_pickle(path)) == 5_000
    assert remembered
    assert not any(remembered)


class _Runs:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("place", ["alone", "value", "key"])
def test_a_malicious_pickle_is_refused_and_runs_nothing(tmp_path: Path, place: str, protocol: int) -> None:
    path, trace = tmp_path / "dict.pkl", tmp_path / "it_ran"
    bad = _Runs(trace)
    content: Any = {"alone": bad, "value": {"chr1": bad}, "key": {bad: np.ones(3, bool)}}[place]
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    with pytest.raises(SourceError, match=r"dict\.pkl: refused .* nothing was run: it names (posix|nt)\.mkdir"):
        list(read_boolean_pickle(path))
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        {"chr1": np.ones((2, 2), bool)},
        {"chr1": np.ones(4, np.float64)},
        {"chr1": np.array([0, 2], np.uint8)},
        {"chr1": [True, False]},
        {"chr1": "text"},
        [np.ones(3, bool)],
        {1: np.ones(3, bool)},
        {"chr1": {1, 2}},
    ],
)
def test_other_content_is_refused(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "dict.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(SourceError, match=r"dict\.pkl: .*nothing was run"):
        list(read_boolean_pickle(path))


def test_truncated_and_absent_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "dict.pkl"
    whole = pickle.dumps(arrays())
    for length in (0, 1, 20, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(SourceError, match=r"dict\.pkl: "):
            list(read_boolean_pickle(path))
    with pytest.raises(SourceError, match="no such file"):
        list(read_boolean_pickle(tmp_path / "absent.pkl"))
