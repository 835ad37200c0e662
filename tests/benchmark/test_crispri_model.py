"""`benchmark crispri` with a checkpoint on synthetic data, and as a user runs it."""

import copy
import gzip
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seq2exp.benchmark.crispri import CrispriSettings, benchmark_crispri
from seq2exp.benchmark.crispri_model import DELETION, MASK, TRACKS, genes_by_id, window_scores
from seq2exp.benchmark.crispri_table import crispri_table
from seq2exp.cli import main
from seq2exp.errors import SettingsError
from seq2exp.genome import Interval
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.inference.session import open_session
from seq2exp.settings import MaskSettings
from seq2exp.sources.crispri import CrispriPair, read_pairs
from seq2exp.sources.dataset import Dataset

Run = Callable[..., tuple[int, str, str]]
FEW = ("--limit-genes", 4, "--bins", "500,1000", "--bootstrap", 20)


@pytest.fixture(scope="module")
def pairs(tiny: Dataset) -> tuple[CrispriPair, ...]:
    """Those of two genes."""
    path = tiny.path("crispri")
    assert path is not None
    found = read_pairs(path).pairs
    genes = list(dict.fromkeys(pair.gene_id for pair in found))[:2]
    return tuple(pair for pair in found if pair.gene_id in genes)


@pytest.fixture(scope="module")
def far(soft: LoadedCheckpoint) -> LoadedCheckpoint:
    """Weights scaled so that far elements reach the prediction well above rounding."""
    network = copy.deepcopy(soft.network)
    with torch.no_grad():
        network.head.layers[-1].weight.mul_(50)
        for name, weight in network.named_parameters():
            if name.endswith("A_log"):
                weight.sub_(7.0)  # the state fades over a thousand bases instead of a few
    return replace(soft, network=network, hash="far")


def test_scores_are_those_of_the_session(tiny: Dataset, far: LoadedCheckpoint, pairs: tuple[CrispriPair, ...]) -> None:
    found = window_scores(tiny, pairs, (TRACKS, MASK, DELETION), checkpoint=far)
    for at in (0, len(pairs) - 1):
        pair = pairs[at]
        session = open_session(tiny, genes_by_id(tiny)[pair.gene_id], pair.cell_type, checkpoint=far)
        start = session.window.interval.start
        bases = np.arange(max(pair.interval.start - start, 0), pair.interval.end - start)
        bases = bases[(bases < session.window.interval.width)]
        forced = session.mask(MaskSettings()).forced_on | session.window.blacklist
        bases = bases[~forced[bases]]
        assert found[MASK][at] == pytest.approx(session.mask(MaskSettings()).mean[bases].mean(), rel=1e-5)
        whole, without = session.predict(MaskSettings()), session.predict(MaskSettings(off=(pair.interval,)))
        assert whole is not None
        assert without is not None
        assert found[DELETION][at] == pytest.approx(whole - without, abs=2e-6)
        assert abs(found[DELETION][at]) > 1e-4
        dnase_h3k27ac = np.sqrt(session.window.signals[:, 0].astype(float) * session.window.signals[:, 1])
        values = dnase_h3k27ac * (10.0 ** session.window.signals[:, 2] - 1)
        values[forced] = 0
        assert found[TRACKS][at] == pytest.approx(values[bases].sum() / values.sum(), rel=1e-4)


def test_what_no_window_shows_is_not_scored(
    tiny: Dataset, soft: LoadedCheckpoint, pairs: tuple[CrispriPair, ...]
) -> None:
    inside = pairs[0]
    gene = genes_by_id(tiny)[inside.gene_id]
    centre = Interval(gene.chrom, gene.tss - 20, gene.tss + 20)
    outside = Interval(gene.chrom, gene.tss + 10**6, gene.tss + 10**6 + 200)
    asked = (
        inside,
        replace(inside, interval=centre),
        replace(inside, interval=outside),
        replace(inside, gene_id="NOGENE"),
        replace(inside, cell_type="HeLa"),
    )
    for scores in window_scores(tiny, asked, (TRACKS, MASK, DELETION), checkpoint=soft).values():
        assert np.isnan(scores).tolist() == [False, True, True, True, True]
    with pytest.raises(SettingsError, match="need a checkpoint"):
        window_scores(tiny, asked, (MASK,))


