"""The project's own data_manifest.yaml."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from seq2exp.errors import ManifestError
from seq2exp.sources.dataset import open_dataset
from seq2exp.sources.manifest import load_manifest

MANIFEST = Path(__file__).resolve().parents[2] / "data_manifest.yaml"


def test_it_names_every_input_of_the_three_cell_types() -> None:
    manifest = load_manifest(MANIFEST)
    roles = {(source.role, source.cell_type) for source in manifest.sources}
    everywhere = {"reference", "genes", "transcripts", "blacklist", "expression", "rna_features", "split"}
    assert everywhere <= {role for role, cell in roles if cell is None}
    assert {(role, cell) for role in ("dnase", "h3k27ac", "contact") for cell in manifest.cell_types} <= roles


def test_acetylation_is_marked_as_p_values() -> None:
    for source in load_manifest(MANIFEST).sources:
        if source.role == "h3k27ac":
            assert (source.content.output_type, source.content.unit) == ("signal p-value", "-log10 p")
            assert any("not fold change" in warning for warning in source.warnings)


def test_every_file_has_an_address_or_its_origin() -> None:
    for source in load_manifest(MANIFEST).sources:
        assert source.url.primary or (source.derived_from and source.processing), source.id


def test_without_the_files_one_error_lists_them_all(tmp_path: Path) -> None:
    shutil.copy(MANIFEST, tmp_path)
    manifest = load_manifest(MANIFEST)
    with pytest.raises(ManifestError) as caught:
        open_dataset(tmp_path)
    message = str(caught.value)
    assert f"{len(manifest.sources)} of {len(manifest.sources)} files are absent" in message
    assert all(source.id in message for source in manifest.sources)
    assert "\n" not in message
