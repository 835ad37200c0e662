"""Tiny files of every format, written where a test wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import hictkpy
import pandas as pd
import pyBigWig
import pytest
from Bio import bgzf

from seq2exp.sources.fasta import index_fasta

Steps = Mapping[str, Sequence[tuple[int, int, float]]]


@pytest.fixture
def write_fasta(tmp_path: Path) -> Callable[..., Path]:
    """Write sequences, 10 bases a line, with their index; bgzip if the name ends with .gz."""

    def write(sequences: Mapping[str, str], name: str = "genome.fa") -> Path:
        path = tmp_path / name
        lines = "".join(
            f">{chrom} made for a test\n" + "".join(f"{bases[at : at + 10]}\n" for at in range(0, len(bases), 10))
            for chrom, bases in sequences.items()
        )
        if path.suffix == ".gz":
            with bgzf.BgzfWriter(str(path), "wb") as file:
                file.write(lines.encode())
        else:
            path.write_text(lines)
        index_fasta(path)
        return path

    return write


@pytest.fixture
def write_bigwig(tmp_path: Path) -> Callable[..., Path]:
    """Write (start, end, value) steps per chromosome."""

    def write(sizes: Mapping[str, int], steps: Steps, name: str = "signal.bw") -> Path:
        path = tmp_path / name
        file = pyBigWig.open(str(path), "w")
        file.addHeader(list(sizes.items()))
        for chrom, values in steps.items():
            starts, ends, heights = zip(*values, strict=True)
            file.addEntries([chrom] * len(values), list(starts), ends=list(ends), values=[float(h) for h in heights])
        file.close()
        return path

    return write


@pytest.fixture
def write_cool(tmp_path: Path) -> Callable[..., Path]:
    """Write (bin1, bin2, count) pixels, bins counted over the whole genome."""

    def write(
        sizes: Mapping[str, int],
        pixels: Sequence[tuple[int, int, float]],
        resolution_bp: int = 100,
        name: str = "map.cool",
    ) -> Path:
        path = tmp_path / name
        first, second, counts = zip(*pixels, strict=True)
        writer = hictkpy.cooler.FileWriter(path, dict(sizes), resolution_bp, tmpdir=tmp_path)
        values = [float(count) for count in counts]
        writer.add_pixels(pd.DataFrame({"bin1_id": first, "bin2_id": second, "count": values}))
        writer.finalize()
        return path

    return write
