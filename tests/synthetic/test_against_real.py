"""Ranges and correlations of the simulated tracks, beside those of real windows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from seq2exp.genome import Interval
from seq2exp.sources.bigwig import read_signal
from seq2exp.sources.fasta import read_sequence
from seq2exp.synthetic.expression import NOISE_SD, draw_cage, label
from seq2exp.synthetic.presets import CELLS, Cell, scale_of
from seq2exp.synthetic.tracks import draw_dnase, draw_h3k27ac
from seq2exp.synthetic.world import World, make_world

_BINS = 6
"""20-bp steps averaged before lines or tracks are correlated: about the 128 bp of the models' own bins."""


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [make_world(scale_of("demo"), chrom, 7, noise_sd=NOISE_SD) for chrom in ("chr21", "chr22", "chrX")]


def dnase_of(worlds: list[World], cell: Cell) -> NDArray[np.float64]:
    """DNase outside the blacklist, in 20-bp steps."""
    kept = []
    for world in worlds:
        values = draw_dnase(world, cell, np.random.default_rng(CELLS.index(cell)))
        for region in world.blacklist:
            values[region.start // 20 : -(-region.end // 20)] = np.nan
        kept.append(values)
    return np.concatenate(kept).astype(np.float64)


def real_windows(real_dir: Path) -> list[tuple[Interval, Interval]]:
    """Each real window's stretch with sequence, and its central part with signal."""
    rows = pd.read_csv(real_dir / "windows.bed", sep="\t", header=None)
    return [(Interval(r[0], int(r[1]), int(r[2])), Interval(r[0], int(r[6]), int(r[7]))) for r in rows.to_numpy()]


def log_correlation(one: NDArray[np.float64], other: NDArray[np.float64], step: int) -> float:
    """Pearson of the logarithms of means over ``step`` values, where both are known."""
    n = len(one) // step * step
    pair = [np.log10(0.05 + values[:n].reshape(-1, step).mean(axis=1)) for values in (one, other)]
    known = np.isfinite(pair[0]) & np.isfinite(pair[1])
    return float(np.corrcoef(pair[0][known], pair[1][known])[0, 1])


@pytest.mark.real
@pytest.mark.parametrize("cell", CELLS)
def test_dnase_lies_in_the_range_of_real_windows(
    worlds: list[World], cell: Cell, real_dir: Path, real_file: Callable[[str], Path]
) -> None:
    ours = dnase_of(worlds, cell)
    for name in ("dnase_GM12865.bw", "dnase_HepG2.bw"):
        real = np.concatenate([read_signal(real_file(name), signal) for _, signal in real_windows(real_dir)])
        # Windows of 8 kb are richer in sites than the genome, so backgrounds and summits are compared, not means.
        assert np.nanmedian(real) / 5 < np.nanmedian(ours) < 5 * np.nanmedian(real)
        assert np.nanmax(real) / 4 < np.nanmax(ours) < 4 * np.nanmax(real)


@pytest.mark.real
def test_lines_share_their_sites_as_real_ones_do(
    worlds: list[World], real_dir: Path, real_file: Callable[[str], Path]
) -> None:
    names = ("dnase_GM12865.bw", "dnase_HepG2.bw")
    one, other = (
        np.concatenate([read_signal(real_file(name), signal) for _, signal in real_windows(real_dir)]) for name in names
    )
    theirs = log_correlation(one.astype(np.float64), other.astype(np.float64), 20 * _BINS)
    ours = log_correlation(dnase_of(worlds, "SynK"), dnase_of(worlds, "SynG"), _BINS)
    assert abs(ours - theirs) < 0.15


def test_tracks_of_a_line_are_correlated_but_not_copies(worlds: list[World]) -> None:
    for cell in CELLS:
        h3k27ac = np.concatenate([draw_h3k27ac(world, cell, np.random.default_rng(5)) for world in worlds])
        assert 0.3 < log_correlation(dnase_of(worlds, cell), h3k27ac.astype(np.float64), _BINS) < 0.8


@pytest.mark.real
def test_bases_are_composed_as_real_windows_are(worlds: list[World], real_dir: Path) -> None:
    def composition(sequence: str) -> tuple[float, float]:
        n = len(sequence) - sequence.count("N")
        c, g = sequence.count("C") / n, sequence.count("G") / n
        return c + g, sequence.count("CG") / n / (c * g)

    ours = composition("".join("ACGTN"[code] for world in worlds for code in world.codes))
    sequences = [read_sequence(real_dir / "genome.fa.gz", whole) for whole, _ in real_windows(real_dir)]
    theirs = composition("".join(sequences).upper())
    assert ours == pytest.approx(theirs, abs=0.12)


@pytest.mark.real
def test_labels_span_what_real_promoters_do(worlds: list[World], real_file: Callable[[str], Path]) -> None:
    table = pd.read_csv(real_file("gene_signal.tsv"), sep="\t")
    sums = [name for name in table.columns if name.startswith("cage_") and name.endswith("sum384")]
    real = np.log10(1 + table[sums].to_numpy().ravel())
    for cell in CELLS:
        ours = []
        for world in worlds:
            tags = draw_cage(world, cell, np.random.default_rng(3))
            ours += [np.log10(1 + label(tags, item)) for item in world.genes]
        assert np.nanmax(real) - 1 < max(ours) < np.nanmax(real) + 0.5
        # Every synthetic promoter is a promoter; of the real ones half are silent in any one sample.
        assert np.nanpercentile(real, 50) < np.median(ours) < np.nanpercentile(real, 95)
