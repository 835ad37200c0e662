"""`data add` on real files: lymphoblastoid DNase alone, element counts in another unit, and files of hg19."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyBigWig
import pytest

from seq2exp.cli import main
from seq2exp.inference.report import locus_report
from seq2exp.inference.session import open_session
from seq2exp.settings import MaskSettings
from seq2exp.sources.dataset import open_dataset
from seq2exp.window.assemble import build_window, window_settings

pytestmark = pytest.mark.real

Add = Callable[..., tuple[int, dict, str]]


@pytest.fixture
def add(
    real_manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Add:
    """Run the verb beside the real data set; exit status, report, and what went to standard error."""

    def run(name: str, *options: object, beside: str = "--base") -> tuple[int, dict, str]:
        words = ["data", "add", "--name", name, beside, real_manifest, "--data-dir", tmp_path / "data", "--json"]
        monkeypatch.setattr(sys, "argv", ["seq2exp", *map(str, words), *map(str, options)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), json.loads(out), err

    return run


def test_dnase_alone_opens_and_says_what_it_goes_without(
    add: Add, real_file: Callable[[str], Path], tmp_path: Path
) -> None:
    path = real_file("dnase_GM12865.bw")
    status, report, _ = add("MyLCL", "--dnase", path)
    assert status == 0
    assert [absent["name"] for absent in report["missing"]] == [
        "H3K27ac",
        "Hi-C",
        "Promoter activity",
        "CAGE",
        "DNase reads",
    ]
    assert "what-if" in report["standing"]
    (file,) = report["files"]
    # 65,536 of 200,000 bases hold signal around each gene in the middle of its window.
    assert 0.6 < file["statistics"]["share_missing"] < 0.8
    opened = open_dataset(Path(report["manifest"]))
    assert opened.cell_types == ("MyLCL",)
    assert opened.hash == report["written"]["hash"]
    gene = opened.genes.get("CALML6")
    window = build_window(opened, gene, "MyLCL", window_settings(opened))
    with pyBigWig.open(str(path)) as bigwig:
        direct = bigwig.values(gene.chrom, window.interval.start, window.interval.end, numpy=True)
    np.testing.assert_array_equal(window.measured["dnase"], direct)
    assert np.isnan(window.measured["h3k27ac"]).all()
    shares = {entry.name: entry.share for entry in window.missing}
    assert shares["h3k27ac"] == 1
    assert shares["contact"] == 1
    session = open_session(opened, gene, "MyLCL", device="cpu", cache_dir=tmp_path)
    report = locus_report(session.view(MaskSettings()), session)
    assert not report["faithful"]
    assert {"h3k27ac", "contact"} <= set(report["missing_inputs"])


def test_element_counts_are_told_to_be_on_another_scale(add: Add, real_file: Callable[[str], Path]) -> None:
    tracks = [real_file(f"{role}_K562_elements.bw") for role in ("dnase", "h3k27ac")]
    status, report, _ = add("MyK562", "--dnase", tracks[0], "--h3k27ac", tracks[1], beside="--to")
    assert status == 0
    assert report["cell_types"] == ["GM12865", "HepG2", "K562", "MyK562"]
    dnase = next(file for file in report["files"] if file["role"] == "dnase")
    off = [warning for warning in dnase["warnings"] if "on another scale" in warning]
    assert len(off) == 1
    assert "GM12865" in off[0]
    assert "HepG2" in off[0]
    opened = open_dataset(Path(report["manifest"]))
    assert off[0] in opened.source("dnase", "MyK562").warnings
    assert opened.cell_types == ("GM12865", "HepG2", "K562", "MyK562")


@pytest.mark.parametrize(
    ("option", "name", "chrom", "there", "ours"),
    [
        ("--dnase", "k562_chr9_hg19/K562_H3K27ac.bigwig", "chr9", "141,213,431", "138,394,717"),
        ("--dnase", "k562_chr9_hg19/K562_RNA.bigwig", "chr9", "141,213,431", "138,394,717"),
        ("--hic", "gm12878_chr21_hg19/test_chr22.hic", "1", "249,250,621", "248,956,422"),
    ],
)
def test_hg19_is_refused_with_chromosome_both_lengths_and_both_builds(
    add: Add,
    real_file: Callable[[str], Path],
    tmp_path: Path,
    option: str,
    name: str,
    chrom: str,
    there: str,
    ours: str,
) -> None:
    files = {"--dnase": real_file("dnase_GM12865.bw"), option: real_file(name)}
    status, report, err = add("Mixed", *(word for pair in files.items() for word in pair))
    assert status == 2
    (problem,) = report["problems"]
    assert f"{chrom} has {there} bp here and {ours} bp in" in problem
    assert "the file is of hg19 (GRCh37), the data set of hg38 (GRCh38)" in problem
    assert "nothing was written" in err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["GM12878_CTCF.bw", "GM12878_H3K27ac.bw", "GM12878_HiC_10kb.cool"])
def test_hg19_without_a_shared_chromosome_is_still_called_hg19(
    add: Add, real_file: Callable[[str], Path], name: str
) -> None:
    path = real_file(f"gm12878_chr21_hg19/{name}")
    option = "--hic" if path.suffix == ".cool" else "--h3k27ac"
    status, report, _ = add("Mixed", "--dnase", real_file("dnase_GM12865.bw"), option, path)
    assert status == 2
    (problem,) = report["problems"]
    assert "none of its chromosomes (chr21)" in problem
    assert "the file is of hg19 (GRCh37), the data set of hg38 (GRCh38)" in problem


def test_a_track_of_the_right_build_that_ends_before_the_genes_is_refused(
    add: Add, real_file: Callable[[str], Path]
) -> None:
    """K562_H3K4me3 is hg38 by its header, and holds chr9:4-6 Mb alone."""
    status, report, _ = add("Mixed", "--dnase", real_file("k562_chr9_hg19/K562_H3K4me3.bigwig"))
    assert status == 2
    assert "has no value in any of" in report["problems"][0]
