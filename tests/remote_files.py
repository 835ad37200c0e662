"""Files of the formats that are streamed, as dense around a gene as real ones, and a data set of them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import hictkpy
import numpy as np
import pandas as pd
import pyBigWig
import yaml

CODES = {"T": 0, "C": 1, "A": 2, "G": 3}


def write_twobit(path: Path, sequences: Mapping[str, str], *, order: str = "<", version: int = 0) -> Path:
    """A UCSC 2bit file with its stretches of N and of small letters."""
    offset_kind = "Q" if version else "I"
    index_bytes = sum(1 + len(name) + struct.calcsize(offset_kind) for name in sequences)
    head = struct.pack(order + "4I", 0x1A412743, version, len(sequences), 0)
    index, body = b"", b""
    for name, bases in sequences.items():
        offset = len(head) + index_bytes + len(body)
        index += bytes([len(name)]) + name.encode() + struct.pack(order + offset_kind, offset)
        letters = np.frombuffer(bases.encode(), dtype=np.uint8)
        capital = np.frombuffer(bases.upper().encode(), dtype=np.uint8)
        table = np.zeros(256, dtype=np.uint8)
        for letter, code in CODES.items():
            table[ord(letter)] = code
        codes = np.concatenate([table[capital], np.zeros(-len(bases) % 4, dtype=np.uint8)]).reshape(-1, 4)
        packed = (codes << np.array([6, 4, 2, 0], dtype=np.uint8)).sum(axis=1).astype(np.uint8).tobytes()
        body += struct.pack(order + "I", len(bases))
        for flags in (capital == ord("N"), letters != capital):
            body += _stretches(flags, order)
        body += struct.pack(order + "I", 0) + packed
    path.write_bytes(head + index + body)
    return path


def _stretches(flags: np.ndarray, order: str) -> bytes:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    starts, ends = edges[::2], edges[1::2]
    numbers = np.concatenate([[len(starts)], starts, ends - starts]).astype(order + "u4")
    return numbers.tobytes()


def write_steps(path: Path, sizes: Mapping[str, int], chroms: Sequence[str], *, step_bp: int, seed: int) -> Path:
    """A bigWig of steps with silent stretches, zoom levels included."""
    rng = np.random.default_rng(seed)
    with pyBigWig.open(str(path), "w") as bigwig:
        bigwig.addHeader(list(sizes.items()))
        for chrom in chroms:
            starts = np.arange(0, sizes[chrom] - step_bp, step_bp)
            starts = starts[(starts // 5_000) % 7 != 3]  # nothing there
            values = rng.gamma(0.5, 2.0, len(starts)).astype(np.float32).round(4).astype(np.float64)
            for at in range(0, len(starts), 500_000):
                part = slice(at, at + 500_000)
                ends = (starts[part] + step_bp).tolist()
                bigwig.addEntries([chrom] * len(ends), starts[part].tolist(), ends=ends, values=values[part].tolist())
    return path


def write_hic(path: Path, sizes: Mapping[str, int], resolutions: Sequence[int], *, per_bin: int, seed: int) -> Path:
    """A .hic of version 9 with contacts that fall with distance; ``per_bin`` pairs a bin at the finest resolution."""
    rng = np.random.default_rng(seed)
    finest = min(resolutions)
    writer = hictkpy.hic.FileWriter(path, dict(sizes), list(resolutions), tmpdir=path.parent)
    first = 0
    for length in sizes.values():
        n_bins = -(-length // finest)
        one = np.repeat(np.arange(n_bins), per_bin)
        near = rng.geometric(0.02, len(one)) - 1
        far = rng.integers(0, n_bins, len(one))
        other = np.where(rng.random(len(one)) < 0.9, np.minimum(one + near, n_bins - 1), far)
        low, high = np.minimum(one, other), np.maximum(one, other)
        pairs, counts = np.unique(low * n_bins + high, return_counts=True)
        table = {"bin1_id": pairs // n_bins + first, "bin2_id": pairs % n_bins + first, "count": counts}
        writer.add_pixels(pd.DataFrame(table))
        first += n_bins
    writer.finalize()
    return path


def add_norms(path: Path, vectors: Mapping[tuple[str, int, int], np.ndarray]) -> Path:
    """Put normalisation vectors, by name, chromosome number and resolution, into a .hic of version 9."""
    content = bytearray(path.read_bytes())
    at = content.index(b"\0", 16) + 1  # behind magic, version, footer position and the genome's name
    empty_at = struct.unpack_from("<q", content, at)[0]
    assert content[empty_at:] == bytes(4), "the file has normalisations already"
    del content[empty_at:]
    index = struct.pack("<i", len(vectors))
    size = 4 + sum(len(name) + 1 + 4 + 3 + 4 + 8 + 8 for name, _, _ in vectors)
    position, arrays = len(content) + size, b""
    for (name, chrom, bin_bp), values in vectors.items():
        array = struct.pack("<q", len(values)) + values.astype("<f4").tobytes()
        index += name.encode() + b"\0" + struct.pack("<i", chrom) + b"BP\0"
        index += struct.pack("<iqq", bin_bp, position + len(arrays), len(array))
        arrays += array
    assert len(index) == size
    content[at : at + 16] = struct.pack("<qq", len(content), size)
    path.write_bytes(bytes(content) + index + arrays)
    return path


def entry(
    source_id: str, role: str, name: str, file_format: str, url: str, cell: str | None = None, **content: object
) -> dict[str, object]:
    """One source of a manifest that lies on a server."""
    return {
        "id": source_id,
        "title": source_id,
        "role": role,
        "cell_type": cell,
        "local_path": f"absent/{name}",
        "file": {"format": file_format},
        "url": {"primary": f"{url}/{name}"},
        "content": content,
    }


def write_manifest(folder: Path, sources: Sequence[Mapping[str, object]], **more: object) -> Path:
    """A data set of one cell type K; genes are written by the caller."""
    path = folder / "manifest.yaml"
    genes = {
        "id": "genes",
        "title": "genes",
        "role": "genes",
        "local_path": "genes.tsv",
        "file": {"format": "tsv"},
    }
    content: dict[str, object] = {
        "manifest_version": 1,
        "name": "streamed",
        "title": "streamed",
        "genome_build": "hg38",
        "cell_types": ["K"],
        "sources": [genes, *sources],
        **more,
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def write_realistic(folder: Path, *, chrom_bp: int, per_bin: int) -> dict[str, int]:
    """Two tracks in 20 bp steps, a 2bit reference and a 5 kb contact map of one large chromosome among 24."""
    sizes = {"chr1": chrom_bp} | {f"chr{number}": 200_000 for number in range(2, 24)} | {"chrX": 200_000}
    rng = np.random.default_rng(5)
    letters = np.frombuffer(b"ACGTacgt", dtype=np.uint8)
    bases = {}
    for name, length in sizes.items():
        masked = np.repeat(rng.integers(0, 2, -(-length // 700)), 700)[:length]  # a soft-masked half, as in a genome
        drawn = letters[rng.integers(0, 4, length) + 4 * masked].copy()
        drawn[:10_000] = ord("N")
        bases[name] = drawn.tobytes().decode()
    write_twobit(folder / "genome.2bit", bases)
    for seed, name in enumerate(("dnase.bw", "h3k27ac.bw")):
        write_steps(folder / name, sizes, ["chr1"], step_bp=20, seed=seed)
    write_hic(folder / "map.hic", sizes, [5_000, 50_000, 500_000], per_bin=per_bin, seed=3)
    vectors = {
        ("VC", number, width): rng.uniform(0.5, 2.0, -(-length // width))
        for number, length in enumerate(sizes.values(), start=1)  # hictk puts "All" before them
        for width in (5_000, 50_000, 500_000)
    }
    add_norms(folder / "map.hic", vectors)
    return sizes


def write_streamed(folder: Path, url: str, sizes: dict[str, int], tss: dict[str, int]) -> Path:
    """A data set all of whose large files are on the server."""
    rows = "".join(f"{name}\t{name}\tchr1\t{place}\t+\n" for name, place in tss.items())
    (folder / "genes.tsv").write_text("symbol\tgene_id\tchrom\ttss\tstrand\n" + rows)
    sources = [
        entry("reference", "reference", "genome.2bit", "2bit", url),
        entry("dnase", "dnase", "dnase.bw", "bigWig", url, "K"),
        entry("h3k27ac", "h3k27ac", "h3k27ac.bw", "bigWig", url, "K"),
        entry("contact", "contact", "map.hic", "hic", url, "K"),
    ]
    return write_manifest(folder, sources, chromosomes=list(sizes))


def write_hic_v8(path: Path, length: int, resolution: int, *, block_bins: int, seed: int) -> Path:
    """A .hic of version 8 with one chromosome in a square grid of blocks, of all four layouts, and a VC vector.

    Made after the public description of the format; hictk reads it.
    """
    rng = np.random.default_rng(seed)
    n_bins = -(-length // resolution)
    columns = -(-n_bins // block_bins)
    low = rng.integers(0, n_bins, 12 * n_bins)
    high = np.minimum(low + rng.geometric(0.05, len(low)) - 1, n_bins - 1)
    far = np.sort(rng.integers(0, n_bins, (n_bins, 2)), axis=1)
    pairs = np.unique(np.concatenate([np.stack([low, high], axis=1), far]), axis=0)
    counts = rng.integers(1, 300, len(pairs)).astype(np.float64)
    out = bytearray(b"HIC\0" + struct.pack("<iq", 8, 0) + b"hg38\0" + struct.pack("<i", 1) + b"software\0tests\0")
    out += struct.pack("<i", 2) + b"All\0" + struct.pack("<i", length // 1000) + b"1\0" + struct.pack("<i", length)
    out += struct.pack("<iii", 1, resolution, 0)
    index = []
    numbers = (pairs[:, 1] // block_bins) * columns + pairs[:, 0] // block_bins
    for number in np.unique(numbers).tolist():
        inside = numbers == number
        packed = zlib.compress(_block_v8(pairs[inside], counts[inside], layout=number % 4))
        index.append((number, len(out), len(packed)))
        out += packed
    record_at = len(out)
    zoom = struct.pack("<ififfiii", 0, counts.sum(), 0, 0, 0, resolution, block_bins, columns)
    out += struct.pack("<iii", 1, 1, 1) + b"BP\0" + zoom
    out += struct.pack("<i", len(index)) + b"".join(struct.pack("<iqi", *one) for one in index)
    record_bytes = len(out) - record_at
    footer_at = len(out)
    footer = struct.pack("<i", 1) + b"1_1\0" + struct.pack("<qi", record_at, record_bytes)
    expected = b"BP\0" + struct.pack("<ii", resolution, n_bins) + np.ones(n_bins).tobytes()
    expected += struct.pack("<iid", 1, 1, 1.0)
    footer += struct.pack("<i", 1) + expected
    out += struct.pack("<i", len(footer)) + footer
    out += struct.pack("<i", 1) + b"VC\0" + expected
    vector = rng.uniform(0.4, 2.5, n_bins)
    vector[rng.random(n_bins) < 0.05] = np.nan
    array = struct.pack("<i", n_bins) + vector.tobytes()
    out += struct.pack("<i", 1) + b"VC\0" + struct.pack("<i", 1) + b"BP\0"
    out += struct.pack("<iqi", resolution, len(out) + 16, len(array))
    out += array
    struct.pack_into("<q", out, 8, footer_at)
    path.write_bytes(bytes(out))
    return path


def _block_v8(pairs: np.ndarray, counts: np.ndarray, *, layout: int) -> bytes:
    """One block: rows or dense, of short integers or floats."""
    x0, y0 = (int(low) for low in pairs.min(axis=0))
    is_float, dense = layout % 2, layout // 2
    kind = "<f4" if is_float else "<i2"
    head = struct.pack("<iiibb", len(pairs), x0, y0, is_float, 2 if dense else 1)
    if dense:
        width, height = (int(extent) for extent in pairs.max(axis=0) - (x0, y0) + 1)
        cells = np.full((height, width), np.nan if is_float else -32768, dtype=kind)
        cells[pairs[:, 1] - y0, pairs[:, 0] - x0] = counts
        return head + struct.pack("<ih", width * height, width) + cells.tobytes()
    rows = np.unique(pairs[:, 1])
    body = struct.pack("<h", len(rows))
    for row in rows.tolist():
        inside = pairs[:, 1] == row
        records = np.zeros(int(inside.sum()), dtype=[("x", "<i2"), ("value", kind)])
        records["x"], records["value"] = pairs[inside, 0] - x0, counts[inside]
        body += struct.pack("<hh", row - y0, len(records)) + records.tobytes()
    return head + body
