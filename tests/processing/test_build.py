"""From files as downloaded to a data set: equal to the one they were made from, resumable, honest about the rest.

One file, because the downloaded files and the data set built of them are made once for all tests.
"""

from __future__ import annotations

import gzip
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from seq2exp.cli import app
from seq2exp.errors import ManifestError, SettingsError, SourceError
from seq2exp.processing import build_parts, build_shared
from seq2exp.processing.activity import activity_from_bams
from seq2exp.processing.build import LENGTHS, REQUIRED, BuildOptions, build
from seq2exp.processing.report import BuildReport
from seq2exp.processing.statistics import TrackStatistics, track_statistics
from seq2exp.sources.bigwig import read_signal
from seq2exp.sources.catalogue import load_catalogue
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.synthetic import synthesize
from seq2exp.window.assemble import build_window, window_settings
from tests.processing.upstream import BIN_BP, CELLS, CENTRE_BP, WINDOW_BP, published, write_upstream
from tests.servers import RangeServer

OPTIONS = BuildOptions(
    normalisation="NONE", resolution_bp=BIN_BP, window_bp=WINDOW_BP, centre_bp=CENTRE_BP, other_genes=True
)
BOTH = tuple(CELLS.values())
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(synthesize("tiny", tmp_path_factory.mktemp("tiny") / "tiny"))


