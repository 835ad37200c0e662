"""The synthetic data set as files: same bytes, real formats, all or nothing."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from pathlib import Path

import hictkpy
import numpy as np
import pandas as pd
import pyBigWig
import pyfaidx
import pytest
import yaml

from seq2exp.errors import SettingsError
from seq2exp.genome import Interval
from seq2exp.settings import RNA_FEATURES
from seq2exp.sources.dataset import open_dataset
from seq2exp.sources.hic import contact_resolutions, contact_sizes, read_contact_matrix
from seq2exp.sources.manifest import load_manifest
from seq2exp.sources.peaks import call_peaks_bam
from seq2exp.synthetic import synthesize
from seq2exp.synthetic.expression import NOISE_SD
from seq2exp.synthetic.presets import CELLS, fold_of, scale_of
from seq2exp.synthetic.reads import BamWriter
from seq2exp.synthetic.world import World, make_world


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesize("tiny", tmp_path_factory.mktemp("synthetic") / "tiny").parent


@pytest.fixture(scope="module")
def requested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same data set with all that is written on request."""
    return synthesize("tiny", tmp_path_factory.mktemp("requested") / "tiny", bam=True, hic=True).parent


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    scale = scale_of("tiny")
    return [make_world(scale, chrom, 7, noise_sd=NOISE_SD) for chrom in scale.genes]


@pytest.fixture(scope="module")
def genes(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "genes.tsv", sep="\t", index_col="ensembl_id")


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_same_seed_same_bytes_another_seed_another_genome(folder: Path, tmp_path: Path) -> None:
    time.sleep(1.1)  # times in file headers count seconds
    again = _contents(synthesize("tiny", tmp_path / "again").parent)
    first = _contents(folder)
    assert first.keys() == again.keys()
    assert [name for name in first if first[name] != again[name]] == []
    other = _contents(synthesize("tiny", tmp_path / "other", seed=8).parent)
    assert other["genome.fa.gz"] != first["genome.fa.gz"]
    assert sum(len(content) for content in first.values()) < 5_000_000


def test_a_finished_folder_is_returned_as_it_is(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert synthesize("tiny", folder) == folder / "manifest.yaml"
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_other_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"not empty and holds 'synthetic-tiny-seed7-v3', not .*seed9"):
        synthesize("tiny", folder, seed=9)
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(SettingsError, match="not empty and holds no manifest"):
        synthesize("tiny", tmp_path)
    with pytest.raises(SettingsError, match="is a file; give a folder"):
        synthesize("tiny", tmp_path / "note.txt")
    assert (tmp_path / "note.txt").read_text() == "mine"
    with pytest.raises(SettingsError, match="seed must not be negative"):
        synthesize("tiny", tmp_path / "new", seed=-1)


def test_a_folder_that_lost_a_file_is_refused(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "SynK.mcool").unlink()
    with pytest.raises(SettingsError, match=r"without SynK\.mcool"):
        synthesize("tiny", tmp_path)


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert synthesize("tiny", tmp_path / "empty").is_file()


def test_manifest_is_accepted_and_names_what_is_there(folder: Path) -> None:
    manifest = load_manifest(folder / "manifest.yaml")
    assert manifest.synthetic
    assert manifest.window.width_bp == 4096
    assert manifest.window.contact_normalisation == "NONE"
    named = {source.local_path for source in manifest.sources}
    assert named | {"manifest.yaml", "genome.fa.gz.fai", "genome.fa.gz.gzi"} == {p.name for p in folder.iterdir()}
    text = yaml.safe_load((folder / "manifest.yaml").read_text())
    expression = next(source for source in text["sources"] if source["role"] == "expression")
    assert 0.8 < expression["content"]["summary"]["oracle_pearson_all"] < 1


def test_fasta_reads_back_by_its_own_indices(folder: Path, worlds: list[World], tmp_path: Path) -> None:
    names = ("genome.fa.gz", "genome.fa.gz.fai", "genome.fa.gz.gzi")
    stamps = {name: (folder / name).read_bytes() for name in names}
    with pyfaidx.Fasta(str(folder / "genome.fa.gz"), rebuild=False) as fasta:
        assert {name: len(fasta[name]) for name in fasta.keys()} == {world.chrom: len(world.codes) for world in worlds}  # noqa: SIM118  not a dict
        for chrom, codes in ((world.chrom, world.codes) for world in worlds):
            letters = "".join("ACGTN"[code] for code in codes)
            assert str(fasta[chrom][:]) == letters
            assert str(fasta[chrom][12_345:12_400]) == letters[12_345:12_400]
    assert {name: (folder / name).read_bytes() for name in names} == stamps  # pyfaidx found them good
    (tmp_path / "genome.fa.gz").write_bytes(stamps["genome.fa.gz"])
    pyfaidx.Fasta(str(tmp_path / "genome.fa.gz")).close()
    assert (tmp_path / "genome.fa.gz.fai").read_bytes() == stamps["genome.fa.gz.fai"]
    assert "N" in letters or any((codes == 4).any() for codes in (world.codes for world in worlds))


