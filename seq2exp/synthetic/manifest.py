"""The words of a synthetic data set's manifest: what each file is, in the schema of every data set's manifest."""

from __future__ import annotations

from typing import Any

from seq2exp.synthetic.presets import CELLS, STEP_BP, Scale

GENERATOR = 3
"""Raised when the same preset and seed no longer give the same bytes."""


def data_set_name(scale: Scale, seed: int, *, bam: bool = False, hic: bool = False) -> str:
    """The name by which a finished data set is recognised: preset, seed, generator, reads or .hic beside."""
    return f"synthetic-{scale.name}-seed{seed}-v{GENERATOR}{'-bam' if bam else ''}{'-hic' if hic else ''}"


def assembly_name(scale: Scale, seed: int) -> str:
    """Name of the genome build; no real build may be mistaken for it."""
    return f"Syn{GENERATOR}-{scale.name}-{seed}"


def _source(
    key: str, title: str, role: str, path: str, file_format: str, notes: str, assembly: str, **content: object
) -> dict[str, Any]:
    """One entry of ``sources``; ``content`` adds unit, resolution and the like."""
    packed = {".gz": "bgzip" if file_format == "fasta" else "gzip"}.get(path[-3:], "none")
    return {
        "id": key,
        "title": title,
        "role": role,
        "local_path": path,
        "file": {"format": file_format, "compression": packed, "chrom_naming": "chr1", "assembly": assembly},
        "content": content,
        "licence": "mit",
        "notes": notes,
    }


def manifest(
    scale: Scale, seed: int, *, oracle: dict[str, float], bam: bool = False, hic: bool = False
) -> dict[str, Any]:
    """The manifest as plain types, ready for YAML.

    Parameters
    ----------
    scale, seed
        What the files were made from.
    oracle
        How well the noise-free v predicts the labels; becomes the expression table's summary.
    bam
        Whether there are DNase reads.
    hic
        Whether the contact maps are .hic.

    Returns
    -------
    dict[str, Any]
        Keys in the order of the schema.
    """
    build = assembly_name(scale, seed)
    scaled = (
        f"The window is {scale.window_bp} bp where the published one has 200,000. The forced centre "
        f"({scale.centre_bp} bp, published 2,000) must still hold a promoter's motifs and a contact bin "
        f"({scale.bin_bp} bp, published 5,000) a whole element, so both shrink less than the window. Contacts are "
        "raw counts (NONE): the simulated map has no coverage bias to normalise away."
    )

    def shared(key: str, title: str, role: str, path: str, kind: str, notes: str, **content: object) -> dict[str, Any]:
        return _source(key, title, role, path, kind, notes, build, **content)

    sources = [
        shared("genome", "Genome", "reference", "genome.fa.gz", "fasta", f"Markov bases. {scaled}"),
        shared("genes", "Gene table", "genes", "genes.tsv", "tsv", "one TSS per gene; tss is 0-based"),
        shared("transcripts", "Transcripts", "transcripts", "genes.gtf.gz", "gtf", "one transcript per gene; no ORF"),
        shared("blacklist", "Blacklist", "blacklist", "blacklist.bed", "bed", "artefacts with 50 bp on either side"),
        shared(
            "expression", "Labels", "expression", "expression.tsv", "tsv", "CAGE tags in TSS +- 192", summary=oracle
        ),
        shared("rna_features", "mRNA features", "rna_features", "features.tsv", "tsv", "coding genes only"),
        shared("split", "Folds", "split", "split.tsv", "tsv", "fold 11: valid chr3, chr21; test chr22, chrX"),
        shared("truth", "Truth", "truth", "truth.tsv.gz", "tsv", "every element in every window, effect of deletion"),
        shared(
            "oracle", "Noise-free expression", "oracle", "oracle.tsv", "tsv", "log10(1 + v) before noise and counting"
        ),
        shared(
            "crispri",
            "CRISPRi screen",
            "crispri",
            "crispri.tsv.gz",
            "tsv",
            "simulated knock-downs of open sites, columns of the ENCODE benchmark; NA where an assay is not simulated, "
            "RPM columns hold the tracks' own units",
        ),
    ]
    contacts = "hic" if hic else "mcool"
    for cell in CELLS:
        tracks = [
            ("dnase", "DNase", f"{cell}.dnase.bw", "bigWig", "read-depth normalized signal", STEP_BP),
            ("h3k27ac", "H3K27ac", f"{cell}.h3k27ac.bw", "bigWig", "signal p-value", STEP_BP),
            ("cage", "CAGE", f"{cell}.cage.bw", "bigWig", "tag counts, both strands", 1),
            ("contact", "Contacts", f"{cell}.{contacts}", contacts, "observed counts", scale.bin_bp),
        ]
        if bam:
            tracks.append(("dnase_alignment", "DNase reads", f"{cell}.dnase.bam", "bam", "alignments", 1))
        units = {
            "dnase": "cuts per million reads per 150 bp",
            "h3k27ac": "-log10 p",
            "cage": "tags",
            "contact": "contacts",
            "dnase_alignment": "reads",
        }
        for role, title, path, kind, output, resolution in tracks:
            entry = shared(
                f"{cell.lower()}.{role}",
                f"{title} of {cell}",
                role,
                path,
                kind,
                f"simulated {title} of {cell}",
                output_type=output,
                unit=units[role],
                resolution_bp=resolution,
            )
            entry["cell_type"] = cell
            if role == "contact":
                entry["content"]["normalisation"] = "NONE"
            sources.append(entry)
    return {
        "manifest_version": 1,
        "name": data_set_name(scale, seed, bam=bam, hic=hic),
        "title": f"Synthetic cell lines SynK and SynG ({scale.name}, seed {seed}): nothing here was measured",
        "synthetic": True,
        "genome_build": build,
        "chromosomes": list(scale.genes),
        "window": {
            "width_bp": scale.window_bp,
            "centre_bp": scale.centre_bp,
            "contact_resolution_bp": scale.bin_bp,
            "contact_mode": "vc_counts",
            "contact_normalisation": "NONE",
        },
        "cell_types": list(CELLS),
        "licences": [{"key": "mit", "name": "MIT"}],
        "citations": [],
        "sources": sources,
    }
