"""Plans and whole runs against a local server: several files at once, archives, a hub, the ledger, interruption."""

from __future__ import annotations

import gzip
import json
import os
import stat
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from seq2exp.errors import DownloadError, ManifestError
from seq2exp.sources import download_plan
from seq2exp.sources.catalogue import Catalogue, load_catalogue
from seq2exp.sources.catalogue_ledger import LEDGER, read_ledger
from seq2exp.sources.catalogue_state import FileState, state_of
from seq2exp.sources.download_archive import unpack
from seq2exp.sources.download_cancel import Cancel, CancelledError
from seq2exp.sources.download_http import Manner, Wanted
from seq2exp.sources.download_plan import Plan, make_plan
from seq2exp.sources.download_run import Choices, Outcome, carry_out
from tests.servers import Fault, RangeServer, Reply
from tests.sources.small_catalogue import (
    CHECKPOINT,
    COMMIT,
    H1_GENES,
    LINKS,
    MEMBER,
    SPLIT,
    add_hub,
    write_bigwig,
    write_catalogue,
    write_upstream,
)

ALL = ("tables.split", "k562.dnase.signal", "archive.k562", "k562.links", "model.all")


@dataclass
class World:
    server: RangeServer
    catalogue: Catalogue
    files_dir: Path

    def plan(self, **asked: object) -> Plan:
        return make_plan(self.catalogue, self.files_dir, **(asked or {"task": "predict", "cells": ["K562"]}))  # type: ignore[arg-type]

    def get(self, cancel: Cancel | None = None, *, accept_changed: bool = False, **asked: object) -> Outcome:
        choices = Choices(2, Manner(retries=2, timeout_s=5, back_off_s=0.001), accept_changed, self.server.url)
        return carry_out(self.catalogue, self.plan(**asked), choices, lambda *_: None, cancel or Cancel())

    def state(self, id: str) -> FileState:
        return next(state for state in state_of(self.catalogue, self.files_dir) if state.id == id)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    upstream = tmp_path / "upstream"
    upstream.mkdir()
    write_upstream(upstream)
    with RangeServer(upstream) as server:
        add_hub(server)
        yield World(server, load_catalogue(write_catalogue(tmp_path / "catalogue.yaml", server.url)), tmp_path / "real")


def test_a_task_comes_whole_and_the_second_run_asks_nothing(world: World) -> None:
    plan = world.plan()
    assert [(step.source.id, step.action) for step in plan.steps] == [
        ("tables.split", "fetch"),
        ("k562.dnase.signal", "fetch"),
        ("archive.k562", "fetch"),
        ("k562.links", "unpack"),
        ("model.all", "fetch"),
    ]
    assert world.server.requests == []  # a plan needs no network
    assert world.get() == Outcome(ALL, ())
    assert (world.files_dir / "tables/split.csv").read_text() == SPLIT
    assert gzip.decompress((world.files_dir / "K562/links.txt.gz").read_bytes()) == LINKS
    assert (world.files_dir / "official/model/soft/k562.ckpt").read_bytes() == CHECKPOINT
    assert (world.files_dir / "official/model/.gitkeep").read_bytes() == b""
    assert {world.state(id).state for id in ALL} == {"present"}
    before = len(world.server.requests)
    assert world.plan().to_do == ()
    assert world.get() == Outcome((), ())
    assert len(world.server.requests) == before


def test_the_ledger_holds_what_came(world: World) -> None:
    world.get()
    ledger = read_ledger(world.files_dir)
    dnase = ledger.files["k562.dnase.signal"]
    assert dnase.path == "K562/dnase.bigWig"
    assert dnase.url == f"{world.server.url}/portal/k562.bigWig"
    assert dnase.size_bytes == (world.files_dir / dnase.path).stat().st_size
    assert ledger.files["k562.links"].url is None
    folder = ledger.folders["model.all"]
    assert (folder.revision, folder.whole) == (COMMIT, True)
    assert set(folder.files) == {"README.md", "soft/k562.ckpt", ".gitkeep"}
    assert world.state("model.all").revision == COMMIT


def test_a_later_download_is_compared_with_the_first(world: World) -> None:
    world.get(only=["k562.dnase.signal"])
    (world.files_dir / "K562/dnase.bigWig").unlink()
    for name in ("portal", "mirror"):
        write_bigwig(world.server.folder / name / "k562.bigWig", {"chr1": 4_000, "chr2": 2_000, "chr3": 1_000})
    outcome = world.get(only=["k562.dnase.signal"])
    assert outcome.done == ()
    assert "--accept-changed" in outcome.problems[0]
    assert world.state("k562.dnase.signal").state == "absent"
    assert world.get(only=["k562.dnase.signal"], accept_changed=True).problems == ()


def test_files_come_several_at_once(world: World) -> None:
    for path in ("split.csv", "portal/k562.bigWig", "k562.zip"):
        world.server.faults[path] = Fault(pause=0.2)
    world.get()
    assert world.server.together == 2  # as many as jobs


