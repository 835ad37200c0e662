"""DNase reads: alignments sampled from a DNase profile, written as BAM one chromosome at a time."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from Bio import bgzf
from numpy.typing import NDArray

from seq2exp.synthetic.presets import STEP_BP

READ_BP = 36
"""Read length of the ENCODE DNase libraries that the published tracks come from."""
_MILLION_READS = 20.0
"""Depth, in the unit of the track: cuts per million reads per 150 bp."""
_WINDOW_BP = 150
_BASES = np.array([1, 2, 4, 8, 15], dtype=np.uint8)
"""BAM's four-bit codes of A, C, G, T, N (SAM specification 4.2.3)."""
_REVERSE = 16
_RECORD = np.dtype(
    [
        *(("block_size", "<i4"), ("ref", "<i4"), ("pos", "<i4"), ("l_name", "u1"), ("mapq", "u1"), ("bin", "<u2")),
        *(("n_cigar", "<u2"), ("flag", "<u2"), ("l_seq", "<i4"), ("next_ref", "<i4"), ("next_pos", "<i4")),
        *(
            ("tlen", "<i4"),
            ("name", "S11"),
            ("cigar", "<u4"),
            ("seq", "u1", (READ_BP // 2,)),
            ("qual", "u1", (READ_BP,)),
        ),
    ]
)
"""One alignment: every read has the same length, and a name of ten characters and an end mark."""


def _bins(starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) smallest index bin that holds each read (SAM specification 5.3)."""
    last = starts + READ_BP - 1
    bins = np.zeros(len(starts), dtype=np.int64)
    for shift in (26, 23, 20, 17, 14):  # smaller and smaller bins
        offset = ((1 << (29 - shift)) - 1) // 7
        inside = starts >> shift == last >> shift
        bins[inside] = offset + (starts[inside] >> shift)
    return bins


class BamWriter:
    """Writes a coordinate-sorted BAM in the order of ``sizes``."""

    def __init__(self, path: Path, sizes: Mapping[str, int]) -> None:
        self._numbers = {chrom: number for number, chrom in enumerate(sizes)}
        self._n_reads = 0
        self._out = bgzf.BgzfWriter(str(path), "wb")  # type: ignore[no-untyped-call]
        text = "@HD\tVN:1.6\tSO:coordinate\n" + "".join(f"@SQ\tSN:{c}\tLN:{size}\n" for c, size in sizes.items())
        header = b"BAM\1" + struct.pack("<i", len(text)) + text.encode() + struct.pack("<i", len(sizes))
        for chrom, size in sizes.items():
            header += struct.pack("<i", len(chrom) + 1) + chrom.encode() + b"\0" + struct.pack("<i", size)
        self._out.write(header)  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._out.close()  # type: ignore[no-untyped-call]

    def add(self, chrom: str, dnase: NDArray[np.float32], codes: NDArray[np.uint8], rng: np.random.Generator) -> None:
        """Reads of the next chromosome: each begins at a cut and goes either way.

        Parameters
        ----------
        chrom
            Its name.
        dnase
            (n_steps,) the track; none are drawn where the sequence is N.
        codes
            (length,) codes A0 C1 G2 T3 N4.
        rng
            Draws numbers, places and strands.
        """
        per_step = rng.poisson(np.maximum(dnase, 0).astype(np.float64) * _MILLION_READS * STEP_BP / _WINDOW_BP)
        cuts = np.repeat(np.arange(len(dnase)) * STEP_BP, per_step) + rng.integers(0, STEP_BP, size=per_step.sum())
        reverse = rng.random(len(cuts)) < 0.5
        starts = np.where(reverse, cuts - READ_BP + 1, cuts)
        inside = (starts >= 0) & (starts + READ_BP <= len(codes))
        starts, reverse = starts[inside], reverse[inside]
        order = np.argsort(starts, kind="stable")
        starts, reverse = starts[order], reverse[order]
        bases = codes[starts[:, None] + np.arange(READ_BP)]  # (n_reads, READ_BP)
        known = (bases < 4).all(axis=1)
        starts, reverse, bases = starts[known], reverse[known], _BASES[bases[known]]
        records = np.zeros(len(starts), dtype=_RECORD)
        records["block_size"] = _RECORD.itemsize - 4
        records["ref"], records["pos"], records["bin"] = self._numbers[chrom], starts, _bins(starts)
        records["l_name"], records["mapq"], records["n_cigar"], records["l_seq"] = 11, 60, 1, READ_BP
        records["flag"] = np.where(reverse, _REVERSE, 0)
        records["next_ref"] = records["next_pos"] = -1
        records["name"] = [f"{number:010d}" for number in range(self._n_reads, self._n_reads + len(starts))]
        records["cigar"] = READ_BP << 4  # all match
        records["seq"] = bases[:, ::2] << 4 | bases[:, 1::2]
        records["qual"] = 0xFF  # not stated
        self._n_reads += len(starts)
        self._out.write(records.tobytes())  # type: ignore[no-untyped-call]
