"""The project's own data_manifest.yaml, the catalogue, against the figures of the public texts it was written from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from seq2exp.errors import ManifestError
from seq2exp.sources.blocks import checked
from seq2exp.sources.catalogue import CATALOGUE, Catalogue, load_catalogue
from seq2exp.sources.catalogue_schema import schema_markdown
from seq2exp.sources.dataset import open_dataset

MIB = 1024**2

ACCESSIONS = """
ENCFF414OGC ENCFF960FMM ENCFF232GUZ ENCFF338LXW ENCFF428XFI ENCFF492ENM ENCFF972GVB
ENCFF465GBD ENCFF798KYP ENCFF771GNB ENCFF381NDD ENCFF849TDM ENCFF779QTH ENCFF469WVA ENCFF340JIF
ENCFF423TVA ENCFF919FBG 4DNFITUOMFUQ 4DNFI1UEG1HD 4DNFIFI6NIKJ ENCFF822UUX ENCFF421PYE ENCFF621AIY
ENCFF318GOM ENCFF134PUN CNhs11250 CNhs12331 CNhs12332 CNhs12333 CNhs13964
ENCFF205FNC ENCFF860XAE ENCFF257HEE ENCFF987IUK ENCFF020WZB ENCFF729UYK ENCFF467CXY ENCFF940NSD
ENCFF031VZX ENCFF966UXQ ENCFF761ZRE ENCFF353PVU ENCFF865OOP ENCFF104RJG ENCFF120QMN ENCFF232RQF
ENCFF600THN ENCFF704LGA ENCFF879BWC ENCFF269GKF ENCFF201OHW ENCFF860ABR ENCFF693IFG
ENCFF945DYE ENCFF327DFG ENCFF900NSO ENCFF504CYY ENCFF722NSO ENCFF588PDG ENCFF412PRG ENCFF236MQL ENCFF994ROA
ENCFF736UDR ENCFF405AYC ENCFF644EEX ENCFF734CUT ENCFF473IZV ENCFF038RVZ ENCFF519CXF ENCFF797SDL ENCFF692RPA
ENCFF544LXB ENCFF023LTU ENCFF689CJG ENCFF287LBI ENCFF564KBE ENCFF806YEZ ENCFF280PUF ENCFF357GNC ENCFF603BJO
ENCFF636VVR ENCFF545BXW ENCFF635RHY ENCFF744UQD ENCFF969CYX ENCFF356LFX E123 E116 E003
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def raw() -> str:
    """The file's content as JSON."""
    return json.dumps(yaml.safe_load(CATALOGUE.read_text(encoding="utf-8")))


def test_every_accession_of_the_three_cell_types_stands_in_it(catalogue: Catalogue) -> None:
    found = {source.accession.file for source in catalogue.sources if source.accession is not None}
    assert set(ACCESSIONS.split()) <= found


@pytest.mark.parametrize(
    ("id", "size", "md5"),
    [
        ("reference.hg38.fasta", 983_659_424, "1c9dcaddfa41027f17cd8f7a82c7293b"),
        ("abc.reference.chrom_sizes", None, "75afe0a7c5316fe36c565fd9c77e8b27"),
        ("blacklist.v1", 310, None),
        ("blacklist.v2", 5_867, "83fe6bf8187a64dee8079b80f75ba289"),
        ("blacklist.unified", None, "e18ece427a686932268efbb4fc759d99"),
        ("mask.include_list", None, "72e2878061c830921e71f1fe47f0ebfd"),
        ("genes.split", 1_872_204, "75f26a889ce21a4f12266eeb39df01c3"),
        ("features.mrna", 3_841_687, "a8e35236bea16b0f00e07125da217b99"),
        ("abc.reference.gene_bounds", 1_346_196, "7fea2c4486bb9a1beec26626375b795e"),
        ("abc.reference.tss500", None, "e44d3cf6bcd3eea2230cc670170a4062"),
        ("k562.contact", None, "42ebad0f020e8b7e45f6c6c19a6d4f87"),
        ("gm12878.contact", None, "da3e2a8f24e9af308dbe77a12313a58c"),
        ("h1.contact", None, "1cd4fb6ef55d9c36dbc8b1e5a2a90ec1"),
        ("k562.contact.encode", 32_155_810_430, None),
        ("gm12878.contact.encode", 221_133_691_230, None),
        ("crispri.training", 996_546, "11aed1393bcee2173297869d3e8dae67"),
        ("crispri.heldout", 373_837, "10749629f0626f25bb0e7b99b57bdabb"),
        ("k562.dnase.alignment.duke_unfiltered", 22_618_360_899, None),
        ("gm12878.dnase.alignment.rep2_unfiltered", 7_454_165_894, None),
        ("h1.dnase.alignment", 18_777_639_200, None),
        ("h1.dnase.alignment.rep2_unfiltered", 17_312_399_278, None),
        ("k562.h3k27ac.alignment.rep3_unfiltered", 3_104_359_947, None),
        ("gm12878.h3k27ac.alignment.rep2_unfiltered", 555_926_038, None),
        ("h1.h3k27ac.alignment.unfiltered_a", 1_069_795_994, None),
        ("h1.h3k27ac.alignment.rep2_unfiltered", 888_705_774, None),
        ("k562.dnase.signal", None, None),
        ("k562.h3k27ac.signal", None, None),
    ],
)
def test_sizes_and_digests_are_those_of_the_public_texts(
    catalogue: Catalogue, id: str, size: int | None, md5: str | None
) -> None:
    file = catalogue.source(id).file
    assert (file.size_bytes, file.checksum.md5) == (size, md5)


