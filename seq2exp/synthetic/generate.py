"""One call that writes a whole synthetic data set, all of it or none of it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import yaml

from seq2exp.errors import SettingsError
from seq2exp.settings import RNA_FEATURES
from seq2exp.synthetic.contacts import draw_contacts
from seq2exp.synthetic.expression import (
    NOISE_SD,
    CageTags,
    draw_cage,
    expected_expression,
    label,
    truth,
)
from seq2exp.synthetic.files import (
    write_bed,
    write_cool,
    write_fasta,
    write_gtf,
    write_steps,
    write_table,
    write_tags,
)
from seq2exp.synthetic.manifest import assembly_name, data_set_name, manifest
from seq2exp.synthetic.presets import CELLS, Cell, PresetName, Scale, fold_of, scale_of
from seq2exp.synthetic.tracks import draw_dnase, draw_h3k27ac, mean_over
from seq2exp.synthetic.world import World, make_world

MANIFEST_NAME = "manifest.yaml"


def synthesize(preset: PresetName, out: Path, *, seed: int = 7) -> Path:
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

    Returns
    -------
    Path
        ``out / "manifest.yaml"``.

    Raises
    ------
    SettingsError
        Unknown preset, negative seed, or a folder that holds something else.
    """
    scale = scale_of(preset)
    if seed < 0:
        raise SettingsError(f"seed must not be negative, found {seed}")
    finished = out / MANIFEST_NAME
    if out.exists() and _holds(out, scale, seed):
        return finished
    out.parent.mkdir(parents=True, exist_ok=True)
    # Beside `out`, so that the move at the end stays on one disk and is one step.
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.partial-", dir=out.parent))
    try:
        partial.chmod(0o755)
        _write(partial, make_world(scale, seed, noise_sd=NOISE_SD), seed)
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return finished


def _holds(out: Path, scale: Scale, seed: int) -> bool:
    """Whether ``out`` holds this data set (True) or nothing (False); SettingsError if anything else."""
    if not out.is_dir():
        raise SettingsError(f"{out} is a file; give a folder for the synthetic data set")
    if not any(out.iterdir()):
        return False
    wanted = data_set_name(scale, seed)
    found = "no manifest"
    path = out / MANIFEST_NAME
    if path.is_file():
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError):
            content = None
        found = repr(content.get("name")) if isinstance(content, dict) else "a manifest that is no YAML mapping"
        if isinstance(content, dict) and content.get("synthetic") is True and content.get("name") == wanted:
            missing = [s["local_path"] for s in content["sources"] if not (out / s["local_path"]).is_file()]
            if not missing:
                return True
            found = f"{wanted} without {', '.join(missing)}"
    raise SettingsError(f"{out} is not empty and holds {found}, not {wanted}; give another folder or remove it")


def _write(folder: Path, world: World, seed: int) -> None:
    """Every file, the manifest last."""
    scale, sizes = world.scale, world.chrom_sizes
    streams = np.random.SeedSequence((seed, 1)).spawn(4 * len(CELLS))
    rngs = [np.random.default_rng(stream) for stream in streams]
    write_fasta(folder / "genome.fa.gz", world.codes)
    tags: dict[Cell, CageTags] = {}
    activity: dict[Cell, dict[str, float]] = {}
    for number, cell in enumerate(CELLS):
        for_dnase, for_h3k27ac, for_contacts, for_cage = rngs[4 * number : 4 * number + 4]
        dnase, h3k27ac = draw_dnase(world, cell, for_dnase), draw_h3k27ac(world, cell, for_h3k27ac)
        tags[cell] = draw_cage(world, cell, for_cage)
        write_steps(folder / f"{cell}.dnase.bw", world.codes, dnase)
        write_steps(folder / f"{cell}.h3k27ac.bw", world.codes, h3k27ac)
        write_tags(folder / f"{cell}.cage.bw", world.codes, tags[cell])
        pixels = draw_contacts(world, cell, for_contacts)
        write_cool(folder / f"{cell}.cool", sizes, scale.bin_bp, pixels, assembly_name(scale, seed))
        half = scale.centre_bp // 2
        activity[cell] = {}
        for item in world.genes:
            place = (item.gene.tss - half, item.gene.tss + half)
            product = mean_over(dnase[item.gene.chrom], *place) * mean_over(h3k27ac[item.gene.chrom], *place)
            activity[cell][item.gene.gene_id] = round(float(np.sqrt(product)), 6)
    write_gtf(folder / "genes.gtf.gz", world.genes)
    write_bed(folder / "blacklist.bed", world.blacklist, "artefact")
    _write_gene_tables(folder, world, tags, activity)
    _write_truth(folder, world)
    text = yaml.safe_dump(manifest(scale, seed, oracle=oracle(world, tags)), sort_keys=False, width=120)
    (folder / MANIFEST_NAME).write_text(text, encoding="utf-8")


