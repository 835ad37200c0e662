"""Writers of binary formats, one chromosome at a time: bgzip FASTA with indices, bigWig, multi-resolution cooler."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py  # type: ignore[import-untyped]
import hictkpy
import numpy as np
import pyBigWig
from Bio import bgzf
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.synthetic.contacts import ContactPixels
from seq2exp.synthetic.presets import STEP_BP

_LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)
_LINE_BP = 60
_FIXED_TIME = 1_577_836_800
"""2020-01-01T00:00:00 UTC, the one moment at which every cooler file is said to be made."""


class FastaWriter:
    """Writes ``path`` (bgzip) chromosome by chromosome, then ``path.fai`` and ``path.gzi`` when it is closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._index: list[str] = []
        self._offset = 0
        self._out = bgzf.BgzfWriter(str(path), "wb")  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._out.close()  # type: ignore[no-untyped-call]
        if kind is None:
            self._write_indices()

    def add(self, chrom: str, codes: NDArray[np.uint8]) -> None:
        """The next chromosome: (length,) codes A0 C1 G2 T3 N4."""
        header = f">{chrom}\n".encode()
        n_lines, rest = divmod(len(codes), _LINE_BP)
        lines = np.full((n_lines, _LINE_BP + 1), ord("\n"), dtype=np.uint8)
        lines[:, :-1] = _LETTERS[codes[: n_lines * _LINE_BP]].reshape(n_lines, _LINE_BP)
        body = lines.tobytes()
        if rest:
            body += _LETTERS[codes[-rest:]].tobytes() + b"\n"
        self._out.write(header + body)  # type: ignore[no-untyped-call]
        self._index.append(f"{chrom}\t{len(codes)}\t{self._offset + len(header)}\t{_LINE_BP}\t{_LINE_BP + 1}\n")
        self._offset += len(header) + len(body)

    def _write_indices(self) -> None:
        path = self._path
        path.with_name(path.name + ".fai").write_text("".join(self._index), encoding="ascii")
        with path.open("rb") as packed:
            # The index lists every block but the first; the empty block at the end of the file is none.
            found = bgzf.BgzfBlocks(packed)  # type: ignore[no-untyped-call]
            blocks = [(start, data) for start, _, data, length in found if length and data]
        entries = b"".join(struct.pack("<QQ", *block) for block in blocks)
        path.with_name(path.name + ".gzi").write_bytes(struct.pack("<Q", len(blocks)) + entries)


class BigWigWriter:
    """Writes a bigWig chromosome by chromosome, and reads its header back when it is closed."""

    def __init__(self, path: Path, sizes: Mapping[str, int]) -> None:
        self._path, self._sizes, self._covered = path, sizes, 0
        self._out = pyBigWig.open(str(path), "w")
        self._out.addHeader(list(sizes.items()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._out.close()
        if kind is None:
            self._check()

    def add_steps(self, chrom: str, values: NDArray[np.float32], codes: NDArray[np.uint8]) -> None:
        """(n_steps,) values in 20-bp steps; steps that hold an N are left out: nothing can be measured there."""
        starts = np.arange(len(values), dtype=np.int64) * STEP_BP
        whole = len(codes) // STEP_BP
        known = np.add.reduceat(codes > 3, starts) == 0
        edges = np.flatnonzero(np.diff(np.concatenate([[False], known[:whole], [False]])))
        for first, last in edges.reshape(-1, 2).tolist():
            self._out.addEntries(chrom, first * STEP_BP, values=values[first:last], span=STEP_BP, step=STEP_BP)
            self._covered += (last - first) * STEP_BP
        if whole < len(values) and known[whole]:  # the chromosome's end splits a step
            self._out.addEntries([chrom], [whole * STEP_BP], ends=[len(codes)], values=[float(values[whole])])
            self._covered += len(codes) - whole * STEP_BP

    def add_bases(self, chrom: str, positions: NDArray[np.int64], values: NDArray[np.float32]) -> None:
        """One value per base of ``positions`` (0-based, sorted); other bases are left out."""
        if len(positions):
            ends = (positions + 1).tolist()
            self._out.addEntries([chrom] * len(ends), positions.tolist(), ends=ends, values=values.tolist())
            self._covered += len(ends)

    def _check(self) -> None:
        """A full disk goes unsaid by pyBigWig: its own reader then finds no file, or one that is too short."""
        try:
            with pyBigWig.open(str(self._path)) as written:
                found = int(written.header()["nBasesCovered"])
                whole = dict(written.chroms()) == dict(self._sizes) and found == self._covered
        except RuntimeError:
            whole = False
        if not whole:
            raise SourceError(f"{self._path}: could not be written whole; is the disk full?")


class ContactWriter:
    """Writes a multi-resolution cooler of one resolution, chromosome by chromosome in the order of ``sizes``."""

    def __init__(self, path: Path, sizes: Mapping[str, int], bin_bp: int, assembly: str) -> None:
        self._path, self._bin_bp, self._sizes = path, bin_bp, sizes
        self._first_bin = 0
        self._single = path.with_suffix(".cool")
        self._begun = int(time.time())
        self._out = hictkpy.cooler.FileWriter(
            self._single, dict(sizes), bin_bp, assembly=assembly, tmpdir=self._path.parent
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is None:
            self._out.finalize()
        del self._out  # closes the file
        if kind is None:
            self._to_mcool()

    def add(self, chrom: str, pixels: ContactPixels) -> None:
        """The next chromosome's pixels."""
        columns = {
            "bin1_id": pixels.bin1 + self._first_bin,
            "bin2_id": pixels.bin2 + self._first_bin,
            "count": pixels.count,
        }
        self._out.add_pixels_from_dict({name: values.tolist() for name, values in columns.items()}, sorted=True)
        self._first_bin += -(-self._sizes[chrom] // self._bin_bp)

    def _to_mcool(self) -> None:
        """The cooler under ``/resolutions/<bp>``, its times fixed.

        hictk and HDF5 write the moment of writing into an attribute and into object headers; both are set to one
        fixed moment, so that the same contacts are the same bytes.
        """
        with h5py.File(self._single, "r") as single, h5py.File(self._path, "w") as several:
            several.attrs.update({"format": "HDF5::MCOOL", "format-version": np.int64(2), "bin-type": "fixed"})
            single.copy(single["/"], several.create_group("resolutions"), name=str(self._bin_bp))
        self._single.unlink()
        self._path.write_bytes(_without_times(self._path.read_bytes(), self._begun, int(time.time())))


def _without_times(content: bytes, first: int, last: int) -> bytes:
    """HDF5 bytes with every modification time between ``first`` and ``last`` (Unix seconds) set to a fixed one.

    A modification-time message is type 0x0012, size 8, three reserved bytes, version 1, three more, seconds
    (HDF5 file format specification, IV.A.2.s). The files have no checksums that cover it.
    """

    def fixed(match: re.Match[bytes]) -> bytes:
        seconds = int.from_bytes(match[2], "little")
        return match[1] + struct.pack("<I", _FIXED_TIME) if first - 1 <= seconds <= last + 1 else match[0]

    content = re.sub(rb"(\x12\x00\x08\x00.\x00\x00\x00\x01\x00\x00\x00)(.{4})", fixed, content, flags=re.DOTALL)
    # Whatever the time zone it was written in; the length stays, so no offset in the file moves.
    return re.sub(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d", b"2020-01-01T00:00:00", content)
