"""2bit files, on disk and at an address, against Biopython and against the FASTA of the same bases."""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from Bio.SeqIO.TwoBitIO import TwoBitIterator

from seq2exp.errors import RemoteError, SourceError
from seq2exp.genome import Interval
from seq2exp.sources import sequence
from seq2exp.sources.fasta import read_sequence as read_fasta
from seq2exp.sources.remote import Place, RemoteFile
from seq2exp.sources.twobit import read_twobit, twobit_sizes
from tests.remote_files import write_twobit
from tests.servers import Fault, RangeServer

PLACES = [(0, 1), (0, 11), (1, 6), (3, 4), (97, 103), (118, 161), (-7, 9), (295, 330), (-20, 400), (330, 340), (-9, -1)]


def _bases(seed: int, length: int) -> str:
    rng = np.random.default_rng(seed)
    letters = rng.choice(list("ACGTacgt"), length)
    letters[: length // 9] = "N"
    letters[length // 3 : length // 3 + 20] = "n"
    letters[-3:] = "N"
    return "".join(letters)


@pytest.fixture(params=[("<", 0), (">", 0), ("<", 1)], ids=["little", "big", "64 bit"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    order, version = request.param
    bases = {"chr1": _bases(1, 302), "chr2": "ACGTTGCA", "chrUn_x": _bases(2, 77), "empty": "", "chr3": "N" * 13}
    return write_twobit(tmp_path / "genome.2bit", bases, order=order, version=version), bases


def _expected(bases: str, start: int, end: int) -> str:
    return "".join(bases[at].upper() if 0 <= at < len(bases) else "N" for at in range(start, end))


def test_sizes_and_bases_are_what_was_written_and_what_biopython_reads(made: tuple[Path, dict[str, str]]) -> None:
    path, bases = made
    assert twobit_sizes(path) == {name: len(letters) for name, letters in bases.items()}
    assert twobit_sizes(path, ["1", "chrUn_x", "chr9"]) == {"chr1": 302, "chrUn_x": 77}
    for start, end in PLACES:
        assert read_twobit(path, Interval("1", start, end)) == _expected(bases["chr1"], start, end)
    for name, letters in bases.items():
        assert read_twobit(path, Interval(name, 0, len(letters) + 5)) == letters.upper() + "NNNNN"
    if path.read_bytes()[4] == path.read_bytes()[7] == 0:  # Biopython reads version 0 only
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for record in TwoBitIterator(file):
                assert (
                    read_twobit(path, Interval(record.id, 0, max(len(record), 1)))[: len(record)]
                    == str(record.seq).upper()
                ), record.id


def test_2bit_and_fasta_on_disk_and_on_a_server_give_the_same_bases(
    made: tuple[Path, dict[str, str]], write_fasta: Callable[..., Path], tmp_path: Path
) -> None:
    path, bases = made
    written = {name: letters for name, letters in bases.items() if letters}
    plain, packed = write_fasta(written), write_fasta(written, "genome.fa.gz")
    with RangeServer(tmp_path) as server:
        streamed = [
            RemoteFile(f"{server.url}/{name}", tmp_path / "cache") for name in (path.name, plain.name, packed.name)
        ]
        places: list[Place] = [path, plain, packed, *streamed]
        for name, letters in written.items():
            for start, end in [(0, len(letters)), (-3, 9), (7, len(letters) + 4)]:
                found = {sequence.read_sequence(place, Interval(name, start, end)) for place in places}
                assert found == {_expected(letters, start, end)}
        for place in places:
            sizes = sequence.sequence_sizes(place)
            assert {name: sizes[name] for name in written} == {name: len(letters) for name, letters in written.items()}
            assert sequence.sequence_sizes(place, ["2"]) == {"chr2": 8}
            with pytest.raises(SourceError, match="no chromosome chrQ; it has chr1"):
                sequence.read_sequence(place, Interval("chrQ", 0, 5))


@pytest.mark.real
def test_real_bases_survive_the_way_through_2bit(real_file: Callable[[str], Path], tmp_path: Path) -> None:
    fasta = real_file("genome.fa.gz")
    with gzip.open(fasta, "rt") as lines:
        name = lines.readline()[1:].split()[0]
    length = sequence.sequence_sizes(fasta)[name]
    start = min(1_800_000, length // 2)
    whole = read_fasta(fasta, Interval(name, start, start + 300_000))
    path = write_twobit(tmp_path / "part.2bit", {name: whole})
    with RangeServer(tmp_path) as server:
        streamed = RemoteFile(f"{server.url}/part.2bit", tmp_path / "cache")
        for place in (path, streamed):
            assert sequence.read_sequence(place, Interval(name, 50_001, 250_002)) == whole[50_001:250_002]


def test_what_is_no_2bit_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "genome.2bit"
    with pytest.raises(SourceError, match="no such 2bit file"):
        sequence.read_sequence(path, Interval("chr1", 0, 5))
    path.write_bytes(b">chr1\nACGTACGTACGT\n")
    with pytest.raises(SourceError, match="not a 2bit file: it starts with b'>chr'"):
        sequence.read_sequence(path, Interval("chr1", 0, 5))
    write_twobit(path, {"chr1": "ACGT" * 50, "chr2": "ACGT" * 50})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SourceError, match="truncated: chr2 reaches past"):
        sequence.read_sequence(path, Interval("chr2", 0, 5))
    assert sequence.read_sequence(path, Interval("chr1", 0, 5)) == "ACGTA"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(SourceError, match="truncated: its index of 2 sequences ends after 0"):
        twobit_sizes(path)


def test_a_server_that_sends_another_file_is_asked_again_later(tmp_path: Path) -> None:
    write_twobit(tmp_path / "genome.2bit", {"chr1": "ACGT" * 50})
    with RangeServer(tmp_path) as server:
        server.faults["genome.2bit"] = Fault(wrong_bytes=True)
        place = RemoteFile(f"{server.url}/genome.2bit", tmp_path / "cache")
        with pytest.raises(RemoteError, match="not a 2bit file"):
            read_twobit(place, Interval("chr1", 0, 5))
        del server.faults["genome.2bit"]
        assert read_twobit(place, Interval("chr1", 0, 5)) == "ACGTA"


def test_one_window_of_a_large_2bit_moves_three_blocks(tmp_path: Path) -> None:
    bases = "".join(np.random.default_rng(0).choice(list("ACGT"), 3_000_000))
    write_twobit(tmp_path / "genome.2bit", {"chr0": "A" * 900_000, "chr1": bases})
    with RangeServer(tmp_path) as server:
        place = RemoteFile(f"{server.url}/genome.2bit", tmp_path / "cache")
        assert read_twobit(place, Interval("chr1", 1_500_001, 1_700_001)) == bases[1_500_001:1_700_001]
        assert place.traffic.moved_bytes <= 4 * 2**16
        assert place.traffic.requests == 3  # index, record, bases
