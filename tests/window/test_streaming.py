"""One gene of a data set whose large files lie on a server: the same window, little moved, nothing made up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

from seq2exp.errors import ManifestError, RemoteError, SourceError
from seq2exp.inference.session import open_session
from seq2exp.settings import MaskSettings, WindowSettings
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.sources.remote import Traffic
from seq2exp.window.assemble import Window, build_window, measured_track
from tests.remote_files import write_realistic, write_steps, write_streamed
from tests.servers import Fault, RangeServer

GENES = {"MIDDLE": 1_000_000, "LEFT": 60_000, "FAR": 1_700_000}
FILES = ("genome.2bit", "dnase.bw", "h3k27ac.bw", "map.hic")


@dataclass
class Served:
    """A running server, and a data set of its files."""

    server: RangeServer
    folder: Path
    manifest: Path
    sizes: dict[str, int]

    def open(self, **options: object) -> Dataset:
        return open_dataset(self.manifest, **{"remote": True, "cache_dir": self.folder / "cache", **options})

    def moved(self) -> dict[str, int]:
        return {name: self.server.sent(name) for name in FILES}

    def state(self, **more: object) -> None:
        """More keys in the manifest."""
        self.manifest.write_text(yaml.safe_dump(yaml.safe_load(self.manifest.read_text()) | more))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    folder = tmp_path_factory.mktemp("served")
    return folder, write_realistic(folder, chrom_bp=2_000_000, per_bin=40)


@pytest.fixture
def served(files: tuple[Path, dict[str, int]], tmp_path: Path) -> Iterator[Served]:
    folder, sizes = files
    with RangeServer(folder) as server:
        yield Served(server, tmp_path, write_streamed(tmp_path, server.url, sizes, GENES), sizes)


@pytest.fixture
def on_disk(files: tuple[Path, dict[str, int]], served: Served, tmp_path: Path) -> Dataset:
    """The same data set with its files here."""
    content = yaml.safe_load(served.manifest.read_text())
    for source in content["sources"]:
        if "url" in source:
            source["local_path"] = str(files[0] / Path(source["local_path"]).name)
    path = tmp_path / "local" / "manifest.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(content))
    (path.parent / "genes.tsv").write_text((tmp_path / "genes.tsv").read_text())
    return open_dataset(path)


def _window(dataset: Dataset, name: str = "MIDDLE", **options: object) -> Window:
    return build_window(dataset, dataset.genes.get(name), "K", WindowSettings(**options))


def _assert_same(ours: Window, theirs: Window) -> None:
    np.testing.assert_array_equal(ours.codes, theirs.codes)
    np.testing.assert_array_equal(ours.signals, theirs.signals)
    for name, values in theirs.measured.items():
        np.testing.assert_array_equal(ours.measured[name], values, err_msg=name)
    assert ours.missing == theirs.missing


@pytest.mark.parametrize("name", list(GENES))
def test_a_streamed_window_is_the_one_of_the_files_on_disk(served: Served, on_disk: Dataset, name: str) -> None:
    ours, theirs = _window(served.open(), name), _window(on_disk, name)
    _assert_same(ours, theirs)
    assert (ours.unavailable, theirs.unavailable, theirs.streamed) == ((), (), None)
    assert ours.streamed is not None
    assert ours.streamed.moved_bytes > 0


def test_contacts_balanced_as_abc_does_are_those_of_the_file_on_disk(served: Served, on_disk: Dataset) -> None:
    for mode in ("vc_counts", "abc_kr"):  # the map has no KR: rows of VC are divided by their own sums
        ours, theirs = (_window(dataset, contact_mode=mode) for dataset in (served.open(), on_disk))
        np.testing.assert_allclose(ours.signals, theirs.signals, rtol=1e-6)


def test_a_second_look_moves_nothing_and_needs_no_server(
    served: Served, on_disk: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = served.open()
    first = _window(dataset)
    again = _window(dataset)
    assert again.streamed == Traffic(0, 0)
    monkeypatch.setenv("SEQ2EXP_OFFLINE", "1")
    before = len(served.server.requests)
    offline = served.open()
    _assert_same(_window(offline), first)
    assert len(served.server.requests) == before
    with pytest.raises(RemoteError, match="not in the cache, and servers are not asked offline"):
        measured_track(offline, "dnase", offline.genes.get("FAR"), "K", WindowSettings())


@pytest.mark.parametrize(
    ("name", "track", "stand_in"),
    [("dnase.bw", "dnase", "zero"), ("h3k27ac.bw", "h3k27ac", "zero"), ("map.hic", "contact", "power law")],
)
@pytest.mark.parametrize(
    "fault", [Fault(status=404), Fault(captcha=200), Fault(wrong_bytes=True)], ids=["404", "captcha", "wrong"]
)
def test_a_failing_server_makes_its_track_not_available_until_it_answers(
    served: Served, on_disk: Dataset, name: str, track: str, stand_in: str, fault: Fault
) -> None:
    served.server.faults[name] = fault
    dataset = served.open()
    without, whole = _window(dataset), _window(on_disk)
    assert without.unavailable == (track,)
    assert np.isnan(without.measured[track]).all()
    missing = {one.name: one for one in without.missing}
    assert missing[track].share == 1
    assert missing[track].stand_in.startswith(f"{stand_in} (not available: http://127.0.0.1")
    assert name in missing[track].stand_in
    for other in set(whole.measured) - {track}:
        np.testing.assert_array_equal(without.measured[other], whole.measured[other])
    with pytest.raises(RemoteError, match=f"MIDDLE in K: not all tracks could be streamed; {track}: "):
        without.require_all()
    del served.server.faults[name]
    dataset.ask_again()
    _assert_same(_window(dataset), whole)


def test_what_was_withheld_is_a_what_if_and_told_in_the_view(served: Served) -> None:
    served.server.faults["dnase.bw"] = Fault(status=404)
    dataset = served.open()
    session = open_session(dataset, dataset.genes.get("MIDDLE"), "K", cache_dir=served.folder / "peaks", device="cpu")
    view = session.view(MaskSettings())
    assert any(change.startswith("dnase missing, zero (not available: ") for change in view.mask.changes)
    assert not view.mask.faithful
    shown = {track.name: track for track in view.tracks}
    assert [name for name, track in shown.items() if not track.available] == ["dnase"]
    assert "not available" in shown["dnase"].note
    assert view.overlap is None  # no peaks were looked for, which is not the same as none
    assert view.peak_note.startswith("no peaks: the DNase track is not available: http://127.0.0.1")


def test_there_is_no_window_without_bases(served: Served) -> None:
    served.server.faults["genome.2bit"] = Fault(status=404)
    with pytest.raises(RemoteError, match=r"genome\.2bit: answers 404"):
        served.open()
    served.state(chromosome_lengths=served.sizes)
    dataset = served.open()
    with pytest.raises(RemoteError, match=r"genome\.2bit: answers 404"):
        _window(dataset)


def test_opening_asks_no_server_where_lengths_are_stated(served: Served, on_disk: Dataset) -> None:
    served.state(chromosome_lengths=served.sizes)
    dataset = served.open()
    assert served.server.requests == []
    assert dataset.assembly == on_disk.assembly
    assert dataset.hash == served.open().hash != on_disk.hash
    assert served.server.requests == []
    _assert_same(_window(dataset), _window(on_disk))


def test_without_the_switch_absent_files_are_named_with_the_way_out(served: Served) -> None:
    with pytest.raises(
        ManifestError, match=r"4 of 5 files are absent, 4 of which predict and app can stream \(--remote\): "
    ):
        open_dataset(served.manifest)
    content = yaml.safe_load(served.manifest.read_text())
    content["sources"][2]["url"] = {}
    served.manifest.write_text(yaml.safe_dump(content))
    with pytest.raises(ManifestError, match=r"1 of 5 files are absent: dnase "):
        served.open()


def test_what_needs_the_file_itself_says_so(served: Served) -> None:
    dataset = served.open()
    with pytest.raises(RemoteError, match=r"dnase: is streamed from http.*dnase\.bw, but this needs the file itself"):
        dataset.path("dnase", "K")
    assert dataset.path("blacklist") is None


def test_a_streamed_track_of_another_assembly_is_an_error_not_a_gap(served: Served, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_steps(other / "dnase.bw", {"chr1": 1_900_000}, ["chr1"], step_bp=500, seed=0)
    with RangeServer(other) as server:
        content = yaml.safe_load(served.manifest.read_text())
        content["sources"][2]["url"]["primary"] = f"{server.url}/dnase.bw"
        served.manifest.write_text(yaml.safe_dump(content))
        with pytest.raises(SourceError, match="chr1 has 1,900,000 bp here and 2,000,000 bp") as caught:
            _window(served.open())
    assert not isinstance(caught.value, RemoteError)


def test_another_size_than_stated_is_another_file(served: Served) -> None:
    content = yaml.safe_load(served.manifest.read_text())
    content["sources"][2]["file"]["size_bytes"] = 12_345
    served.manifest.write_text(yaml.safe_dump(content))
    window = _window(served.open())
    assert window.unavailable == ("dnase",)
    assert "the manifest says 12,345" in next(one.stand_in for one in window.missing if one.name == "dnase")


def test_a_window_of_200_kb_from_a_large_genome_costs_less_than_ten_megabytes(tmp_path: Path) -> None:
    """Two tracks in 20 bp steps over 20 Mb, a soft-masked 2bit, contacts at 5 kb, as in bench_streaming.py."""
    folder = tmp_path / "served"
    folder.mkdir()
    sizes = write_realistic(folder, chrom_bp=20_000_000, per_bin=60)
    with RangeServer(folder) as server:
        dataset = open_dataset(
            write_streamed(tmp_path, server.url, sizes, {"GENE": 10_000_000}), remote=True, cache_dir=tmp_path / "cache"
        )
        window = _window(dataset, "GENE")
        moved = sum(server.sent(name) for name in FILES)
        assert dataset.traffic.moved_bytes == moved
        assert window.streamed is not None
        assert window.streamed.moved_bytes < moved < 4_000_000  # opening included
        assert window.streamed.requests <= 20
        assert sum((folder / name).stat().st_size for name in FILES) > 5 * moved