def _write_gene_tables(
    folder: Path, world: World, tags: dict[Cell, CageTags], activity: dict[Cell, dict[str, float]]
) -> None:
    """genes.tsv, expression.tsv, features.tsv and split.tsv."""
    genes = [item.gene for item in world.genes]
    write_table(
        folder / "genes.tsv",
        ("symbol", "ensembl_id", "chrom", "tss", "strand", "gene_type", "gene_start", "gene_end", "aliases"),
        [(g.symbol, g.gene_id, g.chrom, g.tss, g.strand, g.gene_type, g.start, g.end, *g.aliases) for g in genes],
    )
    write_table(
        folder / "expression.tsv",
        ("gene_id", *(f"{cell}_CAGE_128*3_sum" for cell in CELLS)),
        [(item.gene.gene_id, *(label(tags[cell], item) for cell in CELLS)) for item in world.genes],
    )
    write_table(
        folder / "features.tsv",
        ("gene_id", *RNA_FEATURES[:8], *(f"promoter_activity_{cell}" for cell in CELLS)),
        [
            (
                item.gene.gene_id,
                *(item.features[name] for name in RNA_FEATURES[:8]),
                *(activity[cell][item.gene.gene_id] for cell in CELLS),
            )
            for item in world.genes
            if item.features
        ],
    )
    write_table(folder / "split.tsv", ("gene_id", "fold_11"), [(g.gene_id, fold_of(g.chrom)) for g in genes])


def _write_truth(folder: Path, world: World) -> None:
    """truth.tsv.gz: one line per gene, line and element in the gene's window."""
    columns = ("gene_id", "cell", "element_id", "class", "chrom", "start", "end")
    rows = [
        (
            row.gene.gene.gene_id,
            row.cell,
            row.element.element_id,
            row.element.class_in(row.cell),
            row.element.interval.chrom,
            row.element.interval.start,
            row.element.interval.end,
            row.effect_log10,
            "yes" if row.causal else "no",
            row.contact,
            row.element.activity[row.cell],
        )
        for row in truth(world)
    ]
    write_table(folder / "truth.tsv.gz", (*columns, "effect_log10", "causal", "contact", "activity"), rows)


def oracle(world: World, tags: dict[Cell, CageTags]) -> dict[str, float]:
    """Pearson of log10(1 + v) with log10(1 + label), over test genes and over all, and the counts behind it."""
    expected, observed, tested = [], [], []
    for item in world.genes:
        for cell in CELLS:
            expected.append(np.log10(1 + expected_expression(world, item, cell)))
            observed.append(np.log10(1 + label(tags[cell], item)))
            tested.append(fold_of(item.gene.chrom) == "test")
    x, y, test = np.array(expected), np.array(observed), np.array(tested)
    return {
        "oracle_pearson_test": round(float(np.corrcoef(x[test], y[test])[0, 1]), 4),
        "oracle_pearson_all": round(float(np.corrcoef(x, y)[0, 1]), 4),
        "n_test": float(test.sum()),
        "n_all": float(len(x)),
    }
