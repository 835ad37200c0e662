"""Every real gene in every cell type: the window against reads made here, without the package's readers."""

from __future__ import annotations

import csv
import dataclasses
import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyBigWig
import pyfaidx
import pytest

from seq2exp.genome import Interval
from seq2exp.settings import RNA_FEATURES
from seq2exp.sources.bigwig import read_signal
from seq2exp.sources.dataset import Dataset
from seq2exp.window.assemble import Window, build_window, window_settings
from seq2exp.window.contacts import NASSER_2021
from seq2exp.window.encoding import UNKNOWN
from tests.real.manifest_writer import cell_types, read_rows

pytestmark = pytest.mark.real

PUBLISHED, SMALL = 200_000, 8_192
HALF_384 = 192


DirectBases = Callable[[str, int, int], str]


@pytest.fixture(scope="session")
def direct_bases(real_dir: Path) -> Iterator[DirectBases]:
    """Bases of start .. end by pyfaidx alone, N past the ends; the index is read once."""
    path = next(path for path in (real_dir / "genome.fa.gz", real_dir / "genome.fa") if path.is_file())
    with pyfaidx.Fasta(str(path), rebuild=False) as fasta:

        def _direct_bases(chrom: str, start: int, end: int) -> str:
            length = len(fasta[chrom])
            inside = str(fasta[chrom][max(0, start) : min(end, length)]).upper()
            return "N" * max(0, -start) + inside + "N" * max(0, end - length)

        yield _direct_bases


def direct_signal(path: Path, chrom: str, start: int, end: int) -> np.ndarray:
    values = np.full(end - start, np.nan, dtype=np.float32)
    with pyBigWig.open(str(path)) as bigwig:
        for first, last, value in bigwig.intervals(chrom, max(0, start), min(end, bigwig.chroms(chrom))) or ():
            values[max(0, first - start) : last - start] = value
    return values


def track_file(real_dir: Path, role: str, cell: str) -> Path | None:
    names = (f"{role}_{cell}{suffix}.bw" for suffix in ("", "_elements"))
    return next((real_dir / name for name in names if (real_dir / name).is_file()), None)


def covered_bases(real_dir: Path, chrom: str, start: int, end: int, columns: tuple[int, int]) -> np.ndarray:
    """Bases of start .. end inside the stretches that two columns of windows.bed give."""
    inside = np.zeros(end - start, dtype=bool)
    for line in (real_dir / "windows.bed").read_text().splitlines():
        fields = line.split("\t")
        if fields[0] == chrom:
            first, last = int(fields[columns[0]]), int(fields[columns[1]])
            inside[max(0, first - start) : max(0, last - start)] = True
    return inside


def made(dataset: Dataset, row: dict[str, str], cell: str, width: int) -> Window:
    settings = dataclasses.replace(window_settings(dataset), width_bp=width)
    return build_window(dataset, dataset.genes.get(row["ensembl_id"]), cell, settings)


@pytest.fixture(scope="session")
def small_window(real_dataset: Dataset) -> Callable[[dict[str, str], str], Window]:
    """The small window of a gene and cell type, made once for all tests."""
    kept: dict[tuple[str, str], Window] = {}

    def _small_window(row: dict[str, str], cell: str) -> Window:
        key = (row["ensembl_id"], cell)
        if key not in kept:
            kept[key] = made(real_dataset, row, cell, SMALL)
        return kept[key]

    return _small_window


def share_of(window: Window, name: str) -> float:
    return next((entry.share for entry in window.missing if entry.name == name), 0.0)


