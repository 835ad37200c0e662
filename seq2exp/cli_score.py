"""The verb `score`: every gene into a folder by any number of processes, or into the file that the Genes page shows."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from seq2exp.cli_benchmark import print_json
from seq2exp.errors import SettingsError
from seq2exp.settings import MaskMode, MaskSettings


def score(
    dataset: Annotated[Path, typer.Option(help="Manifest file, or the folder that holds it.")],
    checkpoint: Annotated[str, typer.Option(help="Checkpoint folder or shipped name.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder to fill. Default: none, the scores go into the file that the app's Genes page shows."
        ),
    ] = None,
    cell: Annotated[str | None, typer.Option(help="Cell type of the data set; default: all of them.")] = None,
    genes: Annotated[
        list[str] | None,
        typer.Option(help="Symbol, alias or Ensembl id; repeatable, or several by commas. Default: every gene."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Score at most this many genes, spread over all.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    devices: Annotated[int, typer.Option(help="With --out: processes on each machine, one per GPU on CUDA.")] = 1,
    threads: Annotated[
        int,
        typer.Option(help="With --out: threads of each process; on CPUs more --devices are faster than more threads."),
    ] = 1,
    nodes: Annotated[int, typer.Option(help="With --out: machines; start the command by torchrun or srun.")] = 1,
    samples: Annotated[
        int,
        typer.Option(help="With --out: masks drawn per window, whose predictions' 5 % and 95 % quantile are kept."),
    ] = 8,
    seed: Annotated[int, typer.Option(help="With --out: random state of the drawn masks.")] = 0,
    promoter_only: Annotated[
        bool | None,
        typer.Option(help="With --out: predict the promoter alone too; default: where the mask is packed (cheap)."),
    ] = None,
    bigwig: Annotated[
        bool, typer.Option("--bigwig", help="With --out: write the masks, one bigWig a cell type.")
    ] = False,
    show: Annotated[
        bool, typer.Option("--show", help="With --out: the Genes page shows the rows too, without peaks.")
    ] = False,
    shard_size: Annotated[int, typer.Option(help="With --out: genes per shard, the part that is done or not.")] = 16,
    mode: Annotated[
        MaskMode | None, typer.Option(help="With --out: how the mask is built; default: as trained.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="With --out: mask mean that keeps or calls a base, 0..1.")
    ] = None,
    top_percent: Annotated[
        float | None, typer.Option(help="With --out: percent of the window kept by top-k, 0..100.")
    ] = None,
    signal_scale: Annotated[float, typer.Option(help="With --out: factor on the signal Beta; 1 is faithful.")] = 1.0,
    prior_mean: Annotated[float | None, typer.Option(help="With --out: mean of the what-if prior, 0..1.")] = None,
    prior_strength: Annotated[
        float, typer.Option(help="With --out: pseudo-counts of the what-if prior; 0 is faithful.")
    ] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
) -> None:
    """Every gene in every cell type, as the checkpoint was trained; an interrupted run goes on where it was.

    With --out a folder: scores.parquet, elements.bed, card.json and, on request, bigWigs of the mask. Without it:
    prediction, error, elements, peaks and truth into the file that the Genes page shows.

    Example: python -m seq2exp score --dataset .data/demo --checkpoint demo-hard --out .data/scores/hard --devices 2
    """
    names = tuple(name.strip() for words in genes or () for name in words.split(",") if name.strip())
    mask = MaskSettings(
        mode=mode,
        threshold=threshold,
        top_share=None if top_percent is None else top_percent / 100,
        signal_scale=signal_scale,
        prior_mean=prior_mean,
        prior_strength=prior_strength,
    )
    if out is None:
        if mask != MaskSettings() or bigwig or show or promoter_only is not None or (devices, nodes) != (1, 1):
            raise SettingsError(
                "without --out the scores go into the Genes page's file: as trained, by one process; give a folder as "
                "--out for other masks, bigWigs or more processes"
            )
        _score_for_page(dataset, checkpoint, cell, names, limit, device, as_json=as_json)
        return
    from seq2exp.benchmark.table import show_progress  # imported late: loads torch
    from seq2exp.inference.checkpoints import find_checkpoint
    from seq2exp.inference.session import default_cache_dir
    from seq2exp.scoring.plan import ScoreSettings
    from seq2exp.scoring.report import run_facts, run_lines
    from seq2exp.scoring.run import score_dataset
    from seq2exp.scoring.worker import Job

    settings = ScoreSettings(
        mask=mask,
        samples=samples,
        seed=seed,
        promoter_only=promoter_only,
        bigwig=bigwig,
        shard_size=shard_size,
        threads=threads,
        cell_type=cell,
        names=names,
        limit=limit,
    )
    job = Job(dataset, find_checkpoint(checkpoint), out, settings, device)
    shown_by = default_cache_dir() if show else None
    found = score_dataset(job, devices=devices, nodes=nodes, show=shown_by, progress=show_progress)
    if as_json:
        print_json(run_facts(out, found))
    else:
        for line in run_lines(out, found):
            typer.echo(line)


def _score_for_page(
    dataset: Path,
    checkpoint: str,
    cell: str | None,
    names: tuple[str, ...],
    limit: int | None,
    device: str,
    *,
    as_json: bool,
) -> None:
    """The rows that the Genes page shows, those that are not there yet."""
    from seq2exp.benchmark.score import score_genes  # imported late: loads torch
    from seq2exp.benchmark.score_file import scores_path
    from seq2exp.benchmark.table import show_progress
    from seq2exp.inference.checkpoints import find_checkpoint, load_checkpoint_for_inference
    from seq2exp.inference.session import default_cache_dir
    from seq2exp.sources.dataset import open_dataset

    opened, loaded = open_dataset(dataset), load_checkpoint_for_inference(find_checkpoint(checkpoint), device)
    path = scores_path(default_cache_dir(), opened.hash, loaded.hash)
    counts = score_genes(
        opened,
        loaded,
        path,
        cell_type=cell,
        names=names,
        limit=limit,
        cache_dir=default_cache_dir(),
        progress=show_progress,
    )
    if as_json:
        print_json({"out": str(path), "trained": loaded.trained, **dataclasses.asdict(counts)})
        return
    if not loaded.trained:
        typer.echo("UNTRAINED WEIGHTS: these numbers mean nothing")
    typer.echo(
        f"{path}: {counts.asked:,} windows, {counts.kept:,} of them scored before, {len(counts.problems):,} not scored"
    )
    for problem in counts.problems[:10]:
        typer.echo(f"not scored: {problem}")