def test_groups_follow_the_split_of_the_data_set(tiny: Dataset, soft: LoadedCheckpoint) -> None:
    path = tiny.path("crispri")
    assert path is not None
    settings = CrispriSettings(("distance", "mask"), bins_bp=(500, 1000), limit_genes=6, resamples=10)
    found = benchmark_crispri(path, settings, dataset=tiny, checkpoint=soft)
    rows = {row.stratum: row for row in found.rows if row.predictor == "mask"}
    by_part = [row.pairs for name, row in rows.items() if name in ("test genes", "valid genes", "train genes")]
    assert sum(by_part) == rows["all pairs"].pairs == found.facts["n_pairs"]
    folds = {gene_id: tiny.fold(gene) for gene_id, gene in genes_by_id(tiny).items()}
    test_only = benchmark_crispri(
        path, replace(settings, predictors=("distance",), part="test", limit_genes=None), dataset=tiny
    )
    assert test_only.facts["n_pairs"] == sum(folds[pair.gene_id] == "test" for pair in read_pairs(path).pairs) > 0
    assert crispri_table(found).startswith("UNTRAINED WEIGHTS")
    assert "UNTRAINED" not in crispri_table(test_only)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], soft_folder: Path) -> Run:
    """Runs ``benchmark crispri`` with these words; the checkpoint is shipped for the time being, as soft-random."""
    monkeypatch.setattr("seq2exp.inference.checkpoints.SHIPPED", soft_folder.parent)

    def _run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["seq2exp", "benchmark", "crispri", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return _run


def test_json(run: Run, tiny: Dataset, tmp_path: Path) -> None:
    out_file = tmp_path / "found.json"
    words = ("--dataset", tiny.root, "--checkpoint", "soft-random", "--device", "cpu", "--unit", "pair", *FEW)
    status, out, err = run("--pairs", tiny.path("crispri"), *words, "--json", "--out", out_file)
    assert status == 0
    found = json.loads(out)
    assert found == json.loads(out_file.read_text())
    assert list(found["predictors"]) == ["distance", "tracks", "mask", "deletion"]
    assert (found["trained"], found["n_genes"], found["bootstrap"]["unit"]) == (False, 4, "pair")
    assert found["faults"]["rows"] > found["n_pairs"]
    whole = [row for row in found["rows"] if row["kind"] == "all"]
    assert [row["predictor"] for row in whole] == list(found["predictors"])
    for row in whole:
        low, high = row["ci95"]["average_precision"]
        assert 0 <= low <= high <= 1
    assert re.search(r"windows: ([78]) of \1\n$", err)  # 4 genes in 2 cell types, as far as they have pairs


def _elements(folder: Path) -> Path:
    folder.mkdir()
    with gzip.open(folder / "elements.tsv.gz", "wt") as file:
        file.write("chrom\tstart\tend\tdhs_rpm\th3k27ac_rpm\nchr3\t1\t900\t1\t1\n")
    return folder


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--predictor", "mask"], "predictor mask needs --dataset and --checkpoint"),
        (["--predictor", "distance,deletion", "--dataset", "TINY"], "predictor deletion needs --dataset and --check"),
        (["--checkpoint", "soft-random"], "checkpoint soft-random needs windows to read; give a data set (--dataset)"),
        (["--predictor", "tracks"], "predictor tracks needs a data set (--dataset)"),
        (["--predictor", "abc"], "predictor abc needs the folder of candidate elements (--elements)"),
        (["--predictor", "abc", "--elements", "FOLDER"], "the elements in FOLDER are of one; choose it by --cell"),
        (["--predictor", "abc", "--elements", "no-such", "--cell", "SynK"], "no-such/elements.tsv.gz: no such file"),
        (["--predictor", "enformer"], "no predictor 'enformer'; there are distance, abc,"),
        (["--cell", "HeLa"], "no cell type 'HeLa'; it has SynK, SynG"),
        (["--bins", "far"], "--bins: found 'far'"),
        (["--bins", "2000,1000"], "bins must be rising bp above 0, found 2000, 1000"),
        (["--bootstrap", -1], "resamples and seed must not be negative"),
        (["--out", "no/such/r.json"], "no/such/r.json: its folder is not there"),
    ],
)
def test_errors_are_one_line(run: Run, tiny: Dataset, tmp_path: Path, words: list[str], message: str) -> None:
    own = {"TINY": str(tiny.root)}
    if "FOLDER" in words:
        own["FOLDER"] = str(_elements(tmp_path / "elements"))
    status, out, err = run("--pairs", tiny.path("crispri"), *(own.get(str(word), word) for word in words))
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert message.replace("FOLDER", own.get("FOLDER", "")) in err
    assert err.count("\n") == 1


def test_pairs_of_another_genome_are_refused(run: Run, tiny: Dataset, tmp_path: Path) -> None:
    source = tiny.path("crispri")
    assert source is not None
    header, *lines = gzip.decompress(source.read_bytes()).decode().splitlines()
    columns = header.split("\t")

    def shifted(name: str, **changes: int | str) -> Path:
        path = tmp_path / name
        rows = [dict(zip(columns, line.split("\t"), strict=True)) for line in lines]
        for row in rows:
            row.update({key: str(int(row[key]) + by) if isinstance(by, int) else by for key, by in changes.items()})
        path.write_text("\n".join([header, *("\t".join(row.values()) for row in rows)]) + "\n")
        return path

    lifted = shifted("lifted.tsv", chromStart=50_000, chromEnd=50_000, startTSS=50_000)
    status, _, err = run("--pairs", lifted, "--dataset", tiny.root, *FEW)
    assert (status, err.count("\n")) == (2, 1)
    assert f"lifted.tsv: its genes lie elsewhere than in {tiny.name} (median 50,000 bp" in err
    half = shifted("half.tsv", chromStart=50_000, chromEnd=50_000)
    status, _, err = run("--pairs", half, *FEW)
    assert status == 2
    assert "they are not of one assembly" in err
    foreign = shifted("foreign.tsv", measuredGeneEnsemblId="ENSG00000000003")
    status, _, err = run("--pairs", foreign, "--dataset", tiny.root, *FEW)
    assert status == 2
    assert f"none of its genes is in {tiny.name}" in err
    (tmp_path / "empty.tsv").write_text("")
    status, _, err = run("--pairs", tmp_path / "empty.tsv")
    assert status == 2
    assert "empty.tsv: the table is empty" in err
    none = shifted("none.tsv", Regulated="FALSE")
    status, _, err = run("--pairs", none)
    assert status == 2
    assert "no regulated pair among the" in err


def test_help_names_an_example(run: Run) -> None:
    status, out, _ = run("--help")
    assert status == 0
    assert "Example: python -m seq2exp benchmark crispri" in out
