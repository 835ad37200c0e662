"""One file from a server that imitates the real ones, with every fault they show.

One file, because all of it is one server and one file wanted from it.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from seq2exp.errors import DownloadError
from seq2exp.sources import download_part
from seq2exp.sources.catalogue_ledger import Recorded
from seq2exp.sources.download_cancel import Cancel, CancelledError
from seq2exp.sources.download_http import Manner, Wanted, fetch
from tests.servers import CHUNK, Fault, RangeServer

ROOT = Path(__file__).resolve().parents[2]
BIGWIG = bytes.fromhex("26fc8f88")
DATA = BIGWIG + random.Random(1).randbytes(200_000) + BIGWIG
"""Starts and ends as a bigWig does; nothing here reads what is between."""
MD5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(DATA).hexdigest()
QUICK = Manner(retries=3, timeout_s=5, back_off_s=0.001)
NAME = "a.bigWig"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RangeServer]:
    folder = tmp_path / "upstream"
    folder.mkdir()
    (folder / NAME).write_bytes(DATA)
    with RangeServer(folder) as running:
        yield running


@pytest.fixture
def wanted(server: RangeServer, tmp_path: Path) -> Wanted:
    return Wanted("k562.dnase.signal", (f"{server.url}/{NAME}",), tmp_path / "here" / NAME, "bigWig")


def get(wanted: Wanted, manner: Manner = QUICK) -> Recorded:
    return fetch(wanted, manner, lambda done, total: None, Cancel())


def left(wanted: Wanted) -> list[str]:
    return sorted(path.name for path in wanted.target.parent.iterdir())


def test_a_file_comes_whole_with_its_digests(server: RangeServer, wanted: Wanted) -> None:
    seen: list[tuple[int, int | None]] = []
    found = fetch(wanted, QUICK, lambda done, total: seen.append((done, total)), Cancel())
    assert wanted.target.read_bytes() == DATA
    assert (found.size_bytes, found.md5, found.sha256) == (len(DATA), MD5, SHA256)
    assert found.url == f"{server.url}/{NAME}"
    assert left(wanted) == [NAME]
    assert seen[0] == (0, len(DATA))
    assert seen[-1] == (len(DATA), len(DATA))
    assert server.requests[0].headers["User-Agent"].startswith("seq2exp/")
    assert "Mozilla" not in server.requests[0].headers["User-Agent"]


@pytest.mark.parametrize("status", [302, 307])
def test_every_try_starts_from_the_portal_for_its_links_expire(
    server: RangeServer, wanted: Wanted, status: int
) -> None:
    server.faults[NAME] = Fault(redirect=status, link_uses=1, drop_after=50_000, times=2)
    get(wanted)
    assert wanted.target.read_bytes() == DATA
    bodies = [request for request in server.requests if request.signed]
    assert [request.status for request in bodies] == [200, 206, 206]
    assert [request.range for request in bodies] == [None, "bytes=50000-", "bytes=100000-"]
    assert sum(request.sent for request in bodies) == len(DATA)
    assert sum(request.status == status for request in server.requests) == 3


def test_an_expired_link_is_asked_for_anew(server: RangeServer, wanted: Wanted) -> None:
    server.faults[NAME] = Fault(redirect=307, link_uses=0)
    with pytest.raises(DownloadError, match=r"redirected to a link that has expired \(4 tries\)"):
        get(wanted)
    assert not wanted.target.exists()


def test_broken_connections_are_resumed_from_the_byte_they_broke_at(server: RangeServer, wanted: Wanted) -> None:
    server.faults[NAME] = Fault(drop_after=40_000, times=4)
    get(wanted)
    assert wanted.target.read_bytes() == DATA
    assert server.sent(NAME) == len(DATA)  # not one byte twice
    assert server.ranges(NAME) == [None, *(f"bytes={n}-" for n in (40_000, 80_000, 120_000, 160_000))]


def test_tries_that_bring_nothing_end(server: RangeServer, wanted: Wanted) -> None:
    server.faults[NAME] = Fault(drop_after=0)
    with pytest.raises(DownloadError, match=r"broke off at byte 0.*\(4 tries\)"):
        get(wanted)
    assert len(server.requests) == 4
    assert left(wanted) == []


def test_a_silent_connection_is_given_up_and_resumed(server: RangeServer, wanted: Wanted) -> None:
    server.faults[NAME] = Fault(stall_after=30_000, times=1)
    get(wanted, replace(QUICK, timeout_s=0.3))
    assert wanted.target.read_bytes() == DATA
    assert server.sent(NAME) == len(DATA)


def test_a_slow_connection_is_waited_for(server: RangeServer, wanted: Wanted) -> None:
    server.faults[NAME] = Fault(pause=0.01)
    get(wanted, replace(QUICK, timeout_s=2))
    assert len(server.requests) == 1
    assert wanted.target.read_bytes() == DATA


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_busy_server_is_asked_again(server: RangeServer, wanted: Wanted, status: int) -> None:
    server.faults[NAME] = Fault(status=status, times=2)
    get(wanted)
    assert [request.status for request in server.requests] == [status, status, 200]


def test_the_wait_a_server_asks_for_is_kept(
    server: RangeServer, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(Cancel, "wait", lambda self, seconds: waits.append(seconds))
    server.faults[NAME] = Fault(status=503, retry_after="7", times=1)
    get(wanted)
    assert waits == [7.0]
    wanted.target.unlink()
    server.faults[NAME] = Fault(status=503, retry_after="7200")
    with pytest.raises(DownloadError, match="asks to come back in 7,200 s"):
        get(wanted)
    assert waits == [7.0]


def test_waits_grow(server: RangeServer, wanted: Wanted, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(Cancel, "wait", lambda self, seconds: waits.append(seconds))
    server.faults[NAME] = Fault(status=500)
    with pytest.raises(DownloadError, match=r"500 .*\(5 tries\)"):
        get(wanted, Manner(retries=4, back_off_s=1))
    assert waits == [0, 2, 4, 8]


@pytest.mark.parametrize("status", [200, 403, 405])
@pytest.mark.parametrize("redirect", [None, 307])
def test_a_captcha_page_is_never_taken_for_data(
    server: RangeServer, wanted: Wanted, status: int, redirect: int | None
) -> None:
    server.faults[NAME] = Fault(captcha=status, redirect=redirect)
    with pytest.raises(DownloadError, match="web page") as caught:
        get(wanted)
    assert f"{server.url}/{NAME}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert left(wanted) == []
    assert sum(not 300 <= request.status < 400 for request in server.requests) == 1  # asking again would not help


@pytest.mark.parametrize(
    ("start", "file_format", "compression", "words"),
    [
        (b"<!DOCTYPE html><html>", "csv", "none", "starts like a web page"),
        (b'<?xml version="1.0"?><Error>', "tsv", "none", "starts like a web page"),
        (b"\x1f\x8b\x08\0rest", "bigWig", "none", "bigWig data start with"),
        (b"chr1\t1\t2\n", "bed", "gzip", "gzip data start with"),
        (BIGWIG, "hic", "none", r"hic data start with b'HIC\\x00'"),
        (BIGWIG, "2bit", "none", "2bit data start with"),
        (BIGWIG, "h5", "none", "h5 data start with"),
        (BIGWIG, "bam", "none", "bam data start with|gzip data start with"),
        (b"\0\0\0\0", "csv", "none", "starts with binary data"),
    ],
)
def test_other_formats_are_refused_by_their_first_bytes(
    server: RangeServer, wanted: Wanted, start: bytes, file_format: str, compression: str, words: str
) -> None:
    (server.folder / NAME).write_bytes(start + DATA)
    with pytest.raises(DownloadError, match=words):
        get(replace(wanted, file_format=file_format, compression=compression))
    assert left(wanted) == []


def test_wrong_bytes_are_not_kept(server: RangeServer, wanted: Wanted) -> None:
    with pytest.raises(DownloadError, match=f"md5 {MD5} where the catalogue states {'0' * 32}"):
        get(replace(wanted, md5="0" * 32))
    with pytest.raises(DownloadError, match=f"sha256 {SHA256} where the catalogue states"):
        get(replace(wanted, sha256="0" * 64))
    assert left(wanted) == []
    assert server.sent(NAME) == 2 * len(DATA)  # fetched once each: a second time would bring the same


def test_a_part_that_went_bad_is_fetched_once_more_from_the_start(server: RangeServer, wanted: Wanted) -> None:
    half_done(server, wanted, 60_000)
    part = wanted.target.with_name(NAME + ".part")
    spoilt = bytearray(part.read_bytes())
    spoilt[30_000] ^= 255
    part.write_bytes(bytes(spoilt))
    get(replace(wanted, md5=MD5))
    assert wanted.target.read_bytes() == DATA
    assert server.ranges(NAME)[-2:] == ["bytes=60000-", None]


def test_a_size_that_differs_is_refused_before_a_byte_is_read(server: RangeServer, wanted: Wanted) -> None:
    with pytest.raises(DownloadError, match=f"announces {len(DATA):,} bytes where the catalogue states 12"):
        get(replace(wanted, size_bytes=12))
    assert left(wanted) == []


@pytest.mark.parametrize("known", ["size", "digest", "nothing"])
def test_a_file_that_was_cut_off_upstream_is_refused(server: RangeServer, wanted: Wanted, known: str) -> None:
    server.faults[NAME] = Fault(keep=100_000)
    facts = {"size": {"size_bytes": len(DATA)}, "digest": {"md5": MD5}, "nothing": {}}[known]
    words = {"size": "announces 100,000 bytes", "digest": "md5", "nothing": "its end mark is missing"}[known]
    with pytest.raises(DownloadError, match=words):
        get(replace(wanted, **facts))
    assert left(wanted) == []


def test_a_cut_off_gzip_file_is_refused_though_nothing_is_known_of_it(server: RangeServer, wanted: Wanted) -> None:
    whole = gzip.compress(random.Random(2).randbytes(50_000))
    (server.folder / NAME).write_bytes(whole[:-100])
    wanted = replace(wanted, file_format="bed", compression="gzip")
    with pytest.raises(DownloadError, match="gzip data end too early"):
        get(wanted)
    (server.folder / NAME).write_bytes(whole)
    assert get(wanted).size_bytes == len(whole)


def test_without_a_length_a_file_is_taken_only_if_its_digest_is_known(server: RangeServer, wanted: Wanted) -> None:
    server.faults[NAME] = Fault(no_length=True)
    with pytest.raises(DownloadError, match="does not say how long the file is"):
        get(wanted)
    get(replace(wanted, md5=MD5))
    assert wanted.target.read_bytes() == DATA


def half_done(server: RangeServer, wanted: Wanted, n_bytes: int) -> None:
    server.faults[NAME] = replace(server.faults.get(NAME, Fault()), drop_after=n_bytes, times=None)
    with pytest.raises(DownloadError, match="are kept and resumed"):
        get(wanted, replace(QUICK, retries=0))
    server.faults[NAME] = replace(server.faults[NAME], drop_after=None)
    assert wanted.target.with_name(NAME + ".part").stat().st_size >= n_bytes
    assert not wanted.target.exists()


def test_the_next_call_resumes(server: RangeServer, wanted: Wanted) -> None:
    half_done(server, wanted, 60_000)
    before = server.sent(NAME)
    get(wanted)
    assert wanted.target.read_bytes() == DATA
    assert server.sent(NAME) - before == len(DATA) - before
    assert server.requests[-1].headers["If-Range"].startswith('"')
    assert left(wanted) == [NAME]


def test_what_changed_upstream_starts_anew(server: RangeServer, wanted: Wanted) -> None:
    half_done(server, wanted, 60_000)
    other = BIGWIG + random.Random(3).randbytes(150_000) + BIGWIG
    (server.folder / NAME).write_bytes(other)
    get(wanted)
    assert wanted.target.read_bytes() == other
    assert server.requests[-1].status == 200


def test_a_server_without_ranges_starts_anew(server: RangeServer, wanted: Wanted) -> None:
    half_done(server, wanted, 60_000)
    server.faults[NAME] = Fault(no_ranges=True)
    get(wanted)
    assert wanted.target.read_bytes() == DATA


def test_without_etag_only_a_known_digest_lets_it_resume(server: RangeServer, wanted: Wanted) -> None:
    server.faults[NAME] = Fault(no_etag=True)
    half_done(server, wanted, 60_000)
    get(wanted)
    assert server.ranges(NAME)[-1] is None
    wanted.target.unlink()
    known = replace(wanted, md5=MD5)
    half_done(server, known, 60_000)
    get(known)
    assert server.ranges(NAME)[-1] is not None
    assert wanted.target.read_bytes() == DATA


def test_a_range_other_than_asked_is_not_appended(server: RangeServer, wanted: Wanted) -> None:
    half_done(server, wanted, 60_000)
    server.faults[NAME] = Fault(wrong_range=True, times=1)
    get(wanted)
    assert wanted.target.read_bytes() == DATA


def test_a_part_that_is_whole_already_needs_no_byte(server: RangeServer, wanted: Wanted) -> None:
    half_done(server, wanted, 60_000)
    part = wanted.target.with_name(NAME + ".part")
    part.write_bytes(DATA)
    before = server.sent(NAME)
    get(wanted)
    assert server.sent(NAME) == before
    assert wanted.target.read_bytes() == DATA


def test_a_part_without_its_record_is_not_trusted(server: RangeServer, wanted: Wanted) -> None:
    half_done(server, wanted, 60_000)
    wanted.target.with_name(NAME + ".part.json").unlink()
    get(wanted)
    assert server.ranges(NAME)[-1] is None
    assert wanted.target.read_bytes() == DATA


def test_mirrors_are_tried_in_order(server: RangeServer, wanted: Wanted) -> None:
    wanted = replace(wanted, addresses=(f"{server.url}/gone.bigWig", *wanted.addresses))
    found = get(wanted)
    assert found.url == f"{server.url}/{NAME}"
    assert [request.status for request in server.requests] == [404, 200]
    wanted.target.unlink()
    with pytest.raises(DownloadError, match=r"gone\.bigWig answered 404.*not there any more; .*b\.bigWig answered"):
        get(replace(wanted, addresses=(f"{server.url}/gone.bigWig", f"{server.url}/b.bigWig")))


def test_a_change_since_the_first_download_is_told_and_can_be_accepted(server: RangeServer, wanted: Wanted) -> None:
    first = get(wanted)
    wanted.target.unlink()
    other = bytearray(DATA)
    other[1000] ^= 255
    (server.folder / NAME).write_bytes(bytes(other))
    with pytest.raises(DownloadError, match=f"{SHA256} came on .*--accept-changed"):
        get(replace(wanted, recorded=first))
    assert left(wanted) == []
    assert get(wanted).sha256 != SHA256


def test_a_disk_that_is_too_small_is_seen_before_a_byte_comes(
    server: RangeServer, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = download_part.shutil.disk_usage(ROOT)
    monkeypatch.setattr(download_part.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(DownloadError, match=f"1,000 bytes are free where {len(DATA):,} more are needed"):
        get(wanted)
    assert left(wanted) == []


def test_a_disk_that_runs_full_keeps_what_resumes(
    server: RangeServer, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = [100_000]

    class Full(download_part.FileIO):
        def write(self, data: object) -> int:
            piece = bytes(data)[: max(0, room[0])]  # type: ignore[call-overload]
            if not piece:
                raise OSError(errno.ENOSPC, "No space left on device")
            room[0] -= len(piece)
            return super().write(piece)

    monkeypatch.setattr(download_part, "open_file", lambda path: Full(path, "r+b"))
    with pytest.raises(DownloadError, match=r"the disk is full; [\d,]+ bytes are kept") as caught:
        get(wanted)
    assert "\n" not in str(caught.value)
    assert not wanted.target.exists()
    kept = wanted.target.with_name(NAME + ".part").stat().st_size
    assert 0 < kept <= 100_000
    room[0] = 10**9
    get(wanted)
    assert wanted.target.read_bytes() == DATA
    assert server.ranges(NAME)[-1] == f"bytes={kept}-"


def test_two_processes_do_not_write_one_file(server: RangeServer, wanted: Wanted) -> None:
    server.faults[NAME] = Fault(stall_after=30_000)
    cancel = Cancel()
    ends: list[type[BaseException]] = []

    def first() -> None:
        try:
            fetch(wanted, replace(QUICK, timeout_s=30), lambda done, total: None, cancel)
        except CancelledError as error:
            ends.append(type(error))

    thread = threading.Thread(target=first)
    thread.start()
    _until(lambda: server.sent(NAME) == 30_000)
    with pytest.raises(DownloadError, match="another process is fetching it"):
        get(wanted)
    cancel.set()  # ends the silent connection at once, not after its 30 s
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert ends == [CancelledError]
    server.faults.clear()
    get(wanted)
    assert wanted.target.read_bytes() == DATA


def test_a_killed_process_leaves_what_the_next_resumes(server: RangeServer, wanted: Wanted) -> None:
    server.faults[NAME] = Fault(stall_after=25 * CHUNK)
    code = (
        "from pathlib import Path\n"
        "from seq2exp.sources.download_cancel import Cancel\n"
        "from seq2exp.sources.download_http import Manner, Wanted, fetch\n"
        f"wanted = Wanted('x', ({wanted.addresses[0]!r},), Path({str(wanted.target)!r}), 'bigWig')\n"
        "fetch(wanted, Manner(), lambda done, total: None, Cancel())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    part = wanted.target.with_name(NAME + ".part")
    _until(lambda: part.exists() and part.stat().st_size == 25 * CHUNK)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not wanted.target.exists()
    server.faults.clear()
    before = server.sent(NAME)
    get(wanted)
    assert wanted.target.read_bytes() == DATA
    assert server.sent(NAME) - before == len(DATA) - 25 * CHUNK
    assert left(wanted) == [NAME]


def _until(true: Callable[[], bool], patience_s: float = 30) -> None:
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)
