"""A visitor's own BED as text, read for showing only: bounded, checked line by line, never opened from a path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seq2exp.errors import SourceError
from seq2exp.genome import Assembly, Interval, Region

MOST_BYTES = 5_000_000
MOST_LINES = 100_000
NAME_LETTERS = 60
"""Longer names are cut: they are labels."""

_NOT_REGIONS = ("#", "track", "browser")
_GZIP_MAGIC = b"\x1f\x8b"
_MOST_DIGITS = 12


@dataclass(frozen=True)
class OwnBed:
    """What could be placed on the assembly."""

    regions: Mapping[str, tuple[Region, ...]]
    """By the assembly's chromosome name, in the order of the text; scores and strands are not read."""
    unplaced: Mapping[str, int]
    """Lines by the chromosome they name that the assembly does not have, such as alternative contigs."""

    @property
    def n_regions(self) -> int:
        """Regions on the whole assembly."""
        return sum(len(found) for found in self.regions.values())

    def within(self, window: Interval) -> tuple[Region, ...]:
        """Regions that share a base with ``window``, clipped to it, in genome order.

        ``window`` names its chromosome as the assembly does.
        """
        parts = ((region, region.interval.intersect(window)) for region in self.regions.get(window.chrom, ()))
        inside = (Region(part, region.name) for region, part in parts if part is not None)
        return tuple(sorted(inside, key=lambda region: (region.interval, region.name)))


def read_own_bed(content: bytes | str, assembly: Assembly, *, title: str = "own BED") -> OwnBed:
    """Intervals and names of a BED (three columns or more, tabs or blanks between them).

    Parameters
    ----------
    content
        The text itself, as bytes (UTF-8) or decoded. At most 5 MB and 100,000 lines.
    assembly
        Chromosomes are matched to it as they stand, or with or without ``chr``.
    title
        What errors call the text.

    Returns
    -------
    OwnBed
        0-based half-open, as BED is. Empty lines, ``#`` comments, ``track`` and ``browser`` lines are skipped.

    Raises
    ------
    SourceError
        Too large, packed or not text; a line without a proper start and end, or past its chromosome's end (another
        assembly); no line on a chromosome of the assembly. One line, with the line's number and what was found.
    """
    regions: dict[str, list[Region]] = {}
    unplaced: dict[str, int] = {}
    known: dict[str, str | None] = {}
    for number, line in _lines(content, title):
        fields = line.split("\t") if "\t" in line else line.split()
        if len(fields) < 3:
            found = f"found {len(fields)} column{'' if len(fields) == 1 else 's'}, {_shown(line)}"
            raise SourceError(f"{title}, line {number}: {found}; BED has chrom, start, end")
        chrom = fields[0].strip()
        start, end = _bounds(fields[1].strip(), fields[2].strip(), title, number)
        if chrom not in known:
            known[chrom] = assembly.match(chrom)
        name = known[chrom]
        if name is None:
            unplaced[chrom] = unplaced.get(chrom, 0) + 1
            continue
        length = assembly.chrom_sizes[name]
        if end > length:
            raise SourceError(
                f"{title}, line {number}: end {end:,} lies past {name}, which has {length:,} bp in {assembly.name}; "
                "is it of another assembly?"
            )
        label = _label(fields[3]) if len(fields) > 3 else ""
        regions.setdefault(name, []).append(Region(Interval(name, start, end), label))
    if not regions:
        raise SourceError(f"{title}: {_nothing(unplaced, assembly)}")
    return OwnBed({chrom: tuple(found) for chrom, found in regions.items()}, unplaced)


def _lines(content: bytes | str, title: str) -> Iterator[tuple[int, str]]:
    """Numbers (from 1) and text of the lines that hold a region, once the whole is known to be small, plain text."""
    size = len(content) if isinstance(content, bytes) else len(content.encode("utf-8", "surrogatepass"))
    if size > MOST_BYTES:
        raise SourceError(f"{title}: {size:,} bytes; at most {MOST_BYTES:,} are read")
    if isinstance(content, bytes):
        if content.startswith(_GZIP_MAGIC):
            raise SourceError(f"{title}: is gzip; unpack it first")
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise SourceError(f"{title}: not a text file (byte {error.start} is not UTF-8)") from error
    if "\0" in content:
        raise SourceError(f"{title}: not a text file (letter {content.index(chr(0)) + 1} is a zero)")
    lines = content.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")
    if len(lines) > MOST_LINES:
        raise SourceError(f"{title}: {len(lines):,} lines; at most {MOST_LINES:,} are read")
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith(_NOT_REGIONS):
            yield number, line


def _bounds(start: str, end: str, title: str, number: int) -> tuple[int, int]:
    if all(text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS for text in (start, end)):
        low, high = int(start), int(end)
        if low < high:
            return low, high
    raise SourceError(
        f"{title}, line {number}: start {_shown(start)}, end {_shown(end)}; BED needs whole numbers, start < end"
    )


def _shown(text: str) -> str:
    """A field as an error quotes it."""
    return repr(text if len(text) <= 20 else text[:19] + "…")


def _label(text: str) -> str:
    """A region's name on one line; ``.`` stands for none."""
    name = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    return "" if name == "." else name[:NAME_LETTERS]


def _nothing(unplaced: Mapping[str, int], assembly: Assembly) -> str:
    if not unplaced:
        return "holds no region; BED has chrom, start, end on every line"
    names = ", ".join(_shown(chrom) for chrom in list(unplaced)[:3]) + (", …" if len(unplaced) > 3 else "")
    own = ", ".join(list(assembly.chrom_sizes)[:3])
    return f"names {names}; {assembly.name} has {own} …: is it of another assembly?"
