from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from seq2exp.errors import ManifestError
from seq2exp.sources.manifest import find_manifest, load_manifest

MINIMAL: dict[str, Any] = {
    "manifest_version": 1,
    "name": "tiny",
    "title": "made for a test",
    "genome_build": "GRCh38",
    "cell_types": ["K562", "GM12878"],
    "licences": [{"key": "mit", "name": "MIT License"}],
    "citations": [{"key": "paper", "text": "Someone 2024"}],
    "sources": [
        {"id": "ref", "title": "r", "role": "reference", "local_path": "g.fa", "file": {"format": "fasta"}},
        {
            "id": "k.dnase",
            "title": "d",
            "role": "dnase",
            "cell_type": "K562",
            "local_path": "k.bw",
            "file": {"format": "bigWig", "assembly": "hg38", "checksum": {"md5": "0" * 32}},
            "licence": "mit",
            "citations": ["paper"],
        },
        {
            "id": "g.dnase",
            "title": "d",
            "role": "dnase",
            "cell_type": "GM12878",
            "local_path": "/abs/g.bw",
            "file": {"format": "bigWig"},
        },
    ],
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    def _write(content: Any) -> Path:
        path = tmp_path / "data_manifest.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return _write


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    content = copy.deepcopy(MINIMAL)
    change(content)
    return content


def test_defaults_are_the_published_values(write: Callable[[Any], Path]) -> None:
    manifest = load_manifest(write(MINIMAL))
    window = manifest.window
    assert (window.width_bp, window.centre_bp, window.contact_resolution_bp) == (200_000, 2_000, 5_000)
    assert (window.contact_mode, window.contact_normalisation) == ("vc_counts", "VC")
    assert (manifest.synthetic, manifest.chromosomes) == (False, None)
    first = manifest.sources[0]
    assert (first.cell_type, first.file.compression, first.content.unit, first.url.primary) == (
        None,
        "none",
        None,
        None,
    )


def test_balanced_contacts_want_kr_unless_said_otherwise(write: Callable[[Any], Path]) -> None:
    assert load_manifest(write(MINIMAL | {"window": {"contact_mode": "abc_kr"}})).window.contact_normalisation == "KR"
    named = {"contact_mode": "abc_kr", "contact_normalisation": "weight"}
    assert load_manifest(write(MINIMAL | {"window": named})).window.contact_normalisation == "weight"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda m: m.update(colour="red"), r"colour: unknown key; known keys are manifest_version, name, title"),
        (
            lambda m: m["sources"][2]["file"].update(kolor="red"),
            r"sources\[2\]\.file\.kolor: unknown key; known keys are compression, chrom_naming, .*format",
        ),
        (
            lambda m: m["sources"][1]["file"]["checksum"].update(crc=1),
            r"sources\[1\]\.file\.checksum\.crc: unknown key; known keys are md5, sha256",
        ),
        (lambda m: m["licences"][0].update(x=1), r"licences\[0\]\.x: unknown key; known keys are key, name, spdx"),
        (lambda m: m.update(window={"width": 5}), r"window\.width: unknown key; known keys are width_bp, centre_bp"),
        (lambda m: m.pop("sources"), "sources: missing"),
        (lambda m: m["sources"][0].pop("local_path"), r"sources\[0\]\.local_path: missing"),
        (lambda m: m.update(manifest_version=2), "manifest_version: found 2; must be 1"),
        (
            lambda m: m["sources"][0].update(role="fasta"),
            r"sources\[0\]\.role: found 'fasta'; must be 'reference', 'genes'",
        ),
        (
            lambda m: m["sources"][1]["file"]["checksum"].update(md5="xyz"),
            r"sources\[1\]\.file\.checksum\.md5: .*'xyz'",
        ),
        (lambda m: m.update(window={"width_bp": 101}), r"window\.width_bp: .*multiple of 2, found 101"),
        (lambda m: m.update(cell_types="K562"), "cell_types: .*list, found 'K562'"),
        (lambda m: m.update(synthetic="no way"), "synthetic: .*found 'no way'"),
        (lambda m: m["sources"][1].update(id="ref"), "sources: 'ref' stands there twice"),
        (lambda m: m["cell_types"].append("K562"), "cell_types: 'K562' stands there twice"),
        (
            lambda m: m["sources"][2].update(cell_type="K562"),
            r"sources\[2\] \(g\.dnase\): k\.dnase is the dnase of K562 already; keep one",
        ),
        (lambda m: m["sources"][1].update(cell_type="HeLa"), r"\(k\.dnase\): cell_type 'HeLa' is not in cell_types"),
        (lambda m: m["sources"][1].update(licence="gpl"), r"\(k\.dnase\): licence 'gpl' is not a key of licences"),
        (lambda m: m["sources"][1].update(citations=["x"]), r"\(k\.dnase\): citation 'x' is not a key of citations"),
        (
            lambda m: m["sources"][1]["file"].update(assembly="hg19"),
            r"\(k\.dnase\): assembly hg19 is not the genome_build GRCh38; lift the file over first",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    write: Callable[[Any], Path], change: Callable[[dict[str, Any]], object], complaint: str
) -> None:
    with pytest.raises(ManifestError, match=complaint) as caught:
        load_manifest(write(changed(change)))
    assert "\n" not in str(caught.value)
    assert "data_manifest.yaml" in str(caught.value)


def test_all_problems_at_once(write: Callable[[Any], Path]) -> None:
    with pytest.raises(ManifestError, match=r"title: missing.*colour: unknown key"):
        load_manifest(write(changed(lambda m: (m.pop("title"), m.update(colour=1)))))


def test_several_tracks_of_one_cell_are_welcome(write: Callable[[Any], Path]) -> None:
    track = {"title": "t", "role": "track", "cell_type": "K562", "local_path": "t.bw", "file": {"format": "bigWig"}}
    content = changed(lambda m: m["sources"].extend([track | {"id": "a"}, track | {"id": "b"}]))
    assert len(load_manifest(write(content)).sources) == 5


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name: [unclosed", "not YAML"),
        ("- a\n- b\n", "a manifest is a mapping"),
        ("", "a manifest is a mapping .* found None"),
        ("name: a\nname: b\n", r"name: written twice \(line 2\)"),
        ("sources:\n- file: {format: bed, format: gtf}\n", r"sources\[0\]\.file\.format: written twice \(line 2\)"),
        ("name: !!python/object/apply:os.getcwd []\n", "not YAML: could not determine a constructor"),
        ("\x00", "not YAML"),
    ],
)
def test_files_that_are_no_manifest(write: Callable[[Any], Path], text: str, complaint: str) -> None:
    with pytest.raises(ManifestError, match=complaint) as caught:
        load_manifest(write(text))
    assert "\n" not in str(caught.value)


def test_absent_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such manifest"):
        load_manifest(tmp_path / "absent.yaml")
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ManifestError, match="cannot be read as text"):
        load_manifest(tmp_path / "x.yaml")


def test_a_folder_stands_for_the_manifest_in_it(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"holds neither data_manifest\.yaml nor manifest\.yaml"):
        find_manifest(tmp_path)
    (tmp_path / "manifest.yaml").touch()
    assert find_manifest(tmp_path) == tmp_path / "manifest.yaml"
    (tmp_path / "data_manifest.yaml").touch()
    assert find_manifest(tmp_path) == tmp_path / "data_manifest.yaml"
    assert find_manifest(tmp_path / "manifest.yaml") == tmp_path / "manifest.yaml"
    with pytest.raises(ManifestError, match="no such file or folder"):
        find_manifest(tmp_path / "absent")
