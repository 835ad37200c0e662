"""The command line: every verb reads its options, makes one call into a room and prints what came back."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from seq2exp import __version__, cli_data_add, cli_data_build, cli_data_elements, cli_data_official  # noqa: F401 - verbs add themselves
from seq2exp.cli_benchmark import benchmarks, print_json
from seq2exp.cli_data import data
from seq2exp.cli_score import score
from seq2exp.errors import Seq2ExpError, SettingsError
from seq2exp.genome import Interval
from seq2exp.settings import MaskMode, MaskSettings, Preset

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Seq2Exp: which bases near a gene carry its expression, and what they predict.",
)


_REMOTE = "Stream what is not on disk: only the parts one gene needs are read from servers, and kept."


def main() -> None:
    """Run the command line; our own errors become one line on standard error and exit status 2."""
    try:
        app()
    except Seq2ExpError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)


@app.callback()
def _common() -> None:
    """Keep verbs as sub-commands even while there are few."""


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@app.command("app")
def open_app(
    dataset: Annotated[
        Path | None, typer.Option(help="Manifest, or the folder that holds it; default: the first in .data.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port of the server; default: Streamlit's.")] = None,
    address: Annotated[str, typer.Option(help="Who may come: this machine alone, or 0.0.0.0 for all.")] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open a browser on it.")] = True,
    remote: Annotated[bool, typer.Option("--remote", help=_REMOTE)] = False,
) -> None:
    """Open the explorer; libraries, kernels and one gene are made ready first, so that the first page comes at once.

    Example: python -m seq2exp app --dataset .data/demo --port 8501
    """
    from seq2exp.ui.launch import run, warm_up  # imported late: loads Streamlit

    warm_up(dataset, lambda words: typer.echo(f"ready: {words}"), remote=remote)
    run(dataset, port=port, address=address, browser=browser, remote=remote)


@app.command()
def synthesize(
    out: Annotated[Path, typer.Option(help="Folder to write; made if absent.")],
    preset: Annotated[
        Literal["tiny", "demo", "train", "large", "full"],
        typer.Option(
            help="tiny (window 4,096 bp, 24 genes), demo (8,192 bp, 155 genes, most on held-out chromosomes), "
            "train (demo and 2,980 training genes), large (train and 8,000 more) or full (200,000 bp, 2,000 genes)."
        ),
    ] = "tiny",
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 7,
    bam: Annotated[bool, typer.Option("--bam", help="Write DNase reads too, for MACS3 callpeak.")] = False,
    hic: Annotated[bool, typer.Option("--hic", help="Write the contact maps as .hic too, and read these.")] = False,
) -> None:
    """Write a synthetic data set with known truth in real file formats.

    Example: python -m seq2exp synthesize --preset tiny --out .data/tiny
    """
    from seq2exp.synthetic import synthesize as write  # imported late: --help must not load the generator

    with ExitStack() as stack:
        bars: list[Any] = []

        def show(done: int, total: int, what: str) -> None:
            if not sys.stderr.isatty():
                typer.echo(f"{100 * done // total:3d} % of {total / 1e6:,.1f} Mb: {what}", err=True)
                return
            if not bars:
                bars.append(stack.enter_context(typer.progressbar(length=total, file=sys.stderr)))
            bars[0].label = f"{what:<18}"
            bars[0].update(done - bars[0].pos)

        manifest = write(preset=preset, out=out, seed=seed, bam=bam, hic=hic, progress=show)
    typer.echo(manifest)


@app.command("convert-checkpoint")
def convert_checkpoint(
    source: Annotated[Path, typer.Argument(metavar="IN.ckpt", help="Official Lightning checkpoint.")],
    out: Annotated[Path, typer.Argument(help="Folder to write: model.safetensors and model.json.")],
    preset: Annotated[Preset | None, typer.Option(help="Only for a file without its own configuration.")] = None,
    window_bp: Annotated[int | None, typer.Option(help="Window in bp, with --preset only.")] = None,
    centre_bp: Annotated[int | None, typer.Option(help="Promoter centre in bp, with --preset only.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
) -> None:
    """Convert an official Lightning checkpoint without running anything stored in it.

    Example: python -m seq2exp convert-checkpoint seq2exp_soft_K562.ckpt .data/checkpoints/soft-K562
    """
    from seq2exp.model.checkpoint import save_checkpoint  # imported late: loads torch
    from seq2exp.model.official import read_official_checkpoint

    network, provenance = read_official_checkpoint(source, preset=preset, window_bp=window_bp, centre_bp=centre_bp)
    save_checkpoint(out, network, provenance=provenance)
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    if as_json:
        print_json({"out": str(out), "parameters": n_parameters, "config": network.config.to_dict(), **provenance})
    else:
        typer.echo(f"{out}: {n_parameters:,} parameters, configuration from {provenance['configuration_from']}")


@app.command()
def peaks(
    out: Annotated[Path, typer.Argument(help="BED file to write (0-based half-open; score as MACS3 gives it).")],
    bigwig: Annotated[Path | None, typer.Option(help="DNase bigWig: macs3 bdgpeakcall in --region.")] = None,
    bam: Annotated[Path | None, typer.Option(help="DNase alignments: macs3 callpeak on the whole file.")] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(help="chrom:start-end (1-based closed, bp) to call in, with --bigwig; repeatable."),
    ] = None,
    cutoff: Annotated[float | None, typer.Option(help="Signal a peak needs, in the track's own unit.")] = None,
    target_percent: Annotated[float | None, typer.Option(help="Percent of the regions peaks should cover.")] = None,
    q_value: Annotated[float, typer.Option(help="q-value cut-off, with --bam.")] = 0.01,
    genome_size: Annotated[str, typer.Option(help="hs, mm ... or effective bp, with --bam.")] = "hs",
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
) -> None:
    """Call DNase peaks with MACS3, from a bigWig or a BAM; results are cached by content.

    Example: python -m seq2exp peaks peaks.bed --bigwig .data/tiny/SynK.dnase.bw --region chr1:1-20000
    """
    from seq2exp.inference.session import default_cache_dir  # imported late: loads torch
    from seq2exp.sources.peaks import call_peaks_bam, call_peaks_bigwig

    cache_dir = default_cache_dir() / "peaks"
    if bigwig is not None and bam is None:
        called = call_peaks_bigwig(
            bigwig,
            [Interval.parse(place) for place in region or ()],
            cutoff=cutoff,
            target_share=None if target_percent is None else target_percent / 100,
            cache_dir=cache_dir,
        )
    elif bam is not None and bigwig is None:
        called = call_peaks_bam(bam, genome_size=genome_size, q_value=q_value, cache_dir=cache_dir)
    else:
        raise SettingsError("give either --bigwig with --region, or --bam")
    lines = [f"# {called.command}"]
    for number, found in enumerate(called.regions, start=1):
        place = found.interval
        lines.append(f"{place.chrom}\t{place.start}\t{place.end}\tpeak_{number}\t{found.score:g}\t.")
    out.write_text("\n".join(lines) + "\n")
    facts = {"n": len(called.regions), "covered_share": called.share, "cutoff": called.cutoff, "note": called.note}
    if as_json:
        print_json({**facts, "command": called.command, "out": str(out)})
    else:
        typer.echo(
            f"{out}: {facts['n']} peaks over {100 * called.share:.2f} % ({called.command}) {called.note}".strip()
        )


@app.command()
def predict(
    dataset: Annotated[Path, typer.Option(help="Manifest file, or the folder that holds it.")],
    gene: Annotated[str, typer.Option(help="Symbol, alias or Ensembl id.")],
    cell: Annotated[str | None, typer.Option(help="Cell type of the data set; default: its first.")] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(help="Checkpoint folder or shipped name; without one the mask comes from the signals alone."),
    ] = None,
    preset: Annotated[Preset, typer.Option(help="Constants of the signal Beta without a checkpoint.")] = "soft",
    mode: Annotated[MaskMode | None, typer.Option(help="How the mask is built; default: as trained.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Mask mean that keeps or calls a base, 0..1.")] = None,
    top_percent: Annotated[float | None, typer.Option(help="Percent of the window kept by top-k, 0..100.")] = None,
    signal_scale: Annotated[float, typer.Option(help="Factor on the signal Beta; 1 is faithful.")] = 1.0,
    prior_mean: Annotated[float | None, typer.Option(help="Mean of the what-if prior, 0..1.")] = None,
    prior_strength: Annotated[float, typer.Option(help="Pseudo-counts of the what-if prior; 0 is faithful.")] = 0.0,
    off: Annotated[
        list[str] | None, typer.Option(help="Switch off chrom:start-end (1-based closed, bp); repeatable.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
    bed: Annotated[Path | None, typer.Option(help="Write the called elements as BED (0-based).")] = None,
    remote: Annotated[bool, typer.Option("--remote", help=_REMOTE)] = False,
) -> None:
    """Mask, elements, peaks and predicted expression of one gene. Coordinates in JSON are 0-based half-open bp.

    With --remote the report says how many bytes the window moved, and which tracks a server withheld.

    Example: python -m seq2exp predict --dataset .data/tiny --gene SQX2 --threshold 0.5 --json
    """
    from seq2exp.inference.checkpoints import find_checkpoint, load_checkpoint_for_inference  # late: loads torch
    from seq2exp.inference.report import elements_bed, locus_report
    from seq2exp.inference.session import open_session
    from seq2exp.sources.dataset import open_dataset

    settings = MaskSettings(
        mode=mode,
        threshold=threshold,
        top_share=None if top_percent is None else top_percent / 100,
        signal_scale=signal_scale,
        prior_mean=prior_mean,
        prior_strength=prior_strength,
        off=tuple(Interval.parse(place) for place in off or ()),
    )
    opened = open_dataset(dataset, remote=remote)
    session = open_session(
        opened,
        opened.genes.get(gene),
        opened.cell_types[0] if cell is None else cell,
        checkpoint=None if checkpoint is None else load_checkpoint_for_inference(find_checkpoint(checkpoint), device),
        preset=preset,
        device=device,
    )
    view = session.view(settings)
    report = locus_report(view, session)
    if bed is not None:
        bed.write_text(elements_bed(view))
    if as_json:
        print_json(report)
    else:
        _print_report(report)


app.command()(score)


@app.command()
def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="What to train; see configs/.")],
    out: Annotated[Path, typer.Option(help="Folder in which the run's own folder is made.")] = Path(".data/runs"),
    seed: Annotated[int | None, typer.Option(help="Random state instead of run.seed; -seedN ends the name.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Data set instead of data.dataset.")] = None,
    length: Annotated[
        str | None,
        typer.Option(metavar="UPDATESxBATCH", help="Another length, such as 1000x4; all others in proportion."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
) -> None:
    """Train a network, or go on where an earlier start of the same command was stopped.

    Example: python -m seq2exp train configs/smoke.yaml --seed 22
    """
    from seq2exp.training.config import read_config, read_length  # imported late: loads torch
    from seq2exp.training.run import train as run_training

    chosen = read_config(config)
    if length is not None:
        chosen = chosen.of_length(*read_length(length))
    if seed is not None:
        chosen = chosen.with_seed(seed)
    if dataset is not None:
        chosen = chosen.with_dataset(dataset)
    folder = run_training(chosen, root=out)
    facts = folder.facts()
    if as_json:
        print_json({**facts, "folder": str(folder.path), "checkpoint": str(folder.checkpoint)})
    else:
        typer.echo(
            f"{folder.checkpoint}: update {facts['best_step']:,} of {facts['steps']:,}, "
            f"validation MSE {facts['best_mse']:.4f}, {facts['seconds'] / 60:.1f} minutes"
        )


@app.command()
def ship(
    run: Annotated[Path, typer.Argument(help="Folder of a finished training run.")],
    out: Annotated[Path, typer.Argument(help="Folder to write: checkpoint, configuration, curves, model card.")],
    benchmark: Annotated[
        Path | None, typer.Option(help="What `benchmark mask --json` wrote about its checkpoint; goes into the card.")
    ] = None,
) -> None:
    """Pack a finished training run into a small folder that the app and every verb take as a checkpoint.

    Example: python -m seq2exp ship .data/runs/demo-soft .data/checkpoints/demo-soft
    """
    from seq2exp.training.folder import RunFolder  # imported late: loads torch
    from seq2exp.training.ship import ship as pack

    typer.echo(pack(RunFolder(run), out, benchmark=benchmark).path)


app.add_typer(benchmarks, name="benchmark")
app.add_typer(data, name="data")


def _print_report(report: dict[str, Any]) -> None:
    """The report in a few lines for people."""
    window, mask, peaks = report["window"], report["mask"], report["peaks"]
    place = Interval(window["chrom"], window["start"], window["end"])
    prediction, observed = report["prediction_log10"], report["observed_log10"]
    if mask["source"] == "signals":
        typer.echo("NO CHECKPOINT: the mask comes from the signals alone, there is no prediction")
    elif not report["trained"]:
        typer.echo("UNTRAINED WEIGHTS: these numbers mean nothing")
    elif report["faithful"]:
        typer.echo("FAITHFUL: as the checkpoint was trained")
    if report["changes"]:
        typer.echo("WHAT-IF: " + "; ".join(report["changes"]))
    typer.echo(f"{report['gene']} {report['gene_id']} in {report['cell']}: {place} ({window['strand']})")
    typer.echo(
        f"mask {mask['mode']}: {100 * mask['ratio']:.2f} % kept, "
        f"{100 * mask['ratio_outside_promoter']:.2f} % outside the promoter, {mask['n_elements']} elements"
    )
    typer.echo(
        f"log10(1 + CAGE): predicted {'-' if prediction is None else f'{prediction:.3f}'}, "
        f"observed {'-' if observed is None else f'{observed:.3f}'}"
    )
    shared = "-" if peaks["jaccard"] is None else f"{peaks['jaccard']:.3f}"
    typer.echo(f"MACS3: {peaks['n']} peaks over {100 * peaks['covered_share']:.2f} % of the window, Jaccard {shared}")
    if report["streamed"] is not None:
        moved = report["streamed"]
        typer.echo(f"streamed: {moved['moved_bytes'] / 1e6:.2f} MB in {moved['requests']} requests")
    for name, missing in report["missing_inputs"].items():
        typer.echo(f"missing: {name}, {100 * missing['share']:.1f} %; {missing['stand_in']} stood in")
