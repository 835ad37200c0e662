"""The verb `data build`: from the catalogue's files to a data set that opens, with a report of what it holds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from seq2exp.cli_data import data

if TYPE_CHECKING:
    from seq2exp.processing.build import BuildOptions
    from seq2exp.processing.report import BuildReport
    from seq2exp.sources.catalogue import Catalogue
    from seq2exp.sources.download_plan import Plan

CHECKPOINTS = Path(".data/checkpoints")
"""Where the app and every verb look for checkpoints by name."""


@data.command("build")
def build_data_set(
    cell: Annotated[list[str], typer.Option(help="Cell type: K562, GM12878 or H1; give it again for more.")],
    out: Annotated[
        Path, typer.Option(help="Folder of the data set; made if absent, brought up to date if not.")
    ] = Path(".data/hg38"),
    files: Annotated[
        Path | None, typer.Option(help="Where `data get` put the files; default: as the catalogue says.")
    ] = None,
    catalogue: Annotated[Path | None, typer.Option(help="Catalogue to read; default: data_manifest.yaml.")] = None,
    blacklist: Annotated[Literal["v1", "v2", "none"], typer.Option(help="v1 is the published default.")] = "v1",
    features: Annotated[
        Literal["released", "gtf"], typer.Option(help="mRNA features as released, or recomputed from the GTF.")
    ] = "released",
    contact_mode: Annotated[
        Literal["vc_counts", "abc_kr"], typer.Option(help="Contacts as in the published code, or balanced as in ABC.")
    ] = "vc_counts",
    normalisation: Annotated[
        str | None, typer.Option(help="Of the contact map; default: VC for vc_counts, KR for abc_kr.")
    ] = None,
    resolution_bp: Annotated[int, typer.Option(help="Bin of the contact map.")] = 5_000,
    window_bp: Annotated[int, typer.Option(help="Window around each TSS.")] = 200_000,
    centre_bp: Annotated[int, typer.Option(help="Promoter centre that the mask always keeps.")] = 2_000,
    keep_hic: Annotated[
        bool, typer.Option("--keep-hic", help="Read contacts from the .hic itself; no store of profiles is made.")
    ] = False,
    remote: Annotated[
        bool,
        typer.Option("--remote", help="Tracks, genome and contacts that are not on disk are read from their servers."),
    ] = False,
    allow_other_genes: Annotated[
        bool, typer.Option("--allow-other-genes", help="Genes and folds may differ from the paper's.")
    ] = False,
    statistics_windows: Annotated[
        int, typer.Option(min=0, help="Windows over which each track is measured; 0: all of them.")
    ] = 1_000,
    name: Annotated[str | None, typer.Option(help="Of the data set; default: from the cell types.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON; shares lie in 0..1.")] = False,
) -> None:
    """Make a data set of the files that `data get` fetched, with a report: counts, ranges, what is missing.

    What is done already and whose files have not changed is not done again; cell types built there before stay.

    Example: python -m seq2exp data build --cell K562
    """
    from seq2exp.processing.build import BuildOptions, build  # imported late: loads pandas and the readers
    from seq2exp.sources.catalogue import CATALOGUE, load_catalogue

    place = catalogue or CATALOGUE
    read = load_catalogue(place)
    report = build(
        read,
        cell,
        files or place.parent / read.files_dir,
        out,
        BuildOptions(
            blacklist=blacklist,
            features=features,
            contact_mode=contact_mode,
            normalisation=normalisation,
            resolution_bp=resolution_bp,
            window_bp=window_bp,
            centre_bp=centre_bp,
            keep_map=keep_hic,
            remote=remote,
            other_genes=allow_other_genes,
            most_windows=statistics_windows or None,
            name=name,
        ),
        progress=_Told(),
    )
    if as_json:
        typer.echo(report.to_json(), nl=False)
    else:
        _print(report)


def finish(
    catalogue: Catalogue, plan: Plan, cells: Sequence[str], out: Path, options: BuildOptions, *, quiet: bool = False
) -> None:
    """After a download: the data set, and the checkpoints that came with it where the app looks for them."""
    from seq2exp.processing.build import build

    report = build(catalogue, cells, plan.files_dir, out, options, progress=_Told())
    if not quiet:
        _print(report)
    for step in plan.steps:
        if step.source.category == "checkpoint":
            convert_checkpoints(step.state.path, CHECKPOINTS, quiet=quiet)


def convert_checkpoints(folder: Path, out: Path, *, quiet: bool = False) -> None:
    """Official checkpoints of a folder as ours; one that is refused is told and the others are converted.

    Raises
    ------
    CheckpointError
        None is there, or one was refused, after the others were converted.
    """
    from seq2exp.model.official_folder import convert_official_folder, require_all  # imported late: loads torch

    found = convert_official_folder(folder, out)
    for one in found:
        if one.refused is not None:
            typer.echo(f"{one.source}: {one.refused}", err=True)
        elif not quiet:
            typer.echo(f"{one.source.name} -> {one.out}")
    require_all(folder, found)


class _Told:
    """Says on standard error what is being done, each thing once, with its share where it is long."""

    def __init__(self) -> None:
        self._last = ("", -1)

    def __call__(self, done: int, total: int, what: str) -> None:
        tenth = 10 * done // max(total, 1)
        if what and (what, tenth) != self._last:
            self._last = (what, tenth)
            sys.stderr.write(f"{what}\n" if total <= 1 else f"{what}: {done:,} of {total:,}\n")


def _print(report: BuildReport) -> None:
    """The report in a few lines; the whole stands in report.md."""
    typer.echo(f"{report.name}: {', '.join(report.cell_types)}, hash {report.dataset_hash}")
    made = [step for step, how in report.steps.items() if how == "made"]
    kept = len(report.steps) - len(made)
    typer.echo(f"steps: {', '.join(made) or 'none'} done" + (f", {kept} unchanged" if kept else ""))
    odd = report.unusual
    typer.echo(f"figures: {len(report.checks)} checked, {len(odd) or 'none'} not as expected")
    for check in odd:
        typer.echo(f"  {check.name}: {check.found}, expected {check.expected}")
    for part in report.absent:
        typer.echo(f"missing: {part.what}{f' of {part.cell_type}' if part.cell_type else ''}: {part.cost}")
    for cell, roles in report.tracks.items():
        for role, found in roles.items():
            typer.echo(f"{role} of {cell}: {_figures(found)}")
    typer.echo(f"open it with: python -m seq2exp app --dataset {report.manifest}")


def _figures(found: Any) -> str:
    if found is None:
        return "not on disk, not measured"
    figures = ", ".join(f"{name} {found[name]:.4g}" for name in ("mean", "p99", "max"))
    return f"{figures} over {found['n_windows']:,.0f} windows"