def test_one_that_fails_keeps_no_other_from_coming(world: World) -> None:
    world.server.faults["k562.zip"] = Fault(captcha=403)
    world.server.faults["portal/k562.bigWig"] = Fault(status=404)
    outcome = world.get()
    assert outcome.done == ("tables.split", "k562.dnase.signal", "model.all")
    (problem,) = outcome.problems
    assert problem.startswith("archive.k562: ")
    assert "captcha" in problem
    assert read_ledger(world.files_dir).files["k562.dnase.signal"].url == f"{world.server.url}/mirror/k562.bigWig"
    assert world.state("k562.links").state == "absent"
    world.server.faults.clear()
    assert world.get() == Outcome(("archive.k562", "k562.links"), ())


def test_an_interrupted_run_keeps_what_came_and_goes_on(world: World) -> None:
    path = f"someone/model/resolve/{COMMIT}/soft/k562.ckpt"
    world.server.faults[path] = Fault(stall_after=50_000)
    cancel = Cancel()
    ends: list[str] = []

    def run() -> None:
        try:
            world.get(cancel)
        except CancelledError:
            ends.append("cancelled")

    thread = threading.Thread(target=run)
    thread.start()
    part = world.files_dir / "official/model/soft/k562.ckpt.part"
    while not part.exists() or part.stat().st_size < 50_000 or world.state("k562.links").state != "present":
        assert thread.is_alive()
        time.sleep(0.01)
    cancel.set()
    thread.join()
    assert ends == ["cancelled"]
    assert world.state("model.all").state == "partial"
    world.server.faults.clear()
    assert world.get() == Outcome(("model.all",), ())
    assert world.server.sent(path) == len(CHECKPOINT)  # not one byte twice
    assert world.server.ranges(path) == [None, "bytes=50000-"]


def test_a_hub_stays_at_the_commit_of_the_first_download(world: World) -> None:
    path = f"someone/model/resolve/{COMMIT}/soft/k562.ckpt"
    world.server.faults[path] = Fault(status=404)
    assert "404" in world.get(only=["model.all"]).problems[0]
    del world.server.routes["api/models/someone/model/revision/main"]  # main has moved on
    world.server.faults.clear()
    assert world.get(only=["model.all"]).problems == ()
    assert sum(request.path.endswith("README.md") for request in world.server.requests) == 1


def test_wrong_bytes_of_a_hub_are_refused(world: World) -> None:
    path = world.server.folder / f"someone/model/resolve/{COMMIT}/soft/k562.ckpt"
    path.write_bytes(bytes(255 - byte for byte in CHECKPOINT))
    (problem,) = world.get(only=["model.all"]).problems
    assert "sha256" in problem
    assert not (world.files_dir / "official/model/soft/k562.ckpt").exists()
    assert world.state("model.all").state == "partial"


def test_one_file_of_a_hub_is_found_by_the_end_of_its_path(world: World) -> None:
    assert world.get(only=["h1.genes"]).done == ("h1.genes",)
    assert (world.files_dir / "H1/GeneList.txt").read_bytes() == H1_GENES


@pytest.mark.parametrize(
    ("siblings", "words"),
    [
        ([{"rfilename": "../../etc/x", "size": 1}], "names a file outside its folder"),
        ([{"rfilename": "/etc/x", "size": 1}], "names a file outside its folder"),
        ([], "holds no file"),
    ],
)
def test_a_hub_that_names_nonsense_is_refused(world: World, siblings: list[object], words: str) -> None:
    body = json.dumps({"id": "someone/model", "sha": COMMIT, "siblings": siblings}).encode()
    reply = Reply(body=body, headers={"Content-Type": "application/json"})
    world.server.routes["api/models/someone/model/revision/main"] = lambda request: reply
    assert words in world.get(only=["model.all"]).problems[0]


def test_a_hub_that_does_not_answer_is_told(world: World) -> None:
    world.server.routes["api/models/someone/model/revision/main"] = lambda request: Reply(404, b"{}")
    (problem,) = world.get(only=["model.all"]).problems
    assert "model someone/model on Hugging Face: its files at main cannot be listed" in problem
    assert "\n" not in problem


def test_what_lies_there_by_hand_is_compared_and_written_down(world: World) -> None:
    path = world.files_dir / "tables/split.csv"
    path.parent.mkdir(parents=True)
    path.write_text(SPLIT)
    (step,) = world.plan(only=["tables.split"]).steps
    assert (step.action, step.left_bytes) == ("measure", 0)
    assert world.get(only=["tables.split"]).done == ("tables.split",)
    assert world.server.requests == []
    (world.files_dir / LEDGER).unlink()
    path.write_text(SPLIT.replace("train", "trial"))
    assert "where the catalogue states" in world.get(only=["tables.split"]).problems[0]
    path.write_text("short")
    assert world.plan(only=["tables.split"]).steps[0].action == "replace"
    assert world.get(only=["tables.split"]).problems == ()
    assert path.read_text() == SPLIT


