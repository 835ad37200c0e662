"""Whether a file's chromosomes are those of the data set, and which genome build a file is of by their lengths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seq2exp.errors import SourceError
from seq2exp.genome import Assembly

_HUMAN_MOUSE = (*(f"chr{number}" for number in range(1, 23)), "chrX", "chrY")
_LENGTHS = {
    "hg38 (GRCh38)": (
        *(248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636, 138394717),
        *(133797422, 135086622, 133275309, 114364328, 107043718, 101991189, 90338345, 83257441, 80373285),
        *(58617616, 64444167, 46709983, 50818468, 156040895, 57227415),
    ),
    "hg19 (GRCh37)": (
        *(249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022, 141213431),
        *(135534747, 135006516, 133851895, 115169878, 107349540, 102531392, 90354753, 81195210, 78077248),
        *(59128983, 63025520, 48129895, 51304566, 155270560, 59373566),
    ),
}
"""chr1..chr22, chrX, chrY in bp, as UCSC's chrom.sizes of each build give them."""

KNOWN_BUILDS: Mapping[str, Mapping[str, int]] = {
    build: dict(zip(_HUMAN_MOUSE, lengths, strict=True)) for build, lengths in _LENGTHS.items()
} | {"mm10 (GRCm38)": {"chr1": 195471971, "chr2": 182113224, "chr3": 160039680, "chr19": 61431566, "chrX": 171031299}}
"""Builds told apart by length."""

_LISTED = 6


def build_of(sizes: Mapping[str, int]) -> str | None:
    """The known build whose lengths ``sizes`` has, by the most chromosomes; None where none fits."""
    own = {name if name.startswith("chr") else f"chr{name}": length for name, length in sizes.items()}
    fits = {
        build: sum(own.get(name) == length for name, length in lengths.items())
        for build, lengths in KNOWN_BUILDS.items()
    }
    best = max(fits, key=lambda build: fits[build])
    return best if fits[best] else None


def check_chromosomes(path: Path, sizes: Mapping[str, int], assembly: Assembly, dataset: str) -> tuple[str, ...]:
    """The data set's chromosomes that the file lacks, once it is known to be of the same assembly.

    Parameters
    ----------
    path
        For the message.
    sizes
        Chromosomes and lengths in bp of the file.
    assembly
        Of the data set.
    dataset
        Its name, for the message.

    Raises
    ------
    SourceError
        A chromosome of another length, or none in common: names both assemblies, the chromosome and both lengths.
    """
    there = build_of(sizes)
    ours = build_of(assembly.chrom_sizes) or assembly.name
    shared = {name: own for name in sizes if (own := assembly.match(name)) is not None}
    for name, own in shared.items():
        if sizes[name] != assembly.chrom_sizes[own]:
            raise SourceError(
                f"{path}: {name} has {sizes[name]:,} bp here and {assembly.chrom_sizes[own]:,} bp in {dataset}; "
                f"the file is of {there or 'another assembly'}, the data set of {ours}: {_advice(there, ours)}"
            )
    if not shared:
        raise SourceError(
            f"{path}: none of its chromosomes ({_listed(sizes)}) is in {dataset} ({_listed(assembly.chrom_sizes)}); "
            f"the file is of {there or 'an assembly unknown here'}, the data set of {ours}"
            + ("" if there == ours else f": {_advice(there, ours)}")
        )
    return tuple(own for own in assembly.chrom_sizes if own not in shared.values())


def _advice(there: str | None, ours: str) -> str:
    """What to do; builds can be lifted over only between known ones."""
    both = {there, ours} <= set(KNOWN_BUILDS)
    return f"give a file of {ours}" + (", or lift this one over (CrossMap, liftOver)" if both else "")


def _listed(names: Mapping[str, int]) -> str:
    shown = list(names)[:_LISTED]
    return ", ".join(shown) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
