"""Whom to cite, whose licences apply, and what changed: the words of Status & About that no run changes."""

from __future__ import annotations

import importlib.metadata
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from seq2exp.training.folder import CARD_FILE
from seq2exp.ui import catalogue

_LONGEST_FILE = 200_000
_REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==")
_LONGEST_LICENCE = 60


@dataclass(frozen=True, slots=True)
class Reference:
    """A work this program rests on."""

    what: str
    text: str
    address: str


REFERENCES = (
    Reference(
        "The model",
        "Su X, Yu H, Zhi D, Ji S. Learning to Discover Regulatory Elements for Gene Expression Prediction (Seq2Exp). "
        "ICLR 2025. arXiv 2502.13991",
        "https://arxiv.org/abs/2502.13991",
    ),
    Reference(
        "MACS3, peaks",
        "Zhang Y et al. Model-based Analysis of ChIP-Seq (MACS). Genome Biology 9, R137 (2008)",
        "https://doi.org/10.1186/gb-2008-9-9-r137",
    ),
    Reference(
        "Activity by contact (ABC)",
        "Fulco CP et al. Activity-by-contact model of enhancer-promoter regulation from thousands of CRISPR "
        "perturbations. Nature Genetics 51, 1664-1669 (2019)",
        "https://doi.org/10.1038/s41588-019-0538-0",
    ),
    Reference(
        "Mamba, the scan",
        "Gu A, Dao T. Mamba: Linear-Time Sequence Modeling with Selective State Spaces. arXiv 2312.00752 (2023)",
        "https://arxiv.org/abs/2312.00752",
    ),
    Reference(
        "Caduceus, the backbone",
        "Schiff Y et al. Caduceus: Bi-Directional Equivariant Long-Range DNA Sequence Modeling. "
        "arXiv 2403.03234 (2024)",
        "https://arxiv.org/abs/2403.03234",
    ),
    Reference(
        "ENCODE, DNase, H3K27ac and Hi-C",
        "ENCODE Project Consortium. Expanded encyclopaedias of DNA elements in the human and mouse genomes. "
        "Nature 583, 699-710 (2020); cite also the producing laboratory and the accessions",
        "https://doi.org/10.1038/s41586-020-2493-4",
    ),
    Reference(
        "FANTOM5, CAGE",
        "FANTOM Consortium. A promoter-level mammalian expression atlas. Nature 507, 462-470 (2014)",
        "https://doi.org/10.1038/nature13182",
    ),
    Reference(
        "Xpresso, mRNA features and TSS",
        "Agarwal V, Shendure J. Predicting mRNA Abundance Directly from Genomic Sequence Using Deep Convolutional "
        "Neural Networks. Cell Reports 31, 107663 (2020)",
        "https://doi.org/10.1016/j.celrep.2020.107663",
    ),
    Reference(
        "EPInformer, tables",
        "Lin J et al. EPInformer. bioRxiv 2024.08.01.606099",
        "https://doi.org/10.1101/2024.08.01.606099",
    ),
)
"""In the order they matter; sources of a data set bring their own citations in its manifest."""


def read_project_file(name: str) -> str | None:
    """A text file of the project's folder; None where the package was installed without it."""
    try:
        with (catalogue.ROOT / name).open(encoding="utf-8") as file:
            return file.read(_LONGEST_FILE)
    except (OSError, UnicodeDecodeError):
        return None


def package_rows(requirements: str) -> pd.DataFrame:
    """Package, version and licence, as installed, of every pinned line of a requirements file."""
    names = [found["name"] for line in requirements.splitlines() if (found := _REQUIREMENT.match(line))]
    rows = []
    for name in names:
        try:
            facts = importlib.metadata.distribution(name).metadata
            rows.append((name, facts["Version"], licence_of(facts)))
        except importlib.metadata.PackageNotFoundError:
            rows.append((name, "not installed", "–"))  # noqa: RUF001 - the dash of a table
    return pd.DataFrame(rows, columns=["Package", "Version", "Licence"])


def licence_of(facts: importlib.metadata.PackageMetadata) -> str:
    """The licence a package states: its expression, its classifiers, or the first line of its text."""
    for stated in facts.get_all("License-Expression") or []:
        return str(stated)
    classifiers = [str(line) for line in facts.get_all("Classifier") or []]
    named = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License ::")]
    if named:
        return ", ".join(named)
    lines = [line.strip() for text in facts.get_all("License") or [] for line in str(text).splitlines() if line.strip()]
    return lines[0][:_LONGEST_LICENCE] if lines else "see its own page"


def told_beside(folder: Path) -> Path:
    """The folder that holds card and benchmark of the checkpoint in ``folder``: its own, or that of its run."""
    return folder.parent if folder.name == "checkpoint" and not (folder / CARD_FILE).is_file() else folder
