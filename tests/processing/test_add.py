"""A user's own cell type: what is taken, what is refused and why, what is explained, and what is written.

One file, because every test adds to the data set that the first one makes.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import hictkpy
import numpy as np
import pandas as pd
import pyBigWig
import pysam
import pytest
import yaml

from seq2exp.errors import ManifestError, SettingsError, SourceError
from seq2exp.processing.add import CellPlan, default_base, plan_cell, write_cell
from seq2exp.processing.add_assembly import KNOWN_BUILDS, build_of
from seq2exp.processing.add_format import CellRole, recognise
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.sources.tables import LABEL_SUFFIX, read_expression
from seq2exp.synthetic import synthesize
from seq2exp.window.assemble import build_window, window_settings
from tests.servers import RangeServer

Plan = Callable[..., CellPlan]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like `.data` with one data set in it, with reads."""
    folder = tmp_path_factory.mktemp("project") / ".data"
    synthesize(preset="tiny", out=folder / "base", bam=True)
    return folder


@pytest.fixture(scope="module")
def base(data_dir: Path) -> Dataset:
    return open_dataset(data_dir / "base")


@pytest.fixture
def plan(data_dir: Path, tmp_path: Path) -> Plan:
    """Plan a cell type on the base; roles are keywords, files of the base where only a name is given."""

    def make(name: str = "Mine", *, keep: bool = False, out: Path | None = None, **files: Path | str) -> CellPlan:
        given: dict[CellRole, Path] = {
            role: data_dir / "base" / path if isinstance(path, str) else path  # type: ignore[misc]
            for role, path in files.items()
        }
        return plan_cell(name, given, data_dir / "base", keep_cells=keep, data_dir=out or tmp_path / "data")

    return make


def write_bigwig(
    path: Path, sizes: Mapping[str, int], values: Mapping[str, float], *, width: int | None = None
) -> Path:
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes.items()))
        for chrom, value in values.items():
            file.addEntries([chrom], [0], ends=[width or sizes[chrom]], values=[value])
    return path


def scaled(source: Path, path: Path, factor: float) -> Path:
    with pyBigWig.open(str(source)) as old, pyBigWig.open(str(path), "w") as new:
        new.addHeader(list(old.chroms().items()))
        for chrom in old.chroms():
            starts, ends, heights = zip(*(old.intervals(chrom) or ()), strict=True)
            new.addEntries(
                [chrom] * len(starts), list(starts), ends=list(ends), values=[height * factor for height in heights]
            )
    return path


def test_a_whole_cell_type_opens_with_the_very_arrays_of_its_files(plan: Plan, base: Dataset) -> None:
    given = plan(
        dnase="SynG.dnase.bw",
        h3k27ac="SynG.h3k27ac.bw",
        contact="SynG.mcool",
        dnase_alignment="SynG.dnase.bam",
    )
    assert not given.problems
    assert [absent.name for absent in given.absent] == ["Promoter activity", "CAGE"]
    assert not any(file.warnings for file in given.files[:3]), "tracks of one generator are on one scale"
    added = write_cell(given)
    opened = open_dataset(added.manifest)
    assert (opened.cell_types, opened.name, opened.hash) == (("Mine",), "Mine", added.hash)
    assert opened.synthetic == base.synthetic
    for gene in list(base.genes)[:3]:
        own = build_window(opened, opened.genes.get(gene.gene_id), "Mine", window_settings(opened))
        theirs = build_window(base, gene, "SynG", window_settings(base))
        np.testing.assert_array_equal(own.signals, theirs.signals)
        np.testing.assert_array_equal(own.codes, theirs.codes)
        assert own.observed_log10 is None
        assert opened.fold(gene) == base.fold(gene)
    assert opened.path("dnase_alignment", "Mine") == base.path("dnase_alignment", "SynG")
    assert not opened.sources("truth", "Mine"), "what is true of other cells is not true of these"


