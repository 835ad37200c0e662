"""The authors' folder read where it lies: the same windows as the data set it was made from, every fault named."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from seq2exp.cli_data_official import data
from seq2exp.errors import SourceError
from seq2exp.genome import Gene
from seq2exp.processing.official import OfficialReport, official_dataset
from seq2exp.processing.official_layout import look_at
from seq2exp.results import MissingInput
from seq2exp.settings import WindowSettings
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.synthetic import synthesize
from seq2exp.window.assemble import build_window, window_settings
from tests.processing.official_folder import BIN, CELLS, GATED, TRACKS, WIDTH, gene_list, write_official

TABLES = "promo_enhan_inter"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(synthesize("tiny", tmp_path_factory.mktemp("data") / "tiny"))


@pytest.fixture(scope="module")
def published(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Gene]]:
    root = tmp_path_factory.mktemp("published")
    return root, write_official(root, tiny)


@pytest.fixture(scope="module")
def made(published: tuple[Path, list[Gene]], tmp_path_factory: pytest.TempPathFactory) -> OfficialReport:
    return official_dataset(published[0], tmp_path_factory.mktemp("made") / "official")


@pytest.fixture
def copy(published: tuple[Path, list[Gene]], tmp_path: Path) -> Path:
    """A copy to harm."""
    return Path(shutil.copytree(published[0], tmp_path / "DATA_ROOT"))


@pytest.mark.parametrize("double", [False, True])
def test_every_window_is_that_of_the_data_set_it_was_made_from(tiny, published, made, double: bool) -> None:
    opened = open_dataset(made.manifest)
    settings = replace(window_settings(opened), compat_double_padding=double)
    assert (settings.width_bp, settings.contact_resolution_bp) == (WIDTH, 5_000)
    ours = WindowSettings(width_bp=WIDTH, contact_resolution_bp=BIN, compat_double_padding=double)
    displaced, past_ends = 0, 0
    for at, gene in enumerate(published[1]):
        for cell, origin in CELLS.items():
            one = build_window(opened, opened.genes.get(gene.gene_id), cell, settings)
            synthetic = next((own for own in tiny.genes if own.symbol == gene.symbol), gene)
            other = build_window(tiny, synthetic, origin, ours)
            np.testing.assert_array_equal(one.codes, other.codes)
            np.testing.assert_array_equal(one.blacklist, other.blacklist)
            np.testing.assert_array_equal(one.signals[:, :2], other.signals[:, :2])
            if at == GATED:
                assert not one.signals[:, 2].any()
                stood = "zero for the whole gene: stored as missing by the authors"
                assert MissingInput("contact", 1.0, stood) in one.missing
                assert np.isnan(one.measured["contact"]).all()
                continue
            np.testing.assert_array_equal(one.signals[:, 2], other.signals[:, 2])
            np.testing.assert_allclose(one.measured["contact"], other.measured["contact"], rtol=1e-6)
            past_ends += one.interval.start < 0 or one.interval.end > tiny.assembly.chrom_sizes[gene.chrom]
            displaced += double and bool(
                (
                    one.signals[:, 2]
                    != build_window(opened, one.gene, cell, replace(settings, compat_double_padding=False)).signals[
                        :, 2
                    ]
                ).any()
            )
            if synthetic is not gene:
                np.testing.assert_allclose(one.rna_features, other.rna_features, rtol=1e-6)
                assert one.observed_log10 == other.observed_log10
                assert opened.fold(one.gene) == tiny.fold(synthetic)
                assert (one.gene.symbol, one.gene.strand) == (synthetic.symbol, synthetic.strand)
    assert past_ends >= 4  # a gene at either end, two cell types
    assert displaced == (past_ends if double else 0)


def test_nothing_is_written_into_the_published_folder_and_nothing_large_beside_it(published, made) -> None:
    root = published[0]
    names = sorted(path.name for path in made.manifest.parent.iterdir())
    assert names == [
        "GM12878.hic_feat.json",
        "K562.hic_feat.json",
        "blacklist.bed",
        "features.tsv",
        "genes.tsv",
        "hg38.ml.fa",
        "hg38.ml.fa.fai",
        "manifest.yaml",
    ]
    link = made.manifest.parent / "hg38.ml.fa"
    assert link.is_symlink()
    assert link.resolve() == (root / "hg38" / "hg38.ml.fa").resolve()
    assert not (root / "hg38" / "hg38.ml.fa.fai").exists()
    assert sum(path.stat().st_size for path in made.manifest.parent.iterdir() if not path.is_symlink()) < 40_000


def test_a_second_run_gives_the_same_bytes(published, made) -> None:
    before = {path: path.read_bytes() for path in made.manifest.parent.iterdir()}
    again = official_dataset(published[0], made.manifest.parent)
    assert again == made
    assert {path: path.read_bytes() for path in made.manifest.parent.iterdir()} == before


def test_another_data_set_is_not_written_over(tiny, published, tmp_path) -> None:
    out = shutil.copytree(tiny.root, tmp_path / "mine")
    before = (out / "manifest.yaml").read_bytes()
    with pytest.raises(SourceError, match="another data set is in this folder"):
        official_dataset(published[0], out)
    assert (out / "manifest.yaml").read_bytes() == before


def test_every_part_is_in_the_report(made) -> None:
    states = {part.path: part.state for part in made.parts}
    assert (
        states[f"{TABLES}/K562_DNase_ENCFF257HEE_hic_4DNFITUOMFUQ_1MB_ABC_nominated/Gene-enhancer links"] == "not used"
    )
    assert states["hg38_blacklist_dict_v1.pkl"] == "used"
    assert states["hg38_blacklist_dict_v2.pkl"] == "not used"
    assert states[f"{TABLES}/HiC/H1"] == "not used"
    assert sum(path.endswith(".h5") and state == "used" for path, state in states.items()) == 10
    assert not {"missing", "damaged"} & set(states.values())
    assert made.cell_types == ("K562", "GM12878")
    assert made.n_genes == 26
    assert any("26 of the 26 genes of the split" in note for note in made.notes)
    assert any("the paper's gene set has 18,377 genes" in note for note in made.notes)


def test_what_is_missing_and_not_required_is_said_and_stays_missing(tiny, copy, tmp_path) -> None:
    shutil.rmtree(copy / TABLES / "HiC" / "GM12878")
    for path in (
        f"{TABLES}/{TRACKS['K562', 'h3k27ac']}",
        "hg38_blacklist_dict_v1.pkl",
        "chr_length.json",
        f"{TABLES}/GM12878_K562_18377_gene_expr_fromXpresso.csv",
        gene_list("GM12878"),
    ):
        (copy / path).unlink()
    (copy / TABLES / "HiC" / "K562" / "hic_feat_chr3.h5").unlink()
    made = official_dataset(copy, tmp_path / "out")
    missing = {part.path for part in made.parts if part.state == "missing"}
    assert missing == {
        f"{TABLES}/{TRACKS['K562', 'h3k27ac']}",
        "chr_length.json",
        f"{TABLES}/GM12878_K562_18377_gene_expr_fromXpresso.csv",
        gene_list("GM12878"),
        f"{TABLES}/HiC/GM12878/4DNFI1UEG1HD.hic",
    }
    assert any("K562: no contacts of" in note and "on chr3" in note for note in made.notes)
    opened = open_dataset(made.manifest)
    gene = next(gene for gene in opened.genes if gene.chrom == "chr1")
    settings = window_settings(opened)
    window = build_window(opened, gene, "GM12878", settings)
    stands = {entry.name: entry.stand_in for entry in window.missing}
    assert stands["contact"] == "power law"
    assert "PROMOTER_ACTIVITY" in stands["rna_features"]
    assert window.observed_log10 is None
    assert window.blacklist.all()  # version 2 of the test marks everything
    assert np.isnan(build_window(opened, gene, "K562", settings).measured["h3k27ac"]).all()
    there = next(gene for gene in opened.genes if gene.chrom == "chr3")
    with pytest.raises(SourceError, match=r"K562\.hic_feat\.json: no hic_feat file of chr3"):
        build_window(opened, there, "K562", settings)


def test_a_cell_type_of_other_tss_is_left_out_with_words(copy, tmp_path) -> None:
    path = copy / gene_list("GM12878")
    lines = path.read_text().splitlines()
    fields = lines[2].split("\t")
    fields[7] = str(int(fields[7]) + 1)
    path.write_text("\n".join([*lines[:2], "\t".join(fields), *lines[3:]]) + "\n")
    made = official_dataset(copy, tmp_path / "out")
    assert made.cell_types == ("K562",)
    assert any("GM12878 is left out: 1 of 26 genes of its list have another TSS" in note for note in made.notes)


class _Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.getcwd, ()


def _short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _text(old: str, new: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def _odd_vector(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("chr1_5", data=np.ones(4_095))


def _other_keys(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("chr2_5", data=np.ones(4_096))


@pytest.mark.parametrize(
    ("path", "harm", "words"),
    [
        (f"{TABLES}/HiC/K562/hic_feat_chr1.h5", _short, "hic_feat_chr1.h5: cannot be read as HDF5"),
        (f"{TABLES}/HiC/K562/hic_feat_chr1.h5", _odd_vector, "chr1_5 has shape (4095,)"),
        (f"{TABLES}/HiC/K562/hic_feat_chr1.h5", _other_keys, "key 'chr2_5'; those of chr1 are written chr1_TSS"),
        ("hg38_blacklist_dict_v1.pkl", lambda p: p.write_bytes(pickle.dumps({"chr1": _Runs()})), "nothing was run"),
        ("hg38_blacklist_dict_v1.pkl", _short, "hg38_blacklist_dict_v1.pkl: refused"),
        (f"{TABLES}/{TRACKS['K562', 'dnase']}", _short, "ENCFF414OGC.bigWig"),
        (gene_list("K562"), _text("\ttss\t", "\tTSS\t"), "GeneList.txt: no column tss"),
        (gene_list("K562"), _text("\t+\t", "\t.\t"), "GeneList.txt, line"),
        (f"{TABLES}/mRNA_halflife_features.csv", _text("ORFEXONDENSITY", "ORFEXONDENSITY_log10zscore"), "z-score only"),
        (f"{TABLES}/mRNA_halflife_features.csv", Path.unlink, "missing: promo_enhan_inter/mRNA_halflife_features.csv"),
        (f"{TABLES}/GM12878_K562_18377_gene_expr_fromXpresso.csv", _text("K562_CAGE_128*3_sum", "K562_CAGE"), None),
        ("hg38/hg38.ml.fa", Path.unlink, "missing: hg38/hg38.ml.fa"),
        ("hg38/hg38.ml.fa", lambda p: p.write_bytes(b""), "is empty"),
        ("chr_length.json", lambda p: p.write_text("[1]"), "not a JSON object of chromosome lengths"),
        ("chr_length.json", lambda p: p.write_text(json.dumps({"chr1": 5})), "chr1 has 5 bp, "),
        (
            "hg38_blacklist_dict_v1.pkl",
            lambda p: p.write_bytes(pickle.dumps({"chr1": np.zeros(5, bool)})),
            "the blacklist is of another assembly",
        ),
    ],
)
def test_a_damaged_part_is_named_and_no_data_set_appears(copy, tmp_path, path, harm, words) -> None:
    harm(copy / path)
    if words is None:  # one of two label columns is left
        assert official_dataset(copy, tmp_path / "out").n_genes == 26
        return
    with pytest.raises(SourceError) as caught:
        official_dataset(copy, tmp_path / "out")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "manifest.yaml").exists()


def test_all_faults_stand_in_one_message(copy, tmp_path) -> None:
    _short(copy / TABLES / TRACKS["K562", "dnase"])
    _short(copy / TABLES / "HiC" / "GM12878" / "hic_feat_chrX.h5")
    (copy / "hg38" / "hg38.ml.fa").unlink()
    with pytest.raises(SourceError, match=r"3 parts are missing or damaged: missing: .*; damaged: .*; damaged: "):
        official_dataset(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(SourceError, match="nothing of the authors' data set"):
        look_at(tmp_path)


def test_a_vector_file_that_changed_since_is_refused(copy, tmp_path) -> None:
    made = official_dataset(copy, tmp_path / "out")
    opened = open_dataset(made.manifest)
    gene = next(gene for gene in opened.genes if gene.chrom == "chr1")
    path = copy / TABLES / "HiC" / "K562" / "hic_feat_chr1.h5"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(SourceError, match=r"hic_feat_chr1\.h5: has .* bytes, the index K562\.hic_feat\.json says"):
        build_window(opened, gene, "K562", window_settings(opened))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"contact_mode": "abc_kr"}, "stored their contacts with mode vc_counts, abc_kr is asked"),
        ({"contact_resolution_bp": BIN}, "resolution in bp 5000, 256 is asked"),
        ({"width_bp": 2 * WIDTH}, r"holds contacts of .* \(4,096 bp around the TSS\)"),
    ],
)
def test_what_the_authors_did_not_store_is_refused(made, change, words) -> None:
    opened = open_dataset(made.manifest)
    with pytest.raises(SourceError, match=words):
        build_window(opened, next(iter(opened.genes)), "K562", replace(window_settings(opened), **change))


def test_the_verb_reports_and_makes_the_data_set(published, tmp_path) -> None:
    root, out = str(published[0]), tmp_path / "official"
    looked = CliRunner().invoke(data, ["official", root, "--out", str(out), "--dry-run", "--json"])
    assert looked.exit_code == 0
    assert json.loads(looked.stdout)["problems"] == []
    assert not out.exists()
    done = CliRunner().invoke(data, ["official", root, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert f"{out / 'manifest.yaml'}: 26 genes in K562, GM12878" in done.stdout
    assert "not used  hg38_blacklist_dict_v2.pkl" in done.stdout
    helped = CliRunner().invoke(data, ["official", "--help"])
    assert "Example: python -m seq2exp data official" in helped.stdout
