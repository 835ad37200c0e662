"""A small world: files behind a local server, and a catalogue that names them."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import zipfile
from pathlib import Path

import pyBigWig

from tests.remote_files import write_twobit
from tests.servers import RangeServer, Reply, Request

COMMIT = "a" * 40
SIZES = {"chr1": 4_000, "chr2": 2_000}
SPLIT = "gene_id,fold_11\n" + "".join(
    f"G{number},{part}\n" for number, part in enumerate(["train"] * 5 + ["valid"] * 2 + ["test"])
)
LINKS = b"chr1\t10\t20\te1\n"
MEMBER = "K562_ABC/Gene-enhancer links/All.txt.gz"
CHECKPOINT = random.Random(5).randbytes(120_000)
CARD = b"# model\n"
H1_GENES = b"symbol\tH3K27ac.RPM.TSS1Kb\nA\t1\n"

CATALOGUE = """
catalogue_version: 1
genome_build: GRCh38
chromosomes: [chr1, chr2]
cell_types: [K562, H1]
files_dir: real
download: {retries: 2, jobs: 2, timeout_s: 5}
licences: [{key: mit, name: MIT License, spdx: MIT}]
citations: [{key: us, text: Us 2026}]
servers: [{host: 127.0.0.1, login: none, redirects: none, ranges: "yes", cors: unknown, confidence: verified}]
tasks:
  - {name: predict, title: P, cell_types: [K562], needs: [split, "{cell}.dnase.signal", "{cell}.links", model.all]}
  - {name: look, title: Look, cell_types: [K562, H1], needs: ["{cell}.dnase.signal"], optional: [tables.split]}
groups:
  - {name: split, members: [tables.split, tables.split_old]}
sources:
  - id: reference.chrom_sizes
    title: Chromosome lengths
    category: reference
    url: {primary: URL/chrom.sizes}
    file: {format: tsv}
    local_path: hg38/chrom.sizes
    licence: mit
    confidence: &sure {identity: verified, url: verified, licence: verified, evidence: here}
  - id: tables.split
    title: Split
    category: split
    url: {primary: URL/split.csv}
    file: {format: csv, size_bytes: SPLIT_SIZE, checksum: {md5: SPLIT_MD5}}
    content: {counts: {rows: 8, "fold_11=train": 5, "fold_11=test": 1, distinct gene_id: 8}, columns: [gene_id]}
    local_path: tables/split.csv
    licence: mit
    citations: [us]
    confidence: *sure
  - id: tables.split_old
    title: Split, older
    category: split
    url: {primary: URL/old.csv}
    file: {format: csv}
    local_path: tables/old.csv
    licence: mit
    confidence: *sure
  - id: k562.dnase.signal
    title: K562 DNase
    category: signal
    cell_type: K562
    url: {primary: URL/portal/k562.bigWig, mirrors: [URL/mirror/k562.bigWig]}
    file: {format: bigWig, expected_bytes: [100, 100000]}
    local_path: K562/dnase.bigWig
    licence: mit
    confidence: *sure
    warnings: [Made up]
  - id: h1.dnase.signal
    title: H1 DNase
    category: signal
    cell_type: H1
    file: {format: bigWig}
    local_path: H1/dnase.bigWig
    licence: mit
    confidence: *sure
  - id: archive.k562
    title: Archive
    category: archive
    url: {primary: URL/k562.zip}
    file: {format: zip}
    local_path: archives/k562.zip
    licence: mit
    confidence: *sure
  - id: k562.links
    title: Links
    category: baseline
    cell_type: K562
    unpacked_from: archive.k562
    archive_member: Gene-enhancer links/All.txt.gz
    file: {format: tsv, compression: gzip}
    content: {counts: {lines: 1}}
    local_path: K562/links.txt.gz
    licence: mit
    confidence: *sure
  - id: model.all
    title: Checkpoints
    category: checkpoint
    repository: {repo_id: someone/model, repo_type: model, revision: main}
    file: {format: folder}
    local_path: official/model
    licence: mit
    confidence: *sure
  - id: h1.genes
    title: Genes of H1
    category: feature
    cell_type: H1
    repository: {repo_id: someone/data, repo_type: dataset, revision: main, member: H1_ABC/GeneList.txt}
    file: {format: tsv}
    local_path: H1/GeneList.txt
    licence: mit
    confidence: *sure
  - id: reference.twobit
    title: Bases
    category: reference
    url: {primary: URL/bases.2bit}
    file: {format: 2bit}
    local_path: hg38/bases.2bit
    licence: mit
    confidence: *sure