@pytest.fixture(scope="module")
def upstream(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with catalogue.yaml and files/; shared, so not to be changed."""
    return write_upstream(tiny, tmp_path_factory.mktemp("upstream")).parent


@pytest.fixture
def own(upstream: Path, tmp_path: Path) -> Path:
    """A copy of it that may be changed."""
    return Path(shutil.copytree(upstream, tmp_path / "own"))


def make(folder: Path, out: Path, cells: tuple[str, ...] = BOTH, **changes: Any) -> BuildReport:
    catalogue = load_catalogue(folder / "catalogue.yaml")
    return build(catalogue, cells, folder / "files", out, replace(OPTIONS, **changes))


@pytest.fixture(scope="module")
def built(upstream: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[BuildReport, Path]:
    out = tmp_path_factory.mktemp("built") / "hg38"
    return make(upstream, out), out


def test_every_window_is_that_of_the_data_set_the_files_came_from(
    tiny: Dataset, built: tuple[BuildReport, Path]
) -> None:
    dataset = open_dataset(built[1], verify=True)
    settings = window_settings(dataset)
    assert settings == window_settings(tiny)
    assert {source.file.format for source in dataset.manifest.sources} == {
        "2bit",
        "tsv",
        "csv",
        "gtf",
        "bed",
        "bigWig",
        "contacts",
    }
    assert [gene.gene_id for gene in dataset.genes] == [gene.gene_id for gene in published(tiny)]
    for gene in dataset.genes:
        known = tiny.genes.get(gene.gene_id)
        assert (gene.symbol, gene.tss, gene.strand, gene.start, gene.end) == (
            known.symbol, known.tss, known.strand, known.start, known.end,
        )  # fmt: skip
        assert dataset.fold(gene) == tiny.fold(known)
        for simulated, cell in CELLS.items():
            made, original = (
                build_window(dataset, gene, cell, settings),
                build_window(tiny, known, simulated, settings),
            )
            np.testing.assert_array_equal(made.codes, original.codes)
            np.testing.assert_array_equal(made.signals, original.signals)
            np.testing.assert_array_equal(made.blacklist, original.blacklist)
            np.testing.assert_allclose(made.rna_features, original.rna_features, rtol=1e-6)
            assert made.observed_log10 == original.observed_log10
            assert made.missing == original.missing


def test_the_report_says_what_was_found(built: tuple[BuildReport, Path], upstream: Path) -> None:
    report, out = built
    dataset = open_dataset(out)
    assert (report.dataset_hash, report.cell_types, report.absent) == (dataset.hash, BOTH, ())
    windows = [gene.window(WINDOW_BP) for gene in dataset.genes]
    for cell in BOTH:
        for role in ("dnase", "h3k27ac"):
            measured = track_statistics(upstream / "files" / cell / f"{role}.bigWig", windows)
            source = dataset.source(role, cell)  # type: ignore[arg-type]
            assert source is not None
            assert report.tracks[cell][role] == measured.summary()
            assert TrackStatistics.from_summary(source.content.summary) == measured
            assert source.warnings == [f"{source.content.output_type} of {cell}"]
    odd = {check.name for check in report.unusual}
    assert "h3k27ac of K562, mean" in odd  # windows of 4 kb are mostly promoter
    assert not {"dnase of K562, mean", "CAGE of K562, whole tags"} & odd
    assert json.loads((out / "report.json").read_text())["dataset_hash"] == report.dataset_hash
    page = (out / "report.md").read_text()
    assert "| h3k27ac of K562, mean | " in page.split("## Tracks")[0]
    assert f"| dnase of K562 | {len(windows)} | " in page
    assert report.to_markdown() == page


def test_a_second_build_does_nothing_again_and_keeps_every_byte(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = make(own, out)
    before = {path.name: path.read_bytes() for path in out.iterdir() if not path.name.startswith("report")}
    again = make(own, out)
    assert set(again.steps.values()) == {"kept"}
    assert again.steps.keys() == first.steps.keys()
    assert {name: (out / name).read_bytes() for name in before} == before
    fresh = make(own, tmp_path / "fresh")
    assert fresh.dataset_hash == first.dataset_hash


def test_only_what_a_changed_file_touches_is_made_again(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(own, out)
    labels = own / "files/tables/labels.csv"
    rows = labels.read_text().splitlines()
    fields = rows[1].split(",")
    labels.write_text("\n".join([rows[0], ",".join([fields[0], "77", *fields[2:]]), *rows[2:]]) + "\n")
    report = make(own, out)
    assert [name for name, how in report.steps.items() if how == "made"] == ["expression"]
    dataset = open_dataset(out)
    assert dataset.observed(dataset.genes.get(fields[0]), "K562") == 77


def test_cell_types_built_before_stay_and_their_map_may_go(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert make(own, out, ("GM12878",)).cell_types == ("GM12878",)
    (own / "files/GM12878/map.hic").unlink()
    report = make(own, out, ("K562",))
    assert report.cell_types == open_dataset(out).cell_types == BOTH
    assert report.steps["gm12878.contact"] == "kept"
    assert report.absent == ()
    assert any("no longer on disk" in note for note in report.notes)
    wider = make(own, out, ("K562",), window_bp=2 * WINDOW_BP)  # the store of GM12878 does not reach that far
    assert [(part.what, part.cell_type) for part in wider.absent] == [("contacts", "GM12878")]


class Killed(BaseException):
    """Ends the process as far as this test can."""


@pytest.mark.parametrize("at", ["make_labels", "store_contacts"])
def test_a_build_that_is_killed_leaves_no_data_set_and_goes_on(
    at: str, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, out = make(own, tmp_path / "whole"), tmp_path / "out"
    make(own, out, ("GM12878",))  # an older data set lies there

    def die(*_: object, **__: object) -> object:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(build_shared if at == "make_labels" else build_parts, at, die)
        with pytest.raises(Killed):
            make(own, out)
    with pytest.raises(ManifestError, match="holds neither"):
        open_dataset(out)
    assert not (out / "report.json").exists()
    assert make(own, out).dataset_hash == whole.dataset_hash


def test_a_build_that_the_system_ends_leaves_nothing_that_stays(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = make(own, out)
    labels = own / "files/tables/labels.csv"
    labels.write_text(labels.read_text().replace(",0.5", ",0.6"))  # in a column that is not taken
    program = f"""
import os, signal
from pathlib import Path
from seq2exp.processing import build_tables
from seq2exp.processing.build import BuildOptions, build
from seq2exp.sources.catalogue import load_catalogue
def write_expression(path, labels):
    path.with_name(".expression.tsv.half.partial").write_text("gene_id")
    os.kill(os.getpid(), signal.SIGKILL)
build_tables.write_expression = write_expression
options = BuildOptions(**{vars(OPTIONS)!r})
own = Path({str(own)!r})
build(load_catalogue(own / "catalogue.yaml"), {BOTH!r}, own / "files", Path({str(out)!r}), options)
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert list(out.glob(".*.partial"))
    with pytest.raises(ManifestError, match="holds neither"):
        open_dataset(out)
    again = make(own, out)
    assert (again.dataset_hash, again.steps["genes"]) == (first.dataset_hash, "kept")
    assert not list(out.glob(".*.partial"))


def test_what_is_absent_is_left_out_and_its_cost_is_told(own: Path, tmp_path: Path, tiny: Dataset) -> None:
    for name in ("tables/labels.csv", "tables/GeneList_K562.txt", "annotation/blacklist.bed.gz", "tables/split.csv"):
        (own / "files" / name).unlink()
    for name in ("map.hic", "h3k27ac.bigWig"):
        (own / "files/K562" / name).unlink()
    (own / "files/K562/ccre.bed").write_text("#registry\nchr1\t100\t300\tEH38D1\tEH38E1\tdELS\n")
    report = make(own, tmp_path / "out", ("K562",))
    told = {part.what: part for part in report.absent}
    assert set(told) == {"expression", "promoter activity", "blacklist", "split", "contacts", "H3K27ac"}
    assert told["H3K27ac"].ids == ("k562.h3k27ac.signal",)
    assert "power law" in told["contacts"].cost
    (rows,) = (check for check in report.checks if check.name == "ccre.k562, rows")
    assert (rows.found, rows.expected, rows.verdict) == ("1", "2", "unusual")
    assert f"- H3K27ac of K562 (k562.h3k27ac.signal): {told['H3K27ac'].cost}" in report.to_markdown()
    dataset = open_dataset(tmp_path / "out")
    assert {source.role for source in dataset.manifest.sources} == {
        "reference", "genes", "transcripts", "rna_features", "dnase", "ccre",
    }  # fmt: skip
    gene = next(iter(dataset.genes))
    window = build_window(dataset, gene, "K562", window_settings(dataset))
    assert {missing.name for missing in window.missing} >= {"h3k27ac", "contact", "rna_features"}
    assert window.rna_features[8] == 0
    for name in ("hg38/hg38.2bit", "tables/mrna.csv"):
        (own / "files" / name).unlink()
    wanted = r"reference\.hg38\.fasta \(the genome\); features\.mrna \(genes.*data get --only reference\.hg38\.2bit"
    with pytest.raises(ManifestError, match=wanted):
        make(own, tmp_path / "other", ("K562",))
    with pytest.raises(ManifestError, match="no cell type HeLa"):
        make(own, tmp_path / "out", ("HeLa",))


def test_h1_has_no_released_tables_of_its_own(own: Path, tmp_path: Path) -> None:
    report = make(own, tmp_path / "out", ("H1",))
    assert {part.what for part in report.absent} == {"promoter activity", "expression", "DNase", "H3K27ac", "contacts"}
    assert all(part.cell_type == "H1" for part in report.absent)


def test_genes_the_gtf_lacks_stay_and_are_told(own: Path, tmp_path: Path, tiny: Dataset) -> None:
    gene = next(gene for gene in tiny.genes if gene.strand == "-" and tiny.fold(gene))
    gtf = own / "files/annotation/ensembl.gtf.gz"
    lines = gzip.decompress(gtf.read_bytes()).decode().splitlines(keepends=True)
    gtf.write_bytes(gzip.compress("".join(line for line in lines if gene.gene_id not in line).encode()))
    report = make(own, tmp_path / "out")
    found = open_dataset(tmp_path / "out").genes.get(gene.gene_id)
    assert (found.tss, found.strand, found.start) == (gene.tss, "+", None)
    assert any(
        note.startswith("Genes that annotation.ensembl90 lacks: 1.") and gene.gene_id in note for note in report.notes
    )


def test_genes_on_chromosomes_not_in_use_are_left_out_and_told(own: Path, tmp_path: Path, tiny: Dataset) -> None:
    table = own / "files/tables/mrna.csv"
    row = table.read_text().splitlines()[1].split(",")
    table.write_text(table.read_text() + ",".join(["Y", "500", "SYNG0000999", "SRYX", *row[4:]]) + "\n")
    report = make(own, tmp_path / "out")
    assert "Genes left out, as they lie on chromosomes not in use (Y): 1." in report.notes
    assert len(open_dataset(tmp_path / "out").genes) == len(published(tiny))


def test_other_genes_than_the_papers_are_refused_in_words(upstream: Path, tmp_path: Path, tiny: Dataset) -> None:
    n = len(published(tiny))
    with pytest.raises(SourceError) as caught:
        make(upstream, tmp_path / "out", other_genes=False)
    for words in (f"genes: {n}, the paper has 18,377", "fold 11, train: ", f"distinct TSS: {n}", "--allow-other-genes"):
        assert words in str(caught.value)
    assert not (tmp_path / "out/manifest.yaml").exists()


def test_files_that_are_not_what_the_catalogue_says_are_refused(own: Path, tmp_path: Path) -> None:
    catalogue = own / "catalogue.yaml"
    content = yaml.safe_load(catalogue.read_text())
    entry = next(source for source in content["sources"] if source["id"] == "genes.split")
    entry["file"]["checksum"] = {"md5": "0" * 32}
    catalogue.write_text(yaml.safe_dump(content))
    with pytest.raises(SourceError, match=r"split\.csv: md5 is .* that of genes\.split is 0{32}"):
        make(own, tmp_path / "out")
    entry["file"] = {"format": "csv", "size_bytes": 3}
    catalogue.write_text(yaml.safe_dump(content))
    with pytest.raises(SourceError, match=r"split\.csv: has [\d,]+ bytes, genes\.split has 3"):
        make(own, tmp_path / "out")


def test_a_folder_with_another_data_set_is_left_alone(upstream: Path, tmp_path: Path, tiny: Dataset) -> None:
    shutil.copy(tiny.root / "manifest.yaml", tmp_path)
    with pytest.raises(SettingsError, match="holds a data set that `data build` did not make"):
        make(upstream, tmp_path)
    assert (tmp_path / "manifest.yaml").read_bytes() == (tiny.root / "manifest.yaml").read_bytes()


def test_features_are_recomputed_from_the_gtf_on_request(upstream: Path, tmp_path: Path, tiny: Dataset) -> None:
    report = make(upstream, tmp_path / "out", ("K562",), features="gtf")
    assert report.features_equal.keys() == {*build_shared.checks.MRNA_FEATURES}
    n = len(published(tiny))
    assert {row["genes"] for row in report.features_equal.values()} == {n}
    assert report.features_equal["CDSGC"]["equal"] >= n - 2
    assert f"| CDSGC | {n} | " in report.to_markdown()
    dataset = open_dataset(tmp_path / "out")
    gene = next(iter(dataset.genes))
    known = tiny.rna_features(tiny.genes.get(gene.gene_id), "SynK")
    np.testing.assert_allclose(dataset.rna_features(gene, "K562")[:4], known[:4], atol=0.05)


def test_the_map_itself_can_be_kept(upstream: Path, tmp_path: Path, tiny: Dataset) -> None:
    report = make(upstream, tmp_path / "out", ("K562",), keep_map=True)
    dataset = open_dataset(tmp_path / "out")
    source = dataset.source("contact", "K562")
    assert source is not None
    assert (source.file.format, source.content.normalisation, "k562.contact" in report.steps) == ("hic", "NONE", False)
    gene = next(iter(dataset.genes))
    made = build_window(dataset, gene, "K562", window_settings(dataset))
    original = build_window(tiny, tiny.genes.get(gene.gene_id), "SynK", window_settings(dataset))
    np.testing.assert_array_equal(made.signals, original.signals)


def test_what_is_on_servers_is_stated_by_address_and_read_from_there(own: Path, tmp_path: Path, tiny: Dataset) -> None:
    served = tmp_path / "served"
    catalogue = own / "catalogue.yaml"
    content = yaml.safe_load(catalogue.read_text())
    with RangeServer(served) as server:
        content["servers"] = [
            {
                "host": "127.0.0.1",
                "login": "none",
                "redirects": "none",
                "ranges": "yes",
                "cors": "yes",
                "confidence": "verified",
            }
        ]
        for source in content["sources"]:
            if source["file"]["format"] in ("2bit", "bigWig", "hic") and source["id"] != "labels.cage.h1":
                place = served / source["local_path"]
                place.parent.mkdir(parents=True, exist_ok=True)
                (own / "files" / source["local_path"]).rename(place)
                source["url"] = {"primary": f"{server.url}/{source['local_path']}"}
        catalogue.write_text(yaml.safe_dump(content))
        with pytest.raises(ManifestError, match="the genome"):
            make(own, tmp_path / "out", ("K562",))
        report = make(own, tmp_path / "out", ("K562",), remote=True)
        assert server.requests == []  # nothing moves before a gene is asked for
        assert report.remote
        assert report.tracks == {"K562": {"dnase": None, "h3k27ac": None}}
        assert report.sources["k562.dnase.signal"] == f"{server.url}/K562/dnase.bigWig"
        assert "not on disk, not measured" in report.to_markdown()
        with pytest.raises(ManifestError, match=r"4 of which .* can stream"):
            open_dataset(tmp_path / "out")
        dataset = open_dataset(tmp_path / "out", remote=True, cache_dir=tmp_path / "cache")
        gene = published(tiny)[3]
        made = build_window(dataset, dataset.genes.get(gene.gene_id), "K562", window_settings(dataset))
    original = build_window(tiny, gene, "SynK", window_settings(tiny))
    np.testing.assert_array_equal(made.codes, original.codes)
    np.testing.assert_array_equal(made.signals, original.signals)


def test_a_fasta_as_servers_send_it_is_packed_for_random_access_once(own: Path, tmp_path: Path, tiny: Dataset) -> None:
    (own / "files/hg38/hg38.2bit").unlink()
    reference = tiny.path("reference")
    assert reference is not None
    fasta = own / "files/hg38/hg38.fa.gz"
    fasta.write_bytes(gzip.compress(gzip.decompress(reference.read_bytes())))
    report = make(own, tmp_path / "out", ("K562",))
    assert report.steps["reference"] == "made"
    dataset = open_dataset(tmp_path / "out", verify=True)
    for gene in published(tiny)[:3]:
        made = build_window(dataset, dataset.genes.get(gene.gene_id), "K562", window_settings(dataset))
        np.testing.assert_array_equal(made.codes, build_window(tiny, gene, "SynK", window_settings(tiny)).codes)
    assert make(own, tmp_path / "out", ("K562",)).steps["reference"] == "kept"
    (tmp_path / "out/genome.fa.gz.gzi").unlink()
    assert make(own, tmp_path / "out", ("K562",)).steps["reference"] == "made"
    fasta.write_bytes(fasta.read_bytes()[:-100])
    with pytest.raises(SourceError, match=r"hg38\.fa\.gz: gzip data is truncated"):
        make(own, tmp_path / "other", ("K562",))


def test_labels_of_h1_are_counted_from_its_cage_track(own: Path, tmp_path: Path, tiny: Dataset) -> None:
    shutil.copy(tiny.root / "SynK.cage.bw", own / "files/H1/cage.bw")
    make(own, tmp_path / "out", ("H1",))
    dataset = open_dataset(tmp_path / "out")
    for gene in published(tiny):
        place = gene.window(384)
        tags = np.nansum(read_signal(tiny.root / "SynK.cage.bw", place), dtype=np.float64)
        assert dataset.observed(dataset.genes.get(gene.gene_id), "H1") == tags
    assert dataset.source("cage", "H1") is not None


def test_promoter_activity_is_counted_from_reads_where_there_is_no_gene_list(own: Path, tmp_path: Path) -> None:
    genes = open_dataset(synthesize("tiny", tmp_path / "reads", bam=True))
    for mark in ("dnase", "h3k27ac"):
        shutil.copy(genes.root / "SynK.dnase.bam", own / f"files/H1/{mark}.bam")
    report = make(own, tmp_path / "out", ("H1",))
    dataset = open_dataset(tmp_path / "out")
    both = [own / f"files/H1/{mark}.bam" for mark in ("dnase", "h3k27ac")]
    counted = activity_from_bams(list(dataset.genes), dnase=both[:1], h3k27ac=both[1:]).activity
    assert (counted > 0).any()
    for gene in dataset.genes:
        assert dataset.rna_features(gene, "H1")[8] == np.float32(counted[gene.gene_id])
    assert "promoter activity" not in {part.what for part in report.absent}
    assert any("counted from its reads" in note for note in report.notes)


def test_each_cell_type_has_the_crispri_table_that_tests_it(own: Path, tmp_path: Path) -> None:
    (own / "files/crispri").mkdir()
    for name in ("training", "heldout"):
        (own / f"files/crispri/{name}.tsv").write_text("chrom\n")
    make(own, tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    for cell, id in (("K562", "crispri.training"), ("GM12878", "crispri.heldout")):
        source = dataset.source("crispri", cell)
        assert source is not None
        assert source.id == id


def test_every_id_that_a_build_asks_for_is_in_the_catalogue() -> None:
    catalogue = load_catalogue()
    ids = {id for need in (*REQUIRED, LENGTHS) for id in need.ids} | {"genes.split", "labels.cage", "labels.cage.h1"}
    ids |= {"blacklist.v1", "blacklist.v2", "crispri.training", "crispri.heldout"}
    for cell in catalogue.cell_types:
        low = cell.lower()
        ids |= {
            f"features.gene_list.{low}",
            f"{low}.contact",
            *(f"{low}.{ending}" for ending in build_parts.TRACK_ROLES),
        }
        ids |= {f"{low}.h3k27ac.alignment.a", *build_shared.ACTIVITY_READS[low]}
        output = {catalogue.source(f"{low}.{ending}").content.output_type for ending in build_parts.TRACK_ROLES}
        assert output == set(build_shared.checks.TRACK_RANGES)
    assert ids == {catalogue.source(id).id for id in ids}


def test_the_command_prints_the_report_and_says_it_as_json(own: Path, tmp_path: Path) -> None:
    (own / "files/K562/map.hic").unlink()
    words = ["data", "build", "--catalogue", str(own / "catalogue.yaml"), "--cell", "K562", "--allow-other-genes"]
    words += ["--window-bp", str(WINDOW_BP), "--centre-bp", str(CENTRE_BP), "--resolution-bp", str(BIN_BP)]
    words += ["--normalisation", "NONE", "--out", str(tmp_path / "out")]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0
    assert "missing: contacts of K562: a power law" in shown.stdout
    assert "dnase of K562: mean 0." in shown.stdout
    found = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert found == json.loads((tmp_path / "out/report.json").read_text())
    assert set(found["steps"].values()) == {"kept"}
    assert f"hash {found['dataset_hash']}" in shown.stdout