def test_a_group_takes_what_is_here_before_what_is_preferred(world: World) -> None:
    assert world.plan(only=["split"]).steps[0].source.id == "tables.split"
    (world.files_dir / "tables").mkdir(parents=True)
    (world.files_dir / "tables/old.csv").write_text("gene_id\nG1\n")
    assert world.plan(only=["split"]).steps[0].source.id == "tables.split_old"


def test_plans_say_what_is_known_of_sizes_and_room(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = world.plan()
    assert plan.known_bytes == len(SPLIT)
    assert plan.likely_bytes == (100, 100_000)
    assert plan.unknown == ("archive.k562", "k562.links", "model.all")
    usage = download_plan.shutil.disk_usage(world.server.folder)
    monkeypatch.setattr(download_plan.shutil, "disk_usage", lambda path: usage._replace(free=len(SPLIT) + 99))
    plan = world.plan()
    assert not plan.fits
    with pytest.raises(DownloadError, match=f"at least {len(SPLIT) + 100:,} are needed"):
        plan.require_room()


def test_what_cannot_be_planned_is_told(world: World) -> None:
    with pytest.raises(DownloadError, match=r"h1\.dnase\.signal: no address of it is known; where you have it, put it"):
        world.plan(task="look", cells=["H1"])
    with pytest.raises(ManifestError, match="task predict is not offered for cell type 'H1'"):
        world.plan(task="predict", cells=["H1"])
    with pytest.raises(ManifestError, match="no task 'walk'"):
        world.plan(task="walk", cells=["K562"])
    with pytest.raises(DownloadError, match="nothing to get"):
        world.plan(task="predict")


def test_a_ledger_that_cannot_be_read_stops_everything(world: World) -> None:
    world.files_dir.mkdir()
    (world.files_dir / LEDGER).write_text('{"files": ')
    with pytest.raises(DownloadError, match=r"ledger\.json: not a readable ledger"):
        world.plan()


def test_state_tells_whole_from_half_done_and_wrong(world: World) -> None:
    assert world.state("tables.split").state == "absent"
    path = world.files_dir / "tables/split.csv"
    path.parent.mkdir(parents=True)
    path.with_name("split.csv.part").write_text("gene")
    assert (world.state("tables.split").state, world.state("tables.split").size_bytes) == ("partial", 4)
    path.write_text("gene")
    wrong = world.state("tables.split")
    assert (wrong.state, wrong.expected_bytes) == ("wrong", len(SPLIT))
    assert wrong.problem == f"4 bytes where the catalogue states {len(SPLIT)}"
    world.get(only=["model.all"])
    os.truncate(world.files_dir / "official/model/soft/k562.ckpt", 10)
    assert world.state("model.all").state == "wrong"
    (world.files_dir / "official/model/soft/k562.ckpt").unlink()
    assert world.state("model.all").state == "partial"


@pytest.mark.parametrize("kind", ["absent", "twice", "upwards", "absolute", "link", "cut", "broken", "foreign"])
def test_archives_that_are_not_as_described_leave_nothing(tmp_path: Path, kind: str) -> None:
    archive = tmp_path / "a.zip"
    body = gzip.compress(LINKS)
    with zipfile.ZipFile(archive, "w") as opened:
        name = {"absent": "x/other.gz", "upwards": f"../../{MEMBER}", "absolute": f"/{MEMBER}"}.get(kind, MEMBER)
        entry = zipfile.ZipInfo(name)
        if kind == "link":
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(entry, b"plain text, not gzip" if kind == "foreign" else body)
        if kind == "twice":
            opened.writestr(f"copy/{MEMBER}", body)
    if kind == "cut":
        archive.write_bytes(archive.read_bytes()[:-30])
    if kind == "broken":
        spoilt = bytearray(archive.read_bytes())
        spoilt[len(MEMBER) + 45] ^= 255
        archive.write_bytes(bytes(spoilt))
    words = {
        "absent": "no member ends",
        "twice": "several members end",
        "upwards": "leads out of its folder",
        "absolute": "leads out of its folder",
        "link": "is a link",
        "cut": "cannot be unpacked",
        "broken": "cannot be unpacked",
        "foreign": "gzip data start with",
    }[kind]
    wanted = Wanted("k562.links", (), tmp_path / "here" / "links.gz", "tsv", "gzip")
    with pytest.raises(DownloadError, match=words):
        unpack(archive, "Gene-enhancer links/All.txt.gz", wanted, lambda done, total: None, Cancel())
    assert not (tmp_path / "here").exists() or list((tmp_path / "here").iterdir()) == []


def test_a_member_of_another_digest_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(MEMBER, gzip.compress(LINKS))
    wanted = Wanted("k562.links", (), tmp_path / "links.gz", "tsv", "gzip")
    with pytest.raises(DownloadError, match="where the catalogue states 0000"):
        unpack(archive, "All.txt.gz", replace(wanted, md5="0" * 32), lambda done, total: None, Cancel())
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]
