"""Writers of FASTA and bigWig, one chromosome at a time: bgzip with its indices, signals in steps or single bases."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyBigWig
from Bio import bgzf
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.synthetic.presets import STEP_BP

_LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)
_LINE_BP = 60


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
