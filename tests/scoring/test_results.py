"""What the merged files say against what a session of each window says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyBigWig
import pytest

from seq2exp.errors import SettingsError, WindowError
from seq2exp.genome import Gene
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.inference.drawn import predict_drawn, spread
from seq2exp.inference.session import LocusSession, open_session
from seq2exp.model.network import Seq2Exp
from seq2exp.scoring import windows
from seq2exp.scoring.bigwig import own_stretches
from seq2exp.scoring.run import score_dataset
from seq2exp.scoring.worker import Job
from seq2exp.settings import MaskSettings
from seq2exp.sources.dataset import Dataset

FAITHFUL = MaskSettings()


def rows_of(folder: Path) -> pd.DataFrame:
    return pq.read_table(folder / "scores.parquet").to_pandas()


def bed_of(folder: Path) -> pd.DataFrame:
    lines = (folder / "elements.bed").read_text().splitlines()
    header = next(line for line in lines if line.startswith("#chrom"))
    found = [line.split("\t") for line in lines if not line.startswith("#")]
    table = pd.DataFrame(found, columns=header[1:].split("\t"))
    return table.astype({"start": int, "end": int, "score": int, "tss_distance_bp": int, "mean": float, "sd": float})


def test_every_row_and_element_is_what_the_session_says(
    tiny: Dataset, checkpoint: LoadedCheckpoint, alone: Path
) -> None:
    rows, bed = rows_of(alone), bed_of(alone)
    assert len(rows) == len(tiny.genes) * len(tiny.cell_types) == 48
    places = {chrom: number for number, chrom in enumerate(tiny.assembly.chrom_sizes)}
    order = list(zip(rows["chrom"].map(places), rows["tss"], strict=True))
    assert order == sorted(order)
    indexed = rows.set_index(["gene_id", "cell_type"])
    n_elements = 0
    for gene in tiny.genes:
        for cell in tiny.cell_types:
            row = indexed.loc[(gene.gene_id, cell)]
            session = open_session(tiny, gene, cell, checkpoint=checkpoint)
            mask = session.mask(FAITHFUL)
            assert row["predicted_log10"] == session.predict(FAITHFUL)
            assert row["promoter_only_log10"] == session.predict_promoter_only()
            assert row["observed_log10"] == session.window.observed_log10
            assert (row["mask_ratio"], row["n_elements"]) == (mask.ratio, len(mask.elements))
            assert (row["fold"], row["strand"], row["tss"]) == (tiny.fold(gene), gene.strand, gene.tss)
            assert bool(row["faithful"]) == mask.faithful
            assert not row["trained"]
            mine = bed[(bed["gene_id"] == gene.gene_id) & (bed["cell_type"] == cell)]
            assert [(e.interval.start, e.interval.end, round(1000 * e.mean)) for e in mask.elements] == list(
                zip(mine["start"], mine["end"], mine["score"], strict=True)
            )
            n_elements += len(mask.elements)
    assert n_elements == len(bed) > 20
    assert bed["name"].is_unique
    for _, of_chrom in bed.groupby("chrom", sort=False):
        assert of_chrom["start"].is_monotonic_increasing
    assert "UNTRAINED WEIGHTS" in (alone / "elements.bed").read_text()


def test_the_interval_is_the_spread_over_masks_drawn_from_the_beta(
    tiny: Dataset, checkpoint: LoadedCheckpoint, alone: Path
) -> None:
    gene, cell = next(iter(tiny.genes)), tiny.cell_types[1]
    row = rows_of(alone).set_index(["gene_id", "cell_type"]).loc[(gene.gene_id, cell)]
    session = open_session(tiny, gene, cell, checkpoint=checkpoint)
    drawn = predict_drawn(session, FAITHFUL, n=3, seed=0)
    assert (row["predicted_low"], row["predicted_high"]) == spread(drawn)
    assert row["predicted_low"] < row["predicted_high"]
    assert predict_drawn(session, FAITHFUL, n=3, seed=1) != drawn
    assert predict_drawn(session, FAITHFUL, n=40, seed=0)[:3] == pytest.approx(drawn, abs=1e-6)  # batches of 16
    # A Beta of very many pseudo-counts is its mean, so that every draw predicts what the mean does.
    sharp = MaskSettings(prior_strength=1e9, prior_mean=0.3)
    assert predict_drawn(session, sharp, n=4, seed=0) == pytest.approx([session.predict(sharp)] * 4, abs=1e-3)
    assert spread(()) == (None, None)
    with pytest.raises(SettingsError, match="without a checkpoint"):
        predict_drawn(open_session(tiny, gene, cell), FAITHFUL, n=1, seed=0)


def test_a_base_of_the_track_has_the_mask_of_the_nearest_tss(
    tiny: Dataset, checkpoint: LoadedCheckpoint, alone: Path
) -> None:
    for cell in tiny.cell_types:
        with pyBigWig.open(str(alone / f"mask.{cell}.bw")) as track:
            assert track.chroms() == dict(tiny.assembly.chrom_sizes)
            for chrom, length in tiny.assembly.chrom_sizes.items():
                genes = [gene for gene in tiny.genes if gene.chrom == chrom]
                nearest = np.full(length, np.iinfo(np.int64).max)
                expected = np.full(length, np.nan, dtype=np.float32)
                for gene in sorted(genes, key=lambda gene: (gene.tss, gene.gene_id)):
                    session = open_session(tiny, gene, cell, checkpoint=checkpoint)
                    window = session.window.interval
                    here = np.arange(max(window.start, 0), min(window.end, length))
                    away = np.abs(here - gene.tss)
                    closer = here[away < nearest[here]]
                    nearest[here] = np.minimum(nearest[here], away)
                    expected[closer] = session.mask(FAITHFUL).mask[closer - window.start]
                found = np.array(track.values(chrom, 0, length), dtype=np.float32)
                np.testing.assert_allclose(found, expected, atol=5.1e-4)


def test_windows_are_cut_half_way_between_starts() -> None:
    genes = tuple(Gene(name, name, "chr1", tss, "+") for name, tss in (("a", 100), ("b", 100), ("c", 111), ("d", 900)))
    cut = [(gene.gene_id, place.start, place.end) for gene, place in own_stretches(genes, 400, 1_000)]
    assert cut == [("a", 0, 106), ("c", 106, 311), ("d", 700, 1_000)]


def test_a_generator_that_reads_bases_alone_runs_once_a_gene(
    checkpoint: LoadedCheckpoint, job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []
    real = Seq2Exp.sequence_beta

    def counted(self: Seq2Exp, *given: Any, **options: Any) -> Any:
        runs.append(1)
        return real(self, *given, **options)

    monkeypatch.setattr(Seq2Exp, "sequence_beta", counted)
    preset = "hard" if checkpoint.config.position_table else "soft"
    score_dataset(job(tmp_path / "out", preset, limit=3, bigwig=False))
    assert len(runs) == (6 if checkpoint.config.generator_sees_signals else 3)


def test_the_output_of_the_generator_is_not_taken_from_another_gene(
    tiny: Dataset, checkpoint: LoadedCheckpoint
) -> None:
    one, other = (open_session(tiny, gene, "SynK", checkpoint=checkpoint) for gene in list(tiny.genes)[:2])
    with pytest.raises(SettingsError, match="read something else"):
        one.adopt_sequence(other)


def test_a_window_that_cannot_be_made_has_a_row_that_says_why(
    tiny: Dataset, job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = list(tiny.genes)[1]

    def fails(dataset: Dataset, gene: Gene, *rest: Any, **options: Any) -> LocusSession:
        if gene == bad:
            raise WindowError(f"no window for {gene.symbol}")
        return open_session(dataset, gene, *rest, **options)

    monkeypatch.setattr(windows, "open_session", fails)
    names = tuple(gene.symbol for gene in list(tiny.genes)[:2])
    found = score_dataset(job(tmp_path / "out", names=names, cell_type="SynG"))
    assert (found.card["n_windows"], found.card["n_problems"], found.card["faithful"]) == (2, 1, True)
    row = rows_of(tmp_path / "out").set_index("symbol").loc[bad.symbol]
    assert row["problem"] == f"no window for {bad.symbol}"
    assert np.isnan(row[["predicted_log10", "mask_ratio", "n_elements"]].astype(float)).all()


def test_what_if_settings_are_marked_everywhere(job: Callable[..., Job], tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = score_dataset(job(out, limit=2, mask=MaskSettings(mode="hard", threshold=0.4), samples=0, bigwig=False))
    assert not found.card["faithful"]
    assert json.loads((out / "card.json").read_text()) == found.card
    rows = rows_of(out)
    assert not rows["faithful"].any()
    assert rows["what_if"].str.contains("mode hard instead of soft").all()
    assert rows[["predicted_low", "predicted_high"]].isna().all(axis=None)
    assert not list(out.glob("*.bw"))