def test_maps_of_4dn_are_expected_at_their_stated_mebibytes(catalogue: Catalogue) -> None:
    for id, mebibytes in (("k562.contact", 6419.55), ("gm12878.contact", 21572.09), ("h1.contact", 2106.37)):
        source = catalogue.source(id)
        least, most = source.file.expected_bytes or (0, 0)
        assert least <= mebibytes * MIB <= most
        assert most - least < 0.02 * MIB
        assert source.file.chrom_naming == "1"
        assert source.content.normalisation_index is not None
        assert (
            source.content.normalisation_index[1] == 4 + 312 * 83
        )  # VC, VC_SQRT, KR at 13 resolutions of 24 chromosomes
        assert source.url.primary is not None
        assert source.url.primary.startswith("https://4dn-open-data-public.s3.amazonaws.com/")


def test_counts_are_those_of_the_public_texts(catalogue: Catalogue) -> None:
    split = catalogue.source("genes.split").content.counts
    assert [split[f"fold_11={part}"] for part in ("train", "valid", "test")] == [15_985, 1_225, 1_167]
    for fold in ("fold_1", "fold_11", "fold_12", "fold_enformer"):
        assert sum(split[f"{fold}={part}"] for part in ("train", "valid", "test")) == split["rows"] == 18_377
    for id, rows, positive, genes in (("crispri.training", 10_356, 471, 2_113), ("crispri.heldout", 4_378, 190, 535)):
        counts = catalogue.source(id).content.counts
        assert (counts["rows"], counts["Regulated=TRUE"]) == (rows, positive)
        assert counts["distinct measuredGeneEnsemblId"] == genes
        assert counts["Regulated=TRUE"] + counts["Regulated=FALSE"] == rows
    assert catalogue.source("blacklist.v2").content.counts["rows"] == 636


def test_acetylation_is_marked_as_p_values(catalogue: Catalogue) -> None:
    for cell in catalogue.cell_types:
        source = catalogue.source(f"{cell.lower()}.h3k27ac.signal")
        assert (source.content.output_type, source.content.unit) == ("signal p-value", "-log10 p")
        assert any("not fold change" in warning for warning in source.warnings)
    for source in catalogue.sources:
        if source.role == "h3k27ac" and source.stands_in_for is not None:
            assert source.content.output_type == "fold change over control"


def test_tasks_fetch_what_they_need_and_nothing_of_another_assembly(catalogue: Catalogue) -> None:
    for task in catalogue.tasks:
        for cell in task.cell_types:
            for need in catalogue.needs(task.name, [cell]):
                first = catalogue.members(need)[0]
                assert first.obtainable, (task.name, need)
                assert first.file.assembly in (None, "GRCh38"), (task.name, need)
                assert first.stands_in_for is None, (task.name, need)
                assert first.cell_type in (None, cell), (task.name, need)
    signals = [f"k562.{what}" for what in ("dnase.signal", "h3k27ac.signal", "contact")]
    assert set(signals) <= set(catalogue.needs("predict", ["K562"]))
    assert "k562.contact" not in catalogue.needs("browse", ["K562"])
    assert {"crispri.training", "crispri.heldout"} <= set(catalogue.needs("crispri", ["K562"]))
    with pytest.raises(ManifestError, match="task crispri is not offered for cell type 'H1'"):
        catalogue.needs("crispri", ["H1"])


