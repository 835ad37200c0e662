"""Writer of contact maps as Juicer's .hic, one chromosome at a time; hictk writes the format."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import hictkpy
import pandas as pd

from seq2exp.errors import SourceError
from seq2exp.synthetic.contacts import ContactPixels


class HicWriter:
    """Writes a .hic file of version 9 with one resolution, no normalisations, chromosomes in the order of ``sizes``."""

    def __init__(self, path: Path, sizes: Mapping[str, int], bin_bp: int, assembly: str) -> None:
        self._path = path
        self._scratch = Path(tempfile.mkdtemp(prefix=".hic-", dir=path.parent))  # hictk spills its pixels
        self._first, n_bins = {}, 0
        for chrom, size in sizes.items():
            self._first[chrom] = n_bins
            n_bins += -(-size // bin_bp)
        self._file = hictkpy.hic.FileWriter(path, dict(sizes), bin_bp, assembly=assembly, tmpdir=self._scratch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        try:
            if kind is None:
                with self._writing():
                    self._file.finalize()
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def add(self, chrom: str, pixels: ContactPixels) -> None:
        """One chromosome's pixels.

        Raises
        ------
        SourceError
            They cannot be written: the disk is full.
        """
        first = self._first[chrom]
        table = pd.DataFrame(
            {"bin1_id": pixels.bin1 + first, "bin2_id": pixels.bin2 + first, "count": pixels.count.astype("int32")}
        )
        with self._writing():
            self._file.add_pixels(table)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """What hictk cannot write is told with the file's name."""
        try:
            yield
        except RuntimeError as error:
            raise SourceError(f"{self._path}: cannot be written ({error})") from error
