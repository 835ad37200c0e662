"""What a bigWig says about itself as a whole, without its values being read."""

from __future__ import annotations

from pathlib import Path

import pyBigWig

from seq2exp.sources.bigwig import bigwig_sizes


def bigwig_total(path: Path) -> float:
    """Sum of the values over all bases that have one, from the file's own summary, rounded towards 0.

    Raises
    ------
    SourceError
        Absent, foreign or truncated file.
    """
    bigwig_sizes(path)  # refuses what pyBigWig would stumble over
    with pyBigWig.open(str(path)) as bigwig:
        return float(bigwig.header()["sumData"])
