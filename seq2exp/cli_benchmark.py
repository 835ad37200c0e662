"""The verbs under `benchmark`: each reads its options, makes one call into the room and prints what came back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from seq2exp.errors import SettingsError

benchmarks = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Compare a checkpoint with its rivals.")

Part = Literal["test", "valid", "train", "all"]


def print_json(values: Any) -> None:
    """Values on standard output, as every verb prints them under --json."""
    typer.echo(json.dumps(values, indent=2, allow_nan=False))


@benchmarks.command("mask")
def benchmark_mask(
    dataset: Annotated[Path, typer.Option(help="Manifest with known truth, or the folder that holds it.")],
    checkpoint: Annotated[str, typer.Option(help="Checkpoint folder or shipped name.")],
    part: Annotated[Part, typer.Option(help="Genes to score.")] = "test",
    cell: Annotated[str | None, typer.Option(help="Cell type of the data set; default: all of them.")] = None,
    limit_genes: Annotated[int | None, typer.Option(help="Score at most this many, spread over the part.")] = None,
    skip_deletions: Annotated[bool, typer.Option("--skip-deletions", help="Leave out the slow row.")] = False,
    bootstrap: Annotated[int, typer.Option(help="Resamples of the genes for 95 % intervals; 0: none.")] = 1000,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Result as JSON; shares lie in 0..1.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON to this file.")] = None,
) -> None:
    """Mask against known truth, bp by bp and by element, beside MACS3 peaks, DNase, H3K27ac and activity x contact.

    Example: python -m seq2exp benchmark mask --dataset .data/tiny --checkpoint .data/checkpoints/mine --json
    """
    from seq2exp.benchmark.choice import BenchmarkSettings  # imported late: loads torch
    from seq2exp.benchmark.mask import benchmark_mask as run_benchmark
    from seq2exp.benchmark.table import mask_table, show_progress
    from seq2exp.inference.checkpoints import find_checkpoint, load_checkpoint_for_inference
    from seq2exp.inference.session import default_cache_dir
    from seq2exp.sources.dataset import open_dataset

    _check_folder(out)
    found = run_benchmark(
        open_dataset(dataset),
        load_checkpoint_for_inference(find_checkpoint(checkpoint), device),
        BenchmarkSettings(
            part=part, cell_type=cell, limit_genes=limit_genes, resamples=bootstrap, deletions=not skip_deletions
        ),
        cache_dir=default_cache_dir() / "peaks",
        progress=show_progress,
    )
    _report(found.to_dict(), mask_table(found), as_json=as_json, out=out)


@benchmarks.command("crispri")
def benchmark_crispri(
    pairs: Annotated[
        Path, typer.Option(help="Pairs in the columns of the ENCODE benchmark (EPCrisprBenchmark), TSV or TSV.gz.")
    ],
    predictor: Annotated[
        list[str] | None,
        typer.Option(
            help="Repeatable, or several by commas. distance; abc, abc-nasser-2021, abc-fulco-2019: with --elements; "
            "tracks (activity x contact): with --dataset; mask, deletion: with --dataset and --checkpoint. "
            "Default: distance, abc, tracks, mask, deletion, as far as the data allow."
        ),
    ] = None,
    elements: Annotated[
        Path | None, typer.Option(help="Folder with elements.tsv.gz: candidates and their reads per million, for ABC.")
    ] = None,
    dataset: Annotated[Path | None, typer.Option(help="Manifest file, or the folder that holds it.")] = None,
    checkpoint: Annotated[str | None, typer.Option(help="Checkpoint folder or shipped name.")] = None,
    cell: Annotated[str | None, typer.Option(help="Cell type of the pairs; default: all of the table.")] = None,
    part: Annotated[Part, typer.Option(help="Pairs of genes of this part only.")] = "all",
    limit_genes: Annotated[
        int | None, typer.Option(help="Pairs of at most this many genes, spread over the table.")
    ] = None,
    bins: Annotated[str, typer.Option(help="Upper ends of the bins of distance in bp, by commas.")] = "10000,100000",
    bootstrap: Annotated[int, typer.Option(help="Resamples for 95 % intervals; 0: none.")] = 1000,
    unit: Annotated[
        Literal["gene", "pair"], typer.Option(help="What is drawn anew: a gene with its pairs, or single pairs.")
    ] = "gene",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Result as JSON; shares lie in 0..1.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON to this file.")] = None,
) -> None:
    """Which elements lower a gene when silenced: AUPRC and precision at 70 % recall of predictors on CRISPRi pairs.

    Example: python -m seq2exp benchmark crispri --pairs .data/demo/crispri.tsv.gz --bins 1000,2000 --part test
    """
    from seq2exp.benchmark.crispri import CrispriSettings  # imported late: loads torch
    from seq2exp.benchmark.crispri import benchmark_crispri as run_benchmark
    from seq2exp.benchmark.crispri_table import crispri_table
    from seq2exp.benchmark.table import show_progress
    from seq2exp.inference.checkpoints import find_checkpoint, load_checkpoint_for_inference
    from seq2exp.sources.dataset import open_dataset

    _check_folder(out)
    found = run_benchmark(
        pairs,
        CrispriSettings(
            predictors=tuple(name.strip() for names in predictor or () for name in names.split(",")),
            cell_type=cell,
            part=part,
            limit_genes=limit_genes,
            bins_bp=_bins(bins),
            unit=unit,
            resamples=bootstrap,
        ),
        elements=elements,
        dataset=None if dataset is None else open_dataset(dataset),
        checkpoint=None if checkpoint is None else load_checkpoint_for_inference(find_checkpoint(checkpoint), device),
        progress=show_progress,
    )
    _report(found.to_dict(), crispri_table(found), as_json=as_json, out=out)


@benchmarks.command("attribution")
def benchmark_attribution(
    run: Annotated[Path, typer.Argument(help="Folder of a finished training run, of any system.")],
    dataset: Annotated[Path, typer.Option(help="Manifest with known truth, or the folder that holds it.")],
    part: Annotated[Part, typer.Option(help="Genes to score.")] = "test",
    cell: Annotated[str | None, typer.Option(help="Cell type of the data set; default: all of them.")] = None,
    limit_genes: Annotated[int | None, typer.Option(help="Score at most this many.")] = None,
    skip_deletions: Annotated[bool, typer.Option("--skip-deletions", help="Leave out the slow row.")] = False,
    bootstrap: Annotated[int, typer.Option(help="Resamples of the genes for 95 % intervals; 0: none.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Result as JSON; shares lie in 0..1.")] = False,
    out: Annotated[Path | None, typer.Option(help="Also write the JSON to this file.")] = None,
) -> None:
    """True elements ranked by what any system makes of them: gradient x input, in-silico deletion, attention.

    Example: python -m seq2exp benchmark attribution .data/runs/demo-mamba-seed2 --dataset .data/demo --limit-genes 10
    """
    from seq2exp.benchmark.attribution import benchmark_attribution as run_benchmark  # imported late: loads torch
    from seq2exp.benchmark.choice import BenchmarkSettings
    from seq2exp.benchmark.table import attribution_table, show_progress
    from seq2exp.sources.dataset import open_dataset
    from seq2exp.training.folder import RunFolder
    from seq2exp.training.held_out import open_run

    _check_folder(out)
    opened = open_dataset(dataset)
    chosen = BenchmarkSettings(
        part=part, cell_type=cell, limit_genes=limit_genes, resamples=bootstrap, deletions=not skip_deletions
    )
    found = run_benchmark(open_run(RunFolder(run), opened), opened, chosen, progress=show_progress).to_dict()
    _report(found, attribution_table(found), as_json=as_json, out=out)


def _table(table: Literal["table1", "table2"]) -> Callable[..., None]:
    """The verb of one table; both take the same options."""

    def verb(
        dataset: Annotated[Path, typer.Option(help="Manifest, or the folder that holds it.")],
        models: Annotated[
            list[str] | None, typer.Option(help="Systems, repeatable or by commas; default: all of the table.")
        ] = None,
        seeds: Annotated[str, typer.Option(help="Random states by commas.")] = "2,22,222,2222,22222",
        jobs: Annotated[int, typer.Option(min=1, help="Runs trained side by side.")] = 1,
        resume: Annotated[bool, typer.Option("--resume", help="Go on with runs begun and not finished.")] = False,
        no_training: Annotated[bool, typer.Option("--no-training", help="Only test what is trained.")] = False,
        recipe: Annotated[
            str | None,
            typer.Option(
                help="Beginning of the configurations' names; default: demo on synthetic data, else published."
            ),
        ] = None,
        length: Annotated[
            str | None,
            typer.Option(metavar="UPDATESxBATCH", help="One length for every run, such as 1000x4, for equal effort."),
        ] = None,
        configs: Annotated[Path, typer.Option(help="Folder with the configurations.")] = Path("configs"),
        runs: Annotated[Path, typer.Option(help="Folder of the runs' own folders.")] = Path(".data/runs"),
        out: Annotated[Path, typer.Option(help="Folder for the table as .md and .parquet; made if absent.")] = Path(
            ".data/tables"
        ),
        as_json: Annotated[bool, typer.Option("--json", help="The table's rows as JSON.")] = False,
    ) -> None:
        from seq2exp.benchmark.tables import make_table  # imported late: loads torch

        try:
            states = tuple(int(part) for part in seeds.split(","))
        except ValueError as error:
            raise SettingsError(f"--seeds: found {seeds!r:.40}; write whole numbers by commas, such as 2,22") from error
        made = make_table(
            table,
            dataset,
            names=None if models is None else [name.strip() for part in models for name in part.split(",")],
            seeds=states,
            jobs=jobs,
            resume=resume,
            training=not no_training,
            recipe=recipe,
            length=length,
            configs=configs,
            runs=runs,
            out=out,
            say=lambda words: typer.echo(words, err=True),
        )
        if as_json:
            print_json(made.to_dict())
        else:
            typer.echo(made.text)
        if made.problems:
            raise typer.Exit(1)

    return verb


benchmarks.command(
    "table1",
    help="Expression predicted by every system of the paper: trains what is missing, then the test chromosomes."
    "\n\nExample: python -m seq2exp benchmark table1 --dataset .data/train --models mamba,caduceus --seeds 2,22",
)(_table("table1"))
benchmarks.command(
    "table2",
    help="The systems with a mask: what they predict, and how much of the window they keep for it."
    "\n\nExample: python -m seq2exp benchmark table2 --dataset .data/train --models macs3,seq2exp-hard --seeds 2222",
)(_table("table2"))


def _bins(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise SettingsError(f"--bins: found {text!r:.40}; write whole bp by commas, such as 10000,100000") from error


def _check_folder(out: Path | None) -> None:
    """Before the long work, not after it."""
    if out is not None and not out.parent.is_dir():
        raise SettingsError(f"{out}: its folder is not there; make it first")


def _report(values: dict[str, Any], table: str, *, as_json: bool, out: Path | None) -> None:
    if out is not None:
        out.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n")
    if as_json:
        print_json(values)
    else:
        typer.echo(table)
