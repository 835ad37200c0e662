"""Bases of an interval from a FASTA at an address, plain or bgzip, by the indices that lie beside it there."""

from __future__ import annotations

import bisect
import functools
import struct
import zlib

from seq2exp.errors import RemoteError, SourceError
from seq2exp.genome import Interval, match_chromosome
from seq2exp.sources.fasta import Contig, as_acgtn, is_compressed, parse_fai
from seq2exp.sources.remote import RemoteFile


def remote_fasta_sizes(place: RemoteFile) -> dict[str, int]:
    """Length in bp of every sequence, in file order, from the .fai beside it.

    Raises
    ------
    RemoteError
        FASTA or index cannot be had, or is something else.
    """
    return {name: contig.length for name, contig in _contigs(place).items()}


def read_remote_fasta(place: RemoteFile, interval: Interval) -> str:
    """`fasta.read_sequence` of a FASTA at an address. Raises RemoteError, and SourceError for a chromosome it lacks."""
    contigs = _contigs(place)
    name = match_chromosome(interval.chrom, contigs)
    if name is None:
        raise SourceError(f"{place}: no chromosome {interval.chrom}; it has {', '.join(list(contigs)[:30])}")
    contig = contigs[name]
    start, end = max(interval.start, 0), min(interval.end, contig.length)
    if start >= end:
        return "N" * interval.width
    first, stop = contig.byte_of(start), contig.byte_of(end - 1) + 1
    text = _unpacked(place, first, stop) if is_compressed(place.name) else place.read_at(first, stop - first)
    bases = text.translate(None, b"\r\n")
    if len(bases) != end - start or b">" in bases or b" " in bases:
        place.forget()
        _beside(place, ".fai").forget()
        raise RemoteError(f"{place}: {name} does not lie where the index beside it says; one of them is another file")
    return "N" * (start - interval.start) + as_acgtn(bases) + "N" * (interval.end - end)


def _contigs(place: RemoteFile) -> dict[str, Contig]:
    index = _beside(place, ".fai")
    try:
        return _parsed_fai(index, index.generation)
    except RemoteError:
        raise
    except SourceError as error:
        index.forget()
        raise RemoteError(str(error)) from error


@functools.lru_cache(maxsize=16)
def _parsed_fai(index: RemoteFile, generation: int) -> dict[str, Contig]:
    return parse_fai(str(index), index.read_at(0, index.size).decode("utf-8", errors="replace"))


@functools.lru_cache(maxsize=16)
def _beside(place: RemoteFile, suffix: str) -> RemoteFile:
    return place.beside(suffix)


def _unpacked(place: RemoteFile, first: int, stop: int) -> bytes:
    """Bytes ``first`` to ``stop - 1`` of what the bgzip file holds."""
    index = _beside(place, ".gzi")
    packed_starts, starts = _parsed_gzi(index, index.generation)
    at, last = bisect.bisect_right(starts, first) - 1, bisect.bisect_left(starts, stop)
    begin = packed_starts[at]
    end = packed_starts[last] if last < len(packed_starts) else place.size
    packed = place.read_at(begin, end - begin)
    text = bytearray()
    while packed and len(text) < stop - starts[at]:
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            text += member.decompress(packed)
        except zlib.error as error:
            place.forget()
            raise RemoteError(f"{place}: no bgzip where the index beside it says ({error})") from error
        packed = member.unused_data
    return bytes(text[first - starts[at] : stop - starts[at]])


@functools.lru_cache(maxsize=16)
def _parsed_gzi(index: RemoteFile, generation: int) -> tuple[list[int], list[int]]:
    """Where each block starts in the packed and in the unpacked file; the first is not listed, it is at 0."""
    content = index.read_at(0, index.size)
    count = struct.unpack("<Q", content[:8])[0] if len(content) >= 8 else -1
    if len(content) != 8 + 16 * count:
        index.forget()
        raise RemoteError(f"{index}: truncated or not a bgzip index")
    numbers = struct.unpack(f"<{2 * count}Q", content[8:])
    return [0, *numbers[::2]], [0, *numbers[1::2]]
