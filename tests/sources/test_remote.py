"""Files read by ranges from a server that behaves, and from one that does not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from seq2exp.errors import RemoteError
from seq2exp.sources.remote import RemoteFile
from seq2exp.sources.remote_blocks import BLOCK_BYTES, BlockStore
from seq2exp.sources.remote_http import WHOLE_LIMIT, Facts, Patience
from tests.servers import Fault, RangeServer

HASTY = Patience(connect_s=2, silence_s=0.4, whole_s=2, tries=3, back_off_s=0.01, grudge_s=0)
SIZE = 5 * BLOCK_BYTES + 777

Opener = Callable[..., RemoteFile]


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    folder = tmp_path / "served"
    folder.mkdir()
    data = np.random.default_rng(3).integers(0, 256, SIZE, dtype=np.uint8).tobytes()
    (folder / "a.bin").write_bytes(data)
    return data


@pytest.fixture
def server(content: bytes, tmp_path: Path) -> Iterator[RangeServer]:
    with RangeServer(tmp_path / "served") as running:
        yield running


@pytest.fixture
def opened(server: RangeServer, tmp_path: Path) -> Iterator[Opener]:
    files: list[RemoteFile] = []

    def make(name: str = "a.bin", **options: object) -> RemoteFile:
        file = RemoteFile(f"{server.url}/{name}", tmp_path / "cache", **{"patience": HASTY, **options})
        files.append(file)
        return file

    yield make
    for file in files:
        file.close()


def test_any_stretch_is_the_files_own_and_comes_over_the_network_once(
    opened: Opener, server: RangeServer, content: bytes
) -> None:
    file = opened()
    places = [(0, 4), (BLOCK_BYTES - 3, 6), (3 * BLOCK_BYTES + 1, BLOCK_BYTES), (SIZE - 5, 5), (0, 4)]
    for at, length in places:
        assert file.read_at(at, length) == content[at : at + length]
    assert file.size == SIZE
    moved = sum(request.sent for request in server.requests)
    assert file.traffic.moved_bytes == moved <= SIZE  # no block twice
    assert file.traffic.requests == len(server.requests) == 4  # neighbours in one request
    with pytest.raises(RemoteError, match="asked for, it has"):
        file.read_at(SIZE - 2, 3)


def test_what_was_read_answers_another_process_without_the_server(
    opened: Opener, server: RangeServer, content: bytes
) -> None:
    opened().read_at(BLOCK_BYTES, 10)
    before = len(server.requests)
    offline = opened(offline=True)
    assert offline.read_at(BLOCK_BYTES + 5, 100) == content[BLOCK_BYTES + 5 : BLOCK_BYTES + 105]
    assert offline.size == SIZE
    assert len(server.requests) == before
    with pytest.raises(RemoteError, match=r"a\.bin: bytes 262,144-327,680 are not in the cache, .* offline"):
        offline.read_at(4 * BLOCK_BYTES, 1)


def test_a_block_spoilt_on_disk_is_fetched_again(
    opened: Opener, server: RangeServer, content: bytes, tmp_path: Path
) -> None:
    opened().read_at(0, SIZE)
    blocks = sorted((tmp_path / "cache").rglob("*.block"))
    assert len(blocks) == 6
    blocks[1].write_bytes(blocks[1].read_bytes()[:-9])
    blocks[2].write_bytes(bytes(len(blocks[2].read_bytes())))
    blocks[3].write_bytes(b"")
    before = len(server.requests)
    assert opened().read_at(0, SIZE) == content
    assert [request.range for request in server.requests[before:]] == [f"bytes={BLOCK_BYTES}-{4 * BLOCK_BYTES - 1}"]


def test_a_signed_link_is_used_while_it_holds_and_asked_for_anew_when_it_expires(
    opened: Opener, server: RangeServer, content: bytes
) -> None:
    server.faults["a.bin"] = Fault(redirect=307, link_uses=3)
    file = opened()
    for block in range(6):
        at = block * BLOCK_BYTES
        assert file.read_at(at, 50) == content[at : at + 50]
    statuses = [request.status for request in server.requests]
    assert statuses == [307, 206, 206, 206, 403, 307, 206, 206, 206]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500, times=2),
        Fault(status=429, retry_after="0", times=1),
        Fault(drop_after=1000, times=2),
        Fault(stall_after=1000, times=1),
    ],
    ids=["500 twice", "429", "cut", "silence"],
)
def test_a_passing_fault_is_passed_over(opened: Opener, server: RangeServer, content: bytes, fault: Fault) -> None:
    server.faults["a.bin"] = fault
    assert opened().read_at(0, 2 * BLOCK_BYTES) == content[: 2 * BLOCK_BYTES]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(status=500), r"answers 500 .*\(3 tries\)"),
        (Fault(status=404), "answers 404"),
        (Fault(drop_after=1000), r"cut by 127\.0\.0\.1 \(3 tries\)|sent 1,000 of"),
        (Fault(stall_after=1000), "no answer in time"),
        (Fault(captcha=403), "403 .* with a web page"),
        (Fault(captcha=200), "with a web page"),
        (Fault(wrong_range=True), "the server sent 'bytes 1-65535"),
        (Fault(keep=1000), "has 1,000 bytes, the manifest says"),
    ],
    ids=["500", "404", "cut", "silence", "captcha 403", "captcha 200", "wrong range", "truncated"],
)
def test_a_lasting_fault_is_an_error_that_says_which_and_the_file_can_be_had_later(
    opened: Opener, server: RangeServer, content: bytes, tmp_path: Path, fault: Fault, words: str
) -> None:
    server.faults["a.bin"] = fault
    file = opened(stated_size=SIZE)
    with pytest.raises(RemoteError, match=words):
        file.read_at(100, 10)
    assert not list((tmp_path / "cache").rglob("*.block"))  # nothing of it is kept
    del server.faults["a.bin"]
    assert file.read_at(100, 10) == content[100:110]


def test_a_server_without_ranges_serves_small_files_only(opened: Opener, server: RangeServer, tmp_path: Path) -> None:
    server.faults["a.bin"] = server.faults["large.bin"] = Fault(no_ranges=True)
    (tmp_path / "served" / "large.bin").write_bytes(bytes(WHOLE_LIMIT + 1))
    file = opened()
    assert len(file.read_at(3 * BLOCK_BYTES, 1000)) == 1000
    assert len(server.requests) == 1
    with pytest.raises(RemoteError, match="does not serve parts of files"):
        opened("large.bin").read_at(0, 10)
    assert server.sent("large.bin") < WHOLE_LIMIT


def test_a_failing_server_is_not_asked_at_every_question(opened: Opener, server: RangeServer, content: bytes) -> None:
    server.faults["a.bin"] = Fault(status=404)
    file = opened(patience=Patience(tries=1, grudge_s=300))
    for _ in range(3):
        with pytest.raises(RemoteError, match="answers 404"):
            file.read_at(0, 1)
    assert len(server.requests) == 1
    del server.faults["a.bin"]
    file.ask_again()
    assert file.read_at(0, 1) == content[:1]


def test_a_file_that_changes_is_never_mixed(opened: Opener, server: RangeServer, tmp_path: Path) -> None:
    path = tmp_path / "served" / "a.bin"
    opened().read_at(0, 10)
    path.write_bytes(bytes(SIZE))
    os.utime(path, (1, 1))
    file = opened()
    with pytest.raises(RemoteError, match="has changed on the server"):
        file.read_at(2 * BLOCK_BYTES, 10)
    assert file.read_at(0, 10) == bytes(10)  # the old first block is gone
    assert file.generation == 1


def test_many_threads_get_the_same_bytes_and_fetch_them_once(
    opened: Opener, server: RangeServer, content: bytes
) -> None:
    file = opened()
    start = threading.Barrier(8)

    def read(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        start.wait()
        places = [(int(at), int(length)) for at, length in rng.integers(1, 3000, (30, 2)) * (100, 1)]
        return all(file.read_at(at, length) == content[at : at + length] for at, length in places)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))
    assert sum(request.sent for request in server.requests) <= SIZE


def test_stretches_asked_for_together_are_fetched_side_by_side(opened: Opener, server: RangeServer) -> None:
    server.faults["a.bin"] = Fault(pause=0.002)
    file = opened()
    file.prefetch([(0, 10)])
    file.prefetch([(2 * BLOCK_BYTES, 10), (4 * BLOCK_BYTES, 10)])
    assert server.together == 2
    assert len(server.requests) == 3


def test_the_cache_throws_away_what_was_longest_unused(opened: Opener, tmp_path: Path, content: bytes) -> None:
    limit = 3 * (BLOCK_BYTES + 4)
    file = opened(limit_bytes=limit)
    for block in (0, 1, 2, 3, 4):
        file.read_at(block * BLOCK_BYTES, 1)
        for path in (tmp_path / "cache").rglob(f"{block:08d}.block"):
            os.utime(path, (1000 + block, 1000 + block))
    kept = sorted(path.name for path in (tmp_path / "cache").rglob("*.block"))
    assert "00000004.block" in kept
    assert "00000000.block" not in kept
    assert sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*.block")) <= limit
    assert opened(limit_bytes=limit).read_at(0, SIZE) == content


def test_a_cache_that_cannot_be_written_is_named(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(RemoteError, match="the cache of remote files cannot be written"):
        opened().read_at(0, 1)


def test_the_cursor_is_a_binary_file(opened: Opener, content: bytes) -> None:
    with opened().open() as cursor:
        assert cursor.read(10) == content[:10]
        assert cursor.seek(-20, os.SEEK_END) == SIZE - 20
        assert cursor.read() == content[-20:]
        assert cursor.read(5) == b""
        assert cursor.seek(5) == 5
        assert cursor.seek(5, os.SEEK_CUR) == 10
        assert cursor.read(3) == content[10:13]
        with pytest.raises(ValueError, match="cannot seek"):
            cursor.seek(-1)


_READER = """
import sys
from pathlib import Path
import numpy as np
from seq2exp.sources.remote import RemoteFile

