"""One call that writes a whole synthetic data set, all of it or none of it, one chromosome in memory at a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import yaml

from seq2exp.errors import SettingsError
from seq2exp.files import whole_folder, writable
from seq2exp.synthetic.contacts import draw_contacts
from seq2exp.synthetic.cooler import ContactWriter
from seq2exp.synthetic.crispri import draw_knockdowns
from seq2exp.synthetic.expression import NOISE_SD, draw_cage
from seq2exp.synthetic.juicer import HicWriter
from seq2exp.synthetic.manifest import assembly_name, data_set_name, manifest
from seq2exp.synthetic.output import MANIFEST_NAME, holds, require_room
from seq2exp.synthetic.presets import CELLS, Cell, PresetName, Scale, scale_of
from seq2exp.synthetic.reads import BamWriter
from seq2exp.synthetic.streamed import BigWigWriter, FastaWriter
from seq2exp.synthetic.streams import stream
from seq2exp.synthetic.tables import Collected
from seq2exp.synthetic.tracks import draw_dnase, draw_h3k27ac
from seq2exp.synthetic.world import World, chrom_sizes, make_world

Progress = Callable[[int, int, str], None]
"""Called with the bases done, the bases of the whole genome, and what is made next."""


def synthesize(
    preset: PresetName,
    out: Path,
    *,
    seed: int = 7,
    bam: bool = False,
    hic: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Path of the manifest of a synthetic data set in ``out``, made now or found there whole.

    Parameters
    ----------
    preset
        Sizes; see `seq2exp.synthetic.presets`.
    out
        Folder to make. It may be absent or empty, or hold the data set of this very preset and seed,
        which is then returned as it is. Everything is written beside it first and moved in one step.
    seed
        Not negative. The same seed gives the same bytes.
    bam
        Write DNase reads too, for peak callers that start from alignments; the name of the data set says so.
    hic
        Write the contact maps as .hic too; the manifest then names these, and the name of the data set says so.
    progress
        Told before every part of every chromosome, and at the end; not called if the data set is there already.

    Returns
    -------
    Path
        ``out / "manifest.yaml"``.

    Raises
    ------
    SettingsError
        Unknown preset, negative seed, a folder that holds something else or cannot be written.
    SourceError
        A file that came out short: the disk is full.
    """
    scale = scale_of(preset)
    if seed < 0:
        raise SettingsError(f"seed must not be negative, found {seed}")
    if not holds(out, data_set_name(scale, seed, bam=bam, hic=hic)):
        with writable(out), whole_folder(out) as folder:
            _write(folder, scale, seed, bam=bam, hic=hic, progress=progress or (lambda _done, _total, _what: None))
    return out / MANIFEST_NAME


class _LineWriters:
    """The four files of one line, more with its reads and its contacts as .hic."""

    def __init__(
        self, stack: ExitStack, folder: Path, cell: Cell, scale: Scale, seed: int, *, bam: bool, hic: bool
    ) -> None:
        sizes = chrom_sizes(scale, seed)
        assembly = assembly_name(scale, seed)
        self.dnase, self.h3k27ac, self.cage = (
            stack.enter_context(BigWigWriter(folder / f"{cell}.{track}.bw", sizes))
            for track in ("dnase", "h3k27ac", "cage")
        )
        cooler = ContactWriter(folder / f"{cell}.mcool", sizes, scale.bin_bp, assembly)
        self.contacts: list[ContactWriter | HicWriter] = [stack.enter_context(cooler)]
        if hic:
            juicer = HicWriter(folder / f"{cell}.hic", sizes, scale.bin_bp, assembly)
            self.contacts.append(stack.enter_context(juicer))
        self.reads = stack.enter_context(BamWriter(folder / f"{cell}.dnase.bam", sizes)) if bam else None


def _write(folder: Path, scale: Scale, seed: int, *, bam: bool, hic: bool, progress: Progress) -> None:
    """Every file, the manifest last."""
    sizes = chrom_sizes(scale, seed)
    total, done = sum(sizes.values()), 0
    collected = Collected()
    with ExitStack() as stack:
        genome = stack.enter_context(FastaWriter(folder / "genome.fa.gz"))
        lines = {cell: _LineWriters(stack, folder, cell, scale, seed, bam=bam, hic=hic) for cell in CELLS}
        for chrom, size in sizes.items():
            progress(done, total, chrom)
            require_room(folder, total - done)
            world = make_world(scale, chrom, seed, noise_sd=NOISE_SD)
            genome.add(chrom, world.codes)
            collected.add_world(world)
            for number, (cell, writers) in enumerate(lines.items(), start=1):
                # Bases and each line take about as long.
                progress(done + size * number // (1 + len(lines)), total, f"{chrom} {cell}")
                _write_line(writers, world, cell, seed, collected)
            done += size
        progress(done, total, "indices and tables")
    collected.write(folder)
    content = manifest(scale, seed, oracle=collected.oracle(), bam=bam, hic=hic)
    text = yaml.safe_dump(content, sort_keys=False, width=120)
    (folder / MANIFEST_NAME).write_text(text, encoding="utf-8")


def _write_line(writers: _LineWriters, world: World, cell: Cell, seed: int, collected: Collected) -> None:
    """Tracks, contacts and labels of one line on one chromosome."""
    chrom = world.chrom
    dnase = draw_dnase(world, cell, stream(seed, chrom, "dnase", cell))
    h3k27ac = draw_h3k27ac(world, cell, stream(seed, chrom, "h3k27ac", cell))
    tags = draw_cage(world, cell, stream(seed, chrom, "cage", cell))
    writers.dnase.add_steps(chrom, dnase, world.codes)
    if writers.reads is not None:
        writers.reads.add(chrom, dnase, world.codes, stream(seed, chrom, "reads", cell))
    writers.h3k27ac.add_steps(chrom, h3k27ac, world.codes)
    writers.cage.add_bases(chrom, tags.positions, tags.counts.astype(np.float32))
    contacts = draw_contacts(world, cell, stream(seed, chrom, "contacts", cell))
    for written in writers.contacts:
        written.add(chrom, contacts)
    collected.add_line(world, cell, tags, dnase, h3k27ac)
    collected.knockdowns.extend(draw_knockdowns(world, cell, dnase, h3k27ac, stream(seed, chrom, "crispri", cell)))