def test_addresses_follow_the_portals_patterns(catalogue: Catalogue) -> None:
    for source in catalogue.sources:
        for address in (source.url.primary, *source.url.mirrors):
            if address is None:
                continue
            assert re.match(r"https?://[a-z0-9.-]+/\S+$", address), source.id
            assert "X-Amz" not in address, f"{source.id}: a signed link expires"
            if "encodeproject.org/files/" in address:
                name = address.rsplit("/", 1)[1]
                assert address.endswith(f"/files/{name.split('.')[0]}/@@download/{name}") or "analysis_set" in name


def test_a_catalogue_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="python -m seq2exp data build"):
        open_dataset(CATALOGUE)
    path = tmp_path / "manifest.yaml"
    path.write_text("manifest_version: 1\n", encoding="utf-8")
    with pytest.raises(ManifestError, match="manifest of a data set, not the catalogue"):
        load_catalogue(path)


@pytest.mark.parametrize(
    ("find", "put", "problem"),
    [
        ('"id": "blacklist.v2"', '"id": "blacklist.v1"', "sources and groups: 'blacklist.v1' stands there twice"),
        ('"labels.{cell}"]', '"labels.cake"]', "task train: 'labels.cake' is neither the id of a source nor a group"),
        ('"{cell}.contact"', '"{cell}.contakt"', "task predict: 'k562.contakt' is neither"),
        ('["features.gene_list.h1"]', '["x.y"]', "group promoter_activity.h1: member 'x.y' is not the id of a source"),
        ('"licence": "gencode"', '"licence": "x"', r"\(annotation.gencode27\): licence 'x' is not a key of licences"),
        ('"citations": ["roadmap"]', '"citations": ["x"]', "citation 'x' is not a key of citations"),
        ('"cell_type": "GM12878"', '"cell_type": "GM12879"', "cell_type 'GM12879' is not in cell_types"),
        ('"host": "zenodo.org"', '"host": "zenodo.com"', "its host is not under servers"),
        ('"hg38/hg38.2bit"', '"../hg38.2bit"', "leaves files_dir"),
        ('"stands_in_for": "labels.cage"', '"stands_in_for": "x"', "stands_in_for 'x' is not the id of another source"),
        ('"redirects": "possible"', '"redirects": "perhaps"', r"servers\[\d+\]\.redirects: found 'perhaps'"),
        ('"unit": "tags"', '"units": "tags"', "unknown key; known keys are .*replicates.*columns"),
        ('"url": {', '"url": {"size_bytes": 3, ', "size and checksum belong under file"),
        ('"format": "folder"', '"format": "csv"', "a whole repository is of format folder"),
        ('"catalogue_version": 1', '"catalogue_version": 2', "catalogue_version: found 2"),
    ],
)
def test_what_contradicts_itself_is_named_with_its_place(raw: str, find: str, put: str, problem: str) -> None:
    assert find in raw
    with pytest.raises(ManifestError, match=problem) as caught:
        checked(Catalogue, json.loads(raw.replace(find, put, 1)), CATALOGUE)
    assert "\n" not in str(caught.value)


def test_an_unknown_id_names_close_ones(catalogue: Catalogue) -> None:
    with pytest.raises(ManifestError, match=r"no source 'k562\.dnase\.signl'; close: k562\.dnase\.signal"):
        catalogue.source("k562.dnase.signl")


def test_the_documentation_holds_every_field_with_its_meaning() -> None:
    page = schema_markdown()
    committed = (CATALOGUE.parent / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert page == committed, "python -m seq2exp.sources.catalogue_schema > docs/catalogue.md"
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows if not row[2].strip(" |")] == []
    assert {"| `id`", "| `stands_in_for`", "| `member`", "| `md5`", "| `counts`", "| `evidence`"} <= {
        r[0] for r in rows
    }


def test_no_address_stands_there_twice(catalogue: Catalogue) -> None:
    addresses = [source.url.primary for source in catalogue.sources if source.url.primary is not None]
    assert len(addresses) == len(set(addresses))
