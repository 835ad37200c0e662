"""Every real gene through the whole slice: peaks against MACS3's own command line, and predict."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyBigWig
import pytest

from seq2exp.genome import Interval
from seq2exp.inference.report import elements_bed, locus_report
from seq2exp.inference.session import open_session
from seq2exp.settings import MaskSettings
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.peaks import DEFAULT_CUTOFF

pytestmark = pytest.mark.real

MACS3 = Path(sys.executable).parent / "macs3"


def macs3_peaks(path: Path, window: Interval, folder: Path) -> list[tuple[int, int]]:
    """Peaks of the program itself on a bedGraph written here, value by value."""
    with pyBigWig.open(str(path)) as bigwig:
        values = np.nan_to_num(bigwig.values(window.chrom, window.start, window.end, numpy=True))
    bedgraph = folder / "signal.bdg"
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    runs = itertools.pairwise(edges)
    bedgraph.write_text(
        "".join(f"{window.chrom}\t{window.start + a}\t{window.start + b}\t{values[a]:.9g}\n" for a, b in runs)
    )
    out = folder / "direct.narrowPeak"
    options = ["-c", str(DEFAULT_CUTOFF), "-l", "150", "-g", "75", "-o", str(out)]
    subprocess.run([sys.executable, MACS3, "bdgpeakcall", "-i", bedgraph, *options], check=True, capture_output=True)
    rows = [line.split("\t") for line in out.read_text().splitlines() if not line.startswith("track")]
    return [(int(row[1]), int(row[2])) for row in rows]


def test_peaks_equal_the_program_and_predict_runs(
    real_dataset: Dataset, gene_row: dict[str, str], cell: str, tmp_path: Path
) -> None:
    gene = real_dataset.genes.get(gene_row["ensembl_id"])
    session = open_session(real_dataset, gene, cell, device="cpu", cache_dir=tmp_path)
    view = session.view(MaskSettings(threshold=0.45))
    dnase = real_dataset.path("dnase", cell)
    assert dnase is not None
    found = [(region.interval.start, region.interval.end) for region in view.peaks]
    assert found == macs3_peaks(dnase, view.interval, tmp_path)
    report = json.loads(json.dumps(locus_report(view, session), allow_nan=False))
    assert report["window"]["tss"] == int(gene_row["tss"])
    assert report["window"]["end"] - report["window"]["start"] == 200_000
    assert report["prediction_log10"] is None
    assert report["faithful"] is False
    assert "contact" in report["missing_inputs"]
    assert 0.01 <= report["mask"]["ratio"] <= 1
    assert report["mask"]["n_elements"] == len(view.mask.elements)
    assert report["peaks"]["n"] == len(found)
    for element in view.mask.elements:
        index = slice(element.interval.start - view.interval.start, element.interval.end - view.interval.start)
        assert element.mean == pytest.approx(float(view.mask.mean[index].mean()))
        assert not view.mask.forced_on[index].any()
    n_lines = sum(not line.startswith("#") for line in elements_bed(view).splitlines())
    assert n_lines == len(view.mask.elements)
    if view.overlap is not None and found and view.mask.elements:
        assert math.isfinite(view.overlap.jaccard)


def test_predict_from_the_command_line(real_manifest: Path, real_dataset: Dataset, tmp_path: Path) -> None:
    gene = next(iter(real_dataset.genes))
    words = [
        "predict",
        "--dataset",
        real_manifest,
        "--gene",
        gene.symbol,
        "--cell",
        real_dataset.cell_types[0],
        "--json",
    ]
    environment = {"SEQ2EXP_CACHE": str(tmp_path), "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-m", "seq2exp", *map(str, words)], capture_output=True, text=True, check=True, env=environment
    )
    assert json.loads(done.stdout)["gene"] == gene.symbol