@pytest.mark.parametrize("cell", CELLS)
def test_cage_sums_to_the_label(folder: Path, genes: pd.DataFrame, cell: str) -> None:
    labels = pd.read_csv(folder / "expression.tsv", sep="\t", index_col="gene_id")[f"{cell}_CAGE_128*3_sum"]
    assert list(labels.index) == list(genes.index)
    with pyBigWig.open(str(folder / f"{cell}.cage.bw")) as bigwig:
        for gene_id, gene in genes.iterrows():
            values = bigwig.values(gene["chrom"], gene["tss"] - 192, gene["tss"] + 192, numpy=True)
            assert np.nansum(values) == labels[gene_id]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("track", ["dnase", "h3k27ac"])
def test_signals_cover_everything_but_n(folder: Path, worlds: list[World], cell: str, track: str) -> None:
    with pyBigWig.open(str(folder / f"{cell}.{track}.bw")) as bigwig:
        assert bigwig.chroms() == {world.chrom: len(world.codes) for world in worlds}
        for chrom, codes in ((world.chrom, world.codes) for world in worlds):
            values = bigwig.values(chrom, 0, len(codes), numpy=True)
            assert np.isnan(values[codes == 4]).all()
            far = np.convolve(codes == 4, np.ones(41), mode="same") == 0
            assert np.isfinite(values[far]).all()
            assert (values[far] >= 0).all()
            steps = values[: len(values) // 20 * 20].reshape(-1, 20)
            assert (np.isnan(steps) | (steps == steps[:, :1])).all()


@pytest.mark.parametrize("cell", CELLS)
def test_contacts_read_back_and_fall_with_distance(folder: Path, worlds: list[World], cell: str) -> None:
    file = hictkpy.File(folder / f"{cell}.mcool", 256)
    assert dict(file.chromosomes()) == {world.chrom: len(world.codes) for world in worlds}
    assert file.attributes()["creation-date"] == "2020-01-01T00:00:00"
    means = np.zeros(3)
    for chrom in {world.chrom: len(world.codes) for world in worlds}:
        matrix = file.fetch(chrom).to_numpy()
        np.testing.assert_array_equal(matrix, matrix.T)
        means += [np.diagonal(matrix, offset).mean() for offset in (0, 4, 20)]
    assert means[0] > 2 * means[1] > 4 * means[2] > 0


def test_gtf_agrees_with_the_gene_table(folder: Path, genes: pd.DataFrame) -> None:
    columns = ["chrom", "source", "feature", "start", "end", "score", "strand", "frame", "attributes"]
    with gzip.open(folder / "genes.gtf.gz", "rt") as lines:
        gtf = pd.read_csv(lines, sep="\t", comment="#", names=columns)
    gtf["gene_id"] = gtf["attributes"].str.extract(r'gene_id "([^"]+)"')
    assert {"gene", "transcript", "exon", "CDS", "five_prime_utr", "three_prime_utr"} <= set(gtf["feature"])
    found = gtf[gtf["feature"] == "gene"].set_index("gene_id")
    assert (found["start"] - 1 == genes["gene_start"]).all()
    assert (found["end"] == genes["gene_end"]).all()
    assert (np.where(found["strand"] == "+", found["start"] - 1, found["end"] - 1) == genes["tss"]).all()


def test_tables_have_the_columns_readers_ask_for(folder: Path, genes: pd.DataFrame) -> None:
    features = pd.read_csv(folder / "features.tsv", sep="\t", index_col="gene_id")
    assert list(features.columns) == [*RNA_FEATURES[:8], *(f"promoter_activity_{cell}" for cell in CELLS)]
    assert set(features.index) == set(genes.index[genes["gene_type"] == "protein_coding"])
    assert 0 < len(genes) - len(features) < 4
    assert np.isfinite(features.to_numpy()).all()
    split = pd.read_csv(folder / "split.tsv", sep="\t", index_col="gene_id")
    assert split["fold_11"].to_dict() == {gene_id: fold_of(chrom) for gene_id, chrom in genes["chrom"].items()}
    assert split["fold_11"].value_counts().to_dict() == {"train": 10, "valid": 7, "test": 7}


def test_truth_lists_every_element_of_every_window_in_both_lines(folder: Path, worlds: list[World]) -> None:
    truth = pd.read_csv(folder / "truth.tsv.gz", sep="\t")
    expected = 2 * sum(len(world.elements_of(item.gene)) for world in worlds for item in world.genes)
    assert len(truth) == expected
    causal = truth[truth["causal"] == "yes"]
    assert set(causal["class"]) == {"active_enhancer"}
    assert (causal["effect_log10"] < 0).all()
    assert causal.groupby(["gene_id", "cell"]).size().max() <= 3


def test_what_is_written_on_request_changes_nothing_else(folder: Path, requested: Path) -> None:
    assert load_manifest(requested / "manifest.yaml").name == "synthetic-tiny-seed7-v3-bam-hic"
    for path in folder.iterdir():
        if path.name != "manifest.yaml":
            assert (requested / path.name).read_bytes() == path.read_bytes()
    more = {f"{cell}.{kind}" for cell in CELLS for kind in ("dnase.bam", "hic")}
    assert {path.name for path in requested.iterdir()} == {path.name for path in folder.iterdir()} | more
    with pytest.raises(SettingsError, match="holds 'synthetic-tiny-seed7-v3', not synthetic-tiny-seed7-v3-bam"):
        synthesize("tiny", folder, bam=True)


@pytest.mark.parametrize("cell", CELLS)
def test_hic_maps_hold_the_contacts_of_the_mcools(requested: Path, cell: str) -> None:
    dataset = open_dataset(requested / "manifest.yaml")
    written, cooler = requested / f"{cell}.hic", requested / f"{cell}.mcool"
    assert dataset.path("contact", cell) == written
    assert (contact_resolutions(written), contact_sizes(written)) == (
        contact_resolutions(cooler),
        contact_sizes(cooler),
    )
    for chrom, length in contact_sizes(cooler).items():
        whole = Interval(chrom, 0, length)
        found, expected = (read_contact_matrix(path, whole, resolution_bp=256) for path in (written, cooler))
        assert expected.sum() > 0
        np.testing.assert_array_equal(found, expected)


_LIMITED = """
import resource, signal, sys
import numpy as np
from pathlib import Path
from seq2exp.errors import SourceError
from seq2exp.synthetic.contacts import ContactPixels
from seq2exp.synthetic.juicer import HicWriter

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
first, second = np.triu_indices(400)
count = np.random.default_rng(0).integers(1, 30_000, len(first))
try:
    with HicWriter(Path(sys.argv[1]), {"chr1": 400 * 256}, 256, "synthetic") as writer:
        writer.add("chr1", ContactPixels(first, second, count))
except SourceError as error:
    print(error)
"""


def test_a_hic_map_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.hic"
    ended = subprocess.run([sys.executable, "-c", _LIMITED, str(path)], capture_output=True, text=True, check=True)
    assert ended.stdout.startswith(f"{path}: cannot be written (an error occurred while writing file")
    assert not list(tmp_path.glob(".hic-*"))


def test_macs3_finds_peaks_in_the_reads(folder: Path, requested: Path, tmp_path: Path) -> None:
    bam = requested / "SynK.dnase.bam"
    content = gzip.decompress(bam.read_bytes())
    assert content[:4] == b"BAM\1"
    called = call_peaks_bam(bam, genome_size=130_000, keep_dup="all", cache_dir=tmp_path / "peaks")
    # Sites stand so close in 4 kb windows that MACS3's local background hides the weak ones.
    truth = pd.read_csv(folder / "truth.tsv.gz", sep="\t")
    causal = truth[(truth["cell"] == "SynK") & (truth["causal"] == "yes")]
    with pyBigWig.open(str(folder / "SynK.dnase.bw")) as track:
        strong = [
            Interval(row.chrom, int(row.start), int(row.end))
            for row in causal.itertuples()
            if np.nanmax(track.values(row.chrom, row.start, row.end, numpy=True)) > 4
        ]
    assert len(strong) >= 5
    assert all(any(region.interval.overlaps(place) for region in called.regions) for place in strong)


def test_reads_hold_the_bases_they_lie_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 4, size=2000).astype(np.uint8)
    codes[500:700] = 4
    with BamWriter(tmp_path / "a.bam", {"chr1": 2000}) as writer:
        writer.add("chr1", np.full(100, 40.0, dtype=np.float32), codes, rng)
    content = gzip.decompress((tmp_path / "a.bam").read_bytes())
    head = 8 + int.from_bytes(content[4:8], "little") + 4 + 4 + len("chr1\0") + 4
    size = 4 + int.from_bytes(content[head : head + 4], "little")
    reads = [content[at : at + size] for at in range(head, len(content), size)]
    starts = [int.from_bytes(read[8:12], "little") for read in reads]
    assert len(reads) > 500
    assert starts == sorted(starts)
    for read, start in zip(reads, starts, strict=True):
        packed = read[4 + 32 + 11 + 4 :][:18]
        letters = "".join("=ACMGRSVTWYHKDBN"[half] for byte in packed for half in (byte >> 4, byte & 15))
        assert letters == "".join("ACGTN"[code] for code in codes[start : start + 36])
        assert "N" not in letters
