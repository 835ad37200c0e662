"""What is kept of every chromosome, and the tables made from it when all are done."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seq2exp.genome import Interval
from seq2exp.settings import RNA_FEATURES
from seq2exp.synthetic.crispri import COLUMNS as CRISPRI_COLUMNS
from seq2exp.synthetic.crispri import Knockdown
from seq2exp.synthetic.crispri import rows as crispri_rows
from seq2exp.synthetic.expression import CageTags, expected_expression, label, truth
from seq2exp.synthetic.files import write_bed, write_gtf, write_table
from seq2exp.synthetic.genes import SyntheticGene
from seq2exp.synthetic.presets import CELLS, Cell, fold_of
from seq2exp.synthetic.tracks import mean_over
from seq2exp.synthetic.world import World

_TRUTH = ("gene_id", "cell", "element_id", "class", "chrom", "start", "end")
_TRUTH_VALUES = ("effect_log10", "causal", "contact", "activity")


@dataclass
class Collected:
    """Small things of all chromosomes so far: `add` grows it, so that no chromosome need be kept."""

    genes: list[SyntheticGene] = field(default_factory=list)
    blacklist: list[Interval] = field(default_factory=list)
    labels: dict[tuple[str, Cell], int] = field(default_factory=dict)
    """Tags around the TSS per gene id and line."""
    expected: dict[tuple[str, Cell], float] = field(default_factory=dict)
    """v, without noise."""
    activity: dict[tuple[str, Cell], float] = field(default_factory=dict)
    """Promoter activity: square root of mean DNase times mean H3K27ac over the centre."""
    truth: list[tuple[object, ...]] = field(default_factory=list)
    knockdowns: list[Knockdown] = field(default_factory=list)

    def add_world(self, world: World) -> None:
        """What a chromosome has without its tracks."""
        self.genes.extend(world.genes)
        self.blacklist.extend(world.blacklist)
        for row in truth(world):
            place = row.element.interval
            self.truth.append(
                (
                    row.gene.gene.gene_id,
                    row.cell,
                    row.element.element_id,
                    row.element.class_in(row.cell),
                    place.chrom,
                    place.start,
                    place.end,
                    row.effect_log10,
                    "yes" if row.causal else "no",
                    row.contact,
                    row.element.activity[row.cell],
                )
            )

    def add_line(
        self, world: World, cell: Cell, tags: CageTags, dnase: NDArray[np.float32], h3k27ac: NDArray[np.float32]
    ) -> None:
        """Labels and promoter activities of one line on a chromosome; tracks are (n_steps,)."""
        half = world.scale.centre_bp // 2
        for item in world.genes:
            key = (item.gene.gene_id, cell)
            place = (item.gene.tss - half, item.gene.tss + half)
            self.labels[key] = label(tags, item)
            self.expected[key] = expected_expression(world, item, cell)
            product = mean_over(dnase, *place) * mean_over(h3k27ac, *place)
            self.activity[key] = round(float(np.sqrt(product)), 6)

    def oracle(self) -> dict[str, float]:
        """Pearson of log10(1 + v) with log10(1 + label), over test genes and over all, and the counts behind it."""
        keys = [(item.gene.gene_id, cell) for item in self.genes for cell in CELLS]
        x = np.log10(1 + np.array([self.expected[key] for key in keys]))
        y = np.log10(1 + np.array([self.labels[key] for key in keys]))
        test = np.repeat([fold_of(item.gene.chrom) == "test" for item in self.genes], len(CELLS))
        return {
            "oracle_pearson_test": round(float(np.corrcoef(x[test], y[test])[0, 1]), 4),
            "oracle_pearson_all": round(float(np.corrcoef(x, y)[0, 1]), 4),
            "n_test": float(test.sum()),
            "n_all": float(len(x)),
        }

    def write(self, folder: Path) -> None:
        """Annotation, gene tables, blacklist and truth."""
        write_gtf(folder / "genes.gtf.gz", self.genes)
        write_bed(folder / "blacklist.bed", self.blacklist, "artefact")
        genes = [item.gene for item in self.genes]
        write_table(
            folder / "genes.tsv",
            ("symbol", "ensembl_id", "chrom", "tss", "strand", "gene_type", "gene_start", "gene_end", "aliases"),
            [(g.symbol, g.gene_id, g.chrom, g.tss, g.strand, g.gene_type, g.start, g.end, *g.aliases) for g in genes],
        )
        write_table(
            folder / "expression.tsv",
            ("gene_id", *(f"{cell}_CAGE_128*3_sum" for cell in CELLS)),
            [(gene.gene_id, *(self.labels[gene.gene_id, cell] for cell in CELLS)) for gene in genes],
        )
        write_table(
            folder / "features.tsv",
            ("gene_id", *RNA_FEATURES[:8], *(f"promoter_activity_{cell}" for cell in CELLS)),
            [
                (
                    item.gene.gene_id,
                    *(item.features[name] for name in RNA_FEATURES[:8]),
                    *(self.activity[item.gene.gene_id, cell] for cell in CELLS),
                )
                for item in self.genes
                if item.features
            ],
        )
        write_table(folder / "split.tsv", ("gene_id", "fold_11"), [(g.gene_id, fold_of(g.chrom)) for g in genes])
        write_table(folder / "truth.tsv.gz", (*_TRUTH, *_TRUTH_VALUES), self.truth)
        write_table(
            folder / "oracle.tsv",
            ("gene_id", "cell", "log10_v"),
            [
                (gene.gene_id, cell, float(np.log10(1 + self.expected[gene.gene_id, cell])))
                for gene in genes
                for cell in CELLS
            ],
        )
        write_table(folder / "crispri.tsv.gz", CRISPRI_COLUMNS, crispri_rows(self.knockdowns))
