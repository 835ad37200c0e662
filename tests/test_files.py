from __future__ import annotations

import gzip
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from seq2exp import files
from seq2exp.errors import SettingsError
from seq2exp.files import remove_partials, whole_file, whole_folder, whole_text, writable, write_whole


@contextmanager
def _through_file(path: Path, content: str) -> Iterator[None]:
    with whole_file(path) as partial, partial.open("w", encoding="utf-8") as out:
        out.write(content)
        out.flush()
        yield


@contextmanager
def _through_text(path: Path, content: str) -> Iterator[None]:
    with whole_text(path) as out:
        out.write(content)
        yield


WAYS = pytest.mark.parametrize("way", [_through_file, _through_text])


@WAYS
def test_a_file_appears_whole_in_place_of_the_old_one(
    tmp_path: Path, way: Callable[[Path, str], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "a.tsv"
    for before, content in ((None, "first\n"), ("first\n", "zweite, größer\n")):
        with way(path, content):
            assert (path.read_text(encoding="utf-8") if path.exists() else None) == before
            (partial,) = (found for found in tmp_path.iterdir() if found != path)
            assert partial.name.startswith(".a.tsv.")
            assert partial.suffix == ".partial"
        assert path.read_bytes() == content.encode()
        assert list(tmp_path.iterdir()) == [path]


@WAYS
@pytest.mark.parametrize("error", [ValueError("bad row"), OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, way: Callable[[Path, str], AbstractContextManager[None]], error: BaseException
) -> None:
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(b"old")
    with pytest.raises(type(error)) as raised, way(path, "half"):
        raise error
    assert raised.value is error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_the_disk_refuses_at_the_end_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bin"
    write_whole(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, memoryview(b"new"))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


_KILLED = """
import os, signal, sys
from pathlib import Path
from seq2exp import files
path = Path(sys.argv[2])
with getattr(files, sys.argv[1])(path) as part:
    if sys.argv[1] == "whole_text":
        part.write("half")
        part.flush()
    else:
        (part / "half" if part.is_dir() else part).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(way: str, path: Path) -> None:
    """A process that is killed in the middle of writing ``path``."""
    ended = subprocess.run([sys.executable, "-c", _KILLED, way, str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize("way", ["whole_file", "whole_text"])
def test_a_kill_leaves_the_old_file_and_what_can_be_removed(tmp_path: Path, way: str) -> None:
    path, others = tmp_path / "[1].tsv", [tmp_path / ".b.tsv.0.partial", tmp_path / ".checkpoint.partial"]
    write_whole(path, b"old")
    others[0].write_text("of another")
    others[1].mkdir()
    killed(way, path)
    assert path.read_bytes() == b"old"
    (partial,) = set(tmp_path.iterdir()) - {path, *others}
    assert partial.read_text() == "half"
    remove_partials(tmp_path, "[1].")
    assert set(tmp_path.iterdir()) == {path, *others}
    remove_partials(tmp_path)
    assert set(tmp_path.iterdir()) == {path, others[1]}


def test_two_writers_of_one_path_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with whole_text(path) as first, whole_text(path) as second:
        second.write("second " * 3)
        first.write("first")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_equal_content_gives_equal_bytes_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, now in (("a", 1e9), ("b", 1.5e9)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        with whole_text(tmp_path / name / "x.tsv.gz") as out:
            out.writelines(f"{number}\tÄ\n" for number in range(1000))
    packed = (tmp_path / "a" / "x.tsv.gz").read_bytes()
    assert packed == (tmp_path / "b" / "x.tsv.gz").read_bytes()
    assert gzip.decompress(packed).decode() == "".join(f"{number}\tÄ\n" for number in range(1000))


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_file_may_be_read_by_whom_the_umask_lets(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "a", b"")
        with whole_text(tmp_path / "b"):
            pass
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {mode}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    path = tmp_path / "file" / "a.tsv"
    for way in (whole_file, whole_text, whole_folder):
        with pytest.raises(SettingsError) as raised, writable(path), way(path):  # type: ignore[operator]
            pytest.fail("nothing can be written here")
        assert isinstance(raised.value.__cause__, OSError)
        assert str(raised.value).startswith(f"{path}: cannot be written: ")
        assert str(raised.value).endswith("; free the disk or give another folder")
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "absent" / "a", b"")
    if os.geteuid() != 0:  # root may write anywhere
        (tmp_path / "closed").mkdir(mode=0o555)
        with pytest.raises(PermissionError):
            write_whole(tmp_path / "closed" / "a", b"")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(("number", "refused"), [(22, False), (5, True)])
def test_a_disk_that_cannot_sync_folders_is_no_failure_and_a_broken_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, *, refused: bool
) -> None:
    fsync = os.fsync

    def folders_fail(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, "said the disk")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", folders_fail)
    if refused:
        with pytest.raises(OSError, match="said the disk"):
            write_whole(tmp_path / "a", b"whole")
    else:
        write_whole(tmp_path / "a", b"whole")
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "new" / "[data]"
    with pytest.raises(FileNotFoundError), whole_folder(out) as partial:
        write_whole(partial / "absent" / "a", b"")
    assert list(out.parent.iterdir()) == []
    killed("whole_folder", out)
    (left,) = out.parent.iterdir()
    assert left.name.startswith(".[data].partial-")
    with whole_folder(out) as partial:
        (partial / "a").write_text("whole")
        assert list(out.parent.iterdir()) == [partial]  # the dead one's is gone
    assert list(out.parent.iterdir()) == [out]
    assert (out / "a").read_text() == "whole"
    assert stat.S_IMODE(out.stat().st_mode) == 0o755
    with pytest.raises(OSError, match="not empty"), whole_folder(out):
        pass
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("locks", [True, False])
def test_a_living_folder_is_left_alone_with_and_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, locks: bool
) -> None:
    if not locks:

        def none(*_: int) -> None:
            raise OSError(95, "Operation not supported")

        monkeypatch.setattr(files.fcntl, "flock", none)
    out = tmp_path / "data"
    with whole_folder(out) as first:
        (first / "a").write_text("first")
        with pytest.raises(KeyboardInterrupt), whole_folder(out):
            raise KeyboardInterrupt
        assert list(tmp_path.iterdir()) == [first]
    assert (out / "a").read_text() == "first"