"""


def write_upstream(folder: Path) -> None:
    """The files as the servers hold them."""
    for name in ("portal", "mirror"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        write_bigwig(folder / name / "k562.bigWig", SIZES)
    (folder / "chrom.sizes").write_text("".join(f"{name}\t{length}\n" for name, length in SIZES.items()))
    write_twobit(folder / "bases.2bit", {name: "ACGT" * (length // 4) for name, length in SIZES.items()})
    (folder / "split.csv").write_text(SPLIT)
    (folder / "old.csv").write_text("gene_id,fold_11\nG0,train\n")
    with zipfile.ZipFile(folder / "k562.zip", "w") as archive:
        archive.writestr("K562_ABC/readme.txt", "nothing")
        archive.writestr(MEMBER, gzip.compress(LINKS, mtime=0))
    model = folder / "someone/model/resolve" / COMMIT
    model.mkdir(parents=True)
    (model / "soft").mkdir()
    (model / "soft" / "k562.ckpt").write_bytes(CHECKPOINT)
    (model / "README.md").write_bytes(CARD)
    data = folder / "datasets/someone/data/resolve" / COMMIT / "promo/H1_ABC"
    data.mkdir(parents=True)
    (data / "GeneList.txt").write_bytes(H1_GENES)


def write_bigwig(path: Path, sizes: dict[str, int]) -> None:
    file = pyBigWig.open(str(path), "w")
    file.addHeader(list(sizes.items()))
    for name in sizes:
        file.addEntries([name], [10], ends=[20], values=[1.5])
    file.close()


def add_hub(server: RangeServer) -> None:
    """Answers as the hub's API does, for two repositories."""
    large = {"size": len(CHECKPOINT), "sha256": hashlib.sha256(CHECKPOINT).hexdigest(), "pointerSize": 130}
    model = [
        {"rfilename": "README.md", "size": len(CARD), "blobId": "1" * 40},
        {"rfilename": "soft/k562.ckpt", "size": len(CHECKPOINT), "blobId": "2" * 40, "lfs": large},
        {"rfilename": ".gitkeep", "size": 0, "blobId": "3" * 40},
    ]
    data = [
        {"rfilename": "README.md", "size": 3, "blobId": "1" * 40},
        {"rfilename": "promo/H1_ABC/GeneList.txt", "size": len(H1_GENES), "blobId": "2" * 40},
    ]
    for kind, name, files in (("models", "someone/model", model), ("datasets", "someone/data", data)):
        body = json.dumps({"id": name, "sha": COMMIT, "siblings": files, "private": False, "tags": []}).encode()

        def answer(request: Request, body: bytes = body) -> Reply:
            return Reply(body=body, headers={"Content-Type": "application/json"})

        for revision in ("main", COMMIT):
            server.routes[f"api/{kind}/{name}/revision/{revision}"] = answer


def write_catalogue(path: Path, url: str) -> Path:
    md5 = hashlib.md5(SPLIT.encode(), usedforsecurity=False).hexdigest()
    text = CATALOGUE.replace("URL", url).replace("SPLIT_SIZE", str(len(SPLIT))).replace("SPLIT_MD5", md5)
    path.write_text(text, encoding="utf-8")
    return path