def test_beside_the_cells_of_the_base_both_are_there_and_its_manifest_is_untouched(
    plan: Plan, base: Dataset, data_dir: Path
) -> None:
    before = hashlib.sha256((data_dir / "base" / "manifest.yaml").read_bytes()).hexdigest()
    added = write_cell(plan(keep=True, dnase="SynG.dnase.bw"))
    opened = open_dataset(added.manifest)
    assert opened.cell_types == (*base.cell_types, "Mine")
    gene = next(iter(base.genes))
    for cell in base.cell_types:
        own, theirs = (build_window(one, gene, cell, window_settings(one)) for one in (opened, base))
        np.testing.assert_array_equal(own.signals, theirs.signals)
        np.testing.assert_array_equal(own.rna_features, theirs.rna_features)
        assert own.observed_log10 == theirs.observed_log10
    assert {entry.name for entry in added.missing} >= {"h3k27ac", "contact", "rna_features"}
    assert hashlib.sha256((data_dir / "base" / "manifest.yaml").read_bytes()).hexdigest() == before


def test_the_folder_can_move_with_the_one_it_borrows_from(plan: Plan, data_dir: Path, tmp_path: Path) -> None:
    whole = tmp_path / "old"
    shutil.copytree(data_dir, whole)
    planned = plan_cell(
        "Mine", {"dnase": data_dir / "base" / "SynG.dnase.bw"}, whole / "base", keep_cells=False, data_dir=whole
    )
    write_cell(planned)
    whole.rename(tmp_path / "new")
    assert open_dataset(tmp_path / "new" / "Mine").cell_types == ("Mine",)


def test_paths_lead_on_where_the_data_folder_is_a_link(data_dir: Path, tmp_path: Path) -> None:
    far = tmp_path / "a" / "b" / "big"
    far.mkdir(parents=True)
    (tmp_path / ".data").symlink_to(far)
    planned = plan_cell(
        "Mine",
        {"dnase": data_dir / "base" / "SynG.dnase.bw"},
        data_dir / "base",
        keep_cells=False,
        data_dir=tmp_path / ".data",
    )
    write_cell(planned)
    assert open_dataset(tmp_path / ".data" / "Mine").cell_types == ("Mine",)


def test_cage_becomes_labels_equal_to_the_tags_in_the_file(plan: Plan, base: Dataset) -> None:
    added = write_cell(plan(dnase="SynG.dnase.bw", cage="SynG.cage.bw"))
    opened = open_dataset(added.manifest)
    path = opened.path("expression", "Mine")
    assert path is not None
    labels = read_expression(path)["Mine"]
    assert path.read_text().startswith(f"gene_id\tMine{LABEL_SUFFIX}\n")
    with pyBigWig.open(str(base.path("cage", "SynG"))) as tags:
        for gene in base.genes:
            counted = np.nansum(tags.values(gene.chrom, gene.tss - 192, gene.tss + 192, numpy=True))
            assert labels[gene.gene_id] == pytest.approx(counted)
            assert opened.observed(gene, "Mine") == pytest.approx(counted)
    assert "CAGE" not in {absent.name for absent in plan("Two", dnase="SynG.dnase.bw", cage="SynG.cage.bw").absent}


