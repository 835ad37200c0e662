"""Options and folders every test may ask for; tiny data sets are made by the tests of their own room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    shared = ROOT.parent / "shared"
    parser.addoption("--real-dir", type=Path, default=shared / "real", help="folder of real hg38 windows")
    parser.addoption("--reference-dir", type=Path, default=shared / "reference", help="official reference outputs")
    parser.addoption(
        "--epinformer-dir",
        type=Path,
        default=shared / "real" / "epinformer",
        help="published EPInformer weights (*.pt)",
    )


def _folder(config: pytest.Config, option: str, what: str) -> Path:
    folder: Path = config.getoption(option)
    if not folder.is_dir():
        pytest.skip(f"{what}: {option} {folder} is not there")
    return folder.resolve()


@pytest.fixture(scope="session")
def real_dir(pytestconfig: pytest.Config) -> Path:
    return _folder(pytestconfig, "--real-dir", "real data")


@pytest.fixture(scope="session")
def real_file(real_dir: Path) -> Callable[[str], Path]:
    """A named file of the real folder; another folder of the same layout may lack it, and the test then skips."""

    def find(name: str) -> Path:
        if not (real_dir / name).exists():
            pytest.skip(f"no {name} in {real_dir}")
        return real_dir / name

    return find


@pytest.fixture(scope="session")
def reference_dir(pytestconfig: pytest.Config) -> Path:
    return _folder(pytestconfig, "--reference-dir", "reference outputs of the official model")


@pytest.fixture(scope="session")
def epinformer_dir(pytestconfig: pytest.Config) -> Path:
    return _folder(pytestconfig, "--epinformer-dir", "published EPInformer weights")