def equals_direct_reads(
    real_dir: Path, direct_bases: DirectBases, window: Window, row: dict[str, str], cell: str, width: int
) -> None:
    chrom, tss = row["chrom"], int(row["tss"])
    start, end = tss - width // 2, tss + width // 2
    assert window.interval == Interval(chrom, start, end)
    assert (window.gene.symbol, window.gene.strand) == (row["symbol"], row["strand"])

    bases = direct_bases(chrom, start, end)
    assert window.sequence == bases
    assert window.sequence[width // 2] == direct_bases(chrom, tss, tss + 1)
    np.testing.assert_array_equal(window.one_hot[:, 2] == 1, np.frombuffer(bases.encode(), np.uint8) == ord("G"))
    assert share_of(window, "sequence") == pytest.approx(bases.count("N") / width)

    for channel, role in ((0, "h3k27ac"), (1, "dnase")):
        path = track_file(real_dir, role, cell)
        values = np.full(width, np.nan, np.float32) if path is None else direct_signal(path, chrom, start, end)
        np.testing.assert_array_equal(window.measured[role], values)
        np.testing.assert_array_equal(window.signals[:, channel], np.nan_to_num(values, nan=0.0))
        assert share_of(window, role) == pytest.approx(np.isnan(values).mean())


def misses_what_the_folder_lacks(real_dir: Path, window: Window, cell: str) -> None:
    where = (window.interval.chrom, window.interval.start, window.interval.end)
    path = track_file(real_dir, "dnase", cell)
    assert path is not None
    # Element tracks cover the part with sequence, the others the central part with signal (windows.bed).
    columns = (1, 2) if path.stem.endswith("_elements") else (6, 7)
    np.testing.assert_array_equal(~np.isnan(window.measured["dnase"]), covered_bases(real_dir, *where, columns))
    known = covered_bases(real_dir, *where, (1, 2))
    assert (window.codes[~known] == UNKNOWN).all()
    assert (window.codes[known] == UNKNOWN).mean() < 0.01


def blacklist_equals_the_file(real_dir: Path, window: Window) -> None:
    expected = np.zeros(window.interval.width, dtype=bool)
    for line in (real_dir / "blacklist.bed").read_text().splitlines():
        chrom, start, end = line.split("\t")[:3]
        if chrom == window.interval.chrom:
            first, last = (max(0, int(p) - window.interval.start) for p in (start, end))
            expected[first:last] = True
    np.testing.assert_array_equal(window.blacklist, expected)


def test_published_window_equals_direct_reads(
    real_dir: Path, real_dataset: Dataset, direct_bases, gene_row, cell: str
) -> None:
    window = made(real_dataset, gene_row, cell, PUBLISHED)
    equals_direct_reads(real_dir, direct_bases, window, gene_row, cell, PUBLISHED)
    misses_what_the_folder_lacks(real_dir, window, cell)
    blacklist_equals_the_file(real_dir, window)


def test_small_window_equals_direct_reads(real_dir: Path, direct_bases, small_window, gene_row, cell: str) -> None:
    equals_direct_reads(real_dir, direct_bases, small_window(gene_row, cell), gene_row, cell, SMALL)


def test_absent_contacts_are_the_power_law(real_dataset: Dataset, small_window, gene_row, cell: str) -> None:
    if real_dataset.path("contact", cell) is not None:
        pytest.skip(f"{cell} has a contact map")
    window = small_window(gene_row, cell)
    expected = np.log10(1 + NASSER_2021.power_law(np.arange(-SMALL // 2, SMALL // 2)))
    np.testing.assert_allclose(window.signals[:, 2], expected, rtol=1e-6)
    assert share_of(window, "contact") == 1.0


def test_rna_features_equal_the_table(real_dir: Path, small_window, gene_row, cell: str) -> None:
    table = {row["ensembl_id"]: row for row in read_rows(real_dir / "gene_features.tsv")}
    row = table.get(gene_row["ensembl_id"], {})
    names = [*RNA_FEATURES[:8], f"promoter_activity_{cell}"]
    window = small_window(gene_row, cell)
    np.testing.assert_array_equal(window.rna_features, np.array([row.get(name, 0) for name in names], np.float32))
    absent = [feature for feature, name in zip(RNA_FEATURES, names, strict=True) if name not in row]
    assert share_of(window, "rna_features") == pytest.approx(len(absent) / 9)
    if absent:
        assert next(e for e in window.missing if e.name == "rna_features").stand_in == f"zero for {', '.join(absent)}"


def test_signal_at_the_tss_equals_the_table(real_dir: Path, real_dataset: Dataset, small_window, gene_row) -> None:
    """gene_signal.tsv holds the mean, maximum or sum over [tss - 192, tss + 192), rounded to three decimals."""
    row = next(r for r in read_rows(real_dir / "gene_signal.tsv") if r["ensembl_id"] == gene_row["ensembl_id"])
    compared = 0
    for cell in cell_types(real_dir):
        middle = slice(SMALL // 2 - HALF_384, SMALL // 2 + HALF_384)
        centre = small_window(gene_row, cell).signals[middle, 1].astype(np.float64)
        for column, value in ((f"dnase_{cell}_mean384", centre.mean()), (f"dnase_{cell}_max384", centre.max())):
            if row.get(column, "NA") != "NA":
                assert value == pytest.approx(float(row[column]), abs=6e-4), column
                compared += 1
    tss = int(gene_row["tss"])
    around = Interval(gene_row["chrom"], tss - HALF_384, tss + HALF_384)
    for track in real_dataset.sources("track"):
        column = f"cage_{track.notes}_sum384"
        if row.get(column, "NA") != "NA":
            total = float(np.nansum(read_signal(real_dataset.path_of(track), around), dtype=np.float64))
            assert total == pytest.approx(float(row[column]), abs=1e-3, rel=1e-5), column
            compared += 1
    assert compared, "gene_signal.tsv holds no column of a track that is here"


def test_crispr_elements_lie_in_the_window_of_their_gene(real_dir: Path, real_dataset: Dataset) -> None:
    path = real_dir / "crispr_k562.tsv.gz"
    if not path.is_file() or "K562" not in real_dataset.cell_types:
        pytest.skip("no CRISPR pairs of K562 here")
    with gzip.open(path, "rt", newline="") as file:
        pairs = list(csv.DictReader(file, delimiter="\t"))
    genes = {row["ensembl_id"]: row for row in read_rows(real_dir / "genes.tsv")}
    assert pairs
    for pair in pairs:
        gene = genes[pair["measuredGeneEnsemblId"]]
        window = made(real_dataset, gene, "K562", PUBLISHED)
        element = Interval(pair["chrom"], int(pair["chromStart"]), int(pair["chromEnd"]))
        assert window.interval.intersect(element) == element
        assert window.interval.contains(int(pair["startTSS"]))
        place = slice(element.start - window.interval.start, element.end - window.interval.start)
        # The stretch is measured in the element tracks, and its bases are known.
        assert not np.isnan(window.measured["dnase"][place]).any()
        assert "N" not in window.sequence[place]
        stated = int(float(pair["distanceToTSS"]))
        midpoint = (element.start + element.end) // 2
        assert abs(midpoint - window.gene.tss) == pytest.approx(stated, abs=1_000)
