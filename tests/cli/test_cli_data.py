"""`data list`, `explain`, `check` and `get` as a user runs them, against a small catalogue and a local server."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seq2exp.cli import main
from seq2exp.sources.catalogue import load_catalogue
from seq2exp.sources.catalogue_ledger import Ledger
from seq2exp.sources.catalogue_state import one_state
from seq2exp.sources.catalogue_words import explanation
from seq2exp.sources.download_cancel import Cancel
from seq2exp.sources.download_http import Manner
from seq2exp.sources.download_plan import make_plan
from seq2exp.sources.download_run import Choices, carry_out
from tests.servers import Fault, RangeServer
from tests.sources.small_catalogue import (
    CHECKPOINT,
    COMMIT,
    LINKS,
    SPLIT,
    add_hub,
    write_bigwig,
    write_catalogue,
    write_upstream,
)

ROOT = Path(__file__).resolve().parents[2]
TABLES = ["--only", "tables.split", "--only", "k562.dnase.signal", "--only", "k562.links"]
MORE = ["--only", "reference.chrom_sizes"]


class Verbs:
    """Runs a verb in this process and gives back exit status and output."""

    def __init__(self, server: RangeServer, catalogue: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.server = server
        self.catalogue = catalogue
        self.files_dir = catalogue.parent / "real"
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        before = sys.argv
        sys.argv = ["seq2exp", "data", *arguments, "--catalogue", str(self.catalogue)]
        try:
            main()
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        finally:
            sys.argv = before
        shown = self._capsys.readouterr()
        return status, shown.out, shown.err

    def json(self, *arguments: str) -> Any:
        status, out, err = self(*arguments, "--json")
        assert status == 0, err
        return json.loads(out)


@pytest.fixture
def verbs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Verbs]:
    upstream = tmp_path / "upstream"
    upstream.mkdir()
    write_upstream(upstream)
    with RangeServer(upstream) as server:
        add_hub(server)
        yield Verbs(server, write_catalogue(tmp_path / "catalogue.yaml", server.url), capsys)


def test_the_plan_is_shown_without_a_network(verbs: Verbs) -> None:
    status, out, _ = verbs("get", "--cell", "K562", "--task", "predict", "--dry-run")
    assert status == 0
    assert "to come: " in out
    assert "k562.links" in out
    assert "MIT" in out
    plan = verbs.json("get", "--cell", "K562", "--task", "predict", "--dry-run")
    assert [file["id"] for file in plan["files"]][:2] == ["tables.split", "k562.dnase.signal"]
    assert plan["files"][0] | {"path": ""} == {
        "id": "tables.split",
        "title": "Split",
        "because": "split",
        "action": "fetch",
        "path": "",
        "url": f"{verbs.server.url}/split.csv",
        "size_bytes": len(SPLIT),
        "left_bytes": len(SPLIT),
        "likely_bytes": None,
        "licence": "MIT",
        "redistribution": None,
        "problem": None,
    }
    assert plan["free_bytes"] > 0
    assert verbs.server.requests == []
    assert not verbs.files_dir.exists()


def test_files_come_and_the_next_step_is_named(verbs: Verbs) -> None:
    status, out, err = verbs("get", "--cell", "K562", *TABLES, "--yes")
    assert (status, err) == (0, "")
    assert "4 came, 0 were here" in out
    assert out.endswith("next: python -m seq2exp data build --cell K562\n")
    before = len(verbs.server.requests)
    assert "0 came, 3 were here" in verbs("get", *TABLES, "--yes")[1]
    assert len(verbs.server.requests) == before


def test_nobody_is_asked_where_nobody_can_answer(verbs: Verbs, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        status, _, err = verbs("get", *TABLES)
    assert status == 2
    assert "give --yes" in err
    assert verbs.server.requests == []


def test_what_does_not_come_is_told_with_status_1(verbs: Verbs) -> None:
    verbs.server.faults["split.csv"] = Fault(captcha=403)
    status, out, err = verbs("get", *TABLES, "--yes")
    assert status == 1
    assert "3 came" in out
    assert err.startswith("error: tables.split: ")
    assert "captcha" in err
    assert err.count("\n") == 1


def test_another_folder_is_taken_with_dir(verbs: Verbs, tmp_path: Path) -> None:
    status, _, _ = verbs("get", "--only", "tables.split", "--yes", "--dir", str(tmp_path / "else"))
    assert status == 0
    assert (tmp_path / "else/tables/split.csv").read_text() == SPLIT
    assert not verbs.files_dir.exists()


def test_list_shows_states_and_filters(verbs: Verbs) -> None:
    verbs("get", "--only", "tables.split", "--yes")
    rows = {row["id"]: row for row in verbs.json("list")}
    assert rows["tables.split"]["on_disk"]["state"] == "present"
    assert rows["tables.split"]["on_disk"]["recorded"]["url"] == f"{verbs.server.url}/split.csv"
    assert rows["tables.split"]["licence"]["spdx"] == "MIT"
    assert rows["tables.split"]["tasks"] == {"predict": "required", "look": "optional"}
    assert rows["k562.links"]["on_disk"]["state"] == "absent"
    assert [row["id"] for row in verbs.json("list", "--cell", "H1", "--task", "look")] == [
        "tables.split",
        "h1.dnase.signal",
    ]
    out = verbs("list")[1].splitlines()
    assert out[0].split() == ["id", "size", "state", "licence", "title"]
    assert out[2].split()[:5] == ["tables.split", str(len(SPLIT)), "B", "present", "MIT"]
    assert out[5].split()[:4] == ["h1.dnase.signal", "?", "no", "address"]
    assert out[-1] == "9 absent; 1 present"
    assert verbs("list", "--cell", "HeLa")[0] == 2


def test_explain_says_everything_known(verbs: Verbs) -> None:
    out = verbs("explain", "k562.dnase.signal")[1]
    for words in ("WARNING: Made up", "portal/k562.bigWig", "mirror: ", "ranges yes", "identity verified", "predict"):
        assert words in out
    assert "look (required)" in out
    assert "cite: Us 2026" in verbs("explain", "tables.split")[1]
    assert verbs.json("explain", "model.all")["repository"]["repo_id"] == "someone/model"
    status, _, err = verbs("explain", "k562.dnase.signl")
    assert status == 2
    assert "close: k562.dnase.signal" in err


def test_every_entry_of_the_projects_catalogue_can_be_explained() -> None:
    catalogue = load_catalogue()
    for source in catalogue.sources:
        lines = list(explanation(catalogue, source, one_state(source, Path("nowhere"), Ledger())))
        assert lines[0] == f"{source.id}: {source.title}"
        assert all(warning in "\n".join(lines) for warning in source.warnings)
        assert all(address in "\n".join(lines) for address in (source.url.primary or "", *source.url.mirrors))


def spoil(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def test_check_passes_what_is_whole(verbs: Verbs) -> None:
    verbs("get", *TABLES, *MORE, "--yes")
    found = {row["id"]: row for row in verbs.json("check", "--verify")}
    assert found["k562.dnase.signal"]["checked"] == ["size", "start and end", "digests", "chromosomes"]
    assert found["tables.split"]["checked"] == ["size", "start and end", "digests", "counts"]
    assert found["k562.links"]["checked"] == ["size", "start and end", "digests", "counts"]
    assert found["model.all"]["state"] == "absent"
    status, out, _ = verbs("check")
    assert status == 0
    assert "ok       tables.split: size, start and end, counts" in out


@pytest.mark.parametrize(
    ("path", "change", "verify", "words"),
    [
        ("tables/split.csv", lambda b: b[:-5], False, "where the catalogue states"),
        ("tables/split.csv", lambda b: b.replace(b"train", b"tests", 1), False, "fold_11=train: 4 where 5 are stated"),
        ("tables/split.csv", lambda b: b.replace(b"G1,", b"G0,"), False, "distinct gene_id: 7 where 8 are stated"),
        ("tables/split.csv", lambda b: b.replace(b"G1,", b"X1,"), True, "md5"),
        ("tables/split.csv", lambda b: b.replace(b"gene_id", b"gene_no"), False, "columns are missing: gene_id"),
        ("K562/dnase.bigWig", lambda b: b[:-4], False, "bytes where"),
        ("K562/dnase.bigWig", lambda b: b[:-4] + b"\0\0\0\0", False, "its end mark is missing"),
        ("K562/dnase.bigWig", lambda b: b[:300] + bytes([b[300] ^ 1]) + b[301:], True, "came at the first download"),
        ("K562/links.txt.gz", lambda b: b[:-8] + b"\1" * 8, True, "its gzip data are broken"),
        ("K562/links.txt.gz", lambda b: gzip.compress(LINKS * 2), False, "bytes where"),
    ],
)
def test_check_finds_what_is_wrong(
    verbs: Verbs, path: str, change: Callable[[bytes], bytes], verify: bool, words: str
) -> None:
    verbs("get", *TABLES, *MORE, "--yes")
    spoil(verbs.files_dir / path, change)
    status, out, err = verbs("check", *(["--verify"] if verify else []))
    assert status == 1, err
    wrong = [line for line in out.splitlines() if line.startswith("WRONG")]
    assert any(words in line for line in wrong), out
    assert all(path in line for line in wrong)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"chr1": 4_000, "chr2": 2_001}, "chr2 has 2,001 bp where the build has 2,000: another assembly"),
        ({"1": 4_000, "2": 2_000}, "another naming"),
    ],
)
def test_check_finds_a_track_of_another_assembly(verbs: Verbs, sizes: dict[str, int], words: str) -> None:
    write_bigwig(verbs.server.folder / "portal/k562.bigWig", sizes)
    verbs("get", *TABLES, *MORE, "--yes")
    status, out, _ = verbs("check", "--only", "k562.dnase.signal")
    assert status == 1
    assert words in out


def test_check_finds_a_reference_of_another_assembly(verbs: Verbs) -> None:
    everything = ["--only", "reference.twobit", *MORE]
    verbs("get", *everything, "--yes")
    assert verbs.json("check", *everything)[0]["checked"] == ["size", "start and end", "chromosomes"]
    sizes = verbs.files_dir / "hg38/chrom.sizes"
    sizes.write_text(sizes.read_text().replace("2000", "2001"))
    out = verbs("check", *everything)[1]
    assert "reference.twobit: chr2 has 2,000 bp where the build has 2,001: another assembly" in out


def test_check_of_a_folder_reads_its_files(verbs: Verbs) -> None:
    catalogue = load_catalogue(verbs.catalogue)
    plan = make_plan(catalogue, verbs.files_dir, only=["model.all"])
    carry_out(catalogue, plan, Choices(1, Manner(), hub_endpoint=verbs.server.url), lambda *_: None, Cancel())
    assert verbs.json("check", "--only", "model.all", "--verify")[0]["checked"] == ["digests"]
    spoil(verbs.files_dir / "official/model/README.md", lambda data: data[::-1])
    assert "digests differ: README.md" in verbs("check", "--only", "model.all", "--verify")[1]


def run(verbs: Verbs, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "seq2exp", "data", *arguments, "--catalogue", str(verbs.catalogue)],
        cwd=ROOT,
        env={**os.environ, "HF_ENDPOINT": verbs.server.url, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE if "--json" in arguments else subprocess.DEVNULL,
        stderr=subprocess.PIPE if "--json" in arguments else subprocess.DEVNULL,
        text=True,
    )


def test_ctrl_c_leaves_what_the_next_run_resumes(verbs: Verbs) -> None:
    path = f"someone/model/resolve/{COMMIT}/soft/k562.ckpt"
    verbs.server.faults[path] = Fault(stall_after=81_920)
    everything = ["get", "--cell", "K562", "--task", "predict", "--yes", "--json"]
    process = run(verbs, *everything)
    part = verbs.files_dir / "official/model/soft/k562.ckpt.part"
    links = verbs.files_dir / "K562/links.txt.gz"
    end = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size == 81_920 and links.exists()):
        assert time.monotonic() < end, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err == "interrupted: what came is kept, and the same command resumes\n"
    verbs.server.faults.clear()
    process = run(verbs, *everything)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["done"] == ["model.all"]
    assert (verbs.files_dir / "official/model/soft/k562.ckpt").read_bytes() == CHECKPOINT
    assert verbs.server.sent(path) == len(CHECKPOINT)


@pytest.mark.real
def test_the_released_crispri_table_is_as_the_catalogue_states(
    real_file: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "EPCrisprBenchmark_combined_data.training_K562.GRCh38.tsv.gz"
    (tmp_path / "crispri").mkdir()
    shutil.copy(real_file(f"crispr/{name}"), tmp_path / "crispri" / name)
    check = ["data", "check", "--only", "crispri.training", "--verify", "--dir", str(tmp_path), "--json"]
    monkeypatch.setattr(sys, "argv", ["seq2exp", *check])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    (found,) = json.loads(capsys.readouterr().out)
    assert found["problems"] == []
    assert found["checked"] == ["size", "start and end", "digests", "counts"]
