"""Bases of the reference, whatever it is kept in: 2bit or FASTA, on disk or at an address."""

from __future__ import annotations

from collections.abc import Iterable

from seq2exp.genome import Interval, match_chromosome
from seq2exp.sources.fasta import fasta_sizes
from seq2exp.sources.fasta import read_sequence as read_fasta
from seq2exp.sources.remote import Place, RemoteFile
from seq2exp.sources.remote_fasta import read_remote_fasta, remote_fasta_sizes
from seq2exp.sources.twobit import is_twobit, read_twobit, twobit_sizes


def sequence_sizes(place: Place, names: Iterable[str] | None = None) -> dict[str, int]:
    """Length in bp of every sequence, or of those of `names` that are there, in file order.

    Raises
    ------
    SourceError
        Absent, foreign or truncated file; a FASTA without its index.
    """
    if is_twobit(place):
        return twobit_sizes(place, names)
    sizes = remote_fasta_sizes(place) if isinstance(place, RemoteFile) else fasta_sizes(place)
    if names is None:
        return sizes
    wanted = {match_chromosome(name, sizes) for name in names}
    return {name: size for name, size in sizes.items() if name in wanted}


def read_sequence(place: Place, interval: Interval) -> str:
    """Bases of `interval` on the forward strand: ``interval.width`` letters of A, C, G, T, N; N past the ends.

    Raises
    ------
    SourceError
        Absent, foreign or truncated file; a FASTA without its index; a chromosome it lacks.
    """
    if is_twobit(place):
        return read_twobit(place, interval)
    return read_remote_fasta(place, interval) if isinstance(place, RemoteFile) else read_fasta(place, interval)
