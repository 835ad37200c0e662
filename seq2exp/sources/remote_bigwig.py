"""Values and chromosome lengths of a bigWig at an address: pybigtools over range requests.

pyBigWig's wheels are built without remote support; pybigtools takes any binary file, and its values over bases equal
pyBigWig's bit for bit (tests/sources/test_remote_bigwig.py).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pybigtools
from numpy.typing import NDArray

from seq2exp.errors import RemoteError
from seq2exp.sources.remote import RemoteFile

_MAGIC = 0x888FFC26
_HEADER_BYTES = 64
_INDEX_OFFSET_AT = 24
"""Where the header says where the index of the values is (Kent et al. 2010, supplementary table 5)."""


def remote_bigwig_sizes(place: RemoteFile) -> dict[str, int]:
    """Length in bp of every chromosome in the header. Raises RemoteError."""
    with _opened(place) as reader:
        return {str(name): int(length) for name, length in reader.chroms().items()}


def remote_values(place: RemoteFile, chrom: str, start: int, end: int) -> NDArray[np.float32]:
    """(end - start,) the values of the bases of `chrom`, NaN where the file is silent.

    Parameters
    ----------
    place
        The bigWig.
    chrom
        Its own name of a chromosome.
    start, end
        0-based half-open, inside the chromosome.

    Raises
    ------
    RemoteError
        The server fails, or what it sends is no bigWig.
    """
    with _opened(place) as reader:
        # No bins: values of bases come from the data itself, never from a zoom level.
        values = reader.values(chrom, start, end, uncovered=None, oob=np.nan, fillna=None)
    return np.asarray(values, dtype=np.float32)


@contextmanager
def _opened(place: RemoteFile) -> Iterator[Any]:
    """A reader of its own for this call; whatever goes wrong inside becomes one RemoteError."""
    _check_head(place)
    cursor = place.open()
    try:
        reader = pybigtools.open(cursor)
        try:
            yield reader
        finally:
            reader.close()
    except RemoteError:
        raise
    except BaseException as error:
        # A panic of the Rust library is no Exception; anything else that is none (a stop from outside) goes on.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        if cursor.problem is not None:
            raise cursor.problem from error
        place.forget()  # what was cached is no whole bigWig; the server may do better later
        words = " ".join(str(error).split())[:200]
        raise RemoteError(f"{place}: no whole bigWig; it is foreign, truncated or damaged ({words})") from error


def _check_head(place: RemoteFile) -> None:
    """Refuse what is not a bigWig before its offsets are trusted."""
    size = place.size
    head = place.read_at(0, min(_HEADER_BYTES, size))
    order = next((order for order in "<>" if head[:4] == struct.pack(order + "I", _MAGIC)), None)
    if order is None or len(head) < _HEADER_BYTES:
        place.forget()
        raise RemoteError(f"{place}: not a bigWig: it starts with {head[:4]!r}")
    index = struct.unpack_from(order + "Q", head, _INDEX_OFFSET_AT)[0]
    if not 0 < index < size:
        place.forget()
        raise RemoteError(f"{place}: truncated or unfinished: its index would stand at byte {index:,} of {size:,}")
