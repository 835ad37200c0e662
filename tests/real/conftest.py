"""Real genes and cell types as test parameters, and a data set made of the real folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from seq2exp.sources.dataset import Dataset, open_dataset
from tests.real.manifest_writer import cell_types, read_rows, write_real_manifest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``gene_row``: every row of genes.tsv; ``cell``: every cell type with a DNase track."""
    folder: Path = metafunc.config.getoption("--real-dir")
    absent = pytest.param(None, id="absent", marks=pytest.mark.skip(reason=f"no genes with tracks in {folder}"))
    if "gene_row" in metafunc.fixturenames:
        rows = read_rows(folder / "genes.tsv")
        metafunc.parametrize("gene_row", [pytest.param(row, id=row["symbol"]) for row in rows] or [absent])
    if "cell" in metafunc.fixturenames:
        metafunc.parametrize("cell", (cell_types(folder) if folder.is_dir() else []) or [absent])


@pytest.fixture(scope="session")
def real_manifest(real_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_real_manifest(real_dir, tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="session")
def real_dataset(real_manifest: Path) -> Dataset:
    return open_dataset(real_manifest)