url, cache, seed, limit = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
content = Path(sys.argv[5]).read_bytes()
rng = np.random.default_rng(seed)
for _ in range(4):
    file = RemoteFile(url, cache, limit_bytes=limit)
    for at in rng.integers(0, len(content) - 70_000, 25).tolist():
        length = int(rng.integers(1, 70_000))
        assert file.read_at(at, length) == content[at : at + length]
    file.close()
"""


@pytest.mark.parametrize("limit", [10**9, 3 * BLOCK_BYTES], ids=["one cache", "one that is emptied meanwhile"])
def test_several_processes_share_a_cache(server: RangeServer, tmp_path: Path, limit: int) -> None:
    words = [f"{server.url}/a.bin", str(tmp_path / "cache")]
    rest = [str(limit), str(tmp_path / "served" / "a.bin")]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _READER, *words, str(seed), *rest],
            cwd=Path(__file__).resolve().parents[2],
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(3)
    ]
    for process in running:
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told
    if limit > 10**6 * 100:
        assert len(server.requests) < 3 * 6 + 1  # no process fetches what another has kept
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_files_may_be_forgotten_while_others_are_kept_and_room_is_made(tmp_path: Path) -> None:
    """Every put looks for room here, so folders vanish under those who look and those who write."""
    facts = Facts(size=BLOCK_BYTES, etag="one", modified=None)

    def come_and_go(number: int) -> None:
        store = BlockStore(tmp_path, limit_bytes=BLOCK_BYTES)
        for turn in range(200):
            url = f"http://somewhere/{(number + turn) % 5}"
            store.put(url, facts, 0, bytes(BLOCK_BYTES))
            assert store.get(url, facts, 0) in (None, bytes(BLOCK_BYTES))
            store.forget(url)

    with ThreadPoolExecutor(6) as threads:
        for one in [threads.submit(come_and_go, number) for number in range(6)]:
            one.result()
    assert not list(tmp_path.rglob("*.part"))