def test_ctss_and_bigwig_give_the_same_labels(plan: Plan, base: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "tags.ctss.bed.gz"
    with pyBigWig.open(str(base.path("cage", "SynG"))) as tags, gzip.open(path, "wt") as text:
        for chrom in tags.chroms():
            for start, end, value in tags.intervals(chrom) or ():
                for at in range(start, end):
                    if value:
                        text.write(f"{chrom}\t{at}\t{at + 1}\t{chrom}:{at}..{at + 1},+\t{value:g}\t+\n")
    tables = []
    for name, file in (("Mine", path), ("Other", base.path("cage", "SynG"))):
        assert file is not None
        planned = plan(name, dnase="SynG.dnase.bw", cage=file)
        assert not planned.problems
        table = read_expression(write_cell(planned).manifest.parent / "expression.tsv")[name]
        tables.append(table[table > 0])
    pd.testing.assert_series_equal(tables[0], tables[1], check_names=False)


@pytest.mark.parametrize("factor", [0.2, 5])
def test_another_scale_is_told_and_goes_into_the_manifest(
    plan: Plan, base: Dataset, tmp_path: Path, factor: float
) -> None:
    track = base.path("dnase", "SynK")
    assert track is not None
    planned = plan(dnase=scaled(track, tmp_path / "other.bw", factor))
    (warning,) = planned.files[0].warnings
    assert "For a model trained on SynK of" in warning
    assert "The same goes for SynG" in warning
    assert ("higher" in warning) == (factor > 1)
    opened = open_dataset(write_cell(planned).manifest)
    source = opened.source("dnase", "Mine")
    assert source is not None
    assert source.warnings == [warning]
    assert source.content.summary is not None
    statistics = planned.files[0].statistics
    assert statistics is not None
    assert source.content.summary["mean"] == statistics.mean


def test_a_file_is_what_it_holds_not_what_it_is_called(plan: Plan, data_dir: Path, tmp_path: Path) -> None:
    base = data_dir / "base"
    disguised = tmp_path / "signal.hic"
    shutil.copy(base / "SynG.dnase.bw", disguised)
    assert not plan(dnase=disguised).problems
    found = {path.name: recognise(path).kind for path in base.iterdir() if path.suffix in (".bw", ".bam", ".mcool")}
    assert {name.rpartition(".")[2]: kind for name, kind in found.items()} == {
        "bw": "bigWig",
        "bam": "bam",
        "mcool": "mcool",
    }
    (problem,) = plan(dnase="SynG.dnase.bam").problems
    assert "is a BAM; --dnase takes a bigWig: give it as --bam" in problem
    (problem,) = plan(dnase="SynG.dnase.bw", contact="SynK.dnase.bw").problems
    assert "is a bigWig; --hic takes a .hic contact map or a .cool contact map or an .mcool contact map" in problem


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!DOCTYPE html><html><body>captcha", "a web page"),
        (b"chr1\t0\t10\t1.5\n", "a bedGraph; --dnase takes a bigWig: sort it and run bedGraphToBigWig"),
        (b"fixedStep chrom=chr1 start=1\n1\n", "a wiggle text"),
        (b"\xeb\xf2\x89\x87" + bytes(100), "a bigBed"),
        (b"CRAM\3\0" + bytes(20), "a CRAM"),
        (b"@HD\tVN:1.6\n", "a SAM text"),
        (b"\x1f\x8b\x08\x00broken", "truncated or corrupt"),
        (b"\x89HDF\r\n\x1a\n" + bytes(50), "HDF5"),
        (bytes(1000), "no format known"),
        (gzip.compress(b"chr1\t0\t10\t1.5\n", mtime=0), "a bedGraph, packed by gzip"),
        (b"", "the file is empty"),
        (b"\x26\xfc\x8f\x88" + bytes(10), "truncated"),
    ],
)
def test_what_is_no_bigwig_is_called_what_it_is(plan: Plan, tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "signal.bw"
    path.write_bytes(content)
    (problem,) = plan(dnase=path).problems
    assert words in problem
    assert "\n" not in problem


def test_values_no_model_can_read_are_refused(plan: Plan, base: Dataset, tmp_path: Path) -> None:
    sizes = dict(base.assembly.chrom_sizes)
    chrom = next(iter(base.genes)).chrom
    for value, words in ((-2.5, "goes down to -2.5 on"), (float("inf"), "infinite"), (0.0, "0 everywhere")):
        path = write_bigwig(tmp_path / f"{value}.bw", sizes, {chrom: value})
        (problem,) = plan(dnase=path).problems
        assert words in problem, value
    few = write_bigwig(tmp_path / "few.bw", sizes, {chrom: 1.0}, width=1)
    assert "has no value in any of" in plan(dnase=few).problems[0]
    truncated = tmp_path / "cut.bw"
    whole = (base.root / "SynG.dnase.bw").read_bytes()
    truncated.write_bytes(whole[: len(whole) // 2])
    assert "truncated" in plan(dnase=truncated).problems[0]


def test_a_chromosome_without_values_is_told_with_the_genes_it_costs(plan: Plan, base: Dataset, tmp_path: Path) -> None:
    chrom = list(base.genes)[-1].chrom
    path = write_bigwig(tmp_path / "one.bw", {chrom: base.assembly.chrom_sizes[chrom]}, {chrom: 1.0})
    planned = plan(h3k27ac=path)
    away = sum(gene.chrom != chrom for gene in base.genes)
    assert away
    assert any(f"{away} genes there cannot be opened" in warning for warning in planned.files[0].warnings)
    added = write_cell(planned)
    assert open_dataset(added.manifest).genes.get(added.gene).chrom == chrom
    other = next(gene.chrom for gene in base.genes if gene.chrom != chrom)
    elsewhere = write_bigwig(tmp_path / "two.bw", {other: base.assembly.chrom_sizes[other]}, {other: 1.0})
    with pytest.raises(SourceError, match="no gene lies on a chromosome that all its files have"):
        write_cell(plan("Two", h3k27ac=path, dnase=elsewhere))


def test_another_assembly_is_refused_with_chromosome_and_both_lengths(
    plan: Plan, base: Dataset, tmp_path: Path
) -> None:
    chrom, length = next(iter(base.assembly.chrom_sizes.items()))
    off = write_bigwig(tmp_path / "off.bw", {chrom: length + 1}, {chrom: 1.0})
    (problem,) = plan(dnase=off).problems
    assert f"{chrom} has {length + 1:,} bp here and {length:,} bp in {base.name}" in problem
    human = write_bigwig(tmp_path / "human.bw", {"11": KNOWN_BUILDS["hg19 (GRCh37)"]["chr11"]}, {"11": 1.0})
    (problem,) = plan(dnase=human).problems
    assert "none of its chromosomes (11)" in problem
    assert f"the file is of hg19 (GRCh37), the data set of {base.assembly.name}" in problem


def test_no_two_builds_share_a_length() -> None:
    for build, sizes in KNOWN_BUILDS.items():
        for chrom, length in sizes.items():
            assert build_of({chrom: length}) == build, chrom
    assert build_of({"chr1": 1}) is None


def test_contacts_need_the_bins_and_counts_of_the_data_set(plan: Plan, base: Dataset, tmp_path: Path) -> None:
    sizes = {name: int(length) for name, length in base.assembly.chrom_sizes.items()}
    bin_bp = base.manifest.window.contact_resolution_bp

    def cool(name: str, width: int, *, diagonal: int) -> Path:
        path = tmp_path / name
        writer = hictkpy.cooler.FileWriter(path, sizes, width, tmpdir=tmp_path)
        n_bins = sum(-(-length // width) for length in sizes.values())
        bins = np.arange(0, n_bins, diagonal)
        writer.add_pixels(pd.DataFrame({"bin1_id": bins, "bin2_id": bins, "count": np.ones(len(bins))}))
        writer.finalize()
        return path

    (problem,) = plan(dnase="SynG.dnase.bw", contact=cool("wide.cool", 2 * bin_bp, diagonal=1)).problems
    assert f"holds bins of {2 * bin_bp:,} bp" in problem
    assert f"in bins of {bin_bp:,} bp" in problem
    (problem,) = plan(dnase="SynG.dnase.bw", contact=cool("bare.cool", bin_bp, diagonal=10**9)).problems
    assert "has no contact in the windows of" in problem
    planned = plan(dnase="SynG.dnase.bw", contact=cool("own.cool", bin_bp, diagonal=1))
    assert not planned.problems
    opened = open_dataset(write_cell(planned).manifest)
    source = opened.source("contact", "Mine")
    assert source is not None
    assert (source.file.format, source.content.normalisation) == ("cool", "NONE")


def test_reads_are_whole_sorted_and_indexed(plan: Plan, data_dir: Path, tmp_path: Path) -> None:
    good = data_dir / "base" / "SynG.dnase.bam"
    path = tmp_path / "reads.bam"

    def problem() -> str:
        return " ".join(plan(dnase="SynG.dnase.bw", dnase_alignment=path).problems)

    shutil.copy(good, path)
    (unindexed,) = plan(dnase="SynG.dnase.bw", dnase_alignment=path).files[1].warnings
    assert "samtools index reads.bam" in unindexed
    pysam.index(str(path))
    (counted,) = plan(dnase="SynG.dnase.bw", dnase_alignment=path).files[1].facts
    with pysam.AlignmentFile(str(good), "rb") as reads:
        assert counted == f"{sum(not read.is_unmapped for read in reads):,} mapped reads"
    os.utime(path, ns=(2**61, 2**61))
    assert "older than the BAM" in plan(dnase="SynG.dnase.bw", dnase_alignment=path).files[1].warnings[0]
    path.write_bytes(good.read_bytes()[:-28])
    assert "truncated" in problem()
    with pysam.AlignmentFile(str(good), "rb") as old:
        header = old.header.to_dict()
        header["HD"]["SO"] = "queryname"
        with pysam.AlignmentFile(str(path), "wb", header=header) as new:
            for read in old.head(3):
                new.write(read)
    assert "sorted by 'queryname', not by coordinate: samtools sort" in problem()
    header["HD"]["SO"] = "coordinate"
    with pysam.AlignmentFile(str(path), "wb", header=header):
        pass
    Path(f"{path}.bai").unlink()
    assert "no read is mapped" in problem()


@pytest.mark.parametrize(
    "name",
    ["", "..", "../x", "a/b", "a\\b", ".hidden", "-x", "x y", "x\n", "a..b", "x.", "é", "x" * 65, "runs", "HG38"],
)
def test_unsafe_names_are_refused(plan: Plan, name: str) -> None:
    with pytest.raises(SettingsError, match=r"cannot name a cell type|folder of the program's own"):
        plan(name, dnase="SynG.dnase.bw")


def test_what_cannot_be_meant_is_refused_before_anything_is_read(plan: Plan, data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has a cell type SynK already; choose another name, such as synk-own"):
        plan("synk", dnase="SynG.dnase.bw")
    with pytest.raises(SettingsError, match=r"base: is there already"):
        plan("base", out=data_dir, dnase="SynG.dnase.bw")
    with pytest.raises(SettingsError, match="needs one signal"):
        plan(contact="SynG.mcool")
    with pytest.raises(SettingsError, match="given as --dnase and as --h3k27ac; a file has one role"):
        plan(dnase="SynG.dnase.bw", h3k27ac="SynG.dnase.bw")
    with pytest.raises(SettingsError, match=r"--base or --to; .* holds base"):
        default_base(data_dir)
    assert "no such file" in plan(dnase=tmp_path / "absent.bw").problems[0]
    assert "not a file" in plan(dnase=tmp_path).problems[0]


def test_all_problems_are_told_at_once_and_nothing_is_written(plan: Plan, tmp_path: Path) -> None:
    planned = plan(dnase="SynG.mcool", h3k27ac="SynG.h3k27ac.bw", dnase_alignment="SynK.mcool")
    assert len(planned.problems) == 2
    with pytest.raises(SourceError, match=r"nothing is written: .*--dnase takes.*--bam takes"):
        write_cell(planned)
    assert not (tmp_path / "data").exists()


def test_a_failure_while_writing_leaves_nothing(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan(dnase="SynG.dnase.bw")

    def fail(*_: object) -> None:
        raise SourceError("the disk went away")

    monkeypatch.setattr("seq2exp.processing.add.build_window", fail)
    with pytest.raises(SourceError, match="went away"):
        write_cell(planned)
    assert list((tmp_path / "data").iterdir()) == []
    monkeypatch.undo()
    write_cell(planned)
    with pytest.raises(SettingsError, match="is there already"):
        write_cell(planned)


def test_a_base_whose_tracks_stream_is_borrowed_from_without_fetching_every_window(
    data_dir: Path, base: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQ2EXP_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "far"
    shutil.copytree(data_dir / "base", folder)
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text())
    own: dict[CellRole, Path] = {"dnase": data_dir / "base" / "SynG.dnase.bw"}
    with RangeServer(data_dir / "base") as server:
        for source in manifest["sources"]:
            if source["local_path"] in ("SynK.dnase.bw", "SynK.h3k27ac.bw"):
                (folder / source["local_path"]).unlink()
                source["url"] = {"primary": f"{server.url}/{source['local_path']}"}
        (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
        with pytest.raises(ManifestError, match="--remote"):
            plan_cell("Mine", own, folder, keep_cells=True, data_dir=tmp_path / "data")
        planned = plan_cell("Mine", own, folder, keep_cells=True, data_dir=tmp_path / "data", remote=True)
        assert not planned.problems
        assert server.requests == []
        opened = open_dataset(write_cell(planned).manifest, remote=True)
        gene = next(iter(base.genes))
        streamed = build_window(opened, gene, "SynK", window_settings(opened))
        np.testing.assert_array_equal(streamed.signals, build_window(base, gene, "SynK", window_settings(base)).signals)
