"""Writer of contact maps, one chromosome at a time: a multi-resolution cooler with one resolution."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from seq2exp.synthetic.contacts import ContactPixels

_MADE = "2020-01-01T00:00:00"
"""The one moment at which every map is said to be made: same contacts, same bytes."""
_CHUNK = 65_536


class ContactWriter:
    """Writes an .mcool file, chromosome by chromosome in the order of ``sizes``; schema version 3 of cooler.

    The file grows in memory and reaches the disk when it is closed: HDF5 ends the process, or says nothing,
    where a disk is full. A map of 100,000 bins takes some 30 MB.
    """

    def __init__(self, path: Path, sizes: Mapping[str, int], bin_bp: int, assembly: str) -> None:
        self._path, self._sizes, self._bin_bp, self._assembly = path, sizes, bin_bp, assembly
        self._bytes = io.BytesIO()
        self._file = h5py.File(self._bytes, "w")
        self._file.attrs.update({"format": "HDF5::MCOOL", "format-version": np.int64(2), "bin-type": "fixed"})
        self._map = self._file.create_group(f"resolutions/{bin_bp}")
        self._per_bin: list[NDArray[np.int64]] = []
        self._total = 0
        pixels = self._map.create_group("pixels")
        for name, kind in (("bin1_id", np.int64), ("bin2_id", np.int64), ("count", np.int32)):
            pixels.create_dataset(
                name, (0,), kind, maxshape=(None,), chunks=(_CHUNK,), compression="gzip", shuffle=True
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is None:
            self._finish()
        self._file.close()
        if kind is None:
            self._path.write_bytes(self._bytes.getvalue())

    def add(self, chrom: str, pixels: ContactPixels) -> None:
        """The next chromosome's pixels."""
        first = sum(len(counted) for counted in self._per_bin)
        group = self._map["pixels"]
        done = len(group["count"])
        for name, values in (
            ("bin1_id", pixels.bin1 + first),
            ("bin2_id", pixels.bin2 + first),
            ("count", pixels.count),
        ):
            group[name].resize((done + len(values),))
            group[name][done:] = values
        self._per_bin.append(np.bincount(pixels.bin1, minlength=-(-self._sizes[chrom] // self._bin_bp)))
        self._total += int(pixels.count.sum())

    def _finish(self) -> None:
        """Chromosomes, bins, indices and what the map says about itself."""
        n_bins = [len(counted) for counted in self._per_bin]
        lengths = np.array(list(self._sizes.values()), dtype=np.int32)
        starts = np.concatenate([np.arange(n, dtype=np.int32) * self._bin_bp for n in n_bins])
        of_bin = np.repeat(np.arange(len(n_bins), dtype=np.int32), n_bins)
        known = h5py.enum_dtype({name: i for i, name in enumerate(self._sizes)}, basetype=np.int32)
        pixels_before = np.cumsum(np.concatenate([[0], *self._per_bin]), dtype=np.int64)  # (n_bins + 1,)
        columns: dict[str, tuple[NDArray[Any], Any]] = {
            "chroms/name": (np.array(list(self._sizes), dtype="S"), None),
            "chroms/length": (lengths, None),
            "bins/chrom": (of_bin, known),
            "bins/start": (starts, None),
            "bins/end": (np.minimum(starts + self._bin_bp, lengths[of_bin]).astype(np.int32), None),
            "indexes/chrom_offset": (np.cumsum([0, *n_bins], dtype=np.int64), None),
            "indexes/bin1_offset": (pixels_before, None),
        }
        for name, (values, kind) in columns.items():
            self._map.create_dataset(name, data=values, dtype=kind, compression="gzip", shuffle=True)
        self._map.attrs.update(
            {
                "format": "HDF5::Cooler",
                "format-version": np.int64(3),
                "format-url": "https://github.com/open2c/cooler",
                "generated-by": "seq2exp",
                "creation-date": _MADE,
                "genome-assembly": self._assembly,
                "metadata": "{}",
                "storage-mode": "symmetric-upper",
                "bin-type": "fixed",
                "bin-size": np.int64(self._bin_bp),
                "nbins": np.int64(len(starts)),
                "nchroms": np.int64(len(lengths)),
                "nnz": pixels_before[-1],
                "sum": np.int64(self._total),
            }
        )
