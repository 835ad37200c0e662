"""Real files of another genome build beside hg38 ones: refused with file, chromosome and both lengths."""

from __future__ import annotations

import re
from pathlib import Path

import hictkpy
import pyBigWig
import pytest

from seq2exp.errors import ManifestError, SourceError
from seq2exp.sources.dataset import open_dataset
from tests.real.manifest_writer import cell_types, source, write_real_manifest

pytestmark = pytest.mark.real

FORMATS = {".bw": "bigWig", ".bigwig": "bigWig", ".hic": "hic", ".cool": "cool", ".mcool": "mcool"}


def foreign_files(real_dir: Path) -> list[Path]:
    found = [path for path in sorted(real_dir.glob("*_hg19/*")) if path.suffix.lower() in FORMATS]
    if not found:
        pytest.skip(f"no *_hg19 folders with tracks in {real_dir}")
    return found


def lengths_of(path: Path) -> dict[str, int]:
    if FORMATS[path.suffix.lower()] == "bigWig":
        with pyBigWig.open(str(path)) as bigwig:
            return dict(bigwig.chroms())
    if path.suffix == ".cool":
        return dict(hictkpy.File(path).chromosomes())
    return dict(hictkpy.MultiResFile(path).chromosomes())


def reference_lengths(real_dir: Path) -> dict[str, int]:
    index = next(real_dir.glob("genome.fa*.fai")).read_text()
    return {line.split("\t")[0]: int(line.split("\t")[1]) for line in index.splitlines()}


def test_a_file_of_another_build_is_refused_and_one_that_fits_is_not(real_dir: Path, tmp_path: Path) -> None:
    ours = reference_lengths(real_dir)
    refused = 0
    for number, path in enumerate(foreign_files(real_dir)):
        file_format = FORMATS[path.suffix.lower()]
        role, cell = ("contact", cell_types(real_dir)[0]) if file_format != "bigWig" else ("track", None)
        manifest = write_real_manifest(
            real_dir, tmp_path / str(number), extra=(source(role, path, file_format, cell=cell),)
        )
        theirs = {name if name.startswith("chr") else f"chr{name}": n for name, n in lengths_of(path).items()}
        shared = set(theirs) & set(ours)
        wrong = {(theirs[name], ours[name]) for name in shared if theirs[name] != ours[name]}
        if shared and not wrong:
            assert open_dataset(manifest).sources(role, cell)
            continue
        with pytest.raises(SourceError) as refusal:
            open_dataset(manifest)
        message = str(refusal.value)
        assert path.name in message
        assert "\n" not in message
        if shared:
            assert "of another assembly than GRCh38" in message
            assert any(f"{a:,} bp here and {b:,} bp" in message for a, b in wrong)
        else:
            assert re.search(r"none of its chromosomes \(.*\) is in genome\.fa", message)
        refused += 1
    assert refused, "the hg19 folders hold no file of another build"


def test_a_file_that_says_it_is_hg19_is_refused_by_the_manifest(real_dir: Path, tmp_path: Path) -> None:
    path = foreign_files(real_dir)[0]
    entry = source("track", path, FORMATS[path.suffix.lower()])
    entry["file"]["assembly"] = "hg19"
    with pytest.raises(ManifestError, match=r"assembly hg19 is not the genome_build GRCh38"):
        open_dataset(write_real_manifest(real_dir, tmp_path, extra=(entry,)))
