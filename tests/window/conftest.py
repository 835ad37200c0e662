"""A tiny data set whose every value the tests also hold in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import hictkpy
import numpy as np
import pandas as pd
import pyBigWig
import pytest
import yaml

from seq2exp.sources.fasta import index_fasta

CHROMS = {"chr1": 20_500, "chr2": 9_000}
CONTACT_BP = 1_000
GENES = {
    # symbol: (id, chrom, tss, strand)
    "MIDDLE": ("ENSG01", "chr1", 10_300, "+"),
    "LEFT": ("ENSG02", "chr1", 601, "-"),
    "RIGHT": ("ENSG03", "chr1", 19_898, "+"),
    "OTHER": ("ENSG04", "chr2", 4_500, "-"),
    "BARE": ("ENSG05", "chr2", 4_000, "+"),
}


@dataclass
class Tiny:
    """Where the files lie and what was written into them."""

    folder: Path
    manifest: Path
    bases: dict[str, str] = field(default_factory=dict)
    tracks: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    contacts: dict[str, np.ndarray] = field(default_factory=dict)


def write_bigwig(path: Path, values: dict[str, np.ndarray]) -> None:
    """One entry per measured base; NaN is left out."""
    with pyBigWig.open(str(path), "w") as bigwig:
        bigwig.addHeader(list(CHROMS.items()))
        for chrom in CHROMS:
            starts = np.flatnonzero(~np.isnan(values[chrom]))
            bigwig.addEntries(chrom, starts.tolist(), values=values[chrom][starts].tolist(), span=1)


def _source(role: str, path: str, file_format: str, cell: str | None = None) -> dict[str, object]:
    return {
        "id": f"{cell or 'any'}.{role}",
        "title": f"{role} of {cell or 'any cell'}",
        "role": role,
        "cell_type": cell,
        "local_path": path,
        "file": {"format": file_format},
    }


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    folder = tmp_path_factory.mktemp("tiny")
    rng = np.random.default_rng(11)
    made = Tiny(folder, folder / "manifest.yaml")

    for chrom, length in CHROMS.items():
        letters = rng.choice(list("ACGTacgt"), length)
        letters[3_000:3_040] = "N"
        letters[3_100] = "R"
        made.bases[chrom] = "".join(letters)
    fasta = folder / "genome.fa"
    fasta.write_text("".join(f">{chrom}\n{bases}\n" for chrom, bases in made.bases.items()))
    index_fasta(fasta)

    for name in ("A.dnase", "A.h3k27ac", "B.dnase"):
        made.tracks[name] = {}
        for chrom, length in CHROMS.items():
            values = rng.gamma(1.0, 2.0, length).astype(np.float32)
            values[rng.random(length) < 0.2] = np.nan
            values[5_000:5_500] = 0.0
            made.tracks[name][chrom] = values
        write_bigwig(folder / f"{name}.bw", made.tracks[name])

    pixels: dict[str, list[int]] = {"bin1_id": [], "bin2_id": [], "count": []}
    first = 0
    for chrom, length in CHROMS.items():
        n = -(-length // CONTACT_BP)
        upper = np.triu(rng.integers(1, 60, (n, n)))
        made.contacts[chrom] = (upper + np.triu(upper, 1).T).astype(float)
        for i, j in np.argwhere(upper):
            pixels["bin1_id"].append(first + int(i))
            pixels["bin2_id"].append(first + int(j))
            pixels["count"].append(int(upper[i, j]))
        first += n
    writer = hictkpy.cooler.FileWriter(folder / "A.cool", CHROMS, CONTACT_BP, tmpdir=folder)
    writer.add_pixels(pd.DataFrame(pixels))
    writer.finalize()

    (folder / "genes.tsv").write_text(
        "symbol\tgene_id\tchrom\ttss\tstrand\n"
        + "".join(f"{s}\t{i}\t{c}\t{t}\t{d}\n" for s, (i, c, t, d) in GENES.items())
    )
    mrna = [
        "UTR5LEN_log10zscore",
        "CDSLEN_log10zscore",
        "INTRONLEN_log10zscore",
        "UTR3LEN_log10zscore",
        "UTR5GC",
        "CDSGC",
        "UTR3GC",
        "ORFEXONDENSITY",
    ]
    columns = ["gene_id", *reversed(mrna), "promoter_activity_A"]  # order in the file is not the model's
    (folder / "features.tsv").write_text(
        "\t".join(columns)
        + "\n"
        + "".join(
            "\t".join([gene, *(f"{row + 0.1 * (8 - k)}" for k in range(8)), "11.5"]) + "\n"
            for row, gene in enumerate(("ENSG01", "ENSG02", "ENSG03", "ENSG04"))
        ).replace("\t3.2\t", "\tNA\t")
    )
    (folder / "expression.tsv").write_text(
        "gene_id\tA_CAGE_128*3_sum\tB_CAGE_128*3_sum\nENSG01\t99\t0\nENSG02\t0.5\tNA\n"
    )
    (folder / "blacklist.bed").write_text("chr1\t10000\t10050\nchr1\t0\t40\nchr2\t8000\t8500\n")
    manifest = {
        "manifest_version": 1,
        "name": "tiny",
        "title": "Two chromosomes for tests",
        "genome_build": "test1",
        "window": {
            "width_bp": 4_000,
            "contact_resolution_bp": CONTACT_BP,
            "contact_normalisation": "NONE",
        },
        "cell_types": ["A", "B"],
        "sources": [
            _source("reference", "genome.fa", "fasta"),
            _source("genes", "genes.tsv", "tsv"),
            _source("dnase", "A.dnase.bw", "bigWig", "A"),
            _source("h3k27ac", "A.h3k27ac.bw", "bigWig", "A"),
            _source("contact", "A.cool", "cool", "A"),
            _source("dnase", "B.dnase.bw", "bigWig", "B"),
            _source("rna_features", "features.tsv", "tsv"),
            _source("expression", "expression.tsv", "tsv"),
            _source("blacklist", "blacklist.bed", "bed"),
        ],
    }
    made.manifest.write_text(yaml.safe_dump(manifest))
    return made
